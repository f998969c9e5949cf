//! A plan against the writes that came in at the service: every write is in the plan, in its place.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mops_core::Urn;
use mops_engine::plan::{Op, Plan, Step};
use mops_engine::program::Program;
use mops_engine::state::Snapshot;
use mops_tests::null::Write;

/// The writes of a step, in their order.
fn writes_of(step: &Step) -> &'static [&'static str] {
    match step.op {
        Op::Create | Op::Adopt => &["create"],
        Op::Update => &["update"],
        Op::Replace if step.delete_before_replace => &["delete", "create"],
        Op::Replace => &["create", "delete"],
        Op::Delete => &["delete"],
        Op::Same | Op::Forget | Op::Read => &[],
    }
}

fn by_urn(writes: &[Write]) -> BTreeMap<&Urn, Vec<&'static str>> {
    let mut all: BTreeMap<&Urn, Vec<&'static str>> = BTreeMap::new();
    writes.iter().for_each(|w| all.entry(&w.urn).or_default().push(w.kind));
    all
}

/// What the plan says will come in for each resource; a replacement and the old one of an earlier one may both be there.
fn planned(plan: &Plan) -> BTreeMap<&Urn, Vec<&'static str>> {
    let mut all: BTreeMap<&Urn, Vec<&'static str>> = BTreeMap::new();
    for step in &plan.steps {
        let writes = writes_of(step);
        if !writes.is_empty() {
            all.entry(&step.urn).or_default().extend(writes);
        }
    }
    all
}

/// Every write is in the plan and everything in the plan was written, but for updates that the plan marks as uncertain.
pub(crate) fn same(plan: &Plan, writes: &[Write]) -> Result<(), String> {
    let (planned, written) = (planned(plan), by_urn(writes));
    let uncertain: BTreeSet<&Urn> = plan.steps.iter().filter(|s| s.may_change).map(|s| &s.urn).collect();
    for (urn, kinds) in &written {
        let mut want = planned.get(urn).cloned().unwrap_or_default();
        let mut got = kinds.clone();
        // The old one of an earlier replacement is a step of its own, in no order with the one of the living.
        if plan.steps.iter().filter(|s| s.urn == **urn && !writes_of(s).is_empty()).count() > 1 {
            want.sort_unstable();
            got.sort_unstable();
        }
        if want != got {
            return Err(format!("`{}`: planned {want:?}, written {got:?}", urn.name()));
        }
    }
    match planned.iter().find(|(urn, _)| !written.contains_key(*urn) && !uncertain.contains(*urn)) {
        Some((urn, kinds)) => Err(format!("`{}`: planned {kinds:?}, and nothing was written", urn.name())),
        None => Ok(()),
    }
}

/// The same for a run that did not get to its end: nothing is written that is not in the plan.
pub(crate) fn part_of(plan: &Plan, writes: &[Write]) -> Result<(), String> {
    let planned = planned(plan);
    for (urn, kinds) in by_urn(writes) {
        let mut left = planned.get(urn).cloned().unwrap_or_default();
        for kind in kinds {
            let Some(i) = left.iter().position(|k| *k == kind) else {
                return Err(format!("`{}`: a {kind} that is not in the plan", urn.name()));
            };
            left.remove(i);
        }
    }
    Ok(())
}

