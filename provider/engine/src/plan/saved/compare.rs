//! What differs between a saved plan and now, each difference in one sentence that names the thing.

use std::collections::BTreeMap;

use mops_core::Urn;
use serde_json::Value as Json;

use super::{Digests, SavedPlan};
use crate::state::Snapshot;

/// What can be compared without a call.
pub(super) fn before(plan: &SavedPlan, now: &Digests, snapshot: &Snapshot) -> Vec<String> {
    if plan.stack != snapshot.stack.to_string() {
        return vec![format!("it is for stack `{}`, not for `{}`", plan.stack, snapshot.stack)];
    }
    let mut found = Vec::new();
    changed(&plan.digests.facts, &now.facts, |name| found.push(format!("{name} is not what it was")));
    for (name, was) in &plan.digests.sources {
        match now.sources.get(name) {
            Some(is) if is == was => {}
            Some(_) => found.push(format!("{name} holds another secret now")),
            None => found.push(format!("{name} holds no secret any more")),
        }
    }
    if found.is_empty() && plan.digests.program != now.program {
        found.push("the environment makes something else of the same stack file".to_owned());
    }
    found.extend(state(plan, now, snapshot));
    found
}

fn state(plan: &SavedPlan, now: &Digests, snapshot: &Snapshot) -> Option<String> {
    let (was, is) = (plan.sequence, snapshot.sequence);
    Some(match (&plan.lineage, snapshot.is_new) {
        (None, true) => return None,
        (None, false) => format!("the stack has a state now (record {is}), and had none"),
        (Some(_), true) => "the state that it was made from is gone".to_owned(),
        (Some(ours), false) if *ours != snapshot.lineage.0 => "it was made from another state of this stack".to_owned(),
        _ if was != is => format!("the state moved on, from record {was} to {is}"),
        _ if plan.digests.state != now.state => "the state holds something else under the same record".to_owned(),
        _ => return None,
    })
}

/// What needs the services, and the steps that follow.
pub(super) fn after(plan: &SavedPlan, reads: &BTreeMap<String, String>, steps: &[Json]) -> Vec<String> {
    let mut found = Vec::new();
    let seen: BTreeMap<String, String> = reads
        .iter()
        .filter(|(urn, _)| !plan.unread.contains(urn))
        .map(|(urn, digest)| (urn.clone(), digest.clone()))
        .collect();
    changed(&plan.digests.reads, &seen, |urn| {
        found.push(format!("`{}` is not what it was at the service", name(urn)));
    });
    if plan.steps != steps {
        found.extend(other_steps(&plan.steps, steps));
    }
    found
}

/// Calls `tell` with each name that is not on both sides with the same digest.
fn changed(was: &BTreeMap<String, String>, is: &BTreeMap<String, String>, mut tell: impl FnMut(&str)) {
    let added = is.keys().filter(|name| !was.contains_key(*name));
    was.keys().chain(added).filter(|name| was.get(*name) != is.get(*name)).for_each(|name| tell(name));
}

/// The steps that differ; a pair of the same resource and operation differs in what changes.
fn other_steps(was: &[Json], is: &[Json]) -> Vec<String> {
    let key = |step: &Json| (text(step, "urn"), text(step, "op"));
    let gone = was.iter().filter(|s| !is.iter().any(|n| key(n) == key(s)));
    let new = is.iter().filter(|s| !was.iter().any(|o| key(o) == key(s)));
    let other = was.iter().filter(|s| is.iter().any(|n| key(n) == key(s) && n != *s));
    let mut found: Vec<String> = Vec::new();
    found.extend(gone.map(|s| format!("the {} of `{}` is not needed any more", text(s, "op"), text(s, "name"))));
    found.extend(new.map(|s| format!("the {} of `{}` was not part of it", text(s, "op"), text(s, "name"))));
    found.extend(other.map(|s| format!("the {} of `{}` would be another one", text(s, "op"), text(s, "name"))));
    if found.is_empty() {
        found.push("the steps have another order now".to_owned());
    }
    found
}

fn text(step: &Json, field: &str) -> String {
    step[field].as_str().unwrap_or_default().to_owned()
}

fn name(urn: &str) -> String {
    Urn::parse(urn).map_or_else(|| urn.to_owned(), |urn| urn.name().to_owned())
}
