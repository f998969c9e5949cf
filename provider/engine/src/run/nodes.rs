//! A plan as a graph of calls: what must be over before what starts, and what is on the longest path.

use std::collections::{HashMap, HashSet};

use mops_core::Urn;

use crate::plan::{Graph, Op, Plan};
use crate::state::{ResourceState, Snapshot};

/// What a node does for its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Creates, adopts, updates, or makes the new one of a replacement.
    Make,
    /// Deletes, or removes the old one of a replacement.
    Remove,
    /// Changes state only.
    Local,
    /// Nothing: what is removed waits here for everything that is made.
    Barrier,
}

/// One call and its place in the order.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) step: usize,
    pub(crate) work: Work,
    pub(crate) waits: usize,
    pub(crate) feeds: Vec<usize>,
    /// Length of the longest path that starts here.
    pub(crate) priority: u64,
    /// For removals: what leaves the state together with it.
    pub(crate) with: Vec<Urn>,
}

struct Builder<'a> {
    plan: &'a Plan,
    nodes: Vec<Node>,
    make: HashMap<&'a Urn, usize>,
    /// Removals of living resources.
    remove: HashMap<&'a Urn, usize>,
    /// Removals that must not wait for the barrier.
    early: HashSet<usize>,
    /// What is made only after something that it needs went first.
    upset: HashSet<&'a Urn>,
}

/// Builds the graph; `Err` when it has a cycle, which is a fault of ours.
pub(crate) fn build(plan: &Plan, graph: Option<&Graph<'_>>, snapshot: &Snapshot) -> Result<Vec<Node>, String> {
    let mut b = Builder {
        plan,
        nodes: Vec::new(),
        make: HashMap::new(),
        remove: HashMap::new(),
        early: HashSet::new(),
        upset: HashSet::new(),
    };
    b.add_nodes();
    if let Some(graph) = graph {
        b.order_makes(graph);
    }
    b.order_removals(snapshot);
    b.barrier();
    b.priorities()?;
    Ok(b.nodes)
}

impl<'a> Builder<'a> {
    fn node(&mut self, step: usize, work: Work) -> usize {
        self.nodes.push(Node { step, work, waits: 0, feeds: Vec::new(), priority: 0, with: Vec::new() });
        self.nodes.len() - 1
    }

    fn edge(&mut self, first: usize, then: usize) {
        if first != then {
            self.nodes[first].feeds.push(then);
            self.nodes[then].waits += 1;
        }
    }

    fn add_nodes(&mut self) {
        let plan = self.plan;
        for (i, step) in plan.steps.iter().enumerate() {
            match step.op {
                Op::Create | Op::Adopt | Op::Update => {
                    let node = self.node(i, Work::Make);
                    self.make.insert(&step.urn, node);
                }
                Op::Replace => {
                    let make = self.node(i, Work::Make);
                    let remove = self.node(i, Work::Remove);
                    self.make.insert(&step.urn, make);
                    self.remove.insert(&step.urn, remove);
                    if step.delete_before_replace {
                        self.early.insert(remove);
                        self.edge(remove, make);
                    } else {
                        self.edge(make, remove);
                    }
                }
                Op::Delete => {
                    let node = self.node(i, Work::Remove);
                    if !step.doomed {
                        self.remove.insert(&step.urn, node);
                    }
                }
                Op::Read => {
                    let node = self.node(i, Work::Local);
                    self.early.insert(node);
                }
                Op::Forget | Op::Same => {}
            }
        }
        for (i, step) in plan.steps.iter().enumerate().filter(|(_, s)| s.op == Op::Forget) {
            match step.with.as_ref().and_then(|target| self.remove.get(target).copied()) {
                Some(remove) => self.nodes[remove].with.push(step.urn.clone()),
                None => {
                    let node = self.node(i, Work::Local);
                    self.remove.insert(&step.urn, node);
                }
            }
        }
    }

    /// What is made waits for what it depends on; what goes first waits for the makes that its own removal cannot upset.
    fn order_makes(&mut self, graph: &Graph<'_>) {
        let plan = self.plan;
        // Also what only state learns: an edge that is dropped there may be the reverse of one that is made.
        let told = self.nodes.iter().enumerate().filter(|(_, n)| n.work == Work::Local);
        let told = told.filter_map(|(i, n)| Some((plan.steps[n.step].declared?, i)));
        let by_id: HashMap<usize, usize> =
            plan.steps.iter().filter_map(|s| Some((s.declared?, *self.make.get(&s.urn)?))).chain(told).collect();
        let first: HashMap<usize, usize> = plan
            .steps
            .iter()
            .filter(|s| s.op == Op::Replace && s.delete_before_replace)
            .filter_map(|s| Some((s.declared?, *self.remove.get(&s.urn)?)))
            .collect();
        let mut upset = vec![false; graph.before.len()];
        let declared: HashMap<usize, &Urn> = plan.steps.iter().filter_map(|s| Some((s.declared?, &s.urn))).collect();
        for &i in &graph.order {
            upset[i] = first.contains_key(&i) || graph.before[i].iter().any(|j| upset[*j]);
            self.upset.extend(declared.get(&i).filter(|_| upset[i]));
            for j in &graph.before[i] {
                let Some(&before) = by_id.get(j) else { continue };
                if let Some(&make) = by_id.get(&i) {
                    self.edge(before, make);
                }
                if let (Some(&remove), false) = (first.get(&i), upset[*j]) {
                    self.edge(before, remove);
                }
            }
        }
    }

