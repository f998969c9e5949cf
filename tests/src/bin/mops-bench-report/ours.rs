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
    pub(crate) parallelism: usize,
    /// Milliseconds of every call.
    pub(crate) latency: u64,
    /// Whether one of the things has a secret.
    pub(crate) secret: bool,
}

fn command(program: String, args: &[String]) -> Command {
    let env = [("PATH", "/usr/bin:/bin"), ("HOME", "/nonexistent"), ("PULUMI_CONFIG_PASSPHRASE", "bench")];
    Command {
        program,
        args: args.to_vec(),
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
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

/// Most memory of a whole process that ends with this code, in MiB, as the kernel tells its parent; `None` without GNU
/// time.
pub(crate) async fn peak(program: &Path, args: &[&str], code: i32) -> Option<f64> {
    let program = program.display().to_string();
    let all: Vec<String> = ["-f", "%M", &program].iter().chain(args).map(|a| (*a).to_owned()).collect();
    let output = command("time".into(), &all).run().await.ok().filter(|output| output.code == Some(code))?;
    let text = String::from_utf8_lossy(&output.stderr);
    Some(text.lines().last()?.trim().parse::<f64>().ok()? / 1024.0)
}

/// The first line that a tool prints; `None` when it is not there.
pub(crate) async fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let path = mops_host::Env::process();
    let mut command = command(program.to_owned(), &args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
    let inherited = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
    command.env = inherited.iter().filter_map(|n| Some(((*n).to_owned(), path.get(n)?.to_owned()))).collect();
    let output = command.run_checked().await.ok()?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

impl Run<'_> {
    /// From nothing to so many things, 16 at a time.
    pub(crate) const fn up(n: usize) -> Self {
        Self { verb: "up", shape: "blocks", n, parallelism: 16, latency: 0, secret: false }
    }

    /// What an `up` would do about so many things.
    pub(crate) const fn preview(n: usize) -> Self {
        Self { verb: "preview", ..Self::up(n) }
    }

    fn args(&self, dir: &Path) -> Vec<String> {
        let (n, parallelism, latency) = (self.n.to_string(), self.parallelism.to_string(), self.latency.to_string());
        let dir = dir.display().to_string();
        let mut args = vec![self.verb, "--shape", self.shape, "--n", &n, "--dir", &dir];
        args.extend(["--parallelism", &parallelism, "--latency", &latency]);
        if self.secret {
            args.extend(["--secret", "a value that no list of secrets has"]);
        }
        args.iter().map(|a| (*a).to_owned()).collect()
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
