//! Identities of workloads and the tokens that they trust. Everything ends at once; the `location` of a 201 is the
//! resource itself in another spelling, and no operation.

use serde_json::{Value, json};

use crate::arm::store::{State, Thing};
use crate::arm::subscription::check_registered;
use crate::arm::{Arm, collection, id, refusal};
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};
use crate::world::unique;

const KIND: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";
const PATH: &str =
    "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}";
const LIST: &str =
    "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ManagedIdentity/userAssignedIdentities";
const CREDENTIAL: &str = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}/federatedIdentityCredentials/{credential}";
const CREDENTIALS: &str = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}/federatedIdentityCredentials";
/// How long the directory needs to know a new principal everywhere.
const REPLICATED_SECONDS: u32 = 15;

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    const ONE: &str = "identity-crud";
    const TRUST: &str = "identity-federated-credential";
    const SPEC: &str = "ManagedIdentity 2023-01-31";
    vec![
        Route::new("PUT", PATH, Evidence::Recording(ONE, 3), put),
        Route::new("GET", PATH, Evidence::Spec(SPEC), get),
        Route::new("PATCH", PATH, Evidence::Spec(SPEC), patch),
        Route::new("DELETE", PATH, Evidence::Recording(ONE, 6), delete),
        Route::new("GET", LIST, Evidence::Recording(ONE, 5), list),
        Route::new(
            "GET",
            "/subscriptions/{sub}/providers/Microsoft.ManagedIdentity/userAssignedIdentities",
            Evidence::Spec("ManagedIdentity 2023-01-31, UserAssignedIdentities_ListBySubscription"),
            list,
        ),
        Route::new("PUT", CREDENTIAL, Evidence::Recording(TRUST, 3), put_credential),
        Route::new("GET", CREDENTIAL, Evidence::Recording(TRUST, 5), get_credential),
        Route::new("DELETE", CREDENTIAL, Evidence::Recording(TRUST, 8), delete_credential),
        Route::new("GET", CREDENTIALS, Evidence::Recording(TRUST, 6), credentials),
    ]
}

/// The id as the service shows it.
fn identity_id(params: &Params) -> String {
    let (sub, rg) = (params.get("sub"), params.get("rg"));
    format!("/subscriptions/{sub}/resourcegroups/{rg}/providers/{KIND}/{}", params.get("identity"))
}

fn credential_id(params: &Params) -> String {
    format!("{}/federatedIdentityCredentials/{}", identity_id(params), params.get("credential"))
}

/// The group and the identity of a request.
fn find<'a>(state: &'a State, params: &Params) -> Result<&'a Thing, Reply> {
    state.group(&id::group(params), false)?;
    state.get(&identity_id(params)).ok_or_else(|| refusal::no_resource(KIND, params.get("identity"), params.get("rg")))
}

fn answer(result: Result<Reply, Reply>) -> Reply {
    result.unwrap_or_else(|refusal| refusal)
}

fn put(arm: &Arm, call: &Call, params: &Params) -> Reply {
    answer(put_identity(arm, call, params))
}

fn put_identity(arm: &Arm, call: &Call, params: &Params) -> Result<Reply, Reply> {
    let mut state = arm.state();
    state.group(&id::group(params), true)?;
    check_registered(&state, "Microsoft.ManagedIdentity", params.get("sub"))?;
    let wanted = call.json().filter(Value::is_object).ok_or_else(refusal::bad_body)?;
    let location = wanted["location"].as_str().ok_or_else(refusal::no_location)?.to_lowercase().replace(' ', "");
    let (identity_id, name) = (identity_id(params), params.get("identity"));
    let tags = if wanted["tags"].is_object() { wanted["tags"].clone() } else { json!({}) };
    if let Some(known) = state.get_mut(&identity_id) {
        let old = known.body["location"].as_str().unwrap_or_default();
        if old != location {
            return Err(refusal::other_location(name, params.get("rg"), old, &location));
        }
        known.body["tags"] = tags;
        known.generation += 1;
        arm.world.ledger.changed(&identity_id);
        return Ok(Reply::json(200, &known.body));
    }
    let principal = unique();
    let body = json!({
        "id": identity_id, "name": name, "type": KIND, "location": location, "tags": tags,
        "properties": {"tenantId": arm.world.application.tenant, "principalId": principal, "clientId": unique()},
    });
    state.newcomers.insert(principal, arm.world.after(REPLICATED_SECONDS));
    state.insert(&arm.world, Thing::new(identity_id.clone(), body.clone(), None));
    Ok(Reply::json(201, &body).header("location", identity_id))
}

