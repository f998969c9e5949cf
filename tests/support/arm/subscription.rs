//! Subscriptions, their resource providers, and the list of what is in them.

use serde_json::{Value, json};

use crate::arm::store::Thing;
use crate::arm::{Arm, refusal};
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    const AZ: Evidence = Evidence::Client("az 2.91.0");
    let listing = Evidence::Recording("acr-create-show-credentials-renew-delete", 20);
    let provider = Evidence::Spec("Resources 2024-07-01, Providers_Get and Providers_Register");
    vec![
        Route::new("GET", "/subscriptions", AZ, subscriptions),
        Route::new("GET", "/subscriptions/{sub}", Evidence::Spec("Subscriptions_Get"), subscription),
        Route::new("GET", "/subscriptions/{sub}/resources", listing, resources),
        Route::new("GET", "/subscriptions/{sub}/resourceGroups/{rg}/resources", listing, group_resources),
        Route::new("GET", "/subscriptions/{sub}/providers/{namespace}", provider, get_provider),
        Route::new("POST", "/subscriptions/{sub}/providers/{namespace}/register", provider, register),
    ]
}

fn shown(sub: &str, arm: &Arm) -> Value {
    json!({
        "id": format!("/subscriptions/{sub}"), "subscriptionId": sub, "displayName": "sandbox", "state": "Enabled",
        "tenantId": arm.world.application.tenant, "authorizationSource": "RoleBased",
    })
}

fn subscriptions(arm: &Arm, _: &Call, _: &Params) -> Reply {
    let value: Vec<Value> = arm.world.subscriptions.iter().map(|s| shown(s, arm)).collect();
    Reply::json(200, &json!({"value": value, "count": {"type": "Total", "value": value.len()}}))
}

fn subscription(arm: &Arm, _: &Call, params: &Params) -> Reply {
    Reply::json(200, &shown(params.get("sub"), arm))
}

/// Tracked resources only: a container or a pool is no entry of its own.
fn row(thing: &Thing) -> Option<Value> {
    let (_, rest) = thing.id.split_once("/providers/")?;
    let mut row = json!({
        "id": thing.id, "name": thing.body["name"], "type": thing.body["type"], "location": thing.body["location"],
    });
    for member in ["tags", "sku", "kind"] {
        if !thing.body[member].is_null() {
            row[member] = thing.body[member].clone();
        }
    }
    (rest.split('/').count() == 3).then_some(row)
}

fn resources(arm: &Arm, call: &Call, _: &Params) -> Reply {
    let wanted = call.query("$filter").and_then(|f| f.split('\'').nth(1)).map(str::to_lowercase);
    let fits = |row: &Value| wanted.as_ref().is_none_or(|w| row["type"].as_str().unwrap_or("").to_lowercase() == *w);
    let state = arm.state();
    let value: Vec<Value> = state.things.values().filter_map(row).filter(fits).collect();
    Reply::json(200, &json!({"value": value}))
}

fn group_resources(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let state = arm.state();
    let group = super::id::group(params);
    if let Err(refusal) = state.group(&group, false) {
        return refusal;
    }
    let value: Vec<Value> = state.below(&group).filter_map(row).collect();
    Reply::json(200, &json!({"value": value}))
}

fn provider_body(arm: &Arm, params: &Params) -> Value {
    let namespace = params.get("namespace");
    let registered = !arm.state().figures.unregistered.contains(&namespace.to_lowercase());
    json!({
        "id": format!("/subscriptions/{}/providers/{namespace}", params.get("sub")), "namespace": namespace,
        "registrationPolicy": "RegistrationRequired", "resourceTypes": [],
        "registrationState": if registered { "Registered" } else { "NotRegistered" },
    })
}

fn get_provider(arm: &Arm, _: &Call, params: &Params) -> Reply {
    Reply::json(200, &provider_body(arm, params))
}

fn register(arm: &Arm, _: &Call, params: &Params) -> Reply {
    arm.state().figures.unregistered.remove(&params.get("namespace").to_lowercase());
    let mut body = provider_body(arm, params);
    body["registrationState"] = json!("Registering");
    Reply::json(200, &body)
}

/// Refuses a write to a namespace that the subscription has not registered.
///
/// # Errors
/// ARM's answer.
pub fn check_registered(state: &super::store::State, namespace: &str, sub: &str) -> Result<(), Reply> {
    if !state.figures.unregistered.contains(&namespace.to_lowercase()) {
        return Ok(());
    }
    let message = format!(
        "The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how \
         to register subscriptions. Subscription: {sub}"
    );
    Err(refusal::gateway(409, "MissingSubscriptionRegistration", &message))
}
