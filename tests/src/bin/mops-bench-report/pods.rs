//! The runs of `goals/pods.rs`, inside a private world: ours with every worker and with a sample, between the parts of
//! the peer's loop, so that both have the same weather.

mod counts;
mod crowd;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mops_diagnose::observed::{check, code};
use mops_diagnose::{Observed, Report};
use mops_host::proc::Command;
use mops_host::{Env, fsx};
use serde::{Deserialize, Serialize};

use crate::Options;
use counts::Counts;
use crowd::{Crowd, NAMESPACE, PASSWORD};

/// Parts of the peer's loop; as many runs of ours.
const PARTS: usize = 3;
/// Longer than the whole of it takes.
const PATIENCE: Duration = Duration::from_secs(1800);

/// What came out.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Milliseconds of runs that look into every worker.
    pub(crate) full: Vec<f64>,
    /// Milliseconds of runs that look into as many as they do by themselves.
    pub(crate) sampled: Vec<f64>,
    /// Milliseconds of the loop over all workers.
    pub(crate) peer: Vec<f64>,
    /// MiB of a run with every worker, at most.
    pub(crate) peak: Vec<f64>,
    /// List requests of one run, by kind.
    pub(crate) lists: BTreeMap<String, u64>,
    /// Workers that a full run, a sample and the peer looked into.
    pub(crate) looked: usize,
    pub(crate) sample: usize,
    pub(crate) peer_looked: usize,
    /// A sample's own words about its part of all, `sampled, 2 %`.
    pub(crate) part: String,
    /// Workers with an old password that a full run names.
    pub(crate) old: usize,
}

/// Measures all of it in a world of its own.
pub(crate) async fn in_a_world(options: &Options, n: usize) -> Result<Measured, String> {
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let env = Env::process();
    let names = ["PATH", "HOME", "XDG_CACHE_HOME", "MOPS_BIN_DIR"];
    let command = Command {
        program: options.bin.join("mops-world").display().to_string(),
        args: ["run", "--cluster", &own.display().to_string(), "--workers", &n.to_string()].map(String::from).to_vec(),
        env: names.iter().filter_map(|name| Some(((*name).to_owned(), env.get(name)?.to_owned()))).collect(),
        stdin: None,
        timeout: PATIENCE,
        max_output: 16 << 20,
    };
    let output = command.run().await.map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = || text.lines().last().unwrap_or("nothing").to_owned();
    let line = text.lines().rfind(|l| l.starts_with('{')).ok_or_else(|| format!("the world ended with: {}", last()))?;
    serde_json::from_str(line).map_err(|e| format!("the world's line: {e}"))
}

/// The same in the world that this process is in.
pub(crate) async fn measure(options: &Options, n: usize) -> Result<Measured, String> {
    let crowd = Crowd::gather(n).await?;
    let mut seen = Measured::default();
    let mut peer = 0.0;
    for names in crowd.workers.chunks(n.div_ceil(PARTS)) {
        let begin = Instant::now();
        for name in names {
            seen.peer_looked += usize::from(by_hand(&crowd, name).await?);
        }
        peer += millis(begin);
        let before = Counts::read(&crowd).await?;
        let run = ours(options, &crowd, Some(n)).await?;
        let after = Counts::read(&crowd).await?;
        seen.looked = run.looked(n)?.0;
        let execs = after.execs - before.execs;
        if execs < seen.looked as u64 {
            return Err(format!("{} workers cannot be looked into by {execs} commands", seen.looked));
        }
        seen.old = usize::from(run.names_old(&crowd.old));
        seen.full.push(run.millis);
        seen.peak.extend(run.peak);
        after.at_most(&before, &mut seen.lists);
        let run = ours(options, &crowd, None).await?;
        (seen.sample, seen.part) = run.looked(n)?;
        seen.sampled.push(run.millis);
    }
    seen.peer.push(peer);
    Ok(seen)
}

/// What the page that users had says to do with a worker: whether its environment came.
async fn by_hand(crowd: &Crowd, name: &str) -> Result<bool, String> {
    let said = crowd.kubectl.said(&["exec", name, "-n", NAMESPACE, "--", "env"], None).await?;
    Ok(said.lines().any(|line| line.starts_with(&format!("{PASSWORD}="))))
}

/// One run of ours.
struct Run {
    millis: f64,
    peak: Option<f64>,
    report: Report,
}

/// Into every worker, or into as many as a run takes by itself; as somebody who may look and start no pod.
async fn ours(options: &Options, crowd: &Crowd, most: Option<usize>) -> Result<Run, String> {
    let file: PathBuf = crowd.folder.join("report.json");
    let (mops, kubeconfig) = (options.bin.join("mops").display().to_string(), crowd.looker.display().to_string());
    let mut args: Vec<String> = ["-f", "%M", &mops, "diagnose-auth", "--no-arm", "--namespace", NAMESPACE]
        .into_iter()
        .chain(["--kubeconfig", &kubeconfig, "--format", &format!("json={}", file.display())])
        .map(String::from)
        .collect();
    args.extend(most.into_iter().flat_map(|most| ["--max-pods".to_owned(), most.to_string()]));
    let home = crowd.folder.join("home").display().to_string();
    let env = [("PATH", "/usr/bin:/bin"), ("HOME", &home)];
    let command = Command {
        program: "time".into(),
        args,
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        stdin: None,
        timeout: Duration::from_secs(300),
        max_output: 16 << 20,
    };
    let begin = Instant::now();
    let output = command.run().await.map_err(|e| format!("GNU time starts the run: {e}"))?;
    let millis = millis(begin);
    let said = String::from_utf8_lossy(&output.stderr);
    let kib = said.lines().last().and_then(|line| line.trim().parse::<f64>().ok());
    let text = fsx::read_text(&file).map_err(|e| format!("the run wrote no report ({e}): {said}"))?;
    fsx::remove(&file).map_err(|e| e.to_string())?;
    let report = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    Ok(Run { millis, peak: kib.map(|kib| kib / 1024.0), report })
}

impl Run {
    /// How many of the workers it looked into, and which part that is, by its own words about those that it left out.
    fn looked(&self, n: usize) -> Result<(usize, String), String> {
        let (mut looked, mut part) = (n, "all".to_owned());
        for skip in &self.report.skipped {
            let Some(rest) = skip.what.strip_prefix("environment of ") else { continue };
            match rest.split_once(" of ").and_then(|(left, _)| left.parse::<usize>().ok()) {
                Some(left) if skip.why.starts_with("sampled, ") => {
                    looked -= left;
                    part = skip.why.split(';').next().unwrap_or_default().to_owned();
                }
                _ => return Err(format!("not looked into: {rest}, {}", skip.why)),
            }
        }
        if self.live().next().is_none() {
            let Report { summary, skipped, .. } = &self.report;
            return Err(format!("the run looked into no worker: {summary:?} {skipped:?}"));
        }
        Ok((looked, part))
    }

    /// What it saw in workers.
    fn live(&self) -> impl Iterator<Item = &Observed> {
        self.report.probes.iter().filter(|o| o.check == check::ENV_LIVE)
    }

    /// Whether it names a worker whose values are old.
    fn names_old(&self, worker: &str) -> bool {
        self.live().any(|o| o.code() == code::DIFFERS && o.reason.contains(worker))
    }
}

fn millis(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1000.0
}
