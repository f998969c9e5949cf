//! State brought up to what exists: reads everything, changes nothing but state.

use mops_core::provider::Provider;
use mops_core::{Identity, Ownership, Value};

use super::decide::seen;
use super::{Need, Observations, Observed, Op, Plan, Step, standin};
use crate::error::EngineError;
use crate::state::{ResourceState, Snapshot};

/// Plans a `refresh`. Pure.
///
/// # Errors
/// None today; the type is that of the other plans.
pub fn plan_refresh(
    snapshot: &Snapshot,
    observations: &Observations,
    provider: &dyn Provider,
) -> Result<Plan, EngineError> {
    let mut plan = Plan { notes: snapshot.notes.clone(), ..Plan::default() };
    for r in snapshot.resources.iter().filter(|r| !r.pending_delete) {
        match observations.get(&r.urn) {
            Some(Observed::Absent) => {
                let reason = Some("it no longer exists".to_owned());
                plan.steps.push(Step { reason, ..Step::new(r.urn.clone(), Op::Forget, r.component) });
            }
            Some(Observed::Found(found)) => {
                if matches!(found.ownership, Ownership::Other { .. }) {
                    plan.notes.push(format!("`{}` carries another stack's mark now", r.urn.name()));
                }
                known(r, found, &mut plan);
            }
            Some(Observed::Unread(why)) => {
                plan.unchanged += 1;
                plan.notes.push(format!("`{}` stays as state knows it: {why}", r.urn.name()));
            }
            None => {
                plan.unchanged += 1;
                let identity = provider.identity(&r.urn, &standin(&r.inputs));
                if matches!(identity, Some(Identity::Name(_) | Identity::Tag(_))) {
                    plan.needs.push(Need {
                        urn: r.urn.clone(),
                        id: Some(r.id.clone()),
                        known: r.known(),
                        import: false,
                        in_state: true,
                        deleted_with: r.deleted_with.clone(),
                    });
                }
            }
        }
    }
    Ok(plan)
}

fn known(r: &ResourceState, found: &mops_core::provider::Found, plan: &mut Plan) {
    let now = seen(r, found);
    let clear = |v: &Value| v.any(&mut |v| matches!(v, Value::Secret(_)));
    plan.unchanged += 1;
    if clear(&now.outputs) || clear(&now.inputs) || (now.outputs == r.outputs && now.inputs == r.inputs) {
        return;
    }
    let changes = mops_core::diff::diff(&r.outputs, &now.outputs);
    let save = Some(Box::new(ResourceState { inputs: now.inputs, outputs: now.outputs, ..r.clone() }));
    plan.steps.push(Step { save, changes, ..Step::new(r.urn.clone(), Op::Read, r.component) });
}
