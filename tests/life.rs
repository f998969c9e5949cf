//! A stack of the real program against a sandbox of its own, run after run: up, changed, down, and again. Somebody
//! disturbs the runs; what was announced must be in state, and the next run must finish the work.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use mops_core::StackId;
use mops_engine::state::{self, Snapshot};
use rustix::process::{Pid, Signal, kill_process};

use mops_tests::job::{FILE, Job};
use mops_tests::place::bin_dir;

const CHANGED: &str = "changed.yaml";
const STACK: &str = "schemaVersion: 1
registry: {provider: azure, name: modelopsdevacr, sku: Basic}
cluster:
  provider: azure
  subscription_id: 00000000-1111-2222-3333-444444444444
  resource_group: modelops-dev-rg
  location: eastus2
  aks:
    name: modelops-dev-aks
    node_pools:
      - {name: system, mode: System, vm_size: Standard_B2s, count: 1}
storage:
  account_name: modelopsdevstore
  containers: [bundle-blobs, results]
";
const STAGES: [&[&str]; 3] =
    [&["infra", "up", FILE, "--yes"], &["infra", "up", CHANGED, "--yes"], &["infra", "down", "--destroy-all", "--yes"]];

/// See the module.
pub(crate) struct Life {
    pub(crate) job: Job,
    stage: usize,
}

impl Life {
    pub(crate) async fn new() -> Self {
        let job = Job::of(STACK).await;
        let changed = STACK.replace("sku: Basic", "sku: Standard").replace("results]", "results, jobs]");
        job.place.write(CHANGED, &changed);
        Self { job, stage: 0 }
    }

    /// Starts the run of this stage; it has said that it works when this returns.
    pub(crate) fn start(&self) -> Run {
        Run::start(&self.job, STAGES[self.stage])
    }

    /// The run of this stage ended well.
    pub(crate) fn advance(&mut self) {
        self.stage = (self.stage + 1) % STAGES.len();
    }

    /// What was announced and is not in state: nothing, whatever ended the run.
    pub(crate) fn untold(&self, said: &[String]) -> Vec<String> {
        let known: BTreeSet<String> =
            snapshot(&self.job).into_iter().flat_map(|s| s.resources).map(|r| r.urn.name().to_owned()).collect();
        let word = |line: &String, i| line.split_whitespace().nth(i).unwrap_or_default().to_owned();
        let finished = said.iter().map(|line| (word(line, 0), word(line, 1)));
        let wrong = |(name, what): &(String, String)| match what.as_str() {
            "created" | "updated" | "adopted" => !known.contains(name),
            "deleted" => known.contains(name),
            _ => false,
        };
        finished.filter(wrong).map(|(name, what)| format!("{name} {what}")).collect()
    }

    /// One run more finishes the stage, nothing is there twice and nothing is lost.
    pub(crate) async fn finish(&mut self) -> Result<(), String> {
        let words: Vec<&str> = std::iter::once("mops").chain(STAGES[self.stage].iter().copied()).collect();
        let done = self.job.run(&words).await;
        if done.code != Some(0) {
            return Err(format!("{words:?}: {:?} {}", done.code, String::from_utf8_lossy(&done.stderr)));
        }
        let twice = self.job.doubled();
        if !twice.is_empty() {
            return Err(format!("there twice: {twice:?}"));
        }
        if self.stage == 2 {
            // The group stays; anything else that stayed was lost from state.
            let left: Vec<_> = self.job.existing().into_iter().filter(|id| !id.ends_with("/modelops-dev-rg")).collect();
            if !left.is_empty() {
                return Err(format!("left behind: {left:?}"));
            }
        } else {
            let file = STAGES[self.stage][2];
            self.job.good(&["mops", "infra", "preview", file, "--exit-code"]).await;
        }
        self.advance();
        Ok(())
    }

    pub(crate) fn at_the_start(&self) -> bool {
        self.stage == 0
    }
}

/// What state knows of the stack; it is readable at every moment.
pub(crate) fn snapshot(job: &Job) -> Option<Snapshot> {
    let home = job.place.path().join("home/.modelops");
    let stack = StackId { project: "modelops".into(), stack: "dev".into() };
    state::read(&home, &stack).expect("the state is readable")
}

/// A run under way; a thread reads what it says, so that it never blocks.
pub(crate) struct Run {
    child: Child,
    lines: mpsc::Receiver<String>,
    said: Vec<String>,
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    /// Starts `mops`; it has said that it works when this returns.
    pub(crate) fn start(job: &Job, words: &[&str]) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a child that is signalled while it runs")]
        let mut command = std::process::Command::new(bin_dir().join("mops"));
        let command = command.args(words).env_clear().envs(job.place.env.iter().cloned());
        let command = command.current_dir(job.place.path()).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut run = Self { child, lines, said: Vec::new() };
        run.says(|line| line.starts_with("up ") || line.starts_with("down "));
        run
    }

    /// Waits until it says such a line, or nothing more.
    pub(crate) fn says(&mut self, such: impl Fn(&str) -> bool) {
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(60)) {
            let found = such(&line);
            self.said.push(line);
            if found {
                break;
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // One that is over already is as good.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// Waits for the end, at most so long; what ended it, when, and everything that it said.
    pub(crate) fn end(mut self, limit: Duration) -> (ExitStatus, Duration, Vec<String>) {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let after = begin.elapsed();
                let rest: Vec<String> = self.lines.iter().collect();
                self.said.extend(rest);
                return (status, after, std::mem::take(&mut self.said));
            }
            assert!(begin.elapsed() < limit, "it still runs after {limit:?}");
            std::thread::yield_now();
        }
    }

    /// Kills it; whether it was still there, and what it had said.
    pub(crate) fn kill(self) -> (bool, Vec<String>) {
        self.signal(Signal::KILL);
        let (status, _, said) = self.end(Duration::from_secs(60));
        (status.signal() == Some(9), said)
    }
}

/// Waits in earnest: the disturbance comes at a moment of its own.
#[expect(clippy::disallowed_methods, reason = "a signal comes after a delay in earnest")]
pub(crate) fn pass(time: Duration) {
    std::thread::sleep(time);
}
