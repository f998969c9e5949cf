//! A program as integer ids: names are looked up once, everything after that is O(V + E) and never recursive.

use std::collections::{BTreeSet, HashMap};

use mops_core::{Diagnostic, Urn};

use crate::program::Program;

/// Who depends on whom.
#[derive(Debug)]
pub(crate) struct Graph<'a> {
    /// Each after what it depends on; otherwise in the order of the file.
    pub(crate) order: Vec<usize>,
    /// What each depends on, and what takes it along.
    pub(crate) before: Vec<Vec<usize>>,
    /// The dependencies that state keeps.
    pub(crate) dependencies: Vec<Vec<Urn>>,
    /// Ids by name.
    pub(crate) index: HashMap<&'a Urn, usize>,
}

impl<'a> Graph<'a> {
    /// The graph, or what is wrong with the program.
    pub(crate) fn of(program: &'a Program) -> Result<Self, Vec<Diagnostic>> {
        let count = program.resources.len();
        let mut wrong = Vec::new();
        let mut index = HashMap::with_capacity(count);
        for (i, r) in program.resources.iter().enumerate() {
            if index.insert(&r.urn, i).is_some() {
                wrong.push(Diagnostic::error(r.place.clone(), format!("`{}` is declared twice", r.urn.name())));
            }
        }
        let mut before: Vec<Vec<usize>> = Vec::with_capacity(count);
        let mut dependencies: Vec<Vec<Urn>> = Vec::with_capacity(count);
        for r in &program.resources {
            let wanted: Vec<Urn> = r.dependencies().into_iter().collect();
            let mut ids = Vec::with_capacity(wanted.len() + 1);
            for target in wanted.iter().chain(&r.deleted_with) {
                match index.get(target) {
                    Some(j) if ids.contains(j) => {}
                    Some(j) => ids.push(*j),
                    None => {
                        let text = format!("`{}` refers to `{}`, which is not declared", r.urn.name(), target.name());
                        wrong.push(Diagnostic::error(r.place.clone(), text));
                    }
                }
            }
            before.push(ids);
            dependencies.push(wanted);
        }
        let order = order(&before);
        if wrong.is_empty() && order.len() < count {
            let done: BTreeSet<usize> = order.iter().copied().collect();
            let stuck = (0..count).filter(|i| !done.contains(i)).map(|i| &program.resources[i]);
            let names: Vec<String> = stuck.clone().take(10).map(|r| format!("`{}`", r.urn.name())).collect();
            let place = stuck.clone().next().and_then(|r| r.place.clone());
            wrong.push(Diagnostic::error(place, format!("{} wait for each other", names.join(", "))));
        }
        if wrong.is_empty() { Ok(Self { order, before, dependencies, index }) } else { Err(wrong) }
    }
}

/// Kahn's algorithm; the lowest id first. Members of a cycle are left out.
fn order(before: &[Vec<usize>]) -> Vec<usize> {
    let mut waits: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut feeds: Vec<Vec<usize>> = vec![Vec::new(); before.len()];
    for (i, ids) in before.iter().enumerate() {
        for j in ids {
            feeds[*j].push(i);
        }
    }
    let mut ready: BTreeSet<usize> = (0..before.len()).filter(|i| waits[*i] == 0).collect();
    let mut order = Vec::with_capacity(before.len());
    while let Some(i) = ready.pop_first() {
        order.push(i);
        for &next in &feeds[i] {
            waits[next] -= 1;
            if waits[next] == 0 {
                ready.insert(next);
            }
        }
    }
    order
}
