//! The engine: preview, up, down and refresh over one provider.
//!
//! Guarantees: a second `up` with nothing to do writes nothing; after a kill the next `up` finishes the work without a
//! question (`tests/engine.rs`, `tests/crash.rs`).

mod guard;
mod import;
mod lanes;
mod machine;
mod nodes;
mod outcome;
mod preflight;
mod prepare;
mod recover;
mod report;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use mops_core::provider::Provider;
use mops_core::{Cancel, StackId, Urn};
use mops_host::SharedClock;

use crate::error::EngineError;
use crate::event::{Body, Event, EventSink};
use crate::failpoint::{Failpoint, pass};
use crate::observe::Observer;
use crate::plan::saved::Approved;
use crate::plan::{
    DownScope, Graph, Op, Plan, PlanOptions, RefreshScope, plan, plan_down, plan_refresh, resolve, walk,
};
use crate::program::{Component, Program};
use crate::state::{Ended, Outputs, Record, Sealer, Snapshot, Store};

pub use import::{ImportReport, ImportTarget, Pick};
pub use report::{Failure, Report};

/// Shown a plan that changes something; answers whether to go on.
pub type Approve = Arc<dyn Fn(&Plan) -> bool + Send + Sync>;

/// Everything a run needs beside program and state.
#[derive(Clone)]
pub struct Engine {
    /// The resources.
    pub provider: Arc<dyn Provider>,
    /// Time.
    pub clock: SharedClock,
    /// Where events go.
    pub events: EventSink,
    /// How many calls run at once; 16 by default.
    pub parallelism: usize,
    /// Interrupts.
    pub cancel: Cancel,
}

/// How to bring a stack up.
#[derive(Clone, Default)]
pub struct UpOptions {
    /// Read everything, not only what changes.
    pub refresh: bool,
    /// These components only.
    pub only: Option<BTreeSet<Component>>,
    /// With `only`: change what depends on them as well.
    pub with_dependants: bool,
    /// What is inside something that does not answer counts as gone.
    pub skip_unreachable: bool,
    /// Get a new credential although the present one is still good.
    pub renew: BTreeSet<Urn>,
    /// Stay as state knows them, whatever the program says of them.
    pub leave: BTreeSet<Urn>,
    /// After a failure no further component starts; else only what depends on what failed does not.
    pub halts: bool,
    /// Asked before the first write.
    pub approve: Option<Approve>,
    /// The way back from something that failed: it is gone even where a service is known to refuse something.
    pub way_back: bool,
    /// Exactly this is done, or nothing.
    pub approved: Option<Arc<Approved>>,
    /// For previews of programs with secrets in clear; `up` takes that of its store.
    pub sealer: Option<Arc<Sealer>>,
}

/// How to take a stack down.
#[derive(Clone, Default)]
pub struct DownOptions {
    /// These components; else the cluster and what is inside it.
    pub only: Option<BTreeSet<Component>>,
    /// The storage too.
    pub destroy_storage: bool,
    /// The registry too.
    pub destroy_registry: bool,
    /// The resource group too.
    pub delete_rg: bool,
    /// What depends on it goes first.
    pub with_deps: bool,
    /// What is inside something that does not answer counts as gone.
    pub skip_unreachable: bool,
    /// Asked before the first write.
    pub approve: Option<Approve>,
}

impl DownOptions {
    fn scope(&self) -> DownScope {
        DownScope {
            only: self.only.clone(),
            destroy_storage: self.destroy_storage,
            destroy_registry: self.destroy_registry,
            delete_rg: self.delete_rg,
            with_deps: self.with_deps,
        }
    }
}

/// How to bring state up to what exists.
#[derive(Clone, Default)]
pub struct RefreshOptions {
    /// These components; else all.
    pub only: Option<BTreeSet<Component>>,
    /// What is inside something that does not answer counts as gone.
    pub skip_unreachable: bool,
    /// Asked before anything leaves the state.
    pub approve: Option<Approve>,
    /// For previews of states with secrets; `refresh` takes that of its store.
    pub sealer: Option<Arc<Sealer>>,
}

impl RefreshOptions {
    fn scope<'a>(&'a self, sealer: Option<&'a Sealer>) -> RefreshScope<'a> {
        RefreshScope { only: self.only.as_ref(), sealer }
    }
}

/// What a run is about, beside its plan.
struct Run<'a> {
    operation: &'static str,
    source: Option<(&'a Program, &'a Graph<'a>)>,
    approve: Option<&'a Approve>,
    halts: bool,
}

