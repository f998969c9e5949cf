//! `down` in any world: what is not ours stays as it is, what is ours and asked for is gone, and a refusal has a reason.

use std::collections::{BTreeMap, BTreeSet};

use mops_core::Urn;
use mops_engine::error::Exit;
use mops_engine::program::Component;
use mops_engine::run::DownOptions;
use mops_engine::state::{Action, ResourceState, Snapshot};
use mops_tests::dice::Dice;
use mops_tests::null::{GROUP, Thing, stack};
use mops_tests::rig::Rig;
use serde_json::json;

use super::copy::room;
use super::ledger;
use super::play::{Operation, any_down, play, trouble};
use super::stacks::Stack;

/// What the worlds held.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) refused: u64,
    pub(crate) deleted: usize,
    pub(crate) foreign: usize,
    pub(crate) adopted: usize,
    pub(crate) doomed: usize,
    pub(crate) half_begun: usize,
}

type Things = BTreeMap<String, Thing>;

/// Whether a thing carries our mark, with our lineage.
fn is_ours(state: &Snapshot, thing: &Thing) -> bool {
    let mark = thing.mark.as_ref();
    mark.is_some_and(|(stack, _, lineage)| *stack == state.stack.to_string() && *lineage == state.lineage.0)
}

/// Somebody else's things, and things of ours that somebody laid hands on.
fn meddle(dice: &mut Dice, rig: &Rig) {
    for i in 0..dice.below(3) {
        let mark = dice.percent(50).then(|| ("null.other".to_owned(), format!("urn:x{i}"), "f".repeat(32)));
        rig.null.put(&format!("stranger{i}"), Thing { inputs: json!({"name": "stranger"}), mark, creates: 0 });
    }
    for _ in 0..dice.below(3) {
        let names: Vec<String> = rig.null.things().into_keys().collect();
        let Some(mut thing) = names.get(dice.below(names.len())).and_then(|n| rig.null.things().remove(n)) else {
            return;
        };
        let name = names.iter().find(|n| rig.null.things()[*n] == thing).cloned().unwrap_or_default();
        match (dice.below(10), thing.mark.clone()) {
            (0..=2, _) => rig.null.steal(&name),
            (3..=5, _) => {
                thing.mark = None;
                rig.null.put(&name, thing);
            }
            (6 | 7, Some((_, urn, lineage))) => {
                thing.mark = Some(("null.other".into(), urn, lineage));
                rig.null.put(&name, thing);
            }
            (8, Some((stack, urn, _))) => {
                thing.mark = Some((stack, urn, "e".repeat(32)));
                rig.null.put(&name, thing);
            }
            _ => {}
        }
    }
}

/// What exists by state, with what an interrupted run made and did not come to tell.
fn known(state: &Snapshot, things: &Things) -> Vec<ResourceState> {
    let mut all: Vec<ResourceState> = state.resources.iter().filter(|r| !r.pending_delete).cloned().collect();
    for open in &state.open {
        let urn = open.resource.urn.as_str();
        let made = matches!(open.action, Action::Create | Action::CreateReplacement);
        let there = things.values().any(|t| is_ours(state, t) && t.mark.as_ref().is_some_and(|m| m.1 == urn));
        if made && there && !all.iter().any(|r| r.urn == open.resource.urn) {
            all.push(open.resource.clone());
        }
    }
    all
}

/// The components that the options ask for, by the words of the help.
fn asked(options: &DownOptions) -> BTreeSet<Component> {
    let mut all = options.only.clone().unwrap_or_else(|| [Component::Workspace, Component::Cluster].into());
    all.extend(options.destroy_storage.then_some(Component::Storage));
    all.extend(options.destroy_registry.then_some(Component::Registry));
    all.extend(options.delete_rg.then_some(Component::ResourceGroup));
    all
}

/// What goes, and what outside of it was made from that.
fn reach(all: &[ResourceState], components: &BTreeSet<Component>) -> (BTreeSet<Urn>, BTreeSet<Urn>) {
    let asked: BTreeSet<Urn> =
        all.iter().filter(|r| components.contains(&r.component)).map(|r| r.urn.clone()).collect();
    let mut with = asked.clone();
    loop {
        let made_from = |r: &&ResourceState| r.dependencies.iter().chain(&r.deleted_with).any(|t| with.contains(t));
        let more: Vec<Urn> =
            all.iter().filter(made_from).map(|r| r.urn.clone()).filter(|urn| !with.contains(urn)).collect();
        if more.is_empty() {
            return (asked.clone(), with.difference(&asked).cloned().collect());
        }
        with.extend(more);
    }
}

