//! Promise: what takes long runs at the same time as everything that need not wait for it. On an injected clock,
//! `examples/unified-infra` takes at most 5 % more than its critical path.
//!
//! Time moves only while the engine cannot do anything else: to the end of the call that ends first, once every
//! resource whose dependencies are done is being made or waits for a full lane.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mops_core::cloud::{AzureAuth, Cloud};
use mops_core::provider::{BoxFuture, CallContext, Checked, Difference, Done, Found, Known, Provider};
use mops_core::schema::ResourceSchema;
use mops_core::{Cancel, Error, Identity, Lane, Urn, Value};
use mops_engine::error::Exit;
use mops_engine::event::Body;
use mops_engine::program::{ExpandOptions, Program, expand};
use mops_engine::run::{Engine, UpOptions};
use mops_engine::stackfile::load;
use mops_engine::state::{OpenOptions, Store};
use mops_host::clock::{Clock, ManualClock, SharedClock};
use mops_host::{Env, fsx};
use mops_resources::services::Config;
use mops_resources::{Resources, Services};
use mops_wire::HttpConfig;
use tokio::sync::Notify;

/// Of the machine, for a run whose time is not the machine's.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long Azure takes, in seconds, by type.
fn seconds(token: &str) -> u64 {
    match token {
        "modelops:azure:ManagedCluster" => 420,
        "modelops:azure:NodePool" => 240,
        "modelops:azure:ContainerRegistry" => 30,
        "modelops:azure:StorageAccount" => 25,
        "modelops:azure:ResourceGroup" => 6,
        token if token.starts_with("modelops:azure:") => 2,
        _ => 1,
    }
}

#[derive(Default)]
struct State {
    /// What is being made: when it ends, and its lanes.
    running: HashMap<Urn, (Duration, Vec<Lane>)>,
    /// What has been made and told of.
    finished: BTreeSet<Urn>,
    outputs: HashMap<Urn, Value>,
}

/// The product's own types, whose calls take their time and do nothing.
#[derive(Clone)]
struct Slow {
    types: Arc<Resources>,
    clock: ManualClock,
    program: Arc<Program>,
    state: Arc<Mutex<State>>,
    moved: Arc<Notify>,
}

impl Slow {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every output that somebody refers to.
    fn made(&self, urn: &Urn, inputs: &Value) -> Done {
        let id = match self.types.identity(urn, inputs) {
            Some(Identity::Name(name)) => name,
            _ => format!("/{}", urn.name()),
        };
        let named = Mutex::new(BTreeMap::from([("id".to_owned(), Value::from(id.as_str()))]));
        let note = |target: &Urn, path: &[String]| {
            if target == urn {
                let mut named = named.lock().unwrap_or_else(PoisonError::into_inner);
                named.entry(path[0].clone()).or_insert_with(|| Value::from("made"));
            }
            Value::Null
        };
        let inputs = self.program.resources.iter().map(|r| &r.inputs);
        for expression in inputs.chain(self.program.outputs.iter().map(|o| &o.value)) {
            drop(expression.resolve(&note));
        }
        let outputs = Value::Map(named.into_inner().unwrap_or_else(PoisonError::into_inner));
        self.state().outputs.insert(urn.clone(), outputs.clone());
        Done { id, outputs, ..Done::default() }
    }

    /// Whether something could be started that is not: done with waiting, and no lane of it is full.
    fn could_start(&self) -> bool {
        let state = self.state();
        let lookup = |target: &Urn, path: &[String]| {
            state.outputs.get(target).and_then(|o| o.get(path[0].as_str())).cloned().unwrap_or_default()
        };
        self.program.resources.iter().any(|declared| {
            let urn = &declared.urn;
            let waits = !declared.dependencies().is_subset(&state.finished);
            if waits || state.finished.contains(urn) || state.running.contains_key(urn) {
                return false;
            }
            let lanes = self.types.lanes(urn, &declared.inputs.resolve(&lookup));
            let used = |lane: &Lane| state.running.values().filter(|(_, held)| held.contains(lane)).count();
            !lanes.iter().any(|lane| used(lane) >= lane.limit)
        })
    }

    /// Moves time to the next end whenever the engine has done all that it can.
    async fn drive(&self) {
        loop {
            let moved = self.moved.notified();
            let next = self.state().running.values().map(|(end, _)| *end).min();
            match next.filter(|end| *end > self.clock.monotonic() && !self.could_start()) {
                Some(end) => self.clock.advance(end.saturating_sub(self.clock.monotonic())),
                None => moved.await,
            }
        }
    }
}

impl Provider for Slow {
    fn schema(&self, token: &str) -> Option<&ResourceSchema> {
        self.types.schema(token)
    }

