//! Promise: a long Azure operation that a kill or an interruption cut off is waited for by its journalled address: the
//! next run sends no second write. When the address is gone, the resource itself is looked at.
//!
//! The address is bound to the configured host: `lro::tests` and `arm::operations` hold that another one is refused.
//! `MOPS_RESUME=all` runs every combination, else three of them that have each value once.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use mops_core::{Cancel, Value};
use mops_engine::error::Exit;
use mops_engine::event::Body;
use mops_engine::program::{Component, Declared, Expr, Program};
use mops_engine::run::{DownOptions, Engine, Report, UpOptions};
use mops_engine::state::{OpenOptions, Store};
use mops_host::Env;
use mops_host::clock::{Clock as _, ManualClock};
use mops_tests::fault::{Fault, Rule};
use mops_tests::null::Null;
use mops_tests::rig::{Rig, program, program_of, thing};
use mops_wire::fault::{Call, Fault as WireFault, FaultLayer};
use serde_json::json;
use tokio::sync::Notify;

use crate::stand::{SUBSCRIPTION, Stand};

const MINUTE: Duration = Duration::from_secs(60);

/// How the first run ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// As by a kill: nothing more is written.
    Dropped,
    /// As by Ctrl-C.
    Canceled,
}

/// Every request, in order.
#[derive(Default)]
struct Requests(Mutex<Vec<(Method, String)>>);

impl FaultLayer for Requests {
    fn before(&self, call: Call<'_>) -> Option<WireFault> {
        let line = (call.method.clone(), call.url.path().to_lowercase());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        None
    }
}

impl Requests {
    /// Takes what was seen so far: writes to the cluster, and polls of operations.
    fn take(&self) -> (usize, usize) {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let writes = all.iter().filter(|(method, path)| *method != Method::GET && path.ends_with("/aks")).count();
        let polls = all.iter().filter(|(method, path)| *method == Method::GET && path.contains("/operations/")).count();
        (writes, polls)
    }
}

/// A group with a cluster in it, whose operations take minutes.
struct Bench {
    stand: Stand,
    home: tempfile::TempDir,
    requests: Arc<Requests>,
}

/// What is done to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Create,
    Update,
    Delete,
}

impl Bench {
    fn new() -> Self {
        Self { stand: Stand::new(), home: tempfile::tempdir().expect("a folder"), requests: Arc::default() }
    }

    fn program(&self, version: &str) -> Program {
        let group = json!({"subscriptionId": SUBSCRIPTION, "name": "g", "location": "eastus2"});
        let pool = json!({"name": "system", "mode": "System", "vmSize": "Standard_B2s", "count": 1});
        let cluster = json!({"subscriptionId": SUBSCRIPTION, "resourceGroup": "g", "name": "aks", "location": "eastus2",
            "kubernetesVersion": version, "dnsPrefix": "aks", "systemPool": pool});
        let group_urn = self.stand.urn("modelops:azure:ResourceGroup", "group");
        let cluster_urn = self.stand.urn("modelops:azure:ManagedCluster", "cluster");
        let declare = |urn, inputs| Declared::new(urn, Component::Cluster, Expr::Value(Value::from(inputs)));
        let mut cluster = declare(cluster_urn, cluster);
        cluster.depends_on = vec![group_urn.clone()];
        program_of(self.stand.stack.clone(), vec![declare(group_urn, group), cluster], Vec::new())
    }

    async fn store(&self) -> Store {
        let options = OpenOptions {
            scope: None,
            create: true,
            lock_timeout: Duration::ZERO,
            env: Env::of([("PULUMI_CONFIG_PASSPHRASE", "resume")]),
            clock: Arc::clone(&self.stand.clock),
            cancel: Cancel::new(),
        };
        Store::open(self.home.path(), &self.stand.stack, options).await.expect("the state")
    }

    /// An engine, and what wakes when a call has waited for its operation so often.
    fn engine(&self, cancel: &Cancel, waits: usize) -> (Engine, Arc<Notify>) {
        let (enough, count) = (Arc::new(Notify::new()), AtomicUsize::new(0));
        let waking = Arc::clone(&enough);
        let requests = Arc::clone(&self.requests);
        let engine = Engine {
            provider: Arc::new(self.stand.provider_with(|http| http.faults = Some(requests))),
            clock: Arc::clone(&self.stand.clock),
            events: Arc::new(move |event| {
                let waited = matches!(&event.body, Body::StepProgress { name, .. } if name == "cluster");
                if waited && count.fetch_add(1, Ordering::SeqCst) + 1 == waits {
                    waking.notify_one();
                }
            }),
            parallelism: 16,
            cancel: cancel.clone(),
        };
        (engine, enough)
    }

