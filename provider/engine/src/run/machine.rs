//! The execution of a plan: one task that owns state, journal queue and calls.
//!
//! Guarantees: a call leaves only after its Begin is durable; nobody (events, dependants, exit code) hears of an answer
//! before its End is durable; at most `parallelism` calls run, within their lanes, the longest path first.
//!
//! Everything that is ready in one turn is queued before the journal's writer is woken, so that one sync covers it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use mops_core::provider::{BoxFuture, Done, Progress, Provider};
use mops_core::{Class, Error, Lane, Urn, Value};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Engine;
use super::nodes::{Node, Work};
use super::prepare::{Call, Prepared, Ready};
use super::report::Report;
use crate::error::{EngineError, StateError};
use crate::event::{Body, Event, Outcome};
use crate::failpoint::{Failpoint, hit};
use crate::plan::{Graph, Op, Plan};
use crate::program::{Component, Program};
use crate::state::{Durable, Ended, Record, Store};

/// How long running calls may finish after an interruption.
const GRACE: Duration = Duration::from_secs(4);

pub(super) enum Answer {
    Made(Done),
    Removed,
}

/// A call that came back.
pub(super) struct Finished {
    pub(super) node: usize,
    pub(super) result: Result<Answer, Error>,
    pub(super) millis: u64,
}

type Calls = FuturesUnordered<BoxFuture<'static, Finished>>;

/// What happens when a record is durable.
pub(super) enum Pending {
    Begun(usize, Box<Prepared>),
    Ended(usize, Result<Outcome, Error>, u64),
    Local(usize),
}

