//! What has to be done, from what is wanted, what is known and what was seen.
//!
//! Guarantees: [`plan`] calls no service and gives the same plan for the same arguments (`tests/engine.rs`); everything
//! that stands against a plan is reported at once; what carries another stack's mark, or none, is never changed.

mod decide;
mod declared;
mod down;
mod drift;
mod foreseen;
mod graph;
mod imports;
mod ownership;
mod refresh;
mod remove;
mod resolve;
pub mod saved;
mod standin;
mod turned;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use mops_core::diff::PropertyDiff;
use mops_core::provider::{Found, Known, Provider};
use mops_core::{Identity, Urn, Value};
use time::OffsetDateTime;

use crate::error::EngineError;
use crate::event::{DriftView, StepView};
use crate::program::{Component, Program};
use crate::state::{OpenOperation, ResourceState, Sealer, Snapshot};

pub(crate) use decide::may_plan_from_state;
pub(crate) use declared::as_declared;
pub use down::{DownScope, plan_down};
pub use drift::Drift;
pub(crate) use graph::Graph;
pub(crate) use ownership::{Verdict, judge};
pub use refresh::{RefreshScope, plan_refresh};
pub(crate) use resolve::{resolve, walk};
pub(crate) use standin::{assume, back, standin};

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Op {
    /// Nothing.
    Same,
    /// Makes it.
    Create,
    /// Takes over what exists.
    Adopt,
    /// Changes it in place.
    Update,
    /// Makes it anew.
    Replace,
    /// Removes it.
    Delete,
    /// Leaves the state without a call.
    Forget,
    /// Only what state knows of it changes.
    Read,
}

impl Op {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Forget => "forget",
            Self::Read => "read",
        }
    }
}

/// One thing to do.
#[derive(Clone, Debug)]
pub struct Step {
    /// To what.
    pub urn: Urn,
    /// What.
    pub op: Op,
    /// The part of the stack.
    pub component: Component,
    /// What changes, masked.
    pub changes: Vec<PropertyDiff>,
    /// Properties that force a replacement.
    pub replace: Vec<String>,
    /// Why, when no property shows it.
    pub reason: Option<String>,
    /// Whether the old one of a replacement goes first.
    pub delete_before_replace: bool,
    /// An update of which only unknown inputs speak: once they are known, it may turn out that nothing changes.
    pub may_change: bool,
    /// Its place in the program.
    pub(crate) declared: Option<usize>,
    /// What state is to say, for steps without a call.
    pub(crate) save: Option<Box<ResourceState>>,
    /// Passed to the provider.
    pub(crate) takeover: bool,
    /// An update that is sent although nothing seems to differ.
    pub(crate) force: bool,
    /// An update that makes a new credential in any case.
    pub(crate) renew: bool,
    /// Forgotten together with the deletion of that one.
    pub(crate) with: Option<Urn>,
    /// The id of the one to delete.
    pub(crate) old_id: Option<String>,
    /// The old one of an earlier replacement.
    pub(crate) doomed: bool,
    /// What was read of it, if that is newer than state.
    pub(crate) seen: Option<Box<Known>>,
}

impl Step {
    pub(crate) fn new(urn: Urn, op: Op, component: Component) -> Self {
        Self {
            urn,
            op,
            component,
            changes: Vec::new(),
            replace: Vec::new(),
            reason: None,
            delete_before_replace: false,
            may_change: false,
            declared: None,
            save: None,
            takeover: false,
            force: false,
            renew: false,
            with: None,
            old_id: None,
            doomed: false,
            seen: None,
        }
    }

    /// Leaves the state because the user said so.
    pub(crate) fn out_of_reach(r: &ResourceState) -> Self {
        Self { reason: Some(OUT_OF_REACH.to_owned()), ..Self::new(r.urn.clone(), Op::Forget, r.component) }
    }

    /// Whether anything is done for the user, with or without a call.
    #[must_use]
    pub const fn changes_something(&self) -> bool {
        !matches!(self.op, Op::Same | Op::Read)
    }

    /// The form in which it is shown.
    #[must_use]
    pub fn view(&self) -> StepView {
        StepView {
            urn: self.urn.to_string(),
            name: self.urn.name().to_owned(),
            token: self.urn.token().to_owned(),
            component: self.component.to_string(),
            op: self.op.word().to_owned(),
            replace: self.replace.clone(),
            deletes_first: (self.op == Op::Replace).then_some(self.delete_before_replace),
            reason: self.reason.clone(),
            may_change: self.may_change,
            changes: self.changes.clone(),
        }
    }
}

/// Everything to do.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In an order in which it could be done one by one; resources without any work are left out.
    pub steps: Vec<Step>,
    /// Worth saying.
    pub notes: Vec<String>,
    /// How many resources stay as they are.
    pub unchanged: usize,
    /// What changed behind our back; `None` when not everything was looked at.
    pub drift: Option<Vec<Drift>>,
    /// What should be read before this plan may be trusted.
    pub(crate) needs: Vec<Need>,
    /// Lineages that the run takes over.
    pub(crate) takeovers: BTreeSet<String>,
    /// Begins of earlier runs that need no step any more.
    pub(crate) closes: Vec<u64>,
    /// What was read for it.
    pub(crate) observed: Observations,
}

