//! Our side: `mops` itself, and `mops-bench`, which takes the engine's whole path over null resources and prints one
//! JSON line a run.

use std::path::Path;
use std::time::{Duration, Instant};

use mops_host::proc::Command;
use serde_json::Value;

use crate::Options;

/// One operation of `mops-bench`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    pub(crate) verb: &'a str,
    pub(crate) shape: &'a str,
    pub(crate) n: usize,
}

fn command(program: String, args: &[String]) -> Command {
    Command {
        program,
        args: args.to_vec(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into()), ("HOME".into(), "/nonexistent".into())],
        stdin: None,
        timeout: Duration::from_secs(300),
        max_output: 16 << 20,
    }
}

/// Wall time of a whole process, in milliseconds.
pub(crate) async fn wall(program: &Path, args: &[&str]) -> Result<f64, String> {
    let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
    let command = command(program.display().to_string(), &args);
    let start = Instant::now();
    command.run_checked().await.map_err(|e| e.to_string())?;
    Ok(start.elapsed().as_secs_f64() * 1000.0)
}

impl Run<'_> {
    fn args(&self, dir: &Path) -> Vec<String> {
        let n = self.n.to_string();
        let dir = dir.display().to_string();
        [self.verb, "--shape", self.shape, "--n", &n, "--dir", &dir].iter().map(|a| (*a).to_owned()).collect()
    }

    /// The line that `mops-bench` prints.
    pub(crate) async fn measure(&self, options: &Options, dir: &Path) -> Result<Value, String> {
        let program = options.bin.join("mops-bench").display().to_string();
        let output = command(program, &self.args(dir)).run_checked().await.map_err(|e| e.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().rfind(|l| l.starts_with('{')).ok_or("mops-bench printed no JSON line")?;
        serde_json::from_str(line).map_err(|e| format!("mops-bench: {e}"))
    }

    /// How often the run made something durable, counted from outside; `None` without strace.
    pub(crate) async fn syncs(&self, options: &Options, dir: &Path) -> Option<f64> {
        let log = dir.with_extension("strace");
        let mut args: Vec<String> = ["-f", "-qq", "-e", "trace=fsync,fdatasync", "-o"].map(String::from).to_vec();
        args.push(log.display().to_string());
        args.push(options.bin.join("mops-bench").display().to_string());
        args.extend(self.args(dir));
        command("strace".into(), &args).run_checked().await.ok()?;
        let text = mops_host::fsx::read_text(&log).ok()?;
        Some(text.lines().filter(|l| l.contains("sync(") && !l.contains("resumed")).count() as f64)
    }
}

/// A member of the line as a number.
pub(crate) fn number(line: &Value, name: &str) -> Option<f64> {
    line.get(name)?.as_f64()
}