/// See the module.
pub(crate) struct Machine<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) program: Option<&'a Program>,
    pub(crate) graph: Option<&'a Graph<'a>>,
    pub(crate) store: &'a mut Store,
    pub(crate) plan: &'a Plan,
    pub(crate) nodes: Vec<Node>,
    pub(super) halts: bool,
    pub(super) over: Vec<bool>,
    pub(super) ready: BinaryHeap<(u64, Reverse<usize>)>,
    pub(super) parked: HashMap<usize, Box<Prepared>>,
    pub(super) lanes: super::lanes::Lanes,
    pub(super) held: HashMap<usize, Vec<Lane>>,
    pub(super) begun: HashMap<usize, (u64, Value)>,
    pub(super) active: usize,
    pub(super) pending: VecDeque<(u64, Pending)>,
    pub(super) started: HashSet<Component>,
    pub(super) halted: Option<String>,
    pub(super) canceled: bool,
    pub(super) broken: Option<StateError>,
    pub(super) says: UnboundedSender<(usize, Progress)>,
    pub(super) report: Report,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(
        engine: &'a Engine,
        source: Option<(&'a Program, &'a Graph<'a>)>,
        store: &'a mut Store,
        plan: &'a Plan,
        nodes: Vec<Node>,
    ) -> (Self, UnboundedReceiver<(usize, Progress)>) {
        let (says, hears) = unbounded_channel();
        let ready = nodes.iter().enumerate().filter(|(_, n)| n.waits == 0).map(|(i, n)| (n.priority, Reverse(i)));
        let machine = Self {
            engine,
            program: source.map(|s| s.0),
            graph: source.map(|s| s.1),
            store,
            plan,
            halts: false,
            over: vec![false; nodes.len()],
            ready: ready.collect(),
            nodes,
            parked: HashMap::new(),
            lanes: super::lanes::Lanes::default(),
            held: HashMap::new(),
            begun: HashMap::new(),
            active: 0,
            pending: VecDeque::new(),
            started: HashSet::new(),
            halted: None,
            canceled: false,
            broken: None,
            says,
            report: Report::default(),
        };
        (machine, hears)
    }

    /// Whether after a failure no further component starts; else only what depends on it does not.
    pub(crate) const fn halts(mut self, yes: bool) -> Self {
        self.halts = yes;
        self
    }

    /// Runs the plan to its end, or as far as it gets.
    pub(crate) async fn run(mut self, mut hears: UnboundedReceiver<(usize, Progress)>) -> Result<Report, EngineError> {
        let mut calls: Calls = FuturesUnordered::new();
        let mut durable = self.store.durable();
        let cancel = self.engine.cancel.clone();
        let mut deadline: BoxFuture<'static, ()> = Box::pin(std::future::pending());
        loop {
            // Looked at before anything new is begun: answers of interrupted calls may come together with the signal.
            if !self.canceled && cancel.is_canceled() {
                self.canceled = true;
                deadline = self.engine.clock.sleep(GRACE);
            }
            self.turn(&mut durable, &mut calls, &mut hears);
            self.store.kick();
            if self.is_over() {
                break;
            }
            tokio::select! {
                biased;
                () = cancel.canceled(), if !self.canceled => {}
                () = &mut deadline, if self.canceled => break,
                changed = durable.changed() => if changed.is_err() && self.broken.is_none() {
                    let seen = durable.borrow().clone();
                    self.broken = Some(self.store.failure(&seen).err().unwrap_or_else(|| StateError::Bug("the journal's writer is gone".into())));
                },
                Some(finished) = calls.next(), if !calls.is_empty() => self.answered(finished),
                Some((node, progress)) = hears.recv() => self.heard(node, progress),
            }
        }
        drop(calls);
        self.finish().await
    }

    /// Everything that can be done without waiting.
    fn turn(
        &mut self,
        durable: &mut tokio::sync::watch::Receiver<Durable>,
        calls: &mut Calls,
        hears: &mut UnboundedReceiver<(usize, Progress)>,
    ) {
        loop {
            let seen = durable.borrow_and_update().clone();
            let mut moved = self.settled(&seen, calls);
            while let Some(Some(finished)) = calls.next().now_or_never() {
                self.answered(finished);
                moved = true;
            }
            while let Ok((node, progress)) = hears.try_recv() {
                self.heard(node, progress);
            }
            moved |= self.dispatch();
            if !moved || self.broken.is_some() {
                return;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.broken.is_some()
            || (self.active == 0 && self.pending.is_empty() && (self.ready.is_empty() || self.canceled))
    }

    /// Starts calls and tells of results whose records are durable.
    fn settled(&mut self, seen: &Durable, calls: &mut Calls) -> bool {
        if let Err(error) = self.store.failure(seen) {
            self.broken = Some(error);
            return false;
        }
        let mut moved = false;
        while self.pending.front().is_some_and(|(sequence, _)| *sequence <= seen.sequence) {
            let Some((_, what)) = self.pending.pop_front() else { break };
            moved = true;
            match what {
                Pending::Begun(node, prepared) => {
                    if let Err(error) = hit(Failpoint::BeginDurable) {
                        self.breaks(error);
                        return true;
                    }
                    self.leave(node, *prepared, calls);
                }
                Pending::Ended(node, result, millis) => {
                    if let Err(error) = hit(Failpoint::EndDurable) {
                        self.breaks(error);
                        return true;
                    }
                    self.tell(node, result, millis);
                }
                Pending::Local(node) => {
                    if let Err(error) = hit(Failpoint::LocalDurable) {
                        self.breaks(error);
                        return true;
                    }
                    self.report.count(self.op(node));
                    self.release(node);
                }
            }
        }
        moved
    }

    pub(super) fn breaks(&mut self, source: std::io::Error) {
        self.broken = Some(StateError::Write { file: "journal".into(), source });
    }

    pub(super) fn op(&self, node: usize) -> Op {
        self.plan.steps.get(self.nodes[node].step).map_or(Op::Same, |s| s.op)
    }

    pub(super) fn urn(&self, node: usize) -> Urn {
        self.plan.steps[self.nodes[node].step].urn.clone()
    }

    pub(super) fn send(&self, body: Body) {
        (self.engine.events)(Event::new(body));
    }

    /// The word for what a node does: a replacement has two calls.
    pub(super) fn word(&self, node: usize) -> String {
        let op = match (self.op(node), self.nodes[node].work) {
            (Op::Replace, Work::Remove) => Op::Delete,
            (op, _) => op,
        };
        op.word().to_owned()
    }

    /// Begins as many calls as there is room for.
    fn dispatch(&mut self) -> bool {
        let mut moved = false;
        while self.active < self.engine.parallelism.max(1) && !self.canceled && self.broken.is_none() {
            let Some((_, Reverse(node))) = self.ready.pop() else { break };
            if self.over[node] {
                continue;
            }
            moved = true;
            self.begin(node);
        }
        moved
    }

    fn begin(&mut self, node: usize) {
        let Node { step, work, .. } = self.nodes[node];
        match work {
            Work::Barrier => return self.release(node),
            Work::Local => return self.local(node),
            Work::Make | Work::Remove => {}
        }
        let component = self.plan.steps[step].component;
        if let Some(name) = self.halted.as_ref().filter(|_| !self.started.contains(&component)) {
            let because = format!("`{name}` failed");
            return self.skip(node, &because);
        }
        let prepared = match self.parked.remove(&node) {
            Some(prepared) => prepared,
            None => match self.prepare(node) {
                Ok(Ready::Call(prepared)) => prepared,
                Ok(Ready::Unchanged(None)) => return self.tell(node, Ok(Outcome::Unchanged), 0),
                Ok(Ready::Unchanged(Some(state))) => {
                    return match self.store.push(Record::Save(state)) {
                        Ok(sequence) => {
                            let unchanged = Pending::Ended(node, Ok(Outcome::Unchanged), 0);
                            self.pending.push_back((sequence, unchanged));
                        }
                        Err(error) => self.broken = Some(error),
                    };
                }
                Err(error) => return self.tell(node, Err(error), 0),
            },
        };
        if !self.lanes.take(node, &prepared.lanes) {
            self.parked.insert(node, prepared);
            return;
        }
        if let Err(error) = hit(Failpoint::BeforeBegin) {
            return self.breaks(error);
        }
        self.started.insert(component);
        self.held.insert(node, prepared.lanes.clone());
        let inputs = match &prepared.call {
            Call::Create(inputs) | Call::Update(_, inputs) => inputs.clone(),
            Call::Delete(_) => Value::Null,
        };
        let record =
            Record::Begin { action: prepared.action, resource: Box::new(prepared.resource.clone()), at: self.now() };
        match self.store.push(record) {
            Ok(sequence) => {
                self.active += 1;
                self.begun.insert(node, (sequence, inputs));
                self.pending.push_back((sequence, Pending::Begun(node, prepared)));
            }
            Err(error) => self.broken = Some(error),
        }
    }

    fn local(&mut self, node: usize) {
        if let Err(error) = hit(Failpoint::BeforeLocal) {
            return self.breaks(error);
        }
        let step = &self.plan.steps[self.nodes[node].step];
        let record = match &step.save {
            Some(state) => Record::Save(state.clone()),
            None => Record::Drop(vec![step.urn.clone()]),
        };
        match self.store.push(record) {
            Ok(sequence) => self.pending.push_back((sequence, Pending::Local(node))),
            Err(error) => self.broken = Some(error),
        }
    }

    /// The Begin is durable: the call leaves.
    fn leave(&mut self, node: usize, prepared: Prepared, calls: &mut Calls) {
        if self.canceled {
            // It never left; its Begin is closed so that nobody has to look for it.
            self.free(node);
            if let Some((begin, _)) = self.begun.remove(&node) {
                let _ = self.store.push(Record::End { begin, at: self.now(), ended: Ended::Failed });
            }
            return self.skip(node, "interrupted");
        }
        let urn = self.urn(node);
        self.send(Body::StepStarted { urn: urn.to_string(), name: urn.name().to_owned(), op: self.word(node) });
        let Prepared { call, mut cx, .. } = prepared;
        let says = self.says.clone();
        cx.progress = Arc::new(move |progress| drop(says.send((node, progress))));
        let provider = Arc::clone(&self.engine.provider);
        let clock = Arc::clone(&self.engine.clock);
        calls.push(Box::pin(async move {
            let start = clock.monotonic();
            let running = AssertUnwindSafe(run_call(provider, cx, call)).catch_unwind();
            let result = running.await.unwrap_or_else(|_| {
                Err(Error::new(
                    Class::Bug,
                    "this is a fault in mops: a resource panicked; what it did is looked up next time",
                ))
            });
            let millis = u64::try_from((clock.monotonic().saturating_sub(start)).as_millis()).unwrap_or(u64::MAX);
            Finished { node, result, millis }
        }));
    }

    pub(super) fn free(&mut self, node: usize) {
        self.active -= 1;
        if let Some(lanes) = self.held.remove(&node) {
            for awake in self.lanes.give_back(&lanes) {
                self.ready.push((self.nodes[awake].priority, Reverse(awake)));
            }
        }
    }

    /// Begins whose calls never left need nobody to look for them.
    fn close_unsent(&mut self) -> Result<(), StateError> {
        let unsent: Vec<usize> = self
            .pending
            .iter()
            .filter_map(|(_, p)| if let Pending::Begun(node, _) = p { Some(*node) } else { None })
            .collect();
        for node in unsent {
            if let Some((begin, _)) = self.begun.remove(&node) {
                self.store.push(Record::End { begin, at: self.now(), ended: Ended::Failed })?;
            }
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Report, EngineError> {
        if let Some(error) = self.broken {
            return Err(error.into());
        }
        self.close_unsent()?;
        self.store.settle().await?;
        while let Some((_, what)) = self.pending.pop_front() {
            if let Pending::Ended(node, result, millis) = what {
                self.tell(node, result, millis);
            }
        }
        let left: Vec<usize> = (0..self.nodes.len()).filter(|i| !self.over[*i]).collect();
        for node in left {
            // A call that was under way when time ran out stays begun: the next run finds out about it.
            let because = if self.begun.contains_key(&node) { "interrupted while it ran" } else { "interrupted" };
            self.not_started(node, because);
        }
        let unfinished = self.report.totals.failed + self.report.totals.not_started > 0;
        self.report.canceled = self.canceled || (unfinished && self.engine.cancel.is_canceled());
        Ok(self.report)
    }
}

async fn run_call(
    provider: Arc<dyn Provider>,
    cx: mops_core::provider::CallContext,
    call: Call,
) -> Result<Answer, Error> {
    match call {
        Call::Create(inputs) => provider.create(cx, &inputs).await.map(Answer::Made),
        Call::Update(old, inputs) => provider.update(cx, &old, &inputs).await.map(Answer::Made),
        Call::Delete(old) => provider.delete(cx, &old).await.map(|()| Answer::Removed),
    }
}
