//! Tokens of a registry: what a scope map allows, who has it, and two passwords that are told once.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::arm::operation::{Begin, Form, begin, paced};
use crate::arm::registry::password;
use crate::arm::store::{Busy, State, Thing};
use crate::arm::{Arm, id, refusal, registry};
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

const MAP: &str =
    "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerRegistry/registries/{name}/scopeMaps/{map}";
const TOKEN: &str =
    "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerRegistry/registries/{name}/tokens/{token}";
const MAPS: &str =
    "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerRegistry/registries/{name}/scopeMaps";
const TOKENS: &str =
    "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerRegistry/registries/{name}/tokens";
/// The names of the two passwords.
const SLOTS: [&str; 2] = ["password1", "password2"];
/// How long Azure takes to make a token.
const CREATE_SECONDS: u32 = 2;

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    const RECORDED: fn(u32) -> Evidence = |n| Evidence::Recording("acr-scope-map-and-token", n);
    vec![
        Route::new("PUT", MAP, RECORDED(7), put_map),
        Route::new("GET", MAP, RECORDED(15), get_map),
        Route::new("PATCH", MAP, Evidence::Spec("ContainerRegistry 2023-07-01, ScopeMaps_Update"), patch_map),
        Route::new("DELETE", MAP, Evidence::Spec("ContainerRegistry 2023-07-01, ScopeMaps_Delete"), delete_map),
        Route::new("PUT", TOKEN, RECORDED(8), put_token),
        Route::new("GET", TOKEN, RECORDED(10), get_token),
        Route::new("GET", MAPS, Evidence::Spec("ContainerRegistry 2023-07-01, ScopeMaps_List"), |arm, _, params| {
            list(arm, params, "scopeMaps")
        }),
        Route::new("GET", TOKENS, Evidence::Spec("ContainerRegistry 2023-07-01, Tokens_List"), |arm, _, params| {
            list(arm, params, "tokens")
        }),
        Route::new("PATCH", TOKEN, Evidence::Spec("ContainerRegistry 2023-07-01, Tokens_Update"), patch_token),
        Route::new("DELETE", TOKEN, Evidence::Spec("ContainerRegistry 2023-07-01, Tokens_Delete"), delete_token),
        Route::new(
            "POST",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerRegistry/registries/{name}/generateCredentials",
            RECORDED(34),
            generate,
        ),
    ]
}

fn registry_id(params: &Params) -> String {
    id::of(params, registry::KIND, params.get("name"))
}

fn map_id(params: &Params) -> String {
    format!("{}/scopeMaps/{}", registry_id(params), params.get("map"))
}

fn token_id(params: &Params) -> String {
    format!("{}/tokens/{}", registry_id(params), params.get("token"))
}

/// Whether the registry of a request can hold something.
fn ready(state: &State, params: &Params, verb: &str, kind: &str) -> Result<(), Reply> {
    state.group(&id::group(params), verb == "write")?;
    let registry_id = registry_id(params);
    match state.get(&registry_id) {
        None => Err(refusal::no_parent(verb, kind, &registry_id)),
        Some(found) if found.busy.is_some() => Err(registry::in_progress(params.get("name"))),
        Some(_) => Ok(()),
    }
}

fn valid_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (5..=50).contains(&name.len()) && name.chars().all(good)
}

/// Recorded: a short message, and a status beside the error.
fn absent(name: &str) -> Reply {
    let message = format!("The resource {name} could not be found.");
    refusal::with_status(404, "ResourceNotFound", &message)
}

fn body(arm: &Arm, kind: &str, id: &str, properties: &Value) -> Value {
    let (now, by) = (arm.world.stamp(), &arm.world.application.client_id);
    let mut body = json!({
        "type": format!("{}/{kind}", registry::KIND), "id": id, "name": id::name(id),
        "systemData": {
            "createdBy": by, "createdByType": "Application", "createdAt": now,
            "lastModifiedBy": by, "lastModifiedByType": "Application", "lastModifiedAt": now,
        },
        "properties": properties,
    });
    body["properties"]["creationDate"] = json!(now);
    body
}

fn changed(arm: &Arm, thing: &mut Thing) {
    thing.fails = false;
    thing.generation += 1;
    thing.body["systemData"]["lastModifiedAt"] = json!(arm.world.stamp());
    arm.world.ledger.changed(&thing.id);
}

fn take_map(thing: &mut Thing, wanted: &Value) {
    for field in ["actions", "description"] {
        if let Some(value) = wanted["properties"].get(field) {
            thing.body["properties"][field] = value.clone();
        }
    }
}

/// `repositories/NAME/content/read` and its kin.
fn is_action(action: &Value) -> bool {
    let Some(rest) = action.as_str().and_then(|a| a.strip_prefix("repositories/")) else { return false };
    let rights = ["content/read", "content/write", "content/delete", "metadata/read", "metadata/write"];
    rights.iter().any(|right| rest.strip_suffix(right).is_some_and(|name| name.len() > 1 && name.ends_with('/')))
}

