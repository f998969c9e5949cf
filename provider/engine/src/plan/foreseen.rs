//! What a plan will ask about everything that is there, guessed from state: as if nothing changed.

use mops_core::provider::Foreseen;
use mops_core::{Urn, Value};

use super::decide::Planner;
use super::resolve::{resolve, walk};
use super::{known_standin, standin};

/// In the order of the plan. Nothing is worked out before it is asked for: a provider that need not foresee costs nothing.
pub(super) fn foreseen<'a>(planner: &'a Planner<'_>) -> impl Iterator<Item = Foreseen> + 'a {
    let sealer = planner.options.sealer.as_deref();
    let lookup = move |urn: &Urn, path: &[String]| {
        planner.living.get(urn).map_or(Value::Unknown, |state| walk(&state.outputs, path, sealer))
    };
    planner.graph.order.iter().filter_map(move |i| {
        let declared = &planner.program.resources[*i];
        let known = known_standin(&planner.living.get(&declared.urn)?.known());
        let inputs = standin(&resolve(&declared.inputs, &lookup, sealer));
        Some(Foreseen { urn: declared.urn.clone(), inputs, known })
    })
}
