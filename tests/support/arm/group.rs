//! Resource groups. Deleting one takes everything in it.

use serde_json::{Value, json};

use crate::arm::operation::{Begin, Form, begin};
use crate::arm::store::{Busy, Thing};
use crate::arm::{Arm, id, refusal};
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

const PATH: &str = "/subscriptions/{sub}/resourceGroups/{rg}";
/// How long Azure takes for a group with a cluster in it.
const SECONDS: u32 = 90;

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    const NAME: &str = "rg-create-delete-nowait";
    vec![
        Route::new("GET", "/subscriptions/{sub}/resourceGroups", Evidence::Client("az 2.91.0"), list),
        Route::new("PUT", PATH, Evidence::Recording(NAME, 7), put),
        Route::new("GET", PATH, Evidence::Recording(NAME, 2), get),
        Route::new("HEAD", PATH, Evidence::Recording(NAME, 8), head),
        Route::new("PATCH", PATH, Evidence::Spec("Resources 2024-07-01, ResourceGroups_Update"), patch),
        Route::new("DELETE", PATH, Evidence::Recording(NAME, 1), delete),
    ]
}

fn list(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let below = format!("/subscriptions/{}/resourcegroups/", params.get("sub").to_lowercase());
    let state = arm.state();
    let is_group = |id: &str| id.to_lowercase().strip_prefix(&below).is_some_and(|rest| !rest.contains('/'));
    let groups: Vec<Value> = state.things.values().filter(|t| is_group(&t.id)).map(Thing::shown).collect();
    Reply::json(200, &json!({"value": groups}))
}

fn valid_name(name: &str) -> bool {
    let good = |c: char| c.is_alphanumeric() || "-_.()".contains(c);
    (1..=90).contains(&name.chars().count()) && name.chars().all(good) && !name.ends_with('.')
}

fn put(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let name = params.get("rg");
    if !valid_name(name) {
        let message = format!("The provided resource group name '{name}' has these invalid characters or is too long.");
        return refusal::gateway(400, "InvalidResourceGroup", &message);
    }
    let Some(Value::Object(wanted)) = call.json() else { return refusal::bad_body() };
    let Some(location) = wanted.get("location").and_then(Value::as_str) else { return refusal::no_location() };
    let group_id = id::group(params);
    let mut state = arm.state();
    if let Some(known) = state.get(&group_id) {
        let old = known.body["location"].as_str().unwrap_or_default();
        if !old.eq_ignore_ascii_case(location) {
            let message = format!(
                "Invalid resource group location '{location}'. The Resource group already exists in location '{old}'."
            );
            return refusal::gateway(409, "InvalidResourceGroupLocation", &message);
        }
        if let Err(refusal) = state.group(&group_id, true) {
            return refusal;
        }
        let Some(group) = state.get_mut(&group_id) else { return Reply::empty(500) };
        group.generation += 1;
        take(&mut group.body, &wanted);
        arm.world.ledger.changed(&group_id);
        return Reply::json(200, &group.shown());
    }
    let mut body = json!({
        "id": group_id, "name": name, "type": "Microsoft.Resources/resourceGroups",
        "location": location.to_lowercase().replace(' ', ""), "properties": {"provisioningState": "Succeeded"},
    });
    take(&mut body, &wanted);
    let group = Thing::new(group_id, body, None);
    let shown = group.shown();
    state.insert(&arm.world, group);
    Reply::json(201, &shown)
}

/// A PUT replaces the tags: what it leaves out is gone.
fn take(body: &mut Value, wanted: &serde_json::Map<String, Value>) {
    let Some(body) = body.as_object_mut() else { return };
    for member in ["tags", "managedBy"] {
        match wanted.get(member) {
            Some(value) if !value.is_null() => body.insert(member.to_owned(), value.clone()),
            _ => body.remove(member),
        };
    }
}

fn get(arm: &Arm, _: &Call, params: &Params) -> Reply {
    match arm.state().group(&id::group(params), false) {
        Ok(group) => Reply::json(200, &group.shown()),
        Err(refusal) => refusal,
    }
}

fn head(arm: &Arm, _: &Call, params: &Params) -> Reply {
    match arm.state().group(&id::group(params), false) {
        Ok(_) => Reply::empty(204),
        Err(_) => Reply::empty(404).header("x-ms-failure-cause", "gateway"),
    }
}

fn patch(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let Some(Value::Object(wanted)) = call.json() else { return refusal::bad_body() };
    let group_id = id::group(params);
    let mut state = arm.state();
    if let Err(refusal) = state.group(&group_id, true) {
        return refusal;
    }
    let Some(group) = state.get_mut(&group_id) else { return Reply::empty(500) };
    if let Some(tags) = wanted.get("tags") {
        group.body["tags"] = tags.clone();
    }
    group.generation += 1;
    arm.world.ledger.changed(&group_id);
    Reply::json(200, &group.shown())
}

fn delete(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let group_id = id::group(params);
    let mut state = arm.state();
    if let Err(refusal) = state.group(&group_id, false) {
        return refusal;
    }
    let api = call.query("api-version").unwrap_or_default();
    let wish = Begin { form: Form::GroupDelete, resource: &group_id, seconds: SECONDS, location: "", api };
    let (_, address) = begin(&arm.world, &mut state, &wish);
    if let Some(group) = state.get_mut(&group_id)
        && group.busy.is_none()
    {
        group.busy = Some(Busy { word: "Deleting", until: arm.world.after(SECONDS), vanishes: true });
    }
    Reply::empty(202).header("location", address).header("retry-after", arm.world.retry_after(15))
}
