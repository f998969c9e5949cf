//! P13: from opening a state whose journal holds so many records, some of them calls that a kill cut off, until the
//! first call of the new run leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mops_core::Value;
use mops_core::provider::Provider as _;
use mops_engine::error::EngineError;
use mops_engine::event::Body;
use mops_engine::program::{Component, Declared};
use mops_engine::run::{Engine, UpOptions};
use mops_engine::state::{ResourceState, Store};
use mops_host::{SharedClock, SystemClock};
use mops_tests::null::{Null, stack};
use mops_tests::rig::{program, thing};
use serde_json::json;
use tokio::sync::Notify;

use crate::{Args, Measured, open_options};

/// Calls that were under way at the kill.
const OPEN: usize = 16;
/// How far away the service is that is asked for them.
const LATENCY: u64 = 20;

fn declared(args: &Args, i: usize) -> Declared {
    thing(&format!("thing-{i}"), json!({"value": args.value}))
}

/// An engine that counts the calls that leave and wakes `left` for each.
fn engine(null: &Null, count: &Arc<AtomicUsize>, left: &Arc<Notify>, clock: SharedClock) -> Engine {
    let (count, left) = (Arc::clone(count), Arc::clone(left));
    Engine {
        provider: Arc::new(null.clone()),
        clock,
        events: Arc::new(move |event| {
            if matches!(event.body, Body::StepStarted { .. }) {
                count.fetch_add(1, Ordering::SeqCst);
                left.notify_one();
            }
        }),
        parallelism: OPEN,
        cancel: mops_core::Cancel::new(),
    }
}

/// A journal of `n` records: what is, and calls that nobody ended.
async fn leave_behind(args: &Args, null: &Null, clock: &SharedClock) -> Result<(), EngineError> {
    let mut store = Store::open(&args.dir, &stack(), open_options(args)).await?;
    for i in 0..args.n.saturating_sub(OPEN) {
        let declared = declared(args, i);
        let name = declared.urn.name().to_owned();
        let mut kept = ResourceState::new(declared.urn.clone(), Component::Workspace, format!("/things/{name}"));
        let inputs = Value::from(json!({"name": name, "value": args.value}));
        kept.inputs = null.check(&declared.urn, &inputs, false).inputs;
        store.save(kept).await?;
    }
    let (count, left) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let engine = engine(null, &count, &left, Arc::clone(clock));
    let far =
        |i: usize| thing(&format!("open-{i}"), json!({"value": args.value, "latency": LATENCY, "reading": LATENCY}));
    let cut = program((0..OPEN).map(far).collect());
    let options = UpOptions::default();
    let mut up = std::pin::pin!(engine.up(&cut, &mut store, &options));
    while count.load(Ordering::SeqCst) < OPEN {
        tokio::select! { biased; ended = &mut up => { ended?; } () = left.notified() => {} }
    }
    // Dropped here: what left is not heard of any more, as after a kill.
    Ok(())
}

pub(crate) async fn run(args: &Args) -> Result<Measured, EngineError> {
    let clock = SystemClock::shared();
    let null = Null::new(Arc::clone(&clock));
    leave_behind(args, &null, &clock).await?;
    let (count, left) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let engine = engine(&null, &count, &left, clock);
    let mut all: Vec<Declared> = (0..args.n.saturating_sub(OPEN)).map(|i| declared(args, i)).collect();
    all.push(thing("new", json!({"value": args.value})));
    let program = program(all);
    let start = Instant::now();
    let mut store = Store::open(&args.dir, &stack(), open_options(args)).await?;
    let open = store.snapshot().open.len();
    let options = UpOptions::default();
    let mut resumed = Duration::MAX;
    {
        let mut up = std::pin::pin!(engine.up(&program, &mut store, &options));
        tokio::select! { biased; ended = &mut up => { ended?; } () = left.notified() => resumed = start.elapsed() }
    }
    assert!(open == OPEN && null.count().reads >= OPEN, "{open} calls were open, {} looked for", null.count().reads);
    Ok(Measured { millis: resumed.as_secs_f64() * 1e3, ..Measured::default() })
}
