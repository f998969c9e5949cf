//! The read phase: what a plan needs to know of the services, read in waves until the plan needs nothing more.
//!
//! Guarantees: nothing is written here; a plan that changes nothing reads nothing (`tests/engine.rs`).

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use mops_core::provider::{CallContext, Found, Provider};
use mops_core::{Cancel, Class, Error, Mark, Urn};
use mops_host::SharedClock;

use crate::error::EngineError;
use crate::event::{Body, Event, EventSink};
use crate::patience;
use crate::plan::{Need, Observations, Observed, Plan, back, known_standin, may_plan_from_state};
use crate::state::Snapshot;

/// How a read may take.
const READ_TIMEOUT: Duration = Duration::from_secs(600);

/// Who reads.
pub(crate) struct Observer<'a> {
    pub(crate) provider: &'a Arc<dyn Provider>,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) events: &'a EventSink,
    pub(crate) parallelism: usize,
    pub(crate) cancel: &'a Cancel,
    /// Failed reads of what state has are planned from state.
    pub(crate) preview: bool,
    /// What cannot be reached together with what it is in counts as gone.
    pub(crate) skip_unreachable: bool,
    /// Time.
    pub(crate) clock: &'a SharedClock,
}

impl Observer<'_> {
    /// Plans, reads what the plan asks for, and plans again until it asks for nothing.
    pub(crate) async fn settle(
        &self,
        mut plan: impl FnMut(&Observations) -> Result<Plan, EngineError>,
    ) -> Result<Plan, EngineError> {
        let mut seen = Observations::new();
        loop {
            let found = plan(&seen)?;
            if found.needs.is_empty() {
                return Ok(Plan { observed: seen, ..found });
            }
            let before = seen.len();
            self.read(&found.needs, &mut seen).await?;
            if seen.len() == before {
                return Err(EngineError::Bug("a plan asks again for what was read".into()));
            }
        }
    }

    async fn read(&self, needs: &[Need], seen: &mut Observations) -> Result<(), EngineError> {
        (self.events)(Event::new(Body::Reading { count: needs.len() }));
        let calls = needs.iter().map(|need| async move { (need, self.read_one(need).await) });
        let mut calls = stream::iter(calls).buffer_unordered(self.parallelism.max(1));
        let mut failed: Vec<(Urn, Error)> = Vec::new();
        loop {
            let next = tokio::select! {
                biased;
                () = self.cancel.canceled() => return Err(EngineError::Canceled),
                next = calls.next() => next,
            };
            let Some((need, result)) = next else { break };
            match result {
                Ok(observed) => {
                    seen.insert(need.urn.clone(), observed);
                }
                Err(error) => failed.push((need.urn.clone(), error)),
            }
        }
        for need in needs {
            let around = need.deleted_with.as_ref().and_then(|target| seen.get(target));
            if !matches!(around, Some(Observed::Absent)) {
                continue;
            }
            failed.retain(|(urn, _)| *urn != need.urn);
            seen.insert(need.urn.clone(), Observed::Absent);
        }
        if failed.is_empty() {
            return Ok(());
        }
        failed.sort_by(|a, b| a.0.cmp(&b.0));
        Err(EngineError::Observe(failed))
    }

    /// Reads; something that state has only just made and the service does not show yet is looked at again until the
    /// service must know it.
    async fn patiently(&self, need: &Need, cx: &CallContext) -> Result<Option<Found>, Error> {
        let known = known_standin(&need.known);
        let settles = self.provider.schema(need.urn.token()).map_or(Duration::ZERO, |s| s.settles);
        let once = || self.provider.read(cx.clone(), need.id.as_deref(), &known);
        patience::look(self.clock, settles, need.made, once).await
    }

    fn may_skip(&self, need: &Need, error: &Error) -> bool {
        self.skip_unreachable && need.deleted_with.is_some() && is_silent(error)
    }

    /// Reads one thing.
    pub(crate) async fn read_one(&self, need: &Need) -> Result<Observed, Error> {
        let cx = CallContext {
            urn: need.urn.clone(),
            mark: mark(self.snapshot, &need.urn),
            cancel: self.cancel.clone(),
            progress: Arc::new(|_| {}),
            timeout: READ_TIMEOUT,
            resume: None,
            takeover: self.snapshot.is_new,
            import: need.import,
            renew: false,
        };
        match self.patiently(need, &cx).await {
            Ok(None) => Ok(Observed::Absent),
            Ok(Some(mut found)) => {
                back(&mut found.known.inputs);
                back(&mut found.known.outputs);
                Ok(Observed::Found(Box::new(found)))
            }
            Err(error) if self.may_skip(need, &error) => Ok(Observed::Unreachable),
            Err(error) if self.preview && need.in_state && may_plan_from_state(error.class()) => {
                Ok(Observed::Unread(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }
}

/// Who does not answer is out of reach; who refuses is not.
fn is_silent(error: &Error) -> bool {
    error.class() == Class::Transient
}

/// What we write on a resource.
pub(crate) fn mark(snapshot: &Snapshot, urn: &Urn) -> Mark {
    Mark { stack: snapshot.stack.clone(), urn: urn.clone(), lineage: snapshot.lineage.clone() }
}