fn get(arm: &Arm, _: &Call, params: &Params) -> Reply {
    answer(find(&arm.state(), params).map(|identity| Reply::json(200, &identity.body)))
}

fn patch(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    if let Err(refusal) = find(&state, params) {
        return refusal;
    }
    let Some(wanted) = call.json().filter(Value::is_object) else { return refusal::bad_body() };
    let identity_id = identity_id(params);
    let Some(known) = state.get_mut(&identity_id) else { return Reply::empty(500) };
    if wanted["tags"].is_object() {
        known.body["tags"] = wanted["tags"].clone();
    }
    known.generation += 1;
    arm.world.ledger.changed(&identity_id);
    Reply::json(200, &known.body)
}

fn delete(arm: &Arm, _: &Call, params: &Params) -> Reply {
    remove(arm, params, &identity_id(params))
}

/// Gone at once; what is not there is 204.
fn remove(arm: &Arm, params: &Params, id: &str) -> Reply {
    let mut state = arm.state();
    if let Err(refusal) = state.group(&id::group(params), false) {
        return refusal;
    }
    if state.get(id).is_none() {
        return Reply::empty(204);
    }
    state.remove(&arm.world, id);
    Reply::empty(200)
}

fn list(arm: &Arm, _: &Call, params: &Params) -> Reply {
    collection::list(arm, params, KIND, |_, identity| identity.body.clone())
}

fn put_credential(arm: &Arm, call: &Call, params: &Params) -> Reply {
    answer(trust(arm, call, params))
}

fn trust(arm: &Arm, call: &Call, params: &Params) -> Result<Reply, Reply> {
    let mut state = arm.state();
    find(&state, params)?;
    let wanted = call.json().filter(Value::is_object).ok_or_else(refusal::bad_body)?;
    let properties = &wanted["properties"];
    let given = |field: &str| properties[field].as_str().is_some_and(|text| !text.is_empty());
    if !given("issuer") || !given("subject") || properties["audiences"].as_array().is_none_or(Vec::is_empty) {
        let message = "The request format was unexpected. Federated Identity Credential must specify 'issuer', \
                       'subject' and 'audience'.";
        return Err(refusal::service(400, "BadRequest", message));
    }
    let id = credential_id(params);
    let same = |t: &&Thing| {
        let other = &t.body["properties"];
        id::key(&t.id) != id::key(&id) && ["issuer", "subject"].iter().all(|field| other[field] == properties[field])
    };
    if state.below(&identity_id(params)).any(|t| same(&t)) {
        let message = "Issuer and subject combination already exists for this Managed Identity.";
        return Err(refusal::service(409, "Conflict", message));
    }
    let kept =
        json!({"issuer": properties["issuer"], "subject": properties["subject"], "audiences": properties["audiences"]});
    if let Some(known) = state.get_mut(&id) {
        known.body["properties"] = kept;
        known.generation += 1;
        arm.world.ledger.changed(&id);
        return Ok(Reply::json(200, &known.body));
    }
    let body = json!({
        "id": id, "name": params.get("credential"), "type": format!("{KIND}/federatedIdentityCredentials"), "properties": kept,
    });
    state.insert(&arm.world, Thing::new(id.clone(), body.clone(), None));
    Ok(Reply::json(201, &body).header("location", id))
}

fn get_credential(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let state = arm.state();
    if let Err(refusal) = find(&state, params) {
        return refusal;
    }
    state.get(&credential_id(params)).map_or_else(
        || {
            let kind = format!("{KIND}/{}/federatedIdentityCredentials", params.get("identity"));
            refusal::no_resource(&kind, params.get("credential"), params.get("rg"))
        },
        |credential| Reply::json(200, &credential.body),
    )
}

fn delete_credential(arm: &Arm, _: &Call, params: &Params) -> Reply {
    remove(arm, params, &credential_id(params))
}

fn credentials(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let state = arm.state();
    let shown = |identity: &Thing| -> Vec<Value> { state.below(&identity.id).map(|t| t.body.clone()).collect() };
    answer(find(&state, params).map(|identity| Reply::json(200, &json!({"value": shown(identity)}))))
}
