//! What has to go: dependants first, nothing without our mark, nothing that is protected.

use std::collections::{HashMap, HashSet};

use mops_core::provider::Provider;
use mops_core::{Diagnostic, Identity, Ownership, Urn};

use super::decide::Planner;
use super::ownership::{Verdict, judge};
use super::{Need, Observations, Observed, Op, Plan, Step, standin};
use crate::state::{Action, OpenOperation, ResourceState, Snapshot};

/// What is to be removed, and why some of it is only forgotten.
pub(crate) struct Removal<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) observations: &'a Observations,
    pub(crate) provider: &'a dyn Provider,
    /// Names that are removed.
    pub(crate) going: HashSet<&'a Urn>,
    /// Names of living resources that are deleted or made anew by this plan, beside `going`.
    pub(crate) vanishing: HashSet<&'a Urn>,
    /// Protection and retention are overruled for these.
    pub(crate) overruled: HashSet<&'a Urn>,
}

/// Adds the removal of what the program does not declare any more.
pub(crate) fn undeclared(planner: &mut Planner<'_>) {
    let vanishing = planner.plan.steps.iter().filter(|s| s.op == Op::Replace && s.delete_before_replace);
    let vanishing: HashSet<Urn> = vanishing.map(|s| s.urn.clone()).collect();
    let going = going(planner, &vanishing);
    let left = |r: &&ResourceState| going.contains(&r.urn) && !planner.selected(r.component);
    let left = planner.snapshot.resources.iter().filter(|r| !r.pending_delete).filter(left);
    let left: Vec<String> = left.map(|r| format!("`{}` ({})", r.urn.name(), r.component)).collect();
    planner.fed.extend(left);
    let removal = Removal {
        snapshot: planner.snapshot,
        observations: planner.observations,
        provider: planner.provider,
        going,
        vanishing: vanishing.iter().collect(),
        overruled: HashSet::new(),
    };
    let doomed = |r: &ResourceState| r.pending_delete && planner.selected(r.component);
    let all = planner.snapshot.resources.iter();
    let all: Vec<&ResourceState> =
        all.filter(|r| doomed(r) || (!r.pending_delete && removal.going.contains(&r.urn))).collect();
    let found = removal.steps(all, &mut planner.plan);
    planner.refused.extend(found.refused);
    planner.foreign.extend(found.foreign);
    // What is in a cluster that goes first leaves the state with it, and is made anew.
    let gone_with: Vec<Step> = planner
        .plan
        .steps
        .iter()
        .filter_map(|s| planner.living.get(&s.urn).filter(|_| s.op == Op::Create))
        .filter_map(|r| {
            let target = r.deleted_with.as_ref().filter(|t| vanishing.contains(*t))?;
            Some(Step { with: Some(target.clone()), ..Step::new(r.urn.clone(), Op::Forget, r.component) })
        })
        .collect();
    planner.plan.steps.extend(gone_with);
}

/// What goes because nobody declares it any more: of the selected components, what is in something that vanishes, and
/// whatever else was made from these.
pub(crate) fn going<'a>(planner: &Planner<'a>, vanishing: &HashSet<Urn>) -> HashSet<&'a Urn> {
    let undeclared = |r: &&'a ResourceState| !r.pending_delete && !planner.graph.index.contains_key(&r.urn);
    let all = || planner.snapshot.resources.iter().filter(undeclared);
    let inside = |r: &&ResourceState| r.deleted_with.as_ref().is_some_and(|target| vanishing.contains(target));
    let first = all().filter(|r| planner.selected(r.component) || inside(r));
    let mut going: HashSet<&'a Urn> = first.map(|r| &r.urn).collect();
    let more = dependants(all().filter(|r| !planner.selected(r.component)), &going);
    going.extend(more.iter().map(|r| &r.urn));
    going
}

/// Everything outside that exists and depends on what goes, directly or not.
pub(crate) fn dependants<'a>(
    living: impl Iterator<Item = &'a ResourceState>,
    going: &HashSet<&'a Urn>,
) -> Vec<&'a ResourceState> {
    let mut feeds: HashMap<&Urn, Vec<&ResourceState>> = HashMap::new();
    for r in living {
        r.dependencies.iter().chain(&r.deleted_with).for_each(|d| feeds.entry(d).or_default().push(r));
    }
    let mut seen: HashSet<&Urn> = going.clone();
    let mut queue: Vec<&Urn> = going.iter().copied().collect();
    let mut found = Vec::new();
    while let Some(urn) = queue.pop() {
        for r in feeds.get(urn).into_iter().flatten() {
            if seen.insert(&r.urn) {
                found.push(*r);
                queue.push(&r.urn);
            }
        }
    }
    found.sort_by(|a, b| a.urn.cmp(&b.urn));
    found
}

/// What stands against a removal.
#[derive(Default)]
pub(crate) struct Against {
    pub(crate) refused: Vec<Diagnostic>,
    pub(crate) foreign: Vec<Diagnostic>,
}

impl<'a> Removal<'a> {
    /// One step each, dependants first.
    pub(crate) fn steps(&self, all: Vec<&'a ResourceState>, plan: &mut Plan) -> Against {
        let mut against = Against::default();
        for resource in dependants_first(&all) {
            if let Some(step) = self.step(resource, plan, &mut against) {
                plan.steps.push(step);
            }
        }
        against
    }

