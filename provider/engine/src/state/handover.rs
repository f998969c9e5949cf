//! What changes about a state that goes to another engine, or comes from one.
//!
//! Guarantees: whoever takes a state over may write what the giver has marked, and the giver may no longer write what the
//! taker has marked; so two engines that both go on with one stack refuse each other at the first resource that both
//! have written (`tests/state_moves.rs`, `tests/e2e/pulumi_move.rs`).

use std::collections::{BTreeMap, BTreeSet};

use mops_core::schema::ResourceSchema;
use mops_core::{Lineage, bag};

use super::model::{ResourceState, Snapshot};

impl Snapshot {
    /// The same for a stack file that says who signs in: its program registers a provider of its own with Pulumi's engine,
    /// which would otherwise be made there and take the place of the one that the state names.
    #[must_use]
    pub fn signing_in(mut self, configuration: BTreeMap<String, String>) -> Self {
        self.frame.register(&self.stack, &self.lineage, configuration);
        self
    }
}

/// The state as another engine takes it: properties in one bag, which says whose marks the resource may carry.
pub(super) fn leaving(snapshot: &Snapshot) -> Snapshot {
    let known = snapshot.predecessors.iter().cloned().map(Lineage);
    let lineages: BTreeSet<Lineage> = known.chain([snapshot.lineage.clone()]).collect();
    let of = |r: &ResourceState| {
        let outputs = bag::marked(bag::merged(&r.inputs, &r.outputs), lineages.iter().cloned());
        ResourceState { outputs, ..r.clone() }
    };
    Snapshot { resources: snapshot.resources.iter().map(of).collect(), ..snapshot.clone() }
}

/// Turns the bags of another engine into outputs, and tells which lineages this state takes over: those that the bags
/// name, and that of Pulumi's engine where it wrote a resource itself.
pub(super) fn arriving<'a>(snapshot: &mut Snapshot, schema: &dyn Fn(&str) -> Option<&'a ResourceSchema>) {
    for r in &mut snapshot.resources {
        let mut lineages = bag::lineages(&r.outputs);
        if lineages.is_empty() {
            lineages.insert(Lineage::of_pulumi(&snapshot.stack));
        }
        snapshot.predecessors.extend(lineages.into_iter().map(|lineage| lineage.0));
        r.outputs = bag::outputs(schema(r.urn.token()), &r.id, &r.outputs);
    }
}