    /// Dependants go first, by what state says of them.
    fn order_removals(&mut self, snapshot: &Snapshot) {
        let doomed: HashMap<(&Urn, &str), usize> = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, n)| n.work == Work::Remove && self.plan.steps[n.step].doomed)
            .filter_map(|(i, n)| {
                let step = &self.plan.steps[n.step];
                Some(((&step.urn, step.old_id.as_deref()?), i))
            })
            .collect();
        let node_of = |b: &Self, r: &ResourceState| {
            if r.pending_delete { doomed.get(&(&r.urn, r.id.as_str())).copied() } else { b.remove.get(&r.urn).copied() }
        };
        let pairs: Vec<(usize, usize)> = snapshot
            .resources
            .iter()
            .filter_map(|r| Some((r, node_of(self, r)?)))
            .flat_map(|(r, node)| {
                let targets = r.dependencies.iter().chain(&r.deleted_with);
                targets.filter_map(|t| self.remove.get(t).copied()).map(move |t| (node, t)).collect::<Vec<_>>()
            })
            .collect();
        self.make_early(&pairs);
        self.let_go(snapshot);
        for (dependant, target) in pairs {
            // The old one of a replacement goes last; what goes first cannot wait for it.
            let late = !self.early.contains(&dependant) && self.early.contains(&target);
            if !late {
                self.edge(dependant, target);
            }
        }
    }

    /// What stays lets go of what goes early before that goes, unless it needs what is made in its place.
    fn let_go(&mut self, snapshot: &Snapshot) {
        for r in snapshot.resources.iter().filter(|r| !r.pending_delete) {
            let Some(&make) = self.make.get(&r.urn).filter(|_| !self.upset.contains(&r.urn)) else { continue };
            for target in r.dependencies.iter().chain(&r.deleted_with) {
                if let Some(&remove) = self.remove.get(target).filter(|n| self.early.contains(n)) {
                    self.edge(make, remove);
                }
            }
        }
    }

    /// What depends on something that goes first goes even before it, unless it is an old one that is still in use.
    fn make_early(&mut self, pairs: &[(usize, usize)]) {
        let mut dependants: HashMap<usize, Vec<usize>> = HashMap::new();
        for (dependant, target) in pairs {
            dependants.entry(*target).or_default().push(*dependant);
        }
        let mut queue: Vec<usize> = self.early.iter().copied().collect();
        while let Some(target) = queue.pop() {
            for &dependant in dependants.get(&target).into_iter().flatten() {
                let op = self.plan.steps[self.nodes[dependant].step].op;
                if op != Op::Replace && self.early.insert(dependant) {
                    queue.push(dependant);
                }
            }
        }
    }

    fn barrier(&mut self) {
        let first = |i: &usize| match self.nodes[*i].work {
            Work::Make => true,
            // State learns what is no longer made from what goes.
            Work::Local => self.early.contains(i),
            Work::Remove | Work::Barrier => false,
        };
        let makes: Vec<usize> = (0..self.nodes.len()).filter(first).collect();
        let late = |b: &Self, i: &usize| matches!(b.nodes[*i].work, Work::Remove | Work::Local) && !b.early.contains(i);
        let late: Vec<usize> = (0..self.nodes.len()).filter(|i| late(self, i)).collect();
        if makes.is_empty() || late.is_empty() {
            return;
        }
        let barrier = self.node(usize::MAX, Work::Barrier);
        makes.into_iter().for_each(|i| self.edge(i, barrier));
        late.into_iter().for_each(|i| self.edge(barrier, i));
    }

    fn priorities(&mut self) -> Result<(), String> {
        let mut waits: Vec<usize> = self.nodes.iter().map(|n| n.waits).collect();
        let mut order: Vec<usize> = (0..waits.len()).filter(|i| waits[*i] == 0).collect();
        let mut next = 0;
        while let Some(&i) = order.get(next) {
            next += 1;
            for &j in &self.nodes[i].feeds {
                waits[j] -= 1;
                if waits[j] == 0 {
                    order.push(j);
                }
            }
        }
        if order.len() < self.nodes.len() {
            return Err("the steps of a plan wait for each other".into());
        }
        for i in order.into_iter().rev() {
            let longest = self.nodes[i].feeds.iter().map(|j| self.nodes[*j].priority).max().unwrap_or(0);
            self.nodes[i].priority = longest + 1;
        }
        Ok(())
    }
}