impl Plan {
    /// Whether the user would see no change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.steps.iter().any(Step::changes_something)
    }

    /// Notes something that is not as state knows it, if that is looked for.
    pub(crate) fn drifted(&mut self, drift: Drift) {
        self.drift.iter_mut().for_each(|all| all.push(drift.clone()));
    }

    /// What changed behind our back, for display.
    #[must_use]
    pub fn drift_views(&self) -> Option<Vec<DriftView>> {
        Some(self.drift.as_ref()?.iter().map(|d| d.view.clone()).collect())
    }

    /// Steps that change something, for display.
    #[must_use]
    pub fn views(&self) -> Vec<StepView> {
        self.steps.iter().filter(|s| s.changes_something()).map(Step::view).collect()
    }
}

/// Something to read.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    pub(crate) urn: Urn,
    /// `None`: by the inputs that name it.
    pub(crate) id: Option<String>,
    pub(crate) known: Known,
    pub(crate) import: bool,
    /// Whether state has it.
    pub(crate) in_state: bool,
    /// Something whose absence is this one's, too.
    pub(crate) deleted_with: Option<Urn>,
    /// When state says that it was made, or that an earlier run began to make it ([`begun_at`]): until the service has
    /// settled since then, "not there" is no answer.
    pub(crate) made: Option<OffsetDateTime>,
}

impl Need {
    /// To look again at something that state has.
    pub(crate) fn of_state(r: &ResourceState) -> Self {
        Self {
            urn: r.urn.clone(),
            id: Some(r.id.clone()),
            known: r.known(),
            import: false,
            in_state: true,
            deleted_with: r.deleted_with.clone(),
            made: r.created,
        }
    }
}

impl Need {
    /// To look at something that is to be taken over.
    pub(crate) fn of_import(urn: &Urn, id: &str, inputs: &Value) -> Self {
        Self {
            urn: urn.clone(),
            id: Some(id.to_owned()),
            known: Known { inputs: inputs.clone(), ..Known::default() },
            import: true,
            in_state: false,
            deleted_with: None,
            made: None,
        }
    }
}

impl Need {
    /// To look for what an earlier run began to make.
    pub(crate) fn of_begun(operation: &OpenOperation, provider: &dyn Provider) -> Self {
        let resource = &operation.resource;
        Self {
            urn: resource.urn.clone(),
            id: None,
            known: Known { inputs: resource.inputs.clone(), ..Known::default() },
            import: false,
            in_state: false,
            deleted_with: None,
            made: begun_at(operation, provider),
        }
    }
}

/// When something was begun that only a search finds again: were it made anew before the service shows it, there would
/// be two. What has a name of ours is written again under that name, and nobody has to wait.
pub(crate) fn begun_at(operation: &OpenOperation, provider: &dyn Provider) -> Option<OffsetDateTime> {
    let identity = provider.identity(&operation.resource.urn, &standin(&operation.resource.inputs));
    matches!(identity, Some(Identity::Tag(_))).then_some(operation.at)
}

/// What reading gave.
#[derive(Clone, Debug)]
pub enum Observed {
    /// It is not there.
    Absent,
    /// It is there.
    Found(Box<Found>),
    /// It could not be read; planned from state.
    Unread(String),
    /// What it is in does not answer, and the user said to leave it out.
    Unreachable,
}

/// What was read, by name.
pub type Observations = HashMap<Urn, Observed>;

/// How to plan.
#[derive(Clone, Default)]
pub struct PlanOptions {
    /// Nothing will be done: absent secret sources are notes.
    pub preview: bool,
    /// Read everything.
    pub refresh: bool,
    /// Plan these components only.
    pub only: Option<BTreeSet<Component>>,
    /// With `only`: change what depends on them as well.
    pub with_dependants: bool,
    /// What is inside something that does not answer leaves the state; so all of it has to be looked at.
    pub skip_unreachable: bool,
    /// Get a new credential although the present one is still good.
    pub renew: BTreeSet<Urn>,
    /// Stay as state knows them, whatever the program says of them.
    pub leave: BTreeSet<Urn>,
    /// Opens secrets of the state where a secret in clear has to be compared with one.
    pub sealer: Option<Arc<Sealer>>,
}

/// Plans an `up`. Pure: no call, no clock, no file (but checks may look whether secret sources are there).
///
/// # Errors
/// Everything that stands against it, as [`EngineError::Refused`] or [`EngineError::ForeignState`].
pub fn plan(
    program: &Program,
    snapshot: &Snapshot,
    observations: &Observations,
    provider: &dyn Provider,
    options: &PlanOptions,
) -> Result<Plan, EngineError> {
    let graph = Graph::of(program).map_err(EngineError::Refused)?;
    let mut planner = decide::Planner::new(program, snapshot, observations, provider, options, &graph);
    provider.foresee(&mut foreseen::foreseen(&planner));
    for i in graph.order.iter().copied() {
        planner.decide(i);
    }
    planner.finish()
}

/// Why something leaves the state although nobody saw that it is gone.
pub(crate) const OUT_OF_REACH: &str = "what it is in does not answer";

/// A value without its secrets opened, ready to be shown to `check` and `diff`.
pub(crate) fn known_standin(known: &Known) -> Known {
    Known { id: known.id.clone(), inputs: standin(&known.inputs), outputs: standin(&known.outputs) }
}

/// Observed outputs, with what only state can know (a secret seen once) kept.
pub(crate) fn merged(seen: &Value, known: &Value) -> Value {
    match (seen, known) {
        (Value::Map(new), Value::Map(old)) => {
            let mut all = new.clone();
            for (key, value) in old {
                if !all.contains_key(key) {
                    all.insert(key.clone(), value.clone());
                }
            }
            Value::Map(all)
        }
        (Value::Null, old) => old.clone(),
        (new, _) => new.clone(),
    }
}