impl Engine {
    /// What an `up` would do. Reads, writes nothing, needs no lock.
    ///
    /// # Errors
    /// Everything that stands against it.
    pub async fn preview(&self, program: &Program, state: &Snapshot, options: &UpOptions) -> Result<Plan, EngineError> {
        self.started(&state.stack, "preview");
        let state = recover::foresee(self, state, &names(program)).await?;
        self.plan_up(program, &state, options, options.sealer.clone(), true).await
    }

    async fn plan_up(
        &self,
        program: &Program,
        state: &Snapshot,
        options: &UpOptions,
        sealer: Option<Arc<Sealer>>,
        preview: bool,
    ) -> Result<Plan, EngineError> {
        let how = PlanOptions {
            preview,
            refresh: options.refresh,
            only: options.only.clone(),
            with_dependants: options.with_dependants,
            skip_unreachable: options.skip_unreachable,
            renew: options.renew.clone(),
            leave: options.leave.clone(),
            sealer,
        };
        let observer = self.observer(state, preview, options.skip_unreachable);
        let plan = observer.settle(|seen| plan(program, state, seen, &*self.provider, &how)).await?;
        if options.way_back {
            return Ok(plan);
        }
        self.preflight(program, state, plan, &how).await
    }

    fn observer<'a>(&'a self, snapshot: &'a Snapshot, preview: bool, skip_unreachable: bool) -> Observer<'a> {
        Observer {
            provider: &self.provider,
            snapshot,
            events: &self.events,
            parallelism: self.parallelism,
            cancel: &self.cancel,
            preview,
            skip_unreachable,
            clock: &self.clock,
        }
    }

    /// Brings a stack up.
    ///
    /// # Errors
    /// When nothing could be done at all; failures of steps are in the report.
    pub async fn up(&self, program: &Program, store: &mut Store, options: &UpOptions) -> Result<Report, EngineError> {
        let begin = self.started(&store.snapshot().stack, "up");
        let graph = Graph::of(program).map_err(EngineError::Refused)?;
        let approved = options.approved.as_deref();
        approved.map_or(Ok(()), |a| a.before(program, store.snapshot()))?;
        recover::recover(self, store, &names(program)).await?;
        let sealer = Some(Arc::clone(store.sealer()));
        let plan = self.plan_up(program, store.snapshot(), options, sealer, false).await?;
        approved.map_or(Ok(()), |a| a.after(&plan))?;
        let run = Run {
            operation: "up",
            source: Some((program, &graph)),
            approve: options.approve.as_ref(),
            halts: options.halts,
        };
        self.execute(&run, store, &plan, begin).await
    }

    /// What a `down` would do.
    ///
    /// # Errors
    /// Everything that stands against it.
    pub async fn preview_down(&self, state: &Snapshot, options: &DownOptions) -> Result<Plan, EngineError> {
        self.started(&state.stack, "preview");
        let state = &*recover::foresee(self, state, &HashSet::new()).await?;
        let scope = options.scope();
        let observer = self.observer(state, true, options.skip_unreachable);
        observer.settle(|seen| plan_down(state, seen, &*self.provider, &scope)).await
    }

    /// Takes a stack down.
    ///
    /// # Errors
    /// When nothing could be done at all; failures of steps are in the report.
    pub async fn down(&self, store: &mut Store, options: &DownOptions) -> Result<Report, EngineError> {
        let begin = self.started(&store.snapshot().stack, "down");
        recover::recover(self, store, &HashSet::new()).await?;
        let scope = options.scope();
        let observer = self.observer(store.snapshot(), false, options.skip_unreachable);
        let state = store.snapshot();
        let plan = observer.settle(|seen| plan_down(state, seen, &*self.provider, &scope)).await?;
        let run = Run { operation: "down", source: None, approve: options.approve.as_ref(), halts: false };
        self.execute(&run, store, &plan, begin).await
    }

    /// What a `refresh` would change in state.
    ///
    /// # Errors
    /// When something could not be read.
    pub async fn preview_refresh(&self, state: &Snapshot, options: &RefreshOptions) -> Result<Plan, EngineError> {
        self.started(&state.stack, "preview");
        let scope = options.scope(options.sealer.as_deref());
        let observer = self.observer(state, true, options.skip_unreachable);
        observer.settle(|seen| plan_refresh(state, seen, &*self.provider, scope)).await
    }

