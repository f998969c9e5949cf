//! R2 for the provider process: `pulumi-resource-modelops` killed at random moments of up, change and down, while the
//! engine that called it lives on. A new process and one run more finish the work: nothing is lost, nothing is there
//! twice. `MOPS_PROVIDER_KILLS` kills (default: the short form), `MOPS_SEED` the moments.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mops_core::Cancel;
use mops_engine::error::EngineError;
use mops_engine::program::{ExpandOptions, Program, expand};
use mops_engine::run::{DownOptions, Engine, Report, UpOptions};
use mops_engine::stackfile;
use mops_engine::state::{self, OpenOptions, Snapshot, Store};
use mops_host::{Env, SystemClock};
use mops_tests::dice::{Dice, seed};
use mops_tests::figures::{size, tell};
use mops_tests::place::Place;
use mops_tests::pulumi::GrpcProvider;
use mops_tests::sandbox::{Options, Sandbox};
use rustix::process::Signal;

/// A registry with its token, an account with a container and a signature.
const FILE: &str = "azure: {subscription_id: 00000000-1111-2222-3333-444444444444}
registry: {name: modelopsminimal}
storage:
  resource_group: rg
  location: eastus2
  account_name: modelopsminimal
  containers: [bundle-blobs]
  sas: [{container: bundle-blobs, permissions: rl}]
";

fn program(file: &str) -> Program {
    let loaded = stackfile::load("infra.yaml", file);
    let file = loaded.file.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    let options = ExpandOptions { user: Some("tester".into()), ..ExpandOptions::default() };
    expand(&file, &options).expect("a program")
}

/// Clouds in which lives go on beside each other: most of each is waiting.
const LIVES: u64 = 2;

/// What a run is to bring about.
enum Stage {
    Up(Box<Program>),
    Down,
}

/// Made, changed (one thing more, one in place), taken down but for the group, whose end takes seconds.
fn stages() -> [Stage; 3] {
    let changed = FILE.replace("containers: [bundle-blobs]", "containers: [bundle-blobs, jobs]").replace("rl}", "r}");
    [Stage::Up(Box::new(program(FILE))), Stage::Up(Box::new(program(&changed))), Stage::Down]
}

/// A stack in a cloud of its own, run after run.
struct Life {
    sandbox: Sandbox,
    place: Place,
}

impl Life {
    fn new() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let sandbox = Sandbox::start(Options { speed: 1000, ..Options::default() }).expect("a sandbox");
        let mut place = Place::new();
        sandbox.variables().into_iter().for_each(|(name, value)| place.set(&name, value));
        place.set("PULUMI_CONFIG_PASSPHRASE", "words");
        Self { sandbox, place }
    }

    fn engine(provider: Arc<GrpcProvider>) -> Engine {
        let clock = SystemClock::shared();
        Engine { provider, clock, events: Arc::new(|_| {}), parallelism: 16, cancel: Cancel::new() }
    }

    async fn store(&self) -> Store {
        let options = OpenOptions {
            scope: None,
            create: true,
            lock_timeout: Duration::ZERO,
            env: Env::of(self.place.env.iter().cloned()),
            clock: SystemClock::shared(),
            cancel: Cancel::new(),
        };
        let stack = program(FILE).stack;
        Store::open(self.place.path(), &stack, options).await.expect("a state that can be read")
    }

    /// What state knows; it is readable at every moment.
    fn snapshot(&self) -> Snapshot {
        state::read(self.place.path(), &program(FILE).stack).expect("readable").expect("a state")
    }

    async fn run(&self, engine: &Engine, stage: &Stage) -> Result<Report, EngineError> {
        let mut store = self.store().await;
        let everything = DownOptions { destroy_storage: true, destroy_registry: true, ..DownOptions::default() };
        match stage {
            Stage::Up(program) => engine.up(program, &mut store, &UpOptions::default()).await,
            Stage::Down => engine.down(&mut store, &everything).await,
        }
    }

    /// A run whose provider is killed after that time. A kill before anything was planned ends it without a report.
    async fn killed(&self, stage: &Stage, after: Duration) -> Met {
        let process = Arc::new(GrpcProvider::start(&self.place));
        let engine = Self::engine(Arc::clone(&process));
        let run = self.run(&engine, stage);
        tokio::pin!(run);
        tokio::select! {
            _ = &mut run => return Met::Nothing,
            () = pass(after) => process.process().signal(Signal::KILL),
        }
        match run.await {
            Ok(report) if report.failures.is_empty() => Met::Nothing,
            Ok(_) => Met::Work,
            Err(EngineError::Bug(text)) => panic!("{text}"),
            Err(_) => Met::Plan,
        }
    }

    /// One run more with a new process must finish the stage; what stands against it otherwise.
    async fn finish(&self, stage: &Stage) -> Result<(), String> {
        let engine = Self::engine(Arc::new(GrpcProvider::start(&self.place)));
        let report = self.run(&engine, stage).await.map_err(|error| error.to_string())?;
        if !report.failures.is_empty() || !report.not_started.is_empty() {
            return Err(format!("{:?} {:?}", report.failures, report.not_started));
        }
        if let Stage::Up(program) = stage {
            let plan = engine.preview(program, &self.snapshot(), &UpOptions::default()).await;
            let plan = plan.map_err(|error| error.to_string())?;
            return if plan.is_empty() { Ok(()) } else { Err(format!("left to do: {plan:?}")) };
        }
        Ok(())
    }

    fn existing(&self) -> BTreeSet<String> {
        self.sandbox.ledger().existing().into_iter().collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "the kill comes after a delay in earnest")]
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// What a kill met.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Met {
    /// The run was over, or done with the provider.
    Nothing,
    /// The engine looked and planned: it refuses, and has changed nothing.
    Plan,
    /// Steps under way.
    Work,
}

