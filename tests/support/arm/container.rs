//! Blob containers through ARM. A deleted name is not free at once.

use serde_json::{Value, json};

use crate::arm::store::Thing;
use crate::arm::{Arm, id, refusal, storage};
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

const PATH: &str = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Storage/storageAccounts/{account}/blobServices/default/containers/{container}";
const TYPE: &str = "storageAccounts/blobServices/containers";
/// How long a deleted name stays taken.
const GHOST_SECONDS: u32 = 30;

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    vec![
        Route::new("PUT", PATH, Evidence::Spec("Storage 2023-05-01, BlobContainers_Create"), put),
        Route::new("GET", PATH, Evidence::Recording("errors.json ContainerNotFound, ParentResourceNotFound", 1), get),
        Route::new("PATCH", PATH, Evidence::Spec("Storage 2023-05-01, BlobContainers_Update"), patch),
        Route::new("DELETE", PATH, Evidence::Spec("Storage 2023-05-01, BlobContainers_Delete"), delete),
        Route::new(
            "GET",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Storage/storageAccounts/{account}/blobServices/default",
            Evidence::Spec("Storage 2023-05-01, BlobServices_GetServiceProperties"),
            service,
        ),
        Route::new(
            "GET",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Storage/storageAccounts/{account}/blobServices/default/containers",
            Evidence::Spec("Storage 2023-05-01, BlobContainers_List"),
            list,
        ),
    ]
}

fn container_id(params: &Params) -> String {
    format!("{}/blobServices/default/containers/{}", storage::account_id(params), params.get("container"))
}

fn valid_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (3..=63).contains(&name.len())
        && name.chars().all(good)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

fn put(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    if let Err(refusal) = storage::ready_account(&state, params, "write", TYPE) {
        return refusal;
    }
    let name = params.get("container");
    if !valid_name(name) {
        let message = "The specified resource name length is not within the permissible limits or has characters that are not allowed.";
        return refusal::service(400, "InvalidResourceName", message);
    }
    let wanted = if call.body.is_empty() { json!({}) } else { call.json().unwrap_or(Value::Null) };
    if !wanted.is_object() {
        return refusal::bad_body();
    }
    let container_id = container_id(params);
    let ghost = arm.world.after(GHOST_SECONDS) - arm.world.now();
    if state.ghosts.get(&id::key(&container_id)).is_some_and(|gone| *gone + ghost > arm.world.now()) {
        let message = "The specified container is being deleted. Try operation later.";
        return refusal::service(409, "ContainerBeingDeleted", message);
    }
    if let Some(known) = state.get_mut(&container_id) {
        take(&mut known.body, &wanted);
        known.generation += 1;
        arm.world.ledger.changed(&container_id);
        return Reply::json(200, &known.body);
    }
    let mut body = json!({
        "id": container_id, "name": name, "type": "Microsoft.Storage/storageAccounts/blobServices/containers",
        "properties": {
            "deleted": false, "remainingRetentionDays": 0, "defaultEncryptionScope": "$account-encryption-key",
            "denyEncryptionScopeOverride": false, "publicAccess": "None", "leaseStatus": "Unlocked", "leaseState": "Available",
            "hasImmutabilityPolicy": false, "hasLegalHold": false,
        },
    });
    take(&mut body, &wanted);
    let mut thing = Thing::new(container_id, body, None);
    let etag = thing.etag();
    thing.body["etag"] = json!(format!("\"0x{}\"", &etag[..8].to_uppercase()));
    let shown = thing.body.clone();
    state.insert(&arm.world, thing);
    Reply::json(201, &shown)
}

fn take(body: &mut Value, wanted: &Value) {
    for property in ["metadata", "publicAccess"] {
        let value = &wanted["properties"][property];
        if !value.is_null() {
            body["properties"][property] = value.clone();
        }
    }
}

fn missing(arm: &Arm) -> Reply {
    let message = format!(
        "The specified container does not exist.\nRequestId:{}\nTime:{}",
        crate::world::unique(),
        arm.world.stamp()
    );
    refusal::service(404, "ContainerNotFound", &message)
}

fn get(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let state = arm.state();
    if let Err(refusal) = storage::ready_account(&state, params, "read", TYPE) {
        return refusal;
    }
    state.get(&container_id(params)).map_or_else(|| missing(arm), |c| Reply::json(200, &c.body))
}

fn patch(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    if let Err(refusal) = storage::ready_account(&state, params, "write", TYPE) {
        return refusal;
    }
    let Some(wanted) = call.json() else { return refusal::bad_body() };
    let container_id = container_id(params);
    let Some(container) = state.get_mut(&container_id) else { return missing(arm) };
    take(&mut container.body, &wanted);
    container.generation += 1;
    arm.world.ledger.changed(&container_id);
    Reply::json(200, &container.body)
}

fn delete(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    if let Err(refusal) = storage::ready_account(&state, params, "delete", TYPE) {
        return refusal;
    }
    let container_id = container_id(params);
    if state.get(&container_id).is_none() {
        return Reply::empty(204);
    }
    state.remove(&arm.world, &container_id);
    let now = arm.world.now();
    state.ghosts.insert(id::key(&container_id), now);
    Reply::empty(200)
}

fn service(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let state = arm.state();
    if let Err(refusal) = storage::ready_account(&state, params, "read", "storageAccounts/blobServices") {
        return refusal;
    }
    let body = json!({
        "id": format!("{}/blobServices/default", storage::account_id(params)), "name": "default",
        "type": "Microsoft.Storage/storageAccounts/blobServices",
        "properties": {"cors": {"corsRules": []}, "deleteRetentionPolicy": {"allowPermanentDelete": false, "enabled": false}},
    });
    Reply::json(200, &body)
}

fn list(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let state = arm.state();
    if let Err(refusal) = storage::ready_account(&state, params, "read", TYPE) {
        return refusal;
    }
    let inside = state.below(&storage::account_id(params)).filter(|t| t.id.contains("/containers/"));
    let value: Vec<Value> = inside.map(|t| t.body.clone()).collect();
    Reply::json(200, &json!({"value": value}))
}