    async fn run(&self, engine: &Engine, operation: Operation) -> Report {
        let mut store = self.store().await;
        let done = match operation {
            Operation::Create => engine.up(&self.program("1.32"), &mut store, &UpOptions::default()).await,
            Operation::Update => engine.up(&self.program("1.33"), &mut store, &UpOptions::default()).await,
            Operation::Delete => engine.down(&mut store, &DownOptions::default()).await,
        };
        done.expect("a run")
    }

    /// Runs to the end.
    async fn whole(&self, operation: Operation) {
        let (engine, _) = self.engine(&Cancel::new(), usize::MAX);
        let report = self.run(&engine, operation).await;
        assert_eq!(report.exit(), Exit::Ok, "{operation:?}: {:?}", report.failures);
    }

    /// Runs until the operation has been polled, and is then cut off.
    async fn cut_off(&self, operation: Operation, end: End) {
        let cancel = Cancel::new();
        let (engine, enough) = self.engine(&cancel, 3);
        let run = self.run(&engine, operation);
        let mut run = std::pin::pin!(run);
        tokio::select! {
            biased;
            () = enough.notified() => {}
            report = &mut run => panic!("{operation:?} was over before it was cut off: {:?}", report.failures),
        }
        if matches!(end, End::Canceled) {
            cancel.cancel();
            assert_eq!(run.await.exit(), Exit::Interrupted);
        }
    }
}

/// What is cut off, how, and whether the record of the operation is gone when the next run asks for it.
fn cases() -> Vec<(Operation, End, bool)> {
    let operations = [Operation::Create, Operation::Update, Operation::Delete];
    if Env::process().get("MOPS_RESUME") == Some("all") {
        let ends = [End::Dropped, End::Canceled].into_iter().flat_map(|end| [(end, false), (end, true)]);
        return ends.flat_map(|(end, gone)| operations.map(|operation| (operation, end, gone))).collect();
    }
    let [create, update, delete] = operations;
    vec![(create, End::Dropped, false), (update, End::Canceled, false), (delete, End::Dropped, true)]
}

#[tokio::test]
async fn no_second_write_after_an_operation_was_cut_off() {
    let (mut runs, mut second_writes) = (0, 0);
    for (operation, end, gone) in cases() {
        let case = format!("{operation:?}, {end:?}, address gone: {gone}");
        let bench = Bench::new();
        if operation != Operation::Create {
            bench.whole(Operation::Create).await;
            bench.requests.take();
        }
        bench.cut_off(operation, end).await;
        let (writes, polls) = bench.requests.take();
        assert!(writes == 1 && polls > 0, "{case}: {writes} writes and {polls} polls before it was cut off");
        if gone {
            let fault = Fault::Status { status: 404, code: "NotFound".into(), retry_after: None };
            let matches = ["arm GET", "/operations/"].map(str::to_owned).to_vec();
            bench.stand.sandbox.faults().add(Rule { matches, skip: 0, times: u32::MAX, fault });
        }
        bench.whole(operation).await;
        let (writes, polls) = bench.requests.take();
        assert!(polls > 0, "{case}: the journalled address was not asked");
        assert_eq!(writes, 0, "{case}: written again");
        assert_eq!(bench.stand.sandbox.ledger().doubled(), Vec::<String>::new(), "{case}");
        runs += 1;
        second_writes += writes;
    }
    println!("resumed operations: runs={runs} second_writes={second_writes}");
}

#[tokio::test]
async fn open_calls_are_looked_for_together() {
    const OPEN: usize = 16;
    const HOUR: u64 = 3_600_000;
    let home = tempfile::tempdir().expect("a folder");
    let start = time::macros::datetime!(2026-11-24 08:00 UTC);
    let still = ManualClock::stepped(start);
    let rig = Rig::over(home.path(), Null::new(still.shared()), still.shared());
    let far = |i: usize| thing(&format!("open-{i}"), json!({"latency": HOUR, "reading": 1000}));
    let cut = program((0..OPEN).map(far).collect());
    {
        let mut up = std::pin::pin!(rig.up(&cut));
        let mut left = 0;
        while left < OPEN {
            tokio::select! {
                biased;
                ended = &mut up => panic!("a call of an hour has ended: {ended:?}"),
                () = tokio::task::yield_now() => {}
            }
            // The plan reads first; once a call has left, time stands still.
            if left == 0 {
                still.advance(Duration::from_secs(1));
            }
            left += rig.events().iter().filter(|e| matches!(e, Body::StepStarted { .. })).count();
        }
    }
    let clock = ManualClock::automatic(start + MINUTE);
    let rig = Rig::over(home.path(), Null::new(clock.shared()), clock.shared());
    let report = rig.up(&program(Vec::new())).await.expect("a run");
    assert_eq!((report.exit(), rig.null.count().reads), (Exit::Ok, OPEN));
    assert_eq!(clock.monotonic(), Duration::from_secs(1), "one read after the other");
}
