//! What holds of state and world at every moment, and what holds of them when nothing is left to do.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use mops_core::Urn;
use mops_engine::error::Exit;
use mops_engine::plan::{Op, Plan};
use mops_engine::run::UpOptions;
use mops_engine::state::Snapshot;
use mops_tests::rig::{Rig, files};

use super::stacks::{Stack, names};

/// Unique names, ids, and dependencies that are there; one may be missing only while this plan makes it anew, or found
/// that it is gone.
pub(crate) fn sound(state: &Snapshot, plan: Option<&Plan>) -> Result<(), String> {
    let mut living: HashSet<&Urn> = HashSet::new();
    for r in &state.resources {
        if r.id.is_empty() {
            return Err(format!("`{}` has no id", r.urn.name()));
        }
        if !r.pending_delete && !living.insert(&r.urn) {
            return Err(format!("`{}` stands there twice", r.urn.name()));
        }
    }
    let steps = plan.map(|p| p.steps.as_slice()).unwrap_or_default();
    let away = |s: &&mops_engine::plan::Step| matches!(s.op, Op::Replace | Op::Create | Op::Forget);
    let away: HashSet<&Urn> = steps.iter().filter(away).map(|s| &s.urn).collect();
    for r in state.resources.iter().filter(|r| !r.pending_delete) {
        if let Some(missing) = r.dependencies.iter().find(|d| !living.contains(d) && !away.contains(d)) {
            return Err(format!("`{}` depends on `{}`, which is not there", r.urn.name(), missing.name()));
        }
    }
    Ok(())
}

/// Brings the stack up until nothing is left to do: what is wanted is what is there, state says so, a preview is empty
/// and one more run writes nothing. `kept` are names that may be left over because they were to be kept.
pub(crate) async fn converges(rig: &Rig, wanted: &Stack, refresh: bool, kept: &BTreeSet<String>) -> Result<(), String> {
    let program = wanted.program();
    let options = UpOptions { refresh, ..UpOptions::default() };
    let report = rig.up_with(&program, &options).await.map_err(|e| format!("up was refused: {e:?}"))?;
    if report.exit() != Exit::Ok {
        return Err(format!("up failed: {report:?}"));
    }
    let state = rig.read().map_err(|e| e.to_string())?;
    sound(&state, None)?;
    if !state.open.is_empty() || state.resources.len() != program.resources.len() {
        let left: Vec<_> = state.resources.iter().map(|r| (r.urn.name(), r.pending_delete)).collect();
        let open: Vec<_> = state.open.iter().map(|o| (o.action, o.resource.urn.name())).collect();
        return Err(format!("state is not the program: it holds {left:?}, open are {open:?}"));
    }
    let things = rig.null.things();
    let want = names(&program);
    let have: Vec<String> =
        things.keys().filter(|name| want.contains(name) || !kept.contains(*name)).cloned().collect();
    if have != want {
        return Err(format!("there is {have:?}, wanted {want:?}"));
    }
    let owners: BTreeMap<&str, &Urn> =
        state.resources.iter().filter_map(|r| Some((r.id.strip_prefix("/things/")?, &r.urn))).collect();
    for name in &want {
        let mark = things[name].mark.as_ref().map(|m| m.1.as_str());
        if owners.get(name.as_str()).map(|u| u.as_str()) != mark {
            return Err(format!("`{name}` carries the mark {mark:?}"));
        }
    }
    let plan = rig.preview(&program).await.map_err(|e| e.to_string())?;
    if !plan.steps.is_empty() {
        return Err(format!("a second preview is not empty: {:?}", plan.steps));
    }
    rig.null.reset();
    let before = files(&rig.folder());
    let again = rig.up(&program).await.map_err(|e| e.to_string())?;
    if again.changed() || !rig.null.writes().is_empty() || files(&rig.folder()) != before {
        return Err(format!("a second up does something: {again:?}"));
    }
    Ok(())
}