    fn step(&self, r: &'a ResourceState, plan: &mut Plan, against: &mut Against) -> Option<Step> {
        let name = r.urn.name();
        let mut step = Step { old_id: Some(r.id.clone()), ..Step::new(r.urn.clone(), Op::Delete, r.component) };
        if r.pending_delete {
            step.doomed = true;
            step.reason = Some("it was replaced".into());
            return Some(step);
        }
        let forget = |step: Step, reason: &str| Some(Step { op: Op::Forget, reason: Some(reason.into()), ..step });
        if let Some(target) = self.gone_with(r) {
            step.with = target;
            return forget(step, "it goes with what it is in");
        }
        if r.adopted_from.is_some() {
            return forget(step, "it was there before this stack, and stays");
        }
        let overruled = self.overruled.contains(&r.urn);
        if r.protect && !overruled {
            let text = format!("`{name}` is protected and would be deleted");
            let hint = format!("`mops infra state unprotect {name}` allows it");
            against.refused.push(Diagnostic::error(None, text).hint(hint));
            return None;
        }
        if r.retain_on_delete && !overruled {
            return forget(step, "it is kept");
        }
        match self.observations.get(&r.urn) {
            Some(Observed::Absent) if self.is_leaving(r) => step.reason = Some("its deletion was begun earlier".into()),
            Some(Observed::Absent) => return forget(step, "it no longer exists"),
            Some(Observed::Unreachable) => return forget(step, super::OUT_OF_REACH),
            Some(Observed::Found(found)) => match judge(self.snapshot, &r.urn, None, &found.ownership) {
                Verdict::Ours => {}
                Verdict::Takeover(lineage) => {
                    step.takeover = true;
                    plan.takeovers.insert(lineage);
                }
                Verdict::OtherState(why) => {
                    against.foreign.push(why);
                    return None;
                }
                Verdict::Unmarked | Verdict::OtherStack(_) => {
                    let whose = if found.ownership == Ownership::Unmarked { "no mark" } else { "another stack's mark" };
                    plan.notes.push(format!("`{name}` carries {whose} and is not deleted"));
                    return forget(step, "it does not carry our mark");
                }
            },
            Some(Observed::Unread(why)) => plan.notes.push(format!("`{name}` is planned from state: {why}")),
            None => self.need(r, plan),
        }
        Some(step)
    }

    /// Whether an earlier run began to delete it and left the operation to be waited for: until that has ended, its
    /// name is not free and what it is in cannot go.
    fn is_leaving(&self, r: &ResourceState) -> bool {
        let begun = |o: &OpenOperation| o.action == Action::Delete && o.resource.urn == r.urn && o.operation.is_some();
        self.snapshot.open.iter().any(begun)
    }

    /// Reads it, and what it is in: what does not answer because that is gone is gone as well.
    fn need(&self, r: &ResourceState, plan: &mut Plan) {
        let around = r.deleted_with.as_ref().and_then(|target| self.snapshot.get(target));
        for r in std::iter::once(r).chain(around) {
            let identity = self.provider.identity(&r.urn, &standin(&r.inputs));
            let readable = matches!(identity, Some(Identity::Name(_) | Identity::Tag(_)));
            let known = self.observations.contains_key(&r.urn) || plan.needs.iter().any(|n| n.urn == r.urn);
            if readable && !known {
                plan.needs.push(Need::of_state(r));
            }
        }
    }

    /// Whether it was found without our mark, so that it stays, and with it what is in it.
    fn is_foreign(&self, urn: &Urn) -> bool {
        let Some(Observed::Found(found)) = self.observations.get(urn) else { return false };
        matches!(judge(self.snapshot, urn, None, &found.ownership), Verdict::Unmarked | Verdict::OtherStack(_))
    }

    /// `Some(Some(x))`: goes with x, which this run deletes; `Some(None)`: went with something that is gone already.
    fn gone_with(&self, r: &ResourceState) -> Option<Option<Urn>> {
        let target = r.deleted_with.as_ref()?;
        if matches!(self.observations.get(target), Some(Observed::Absent)) {
            return Some(None);
        }
        let state = self.snapshot.get(target);
        if state.is_none() {
            return Some(None);
        }
        let kept =
            state.is_some_and(|s| s.adopted_from.is_some() || (s.retain_on_delete && !self.overruled.contains(target)));
        let deleted = self.going.contains(target) && !kept && !self.is_foreign(target);
        (deleted || self.vanishing.contains(target)).then(|| Some(target.clone()))
    }
}

/// Each before what it depends on.
fn dependants_first<'a>(all: &[&'a ResourceState]) -> Vec<&'a ResourceState> {
    let place: HashMap<&Urn, Vec<usize>> = all.iter().enumerate().fold(HashMap::new(), |mut map, (i, r)| {
        map.entry(&r.urn).or_default().push(i);
        map
    });
    let mut waits = vec![0_usize; all.len()];
    let targets = |i: usize| {
        let r = all[i];
        r.dependencies.iter().chain(&r.deleted_with).filter_map(|u| place.get(u)).flatten().filter(move |j| **j != i)
    };
    for i in 0..all.len() {
        targets(i).for_each(|j| waits[*j] += 1);
    }
    let mut order: Vec<usize> = (0..all.len()).filter(|i| waits[*i] == 0).collect();
    let mut next = 0;
    while let Some(&i) = order.get(next) {
        next += 1;
        for &j in targets(i) {
            waits[j] -= 1;
            if waits[j] == 0 {
                order.push(j);
            }
        }
    }
    order.extend((0..all.len()).filter(|i| waits[*i] > 0));
    order.into_iter().map(|i| all[i]).collect()
}
