//! Who may do what: permissions of roles, deny assignments, roles to be activated, and what policies say.

use serde_json::{Value, json};

use crate::arm::Arm;
use crate::arm::refusal;
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    let given = Evidence::Spec("Authorization 2022-04-01, Permissions_ListForResourceGroup and ListForResource");
    let above = Evidence::Assumed("the contract lists permissions at groups and resources, not at a subscription");
    let denies =
        Evidence::Assumed("the contract of deny assignments is not at hand; members as the documentation shows");
    let eligible =
        Evidence::Assumed("the contract of eligible roles is not at hand; members as the documentation shows");
    let policy = Evidence::Assumed("the contract of policies is not at hand; members as the documentation shows");
    vec![
        Route::new("GET", "/subscriptions/{sub}/{scope*}/providers/Microsoft.Authorization/permissions", given, list),
        Route::new("GET", "/subscriptions/{sub}/providers/Microsoft.Authorization/permissions", above, list),
        Route::new("GET", "/{scope*}/providers/Microsoft.Authorization/denyAssignments", denies, deny),
        Route::new(
            "GET",
            "/{scope*}/providers/Microsoft.Authorization/roleEligibilityScheduleInstances",
            eligible,
            roles,
        ),
        Route::new(
            "POST",
            "/{scope*}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions",
            policy,
            restrictions,
        ),
    ]
}

/// What was given at this scope or above it.
fn list(arm: &Arm, call: &Call, _: &Params) -> Reply {
    let path = call.path.to_lowercase();
    let state = arm.state();
    let here = |(scope, _): &&(String, Value)| path.starts_with(&format!("{}/", scope.to_lowercase()));
    let value: Vec<&Value> = state.figures.permissions.iter().filter(here).map(|(_, row)| row).collect();
    Reply::json(200, &json!({"value": value}))
}

fn deny(arm: &Arm, _: &Call, _: &Params) -> Reply {
    Reply::json(200, &json!({"value": arm.state().figures.denies}))
}

fn roles(arm: &Arm, _: &Call, _: &Params) -> Reply {
    let row = |name: &String| json!({"properties": {"expandedProperties": {"roleDefinition": {"displayName": name}}}});
    Reply::json(200, &json!({"value": arm.state().figures.eligible.iter().map(row).collect::<Vec<Value>>()}))
}

fn restrictions(arm: &Arm, call: &Call, _: &Params) -> Reply {
    let Some(body) = call.json() else { return refusal::bad_body() };
    let content = &body["resourceDetails"]["resourceContent"];
    let kind = content["type"].as_str().unwrap_or_default().to_lowercase();
    let state = arm.state();
    let about = state.figures.policies.iter().filter(|p| p.kind.to_lowercase() == kind);
    let row = |p: &crate::arm::figures::Policy| {
        let denied = content.pointer(&p.pointer) == Some(&p.value);
        json!({"policyInfo": {"policyAssignmentId": p.id, "policyDefinitionId": p.id},
               "evaluationResult": if denied { "NonCompliant" } else { "Compliant" }})
    };
    let rows: Vec<Value> = about.map(row).collect();
    Reply::json(200, &json!({"fieldRestrictions": [], "contentEvaluationResult": {"policyEvaluations": rows}}))
}