fn put_map(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    if let Err(refusal) = ready(&state, params, "write", "registries/scopeMaps") {
        return refusal;
    }
    let Some(wanted) = call.json() else { return refusal::bad_body() };
    if !valid_name(params.get("map")) {
        return refusal::service(400, "InvalidResourceName", "The name of the scope map is invalid.");
    }
    let Some(actions) = wanted["properties"]["actions"].as_array() else { return refusal::bad_body() };
    if !actions.iter().all(is_action) {
        return refusal::service(400, "InvalidActions", "An action of the scope map is invalid.");
    }
    let map_id = map_id(params);
    if state.get(&map_id).is_none() {
        let fresh = body(arm, "scopeMaps", &map_id, &json!({"type": "UserDefined"}));
        state.insert(&arm.world, Thing::new(map_id.clone(), fresh, None));
    }
    let Some(map) = state.get_mut(&map_id) else { return Reply::empty(500) };
    take_map(map, &wanted);
    changed(arm, map);
    Reply::json(200, &map.shown())
}

fn get_map(arm: &Arm, _: &Call, params: &Params) -> Reply {
    get(arm, params, "registries/scopeMaps", &map_id(params))
}

fn get(arm: &Arm, params: &Params, kind: &str, id: &str) -> Reply {
    let state = arm.state();
    if let Err(refusal) = ready(&state, params, "read", kind) {
        return refusal;
    }
    state.get(id).map_or_else(|| absent(id::name(id)), |thing| Reply::json(200, &thing.shown()))
}

/// Assumed: the scope maps of the service's own are not among them.
fn list(arm: &Arm, params: &Params, kind: &str) -> Reply {
    let state = arm.state();
    if let Err(refusal) = ready(&state, params, "read", &format!("registries/{kind}")) {
        return refusal;
    }
    let own = format!("{}/{kind}/", id::key(&registry_id(params))).to_lowercase();
    let inside = state.below(&registry_id(params)).filter(|thing| id::key(&thing.id).starts_with(&own));
    let value: Vec<Value> = inside.map(Thing::shown).collect();
    Reply::json(200, &json!({"value": value}))
}

fn patch_map(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let Some(wanted) = call.json() else { return refusal::bad_body() };
    let mut state = arm.state();
    if let Err(refusal) = ready(&state, params, "write", "registries/scopeMaps") {
        return refusal;
    }
    let Some(map) = state.get_mut(&map_id(params)) else { return absent(params.get("map")) };
    take_map(map, &wanted);
    changed(arm, map);
    Reply::json(200, &map.shown())
}

fn delete_map(arm: &Arm, _: &Call, params: &Params) -> Reply {
    delete(arm, params, "registries/scopeMaps", &map_id(params))
}

fn delete_token(arm: &Arm, _: &Call, params: &Params) -> Reply {
    delete(arm, params, "registries/tokens", &token_id(params))
}

fn delete(arm: &Arm, params: &Params, kind: &str, id: &str) -> Reply {
    let mut state = arm.state();
    match ready(&state, params, "delete", kind) {
        Err(refusal) => refusal,
        Ok(()) if state.get(id).is_none() => Reply::empty(204),
        Ok(()) => {
            state.remove(&arm.world, id);
            Reply::empty(200)
        }
    }
}

fn put_token(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    if let Err(refusal) = ready(&state, params, "write", "registries/tokens") {
        return refusal;
    }
    let Some(wanted) = call.json() else { return refusal::bad_body() };
    if !valid_name(params.get("token")) {
        return refusal::service(400, "InvalidResourceName", "The name of the token is invalid.");
    }
    let map = wanted["properties"]["scopeMapId"].as_str().unwrap_or_default();
    if state.get(map).is_none() {
        return refusal::service(400, "InvalidScopeMap", "The scope map of the token does not exist.");
    }
    let token_id = token_id(params);
    if let Some(token) = state.get_mut(&token_id) {
        return change_token(arm, token, &wanted);
    }
    let properties =
        json!({"scopeMapId": map, "credentials": {"passwords": []}, "status": wanted["properties"]["status"]});
    let busy = Busy { word: "Creating", until: arm.world.after(CREATE_SECONDS), vanishes: false };
    let mut token = Thing::new(token_id.clone(), body(arm, "tokens", &token_id, &properties), Some(busy));
    token.secrets = vec![String::new(), String::new()];
    let shown = token.shown();
    state.insert(&arm.world, token);
    let form = Form::Token("Creating");
    let api = call.query("api-version").unwrap_or_default();
    let wish = Begin { form, resource: &token_id, seconds: CREATE_SECONDS, location: "", api };
    let (_, address) = begin(&arm.world, &mut state, &wish);
    paced(arm, Reply::json(201, &shown)).header("azure-asyncoperation", address)
}

fn get_token(arm: &Arm, _: &Call, params: &Params) -> Reply {
    get(arm, params, "registries/tokens", &token_id(params))
}

