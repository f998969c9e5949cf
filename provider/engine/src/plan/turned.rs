//! Edges that turn round while only a part of a stack is planned.
//!
//! Guarantees: what a run leaves as it is and what it changes never wait for each other in state
//! (`tests/engine_props.rs`).

use std::collections::{HashMap, HashSet, VecDeque};

use mops_core::Urn;

use super::Graph;
use crate::program::Program;
use crate::state::ResourceState;

/// What has to be changed as well, beside `chosen`: state says that it was made from something that the program now
/// makes from it.
pub(crate) fn turned<'a>(
    program: &'a Program,
    graph: &'a Graph<'a>,
    living: &HashMap<&'a Urn, &'a ResourceState>,
    chosen: impl Fn(&Urn) -> bool,
) -> HashSet<&'a Urn> {
    let mut turned: HashSet<&'a Urn> = HashSet::new();
    loop {
        let mut edges: HashMap<&'a Urn, Vec<&'a Urn>> = HashMap::new();
        for (urn, state) in living {
            edges.insert(urn, state.dependencies.iter().chain(&state.deleted_with).collect());
        }
        for (i, declared) in program.resources.iter().enumerate() {
            if chosen(&declared.urn) || turned.contains(&declared.urn) {
                let targets = graph.before[i].iter().map(|j| &program.resources[*j].urn);
                edges.insert(&declared.urn, targets.collect());
            }
        }
        let stuck = stuck(&edges);
        let more: Vec<&Urn> =
            program.resources.iter().map(|d| &d.urn).filter(|u| stuck.contains(u) && !chosen(u)).collect();
        let before = turned.len();
        turned.extend(more);
        if turned.len() == before {
            return turned;
        }
    }
}

/// Members of a cycle, and what waits for one.
fn stuck<'a>(edges: &HashMap<&'a Urn, Vec<&'a Urn>>) -> HashSet<&'a Urn> {
    let mut waits: HashMap<&'a Urn, usize> = HashMap::new();
    let mut feeds: HashMap<&'a Urn, Vec<&'a Urn>> = HashMap::new();
    for (&urn, targets) in edges {
        let there = targets.iter().filter(|t| **t != urn && edges.contains_key(*t));
        waits.insert(urn, there.clone().count());
        there.for_each(|target| feeds.entry(target).or_default().push(urn));
    }
    let mut ready: VecDeque<&Urn> = waits.iter().filter(|(_, n)| **n == 0).map(|(urn, _)| *urn).collect();
    let mut stuck: HashSet<&'a Urn> = edges.keys().copied().collect();
    while let Some(urn) = ready.pop_front() {
        stuck.remove(urn);
        for next in feeds.get(urn).into_iter().flatten() {
            if let Some(left) = waits.get_mut(next) {
                *left -= 1;
                if *left == 0 {
                    ready.push_back(next);
                }
            }
        }
    }
    stuck
}