/// One world.
pub(crate) async fn case(seed: u64, seen: &mut Seen) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let home = room();
    let rig = Rig::new(home.path());
    let first = Stack::random(&mut dice, 12);
    if first.0[0].token == GROUP && dice.percent(50) {
        let group = &first.0[0];
        let inputs = json!({
            "name": group.name, "value": format!("v{}", group.value), "replace": format!("t{}", group.tag),
        });
        rig.null.put(&group.name, Thing { inputs, mark: None, creates: 0 });
    }
    rig.up(&first.program()).await.map_err(|e| e.to_string())?;
    if dice.percent(50) {
        // A run that goes wrong leaves old ones, half-made ones and operations without an end.
        let second = first.changed(&mut dice);
        let names: Vec<String> = first.0.iter().chain(&second.0).map(|n| n.name.clone()).collect();
        trouble(&mut dice, &rig, &names);
        let _ = rig.up(&second.program()).await;
        names.iter().for_each(|name| rig.null.trouble(name, None));
    }
    meddle(&mut dice, &rig);
    let (state, before) = (rig.read().unwrap(), rig.null.things());
    let options = any_down(&mut dice);
    count(seen, &state, &before);
    let played = play(&rig, &Operation::Down(options.clone()), &first.program(), None).await;
    let after = rig.null.things();
    let all = known(&state, &before);
    let (asked, outside) = reach(&all, &asked(&options));
    let goes: BTreeSet<&Urn> = all
        .iter()
        .map(|r| &r.urn)
        .filter(|u| asked.contains(u) || (options.with_deps && outside.contains(u)))
        .collect();
    let report = match (&played.planned, &played.done) {
        (Ok(plan), Ok(report)) => {
            ledger::same(plan, &played.writes)?;
            ledger::in_order(plan, None, &played.before, &played.writes)?;
            report
        }
        (Err(planned), Err(done)) if planned.to_string() == done.to_string() => {
            seen.refused += 1;
            let untouched = played.writes.is_empty() && before == after;
            let reason = (!outside.is_empty() && !options.with_deps) || forbidden(&all, &goes, &state, &before);
            let what = Operation::Down(options);
            return if untouched && reason { Ok(()) } else { Err(format!("{what:?} was refused: {done}")) };
        }
        other => return Err(format!("preview and down differ: {other:?}")),
    };
    if !outside.is_empty() && !options.with_deps {
        return Err(format!("{outside:?} stay without what they were made from"));
    }
    if report.exit() != Exit::Ok {
        return Err(format!("{report:?}"));
    }
    seen.deleted += played.writes.len();
    foreign_stays(&state, &before, &after)?;
    let left = rig.read().unwrap();
    for r in all.iter().filter(|r| goes.contains(&r.urn)) {
        if left.get(&r.urn).is_some() {
            return Err(format!("`{}` is still in state", r.urn.name()));
        }
        let overruled = options.delete_rg && r.component == Component::ResourceGroup;
        let kept = r.adopted_from.is_some() || (r.retain_on_delete && !overruled);
        let ours = |t: &&Thing| is_ours(&state, t) && t.mark.as_ref().is_some_and(|m| m.1 == r.urn.as_str());
        let doomed = |r: &&ResourceState| r.pending_delete && !options_take(&options, r.component);
        let old = state.resources.iter().filter(doomed).any(|old| old.urn == r.urn);
        if !kept && !old && after.values().any(|t| ours(&t)) {
            let steps = played
                .planned
                .as_ref()
                .map(|p| p.steps.iter().map(|s| (s.urn.name(), s.op, s.reason.clone())).collect::<Vec<_>>());
            return Err(format!("`{}` is still there: {steps:?}", r.urn.name()));
        }
    }
    let stay = all.iter().filter(|r| !goes.contains(&r.urn));
    match stay.map(|r| r.id.trim_start_matches("/things/")).find(|name| after.get(*name) != before.get(*name)) {
        Some(name) => Err(format!("`{name}` was not asked for")),
        None => Ok(()),
    }
}

fn options_take(options: &DownOptions, component: Component) -> bool {
    asked(options).contains(&component)
}

/// Whether something that would go is protected, or another state's.
fn forbidden(all: &[ResourceState], goes: &BTreeSet<&Urn>, state: &Snapshot, things: &Things) -> bool {
    all.iter().filter(|r| goes.contains(&r.urn)).any(|r| {
        let mark = things.get(r.id.trim_start_matches("/things/")).and_then(|t| t.mark.as_ref());
        let elsewhere =
            mark.is_some_and(|(stack, _, lineage)| *stack == state.stack.to_string() && *lineage != state.lineage.0);
        r.protect || elsewhere
    })
}

/// What does not carry our mark is as it was, unless it was in something of ours that went.
fn foreign_stays(state: &Snapshot, before: &Things, after: &Things) -> Result<(), String> {
    for (name, thing) in before.iter().filter(|(_, t)| !is_ours(state, t)) {
        let around = thing.inputs["inside"].as_str().is_some_and(|around| !after.contains_key(around));
        if !around && after.get(name) != Some(thing) {
            return Err(format!("`{name}` is not ours, and was touched"));
        }
    }
    Ok(())
}

fn count(seen: &mut Seen, state: &Snapshot, things: &Things) {
    seen.foreign += things.values().filter(|t| !is_ours(state, t)).count();
    seen.adopted += state.resources.iter().filter(|r| r.adopted_from.is_some()).count();
    seen.doomed += state.resources.iter().filter(|r| r.pending_delete).count();
    seen.half_begun += state.open.len();
    debug_assert_eq!(state.stack, stack());
}