/// Whether everything came in its order: what something is made from before it, what depends on something before that
/// goes. `before` is the state at the beginning.
pub(crate) fn in_order(
    plan: &Plan,
    program: Option<&Program>,
    before: &Snapshot,
    writes: &[Write],
) -> Result<(), String> {
    let mut made: HashMap<&Urn, usize> = HashMap::new();
    let mut gone: HashMap<(&Urn, &str), usize> = HashMap::new();
    for (at, write) in writes.iter().enumerate() {
        match write.kind {
            "delete" => drop(gone.insert((&write.urn, &write.name), at)),
            _ => drop(made.insert(&write.urn, at)),
        }
    }
    for declared in program.map(|p| p.resources.as_slice()).unwrap_or_default() {
        let Some(at) = made.get(&declared.urn) else { continue };
        for target in declared.dependencies().iter().chain(&declared.deleted_with) {
            if made.get(target).is_some_and(|before| before > at) {
                return Err(format!("`{}` was made before `{}`", declared.urn.name(), target.name()));
            }
        }
    }
    let steps: HashMap<&Urn, &Step> = plan.steps.iter().map(|s| (&s.urn, s)).collect();
    let (upset, early) = (upset(plan, program), early(plan, before));
    for dependant in before.resources.iter().filter(|r| !r.pending_delete) {
        for target in dependant.dependencies.iter().chain(&dependant.deleted_with) {
            // Which of the two of a replacement that was cut off is the living one, the run finds out first.
            let cut_off = before.open.iter().any(|o| o.resource.urn == *target);
            let Some(state) = before.get(target).filter(|_| !cut_off) else { continue };
            let (theirs, ours) = (thing(&state.id), thing(&dependant.id));
            let Some(went) = gone.get(&(target, theirs)) else { continue };
            let Some(step) = steps.get(&dependant.urn) else {
                if steps.get(target).is_some_and(|s| s.op == Op::Delete) {
                    let (target, stays) = (target.name(), dependant.urn.name());
                    return Err(format!("`{target}` went although `{stays}` stays: {}", told(writes)));
                }
                continue;
            };
            let replaced_first = steps.get(target).is_some_and(|s| goes_first(s));
            let own = gone.get(&(&dependant.urn, ours));
            let first = match step.op {
                Op::Delete => own,
                Op::Replace if step.delete_before_replace => own,
                // It stays, or its new one takes its place, before what it was made from goes for good.
                Op::Update | Op::Replace if !upset.contains(&dependant.urn) => made.get(&dependant.urn),
                Op::Replace if !replaced_first && !early.contains(target) => own,
                Op::Update if !replaced_first && !early.contains(target) => made.get(&dependant.urn),
                _ => continue,
            };
            if step.may_change && first.is_none() {
                continue;
            }
            if first.is_none_or(|first| first > went) {
                return Err(format!(
                    "`{}` ({:?}) went before its dependant `{}` ({:?}): {}",
                    target.name(),
                    steps.get(target).map(|s| s.op),
                    dependant.urn.name(),
                    step.op,
                    told(writes)
                ));
            }
        }
    }
    Ok(())
}

/// Whether the old one goes before the new one comes.
fn goes_first(step: &Step) -> bool {
    step.op == Op::Replace && step.delete_before_replace
}

/// What is made from something whose old one goes first: it cannot let go of anything before.
fn upset<'a>(plan: &'a Plan, program: Option<&'a Program>) -> BTreeSet<&'a Urn> {
    let mut upset: BTreeSet<&Urn> = plan.steps.iter().filter(|s| goes_first(s)).map(|s| &s.urn).collect();
    for declared in program.map(Program::ordered).unwrap_or_default() {
        if declared.dependencies().iter().chain(&declared.deleted_with).any(|target| upset.contains(target)) {
            upset.insert(&declared.urn);
        }
    }
    upset
}

/// What was made from something that goes first, and so has to go even before that.
fn early<'a>(plan: &'a Plan, before: &'a Snapshot) -> BTreeSet<&'a Urn> {
    let mut early: BTreeSet<&Urn> = plan.steps.iter().filter(|s| goes_first(s)).map(|s| &s.urn).collect();
    loop {
        let made_from = |r: &&mops_engine::state::ResourceState| {
            r.dependencies.iter().chain(&r.deleted_with).any(|target| early.contains(target))
        };
        let more: Vec<&Urn> =
            before.resources.iter().filter(made_from).map(|r| &r.urn).filter(|urn| !early.contains(*urn)).collect();
        if more.is_empty() {
            return early;
        }
        early.extend(more);
    }
}

/// The writes in few words.
fn told(writes: &[Write]) -> String {
    writes.iter().map(|w| format!("{} {}", w.kind, w.name)).collect::<Vec<_>>().join(", ")
}

/// The name at the service of an id.
fn thing(id: &str) -> &str {
    id.strip_prefix("/things/").unwrap_or_default()
}