/// How long each stage takes undisturbed, the machine being as loaded as it is, and what exists after it.
async fn usual(stages: &[Stage]) -> Vec<(Duration, BTreeSet<String>)> {
    let life = Life::new();
    let mut usual = Vec::new();
    for stage in stages {
        let engine = Life::engine(Arc::new(GrpcProvider::start(&life.place)));
        let start = Instant::now();
        let report = life.run(&engine, stage).await.expect("a run");
        assert!(report.failures.is_empty() && report.changed(), "{report:?}");
        usual.push((start.elapsed(), life.existing()));
    }
    usual
}

/// What became of kills.
#[derive(Default)]
struct Sum {
    kills: u64,
    struck: u64,
    while_planning: u64,
    lost: Vec<String>,
    duplicate: Vec<String>,
    prompt: Vec<String>,
}

/// Which stage is killed, and which one comes next: the same once more, or the end of what was half made.
const ROUNDS: [(usize, usize); 4] = [(0, 0), (1, 1), (2, 2), (0, 2)];

/// One life after the other in the same cloud, with so many kills.
async fn live(stages: &[Stage], usual: &[(Duration, BTreeSet<String>)], kills: u64, seed: u64) -> Sum {
    let (mut dice, life, mut sum) = (Dice::new(seed), Life::new(), Sum::default());
    for (kill, (killed, next)) in (0..kills).zip(ROUNDS.into_iter().cycle()) {
        let after = usual[killed].0.mul_f64(dice.below(1000) as f64 / 1000.0);
        let met = life.killed(&stages[killed], after).await;
        sum.kills += 1;
        sum.while_planning += u64::from(met == Met::Plan);
        sum.struck += u64::from(met == Met::Work);
        if let Err(story) = life.finish(&stages[next]).await {
            sum.prompt.push(format!("kill {kill}, MOPS_SEED={seed}: {story}"));
            break;
        }
        let lost = usual[next].1.symmetric_difference(&life.existing()).cloned().collect::<Vec<_>>();
        sum.lost.extend(lost.iter().map(|id| format!("kill {kill}, MOPS_SEED={seed}: {id}")));
    }
    sum.duplicate = life.sandbox.ledger().doubled();
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_provider_killed_at_random_times_is_followed_by_a_run_that_finishes_alone() {
    let (kills, first) = (size("MOPS_PROVIDER_KILLS", 8), seed());
    let stages = stages();
    let usual = usual(&stages).await;
    let lives = (0..LIVES).map(|life| live(&stages, &usual, kills.div_ceil(LIVES), first + life));
    let sums = futures::future::join_all(lives).await;
    let count = |of: fn(&Sum) -> u64| sums.iter().map(of).sum::<u64>();
    let figures = [
        ("provider_kills", count(|s| s.kills)),
        ("struck", count(|s| s.struck)),
        ("while_planning", count(|s| s.while_planning)),
        ("lost", count(|s| s.lost.len() as u64)),
        ("duplicate", count(|s| s.duplicate.len() as u64)),
        ("prompt", count(|s| s.prompt.len() as u64)),
        ("seed", first),
    ];
    tell("R2", &figures);
    let wrong: Vec<&String> = sums.iter().flat_map(|s| s.lost.iter().chain(&s.duplicate).chain(&s.prompt)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count(|s| s.struck) > 0, "no kill met a call that changes something");
}