    fn check(&self, _: &Urn, inputs: &Value, _: bool) -> Checked {
        Checked { inputs: inputs.clone(), ..Checked::default() }
    }

    fn diff(&self, _: &Urn, _: &Known, _: &Value) -> Difference {
        Difference::default()
    }

    fn identity(&self, urn: &Urn, inputs: &Value) -> Option<Identity> {
        self.types.identity(urn, inputs)
    }

    fn lanes(&self, urn: &Urn, inputs: &Value) -> Vec<Lane> {
        self.types.lanes(urn, inputs)
    }

    fn read<'a>(
        &'a self,
        _: CallContext,
        _: Option<&'a str>,
        _: &'a Known,
    ) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async { Ok(None) })
    }

    fn create<'a>(&'a self, cx: CallContext, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        Box::pin(async move {
            let takes = Duration::from_secs(seconds(cx.urn.token()));
            let entry = (self.clock.monotonic() + takes, self.lanes(&cx.urn, inputs));
            self.state().running.insert(cx.urn.clone(), entry);
            self.moved.notify_one();
            self.clock.sleep(takes).await;
            Ok(self.made(&cx.urn, inputs))
        })
    }

    fn update<'a>(&'a self, _: CallContext, _: &'a Known, _: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        Box::pin(async { panic!("nothing is there to be changed") })
    }

    fn delete<'a>(&'a self, _: CallContext, _: &'a Known) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { panic!("nothing is there to be deleted") })
    }
}

fn program() -> Program {
    let path = format!("{}/../examples/unified-infra/unified-infra.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = fsx::read_text(path.as_ref()).expect("the example");
    expand(&load("f.yaml", &text).file.expect("a stack file"), &ExpandOptions::default()).expect("a program")
}

fn slow(clock: &ManualClock) -> Slow {
    let config = Config {
        cloud: Cloud::public(),
        auth: AzureAuth::default(),
        env: Env::default(),
        clock: clock.shared(),
        http: HttpConfig::new(),
    };
    Slow {
        types: Arc::new(Resources::new(Services::new(config))),
        clock: clock.clone(),
        program: Arc::new(program()),
        state: Arc::default(),
        moved: Arc::default(),
    }
}

/// The longest chain of things that wait for each other.
fn critical(program: &Program) -> Duration {
    let mut ends: BTreeMap<&Urn, u64> = BTreeMap::new();
    for declared in program.ordered() {
        let start = declared.dependencies().iter().map(|d| ends[d]).max().unwrap_or(0);
        ends.insert(&declared.urn, start + seconds(declared.urn.token()));
    }
    Duration::from_secs(ends.into_values().max().unwrap_or(0))
}

#[tokio::test]
async fn the_example_takes_hardly_longer_than_its_critical_path() {
    let home = tempfile::tempdir().expect("a folder");
    let clock = ManualClock::stepped(time::macros::datetime!(2026-11-24 08:00 UTC));
    let (slow, shared): (Slow, SharedClock) = (slow(&clock), clock.shared());
    let hearing = slow.clone();
    let engine = Engine {
        provider: Arc::new(slow.clone()),
        clock: Arc::clone(&shared),
        events: Arc::new(move |event| {
            if let Body::StepFinished { urn, .. } = &event.body {
                let done = hearing.program.resources.iter().find(|r| r.urn.to_string() == *urn);
                let urn = done.expect("declared").urn.clone();
                let mut state = hearing.state();
                state.running.remove(&urn);
                state.finished.insert(urn);
                hearing.moved.notify_one();
            }
        }),
        parallelism: 16,
        cancel: Cancel::new(),
    };
    let options = OpenOptions {
        scope: None,
        create: true,
        lock_timeout: Duration::ZERO,
        env: Env::of([("PULUMI_CONFIG_PASSPHRASE", "overlap")]),
        clock: shared,
        cancel: Cancel::new(),
    };
    let mut store = Store::open(home.path(), &slow.program.stack, options).await.expect("the state");
    let up = UpOptions::default();
    let run = async {
        tokio::select! {
            report = engine.up(&slow.program, &mut store, &up) => report.expect("a run"),
            () = slow.drive() => unreachable!("it never ends"),
        }
    };
    // Time stands still while something could be started and is not.
    let report = tokio::time::timeout(PATIENCE, run).await.expect("something that could start was left waiting");
    assert_eq!(report.exit(), Exit::Ok, "{:?}", report.failures);
    let (critical, took) = (critical(&slow.program), clock.monotonic());
    let sum: u64 = slow.program.resources.iter().map(|r| seconds(r.urn.token())).sum();
    println!("overlap critical={} s took={} s one_by_one={sum} s", critical.as_secs(), took.as_secs());
    assert!(took >= critical && took.as_secs_f64() <= critical.as_secs_f64() * 1.05, "{took:?} of {critical:?}");
}