fn patch_token(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let Some(wanted) = call.json() else { return refusal::bad_body() };
    let mut state = arm.state();
    if let Err(refusal) = ready(&state, params, "write", "registries/tokens") {
        return refusal;
    }
    match state.get_mut(&token_id(params)) {
        Some(token) => change_token(arm, token, &wanted),
        None => absent(params.get("token")),
    }
}

/// Assumed: a list of passwords keeps those that it names and clears the others.
fn change_token(arm: &Arm, token: &mut Thing, wanted: &Value) -> Reply {
    if token.busy.is_some() {
        return registry::in_progress(id::name(&token.id));
    }
    for field in ["scopeMapId", "status"] {
        if let Some(value) = wanted["properties"].get(field) {
            token.body["properties"][field] = value.clone();
        }
    }
    if let Some(kept) = wanted["properties"]["credentials"]["passwords"].as_array() {
        for (slot, name) in SLOTS.iter().enumerate() {
            if !kept.iter().any(|p| p["name"] == *name) {
                clear(token, slot);
            }
        }
    }
    changed(arm, token);
    Reply::json(200, &token.shown())
}

fn passwords(token: &Thing) -> Vec<Value> {
    token.body["properties"]["credentials"]["passwords"].as_array().cloned().unwrap_or_default()
}

fn clear(token: &mut Thing, slot: usize) {
    let left: Vec<Value> = passwords(token).into_iter().filter(|p| p["name"] != SLOTS[slot]).collect();
    token.body["properties"]["credentials"]["passwords"] = json!(left);
    token.secrets[slot].clear();
}

fn fill(arm: &Arm, token: &mut Thing, slot: usize, expiry: &Value) -> Value {
    clear(token, slot);
    let mut told = json!({"creationTime": arm.world.stamp(), "name": SLOTS[slot]});
    if !expiry.is_null() {
        told["expiry"] = expiry.clone();
    }
    let mut all = passwords(token);
    all.push(told.clone());
    all.sort_by_key(|p| p["name"].as_str().map(str::to_owned));
    token.body["properties"]["credentials"]["passwords"] = json!(all);
    token.secrets[slot] = password();
    told["value"] = json!(token.secrets[slot]);
    told
}

/// Recorded without a name: both passwords. With one, by the contract: that one.
fn generate(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let wanted = call.json().unwrap_or_default();
    let mut state = arm.state();
    if let Err(refusal) = ready(&state, params, "write", "registries/tokens") {
        return refusal;
    }
    let wanted_id = wanted["tokenId"].as_str().unwrap_or_default();
    let ours = id::key(wanted_id).starts_with(&format!("{}/tokens/", id::key(&registry_id(params))));
    let Some(token) = state.get_mut(wanted_id).filter(|_| ours) else { return absent(id::name(wanted_id)) };
    if token.busy.is_some() {
        return registry::in_progress(id::name(wanted_id));
    }
    let slots: Vec<usize> = match wanted["name"].as_str() {
        None => vec![0, 1],
        Some(name) => SLOTS.iter().position(|s| *s == name).into_iter().collect(),
    };
    if slots.is_empty() {
        return refusal::service(400, "InvalidPasswordName", "The password name is password1 or password2.");
    }
    let told: Vec<Value> = slots.into_iter().map(|slot| fill(arm, token, slot, &wanted["expiry"])).collect();
    changed(arm, token);
    Reply::json(200, &json!({"username": id::name(&token.id), "passwords": told}))
}

/// What the registry's own host needs to know of a token.
#[derive(Clone, Debug)]
pub struct View {
    /// Its name, which is the user's.
    pub name: String,
    /// The passwords that open it now.
    pub passwords: Vec<String>,
    /// What its scope map allows.
    pub actions: Vec<String>,
}

/// The tokens of a registry that may sign in now.
pub(super) fn views(arm: &Arm, state: &State, registry_id: &str) -> Vec<View> {
    let now = arm.world.now();
    let tokens = state.below(registry_id).filter(|t| t.id.contains("/tokens/"));
    let open = tokens.filter(|t| t.busy.is_none() && t.body["properties"]["status"] == "enabled");
    open.map(|token| View {
        name: id::name(&token.id).to_owned(),
        passwords: valid(token, now),
        actions: actions(state, token),
    })
    .collect()
}

fn valid(token: &Thing, now: OffsetDateTime) -> Vec<String> {
    let is_over = |p: &Map<String, Value>| {
        let expiry = p.get("expiry").and_then(Value::as_str);
        expiry.is_some_and(|e| OffsetDateTime::parse(e, &Rfc3339).is_ok_and(|end| end <= now))
    };
    let named = passwords(token);
    let alive = named.iter().filter_map(Value::as_object).filter(|p| !is_over(p));
    alive.filter_map(|p| SLOTS.iter().position(|s| p["name"] == *s)).map(|slot| token.secrets[slot].clone()).collect()
}

fn actions(state: &State, token: &Thing) -> Vec<String> {
    let map = token.body["properties"]["scopeMapId"].as_str().unwrap_or_default();
    let listed = state.get(map).map(|m| m.body["properties"]["actions"].clone()).unwrap_or_default();
    listed.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
