//! State brought up to what exists: reads everything, changes nothing but state.

use std::collections::BTreeSet;

use mops_core::provider::{Found, Provider};
use mops_core::{Diagnostic, Identity, Ownership, Urn};

use super::drift::{Drift, incomparable};
use super::{Need, Observations, Observed, Op, Plan, Step, standin};
use crate::error::EngineError;
use crate::program::Component;
use crate::state::{ResourceState, Sealer, Snapshot};

/// Everything that a refresh is planned from, but the observations.
#[derive(Clone, Copy)]
pub struct RefreshScope<'a> {
    /// These components; else all.
    pub only: Option<&'a BTreeSet<Component>>,
    /// Opens secrets of the state where a secret in clear has to be compared with one.
    pub sealer: Option<&'a Sealer>,
}

/// Plans a `refresh`. Pure.
///
/// # Errors
/// When a secret cannot be compared because the passphrase is missing or wrong.
pub fn plan_refresh(
    snapshot: &Snapshot,
    observations: &Observations,
    provider: &dyn Provider,
    scope: RefreshScope<'_>,
) -> Result<Plan, EngineError> {
    let mut plan = Plan { notes: snapshot.notes.clone(), drift: Some(Vec::new()), ..Plan::default() };
    let mut refused = Vec::new();
    let chosen = |r: &&ResourceState| scope.only.is_none_or(|only| only.contains(&r.component));
    let living = || snapshot.resources.iter().filter(|r| !r.pending_delete);
    // What does not answer because that which it is in is gone is gone as well: both are read.
    let around: BTreeSet<&Urn> = living().filter(chosen).filter_map(|r| r.deleted_with.as_ref()).collect();
    for r in living().filter(|r| !chosen(r) && around.contains(&r.urn)) {
        ask(r, observations, provider, &mut plan);
    }
    let absent = |r: &&ResourceState| matches!(observations.get(&r.urn), Some(Observed::Absent));
    let gone = inside(living, living().filter(chosen).filter(absent));
    for r in living().filter(|r| chosen(r) || gone.contains(&r.urn)) {
        if gone.contains(&r.urn) {
            let reason = if absent(&r) { "it no longer exists" } else { "it went with what it was in" };
            let step = Step::new(r.urn.clone(), Op::Forget, r.component);
            plan.steps.push(Step { reason: Some(reason.to_owned()), ..step });
            plan.drifted(Drift::gone(r));
            continue;
        }
        match observations.get(&r.urn) {
            Some(Observed::Unreachable) => plan.steps.push(Step::out_of_reach(r)),
            Some(Observed::Found(found)) => {
                if matches!(found.ownership, Ownership::Other { .. }) {
                    plan.notes.push(format!("`{}` carries another stack's mark now", r.urn.name()));
                }
                plan.unchanged += 1;
                match known(r, found, provider, scope.sealer) {
                    Ok(drift) => drift.into_iter().for_each(|drift| save(r, drift, &mut plan)),
                    Err(why) => refused.push(why),
                }
            }
            Some(Observed::Unread(why)) => {
                plan.unchanged += 1;
                plan.notes.push(format!("`{}` stays as state knows it: {why}", r.urn.name()));
            }
            Some(Observed::Absent) | None => {
                plan.unchanged += 1;
                ask(r, observations, provider, &mut plan);
            }
        }
    }
    if refused.is_empty() { Ok(plan) } else { Err(EngineError::Refused(refused)) }
}

/// These, and what is in them, also outside the selection: state knows nothing to be in something that it forgot.
fn inside<'a, I: Iterator<Item = &'a ResourceState>>(
    living: impl Fn() -> I,
    these: impl Iterator<Item = &'a ResourceState>,
) -> BTreeSet<&'a Urn> {
    let mut all: BTreeSet<&Urn> = these.map(|r| &r.urn).collect();
    loop {
        let inner = |r: &&ResourceState| r.deleted_with.as_ref().is_some_and(|target| all.contains(target));
        let more: Vec<&Urn> = living().filter(inner).map(|r| &r.urn).filter(|urn| !all.contains(urn)).collect();
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}

/// Asks for a look at it, unless there was one or nothing can be seen.
pub(super) fn ask(r: &ResourceState, observations: &Observations, provider: &dyn Provider, plan: &mut Plan) {
    let identity = provider.identity(&r.urn, &standin(&r.inputs));
    let tells = provider.schema(r.urn.token()).is_some_and(|s| s.read_tells);
    let readable = tells || matches!(identity, Some(Identity::Name(_) | Identity::Tag(_)));
    if readable && !observations.contains_key(&r.urn) {
        plan.needs.push(Need::of_state(r));
    }
}

/// The drift of something that was found, or why it cannot be compared.
pub(crate) fn known(
    r: &ResourceState,
    found: &Found,
    provider: &dyn Provider,
    sealer: Option<&Sealer>,
) -> Result<Option<Drift>, Diagnostic> {
    Drift::of(r, found, provider, sealer).map_err(|error| incomparable(&r.urn, &error))
}

fn save(r: &ResourceState, mut drift: Drift, plan: &mut Plan) {
    let step = Step { save: drift.save.take(), ..Step::new(r.urn.clone(), Op::Read, r.component) };
    plan.steps.push(step);
    plan.drifted(drift);
}