    /// Brings state up to what exists.
    ///
    /// # Errors
    /// When something could not be read, or state could not be written.
    pub async fn refresh(&self, store: &mut Store, options: &RefreshOptions) -> Result<Report, EngineError> {
        let begin = self.started(&store.snapshot().stack, "refresh");
        let sealer = Arc::clone(store.sealer());
        let scope = options.scope(Some(&sealer));
        let observer = self.observer(store.snapshot(), false, options.skip_unreachable);
        let state = store.snapshot();
        let plan = observer.settle(|seen| plan_refresh(state, seen, &*self.provider, scope)).await?;
        let run = Run { operation: "refresh", source: None, approve: options.approve.as_ref(), halts: false };
        self.execute(&run, store, &plan, begin).await
    }

    fn started(&self, stack: &StackId, operation: &str) -> Duration {
        (self.events)(Event::new(Body::RunStarted { stack: stack.to_string(), operation: operation.to_owned() }));
        self.clock.monotonic()
    }

    async fn execute(
        &self,
        run: &Run<'_>,
        store: &mut Store,
        plan: &Plan,
        begin: Duration,
    ) -> Result<Report, EngineError> {
        for note in &plan.notes {
            (self.events)(Event::new(Body::Note { text: note.clone() }));
        }
        if let Some(resources) = plan.drift_views() {
            (self.events)(Event::new(Body::Drifted { resources }));
        }
        (self.events)(Event::new(Body::Planned { steps: plan.views(), unchanged: plan.unchanged }));
        if !plan.is_empty() && run.approve.is_some_and(|ask| !ask(plan)) {
            let report = Report { declined: true, ..Report::default() };
            return Ok(self.ended(report, begin));
        }
        if self.cancel.is_canceled() {
            return Err(EngineError::Canceled);
        }
        pass(Failpoint::Planned)?;
        for lineage in plan.takeovers.difference(&store.snapshot().predecessors.clone()) {
            store.push(Record::Takeover(lineage.clone()))?;
        }
        for begin in &plan.closes {
            store.push(Record::End { begin: *begin, at: self.clock.now(), ended: Ended::Failed })?;
        }
        store.settle().await?;
        pass(Failpoint::Prepared)?;
        let nodes = nodes::build(plan, run.source.map(|s| s.1), store.snapshot()).map_err(EngineError::Bug)?;
        let (machine, hears) = machine::Machine::new(self, run.source, store, plan, nodes);
        let mut report = machine.halts(run.halts).run(hears).await?;
        report.drifted = plan.drift.as_ref().is_some_and(|drift| !drift.is_empty());
        let kept = plan.steps.iter().filter(|s| s.op == Op::Read).count();
        report.totals.unchanged += plan.unchanged.saturating_sub(kept);
        pass(Failpoint::BeforeOutputs)?;
        report.outputs = outputs(run, store);
        if report.outputs != store.snapshot().outputs {
            store.push(Record::Outputs(report.outputs.clone()))?;
            report.outputs.clone_from(&store.snapshot().outputs);
        }
        pass(Failpoint::BeforeFinish)?;
        store.finish().await?;
        Ok(self.ended(report, begin))
    }

    fn ended(&self, report: Report, begin: Duration) -> Report {
        let millis = (self.clock.monotonic().saturating_sub(begin)).as_millis();
        (self.events)(Event::new(Body::RunFinished {
            totals: report.totals,
            exit: report.exit() as i32,
            millis: u64::try_from(millis).unwrap_or(u64::MAX),
        }));
        report
    }
}

fn names(program: &Program) -> HashSet<&Urn> {
    program.resources.iter().map(|r| &r.urn).collect()
}

/// The outputs of what exists now.
fn outputs(run: &Run<'_>, store: &Store) -> Outputs {
    let snapshot = store.snapshot();
    if run.operation == "refresh" {
        return snapshot.outputs.clone();
    }
    let there: HashSet<String> = snapshot.resources.iter().map(|r| r.component.to_string()).collect();
    let Some((program, _)) = run.source else {
        let kept = snapshot.outputs.iter().filter(|(component, _)| there.contains(*component));
        return kept.map(|(k, v)| (k.clone(), v.clone())).collect();
    };
    let sealer = store.sealer();
    let mut all = Outputs::new();
    for output in &program.outputs {
        let lookup = |urn: &Urn, path: &[String]| {
            store.get(urn).map_or(mops_core::Value::Null, |r| walk(&r.outputs, path, Some(sealer)))
        };
        let absent = |urn: &Urn| store.get(urn).is_none();
        if !there.contains(output.component.as_str()) || output.value.references().iter().any(absent) {
            continue;
        }
        let mut value = resolve(&output.value, &lookup, Some(sealer));
        if value == mops_core::Value::Null || value.has_unknown() || sealer.seal_in(&mut value).is_err() {
            continue;
        }
        all.entry(output.component.to_string()).or_default().insert(output.name.clone(), value);
    }
    all
}
