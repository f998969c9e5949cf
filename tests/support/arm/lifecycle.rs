//! The management policy of a storage account: one, called `default`.

use serde_json::{Value, json};

use crate::arm::store::{State, Thing};
use crate::arm::{Arm, refusal, storage};
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

const PATH: &str = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Storage/storageAccounts/{account}/managementPolicies/default";

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    vec![
        Route::new("PUT", PATH, Evidence::Spec("Storage 2023-05-01, ManagementPolicies_CreateOrUpdate"), put),
        Route::new("GET", PATH, Evidence::Spec("Storage 2023-05-01, ManagementPolicies_Get"), get),
        Route::new("DELETE", PATH, Evidence::Spec("Storage 2023-05-01, ManagementPolicies_Delete"), delete),
    ]
}

fn policy_id(params: &Params) -> String {
    format!("{}/managementPolicies/default", storage::account_id(params))
}

fn bad(what: &str) -> Reply {
    refusal::service(
        400,
        "InvalidValuesForRequestParameters",
        &format!("Values for request parameters are invalid: {what}."),
    )
}

/// What the contract requires of a rule.
fn check_rule(rule: &Value) -> Result<(), Reply> {
    if rule["name"].as_str().is_none_or(str::is_empty) {
        return Err(bad("policy.rules[].name"));
    }
    if rule["type"] != "Lifecycle" {
        return Err(bad("policy.rules[].type"));
    }
    let definition = &rule["definition"];
    if !definition["actions"].is_object() || definition["actions"].as_object().is_some_and(serde_json::Map::is_empty) {
        return Err(bad("policy.rules[].definition.actions"));
    }
    let filters = &definition["filters"];
    if filters.is_object() && filters["blobTypes"].as_array().is_none_or(Vec::is_empty) {
        return Err(bad("policy.rules[].definition.filters.blobTypes"));
    }
    Ok(())
}

fn check(body: &Value) -> Result<(), Reply> {
    let rules = body["properties"]["policy"]["rules"].as_array().filter(|r| !r.is_empty());
    let rules = rules.ok_or_else(|| bad("policy.rules"))?;
    let mut names: Vec<&str> = rules.iter().filter_map(|r| r["name"].as_str()).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(bad("policy.rules[].name is not unique"));
    }
    rules.iter().try_for_each(check_rule)
}

fn put(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    if let Err(refusal) = storage::ready_account(&state, params, "write", "storageAccounts/managementPolicies") {
        return refusal;
    }
    let Some(wanted) = call.json() else { return refusal::bad_body() };
    if let Err(refusal) = check(&wanted) {
        return refusal;
    }
    let policy_id = policy_id(params);
    let mut policy = wanted["properties"]["policy"].clone();
    for rule in policy["rules"].as_array_mut().into_iter().flatten() {
        if rule["enabled"].is_null() {
            rule["enabled"] = json!(true);
        }
    }
    let body = json!({
        "id": policy_id, "name": "DefaultManagementPolicy", "type": "Microsoft.Storage/storageAccounts/managementPolicies",
        "properties": {"policy": policy, "lastModifiedTime": arm.world.stamp()},
    });
    store(arm, &mut state, policy_id, body.clone());
    Reply::json(200, &body)
}

fn store(arm: &Arm, state: &mut State, policy_id: String, body: Value) {
    if let Some(known) = state.get_mut(&policy_id) {
        known.body = body;
        known.generation += 1;
        arm.world.ledger.changed(&policy_id);
    } else {
        state.insert(&arm.world, Thing::new(policy_id, body, None));
    }
}

fn get(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let state = arm.state();
    if let Err(refusal) = storage::ready_account(&state, params, "read", "storageAccounts/managementPolicies") {
        return refusal;
    }
    match state.get(&policy_id(params)) {
        Some(policy) => Reply::json(200, &policy.body),
        None => {
            let message = format!("No ManagementPolicy found for account {}", params.get("account"));
            refusal::service(404, "ManagementPolicyNotFound", &message)
        }
    }
}

fn delete(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    if let Err(refusal) = storage::ready_account(&state, params, "delete", "storageAccounts/managementPolicies") {
        return refusal;
    }
    let policy_id = policy_id(params);
    if state.get(&policy_id).is_none() {
        return Reply::empty(204);
    }
    state.remove(&arm.world, &policy_id);
    Reply::empty(200)
}
