//! Container registries: the resource and its admin credential.

use serde_json::{Map, Value, json};

use crate::arm::operation::{Begin, Form, begin, paced};
use crate::arm::store::{Busy, State, Thing};
use crate::arm::subscription::check_registered;
use crate::arm::{Arm, collection, id, refusal, registry_token};
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::registry::rights::Rights;
use crate::registry::token::signed_in;
use crate::route::{Params, Route};
use crate::world::random_text;

/// The type.
pub const KIND: &str = "Microsoft.ContainerRegistry/registries";
const PATH: &str = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerRegistry/registries/{name}";
/// How long Azure takes to make one.
const CREATE_SECONDS: u32 = 12;
const DELETE_SECONDS: u32 = 20;

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    const NAME: &str = "acr-create-show-credentials-renew-delete";
    const R: fn(u32) -> Evidence = |n| Evidence::Recording(NAME, n);
    vec![
        Route::new("PUT", PATH, R(1), put),
        Route::new("GET", PATH, R(4), get),
        Route::new("PATCH", PATH, R(11), patch),
        Route::new("DELETE", PATH, R(33), delete),
        Route::new(
            "POST",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerRegistry/registries/{name}/listCredentials",
            R(28),
            list_credentials,
        ),
        Route::new(
            "POST",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerRegistry/registries/{name}/regenerateCredential",
            R(30),
            regenerate_credential,
        ),
        Route::new(
            "POST",
            "/subscriptions/{sub}/providers/Microsoft.ContainerRegistry/checkNameAvailability",
            Evidence::Recording("acr-check-name", 1),
            check_name,
        ),
        Route::new(
            "GET",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerRegistry/registries",
            R(6),
            list,
        ),
        Route::new(
            "GET",
            "/subscriptions/{sub}/providers/Microsoft.ContainerRegistry/registries",
            Evidence::Client("az 2.91.0"),
            list,
        ),
    ]
}

fn registry_id(params: &Params) -> String {
    id::of(params, KIND, params.get("name"))
}

fn valid_name(name: &str) -> bool {
    (5..=50).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

fn check(wanted: &Map<String, Value>, name: &str) -> Result<(), Reply> {
    if wanted.get("location").and_then(Value::as_str).is_none() {
        return Err(refusal::no_location());
    }
    if !valid_name(name) {
        let message = format!("The resource name '{name}' is invalid: 5 to 50 alphanumeric characters are allowed.");
        return Err(refusal::service(400, "InvalidResourceName", &message));
    }
    check_sku(wanted.get("sku").and_then(|s| s["name"].as_str()))
}

fn check_sku(sku: Option<&str>) -> Result<(), Reply> {
    match sku {
        None => Err(refusal::service(400, "InvalidSku", "The SKU of the registry is required.")),
        Some("Basic" | "Standard" | "Premium") => Ok(()),
        Some(other) => {
            Err(refusal::service(400, "InvalidSku", &format!("The specified SKU '{other}' is not supported.")))
        }
    }
}

/// Somebody else, or another group of ours, has the name.
fn taken(state: &State, registry_id: &str) -> bool {
    let name = id::name(registry_id).to_lowercase();
    let other = |t: &Thing| id::key(id::name(&t.id)) == name && id::key(&t.id) != id::key(registry_id);
    state.figures.foreign.contains(&name) || state.of_kind(KIND).any(other)
}

fn put(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    if let Err(refusal) = state
        .group(&id::group(params), true)
        .map(|_| ())
        .and_then(|()| check_registered(&state, "Microsoft.ContainerRegistry", params.get("sub")))
    {
        return refusal;
    }
    let Some(Value::Object(wanted)) = call.json() else { return refusal::bad_body() };
    if let Err(refusal) = check(&wanted, params.get("name")) {
        return refusal;
    }
    let registry_id = registry_id(params);
    if taken(&state, &registry_id) {
        return already_in_use(params.get("name"));
    }
    if state.get(&registry_id).is_some() {
        return replace(arm, &mut state, &registry_id, &wanted);
    }
    create(arm, &mut state, registry_id, &wanted, call.query("api-version").unwrap_or_default())
}

fn already_in_use(name: &str) -> Reply {
    let message = format!(
        "The registry DNS name {name}.azurecr.io is already in use. You can check if the name is already claimed \
         using the following API: https://docs.microsoft.com/en-us/rest/api/containerregistry/registries/checknameavailability"
    );
    refusal::service(409, "AlreadyInUse", &message)
}

fn create(arm: &Arm, state: &mut State, registry_id: String, wanted: &Map<String, Value>, api: &str) -> Reply {
    let name = id::name(&registry_id).to_owned();
    // Recorded with a user's name; that an application appears by its id is assumed.
    let (now, by) = (arm.world.stamp(), &arm.world.application.client_id);
    let mut body = json!({
        "sku": {}, "type": KIND, "id": registry_id, "name": name, "location": wanted["location"], "tags": {},
        "systemData": {
            "createdBy": by, "createdByType": "Application", "createdAt": now,
            "lastModifiedBy": by, "lastModifiedByType": "Application", "lastModifiedAt": now,
        },
        "properties": {
            "loginServer": format!("{}.azurecr.io", name.to_lowercase()), "creationDate": now,
            "provisioningState": "Creating", "adminUserEnabled": false,
            "policies": {
                "quarantinePolicy": {"status": "disabled"}, "trustPolicy": {"type": "Notary", "status": "disabled"},
                "retentionPolicy": {"days": 7, "lastUpdatedTime": now, "status": "disabled"},
                "exportPolicy": {"status": "enabled"},
            },
            "encryption": {"status": "disabled"}, "dataEndpointEnabled": false, "dataEndpointHostNames": [],
            "privateEndpointConnections": [], "publicNetworkAccess": "Enabled",
            "networkRuleBypassOptions": "AzureServices", "zoneRedundancy": "Disabled", "anonymousPullEnabled": false, "metadataSearch": "Disabled",
            "roleAssignmentMode": "LegacyRegistryPermissions",
        },
    });
    take(&mut body, wanted);
    let busy = Busy { word: "Creating", until: arm.world.after(CREATE_SECONDS), vanishes: false };
    let mut registry = Thing::new(registry_id.clone(), body, Some(busy));
    registry.secrets = vec![password(), password()];
    let shown = registry.shown();
    state.insert(&arm.world, registry);
    let form = Form::Registry("Creating");
    let wish = Begin { form, resource: &registry_id, seconds: CREATE_SECONDS, location: "", api };
    let (_, address) = begin(&arm.world, state, &wish);
    paced(arm, Reply::json(201, &shown)).header("azure-asyncoperation", address)
}

/// 52 characters as Azure's own; the check characters in them are not imitated.
pub(super) fn password() -> String {
    random_text(52)
}

fn take(body: &mut Value, wanted: &Map<String, Value>) {
    if let Some(sku) = wanted.get("sku").and_then(|s| s["name"].as_str()) {
        body["sku"] = json!({"name": sku, "tier": sku});
        if sku == "Premium" && body["properties"]["networkRuleSet"].is_null() {
            body["properties"]["networkRuleSet"] = json!({"defaultAction": "Allow", "ipRules": []});
        }
    }
    if let Some(tags) = wanted.get("tags") {
        body["tags"] = tags.clone();
    }
    let properties =
        ["adminUserEnabled", "anonymousPullEnabled", "publicNetworkAccess", "zoneRedundancy", "roleAssignmentMode"];
    for property in properties {
        if let Some(value) = wanted.get("properties").map(|p| &p[property]).filter(|v| !v.is_null()) {
            body["properties"][property] = value.clone();
        }
    }
}

/// Observed: an existing registry answers 200 Succeeded at once.
fn replace(arm: &Arm, state: &mut State, registry_id: &str, wanted: &Map<String, Value>) -> Reply {
    let Some(registry) = state.get_mut(registry_id) else { return Reply::empty(500) };
    let old = registry.body["location"].as_str().unwrap_or_default().to_owned();
    let new = wanted["location"].as_str().unwrap_or_default();
    if !old.eq_ignore_ascii_case(new) {
        return refusal::other_location(id::name(registry_id), id::group_name(registry_id), &old, new);
    }
    if registry.busy.is_some() {
        return in_progress(id::name(registry_id));
    }
    change(arm, registry, wanted)
}

fn change(arm: &Arm, registry: &mut Thing, wanted: &Map<String, Value>) -> Reply {
    let zone = wanted.get("properties").map(|p| &p["zoneRedundancy"]).filter(|z| !z.is_null());
    if zone.is_some_and(|z| *z != registry.body["properties"]["zoneRedundancy"]) {
        let message = "The property 'zoneRedundancy' of a registry cannot be changed.";
        return refusal::service(400, "PropertyChangeNotAllowed", message);
    }
    take(&mut registry.body, wanted);
    registry.fails = false;
    modified(arm, registry, &arm.world.application.client_id, "Application");
    registry.generation += 1;
    arm.world.ledger.changed(&registry.id);
    Reply::json(200, &registry.shown())
}

fn modified(arm: &Arm, registry: &mut Thing, by: &str, kind: &str) {
    let data = &mut registry.body["systemData"];
    data["lastModifiedBy"] = json!(by);
    data["lastModifiedByType"] = json!(kind);
    data["lastModifiedAt"] = json!(arm.world.stamp());
}

pub(super) fn in_progress(name: &str) -> Reply {
    let message = format!("Another operation is in progress on the registry {name}.");
    refusal::service(409, "AnotherOperationInProgress", &message)
}

fn absent(params: &Params) -> Reply {
    refusal::no_resource(KIND, params.get("name"), params.get("rg"))
}

/// The registry of a request, or why it cannot be had.
fn find<'a>(state: &'a mut State, params: &Params) -> Result<&'a mut Thing, Reply> {
    state.group(&id::group(params), false)?;
    state.get_mut(&registry_id(params)).ok_or_else(|| absent(params))
}

fn get(arm: &Arm, _: &Call, params: &Params) -> Reply {
    match find(&mut arm.state(), params) {
        Ok(registry) => Reply::json(200, &registry.shown()),
        Err(refusal) => refusal,
    }
}

fn list(arm: &Arm, _: &Call, params: &Params) -> Reply {
    collection::list(arm, params, KIND, |_, registry| registry.shown())
}

fn patch(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let Some(Value::Object(wanted)) = call.json() else { return refusal::bad_body() };
    let mut state = arm.state();
    let registry = match find(&mut state, params) {
        Ok(registry) => registry,
        Err(refusal) => return refusal,
    };
    if registry.busy.is_some() {
        return in_progress(params.get("name"));
    }
    if let Some(sku) = wanted.get("sku")
        && let Err(refusal) = check_sku(sku["name"].as_str())
    {
        return refusal;
    }
    change(arm, registry, &wanted)
}

fn delete(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    if let Err(refusal) = state.group(&id::group(params), false) {
        return refusal;
    }
    let registry_id = registry_id(params);
    let Some(registry) = state.get_mut(&registry_id) else { return Reply::empty(204) };
    if registry.is_coming() {
        return in_progress(params.get("name"));
    }
    if registry.body["sku"]["name"] != "Premium" {
        state.remove(&arm.world, &registry_id);
        return Reply::empty(200);
    }
    registry.busy = Some(Busy { word: "Deleting", until: arm.world.after(DELETE_SECONDS), vanishes: true });
    let location = registry.body["location"].as_str().unwrap_or_default().to_uppercase();
    let api = call.query("api-version").unwrap_or_default();
    let form = Form::RegistryDelete;
    let wish = Begin { form, resource: &registry_id, seconds: DELETE_SECONDS, location: &location, api };
    let (_, address) = begin(&arm.world, &mut state, &wish);
    Reply::json(202, &json!({"status": "Deleting"}))
        .header("location", address)
        .header("retry-after", arm.world.retry_after(10))
}

fn credentials(registry: &Thing) -> Reply {
    let name = id::name(&registry.id);
    if registry.body["properties"]["adminUserEnabled"] != json!(true) {
        let message = format!(
            "Cannot perform credential operations for {} as admin user is disabled. Kindly enable admin user as per \
             docs: https://docs.microsoft.com/en-us/azure/container-registry/container-registry-authentication#admin-account",
            registry.id
        );
        return refusal::service(400, "UnAuthorizedForCredentialOperations", &message);
    }
    let [first, second] = [0, 1].map(|i| registry.secrets.get(i).cloned().unwrap_or_default());
    let passwords = json!([{"name": "password", "value": first}, {"name": "password2", "value": second}]);
    Reply::json(200, &json!({"username": name, "passwords": passwords}))
}

fn list_credentials(arm: &Arm, _: &Call, params: &Params) -> Reply {
    match find(&mut arm.state(), params) {
        Ok(registry) if registry.is_coming() => in_progress(params.get("name")),
        Ok(registry) => credentials(registry),
        Err(refusal) => refusal,
    }
}

fn regenerate_credential(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let wanted = call.json().unwrap_or_default();
    let slot = match wanted["name"].as_str() {
        Some("password") => 0,
        Some("password2") => 1,
        _ => return refusal::service(400, "InvalidPasswordName", "The password name is password or password2."),
    };
    let mut state = arm.state();
    let registry = match find(&mut state, params) {
        Ok(registry) => registry,
        Err(refusal) => return refusal,
    };
    let reply = credentials(registry);
    if reply.status != 200 {
        return reply;
    }
    registry.secrets[slot] = password();
    arm.world.ledger.changed(&registry.id);
    credentials(registry)
}

fn check_name(arm: &Arm, call: &Call, _: &Params) -> Reply {
    let wanted = call.json().unwrap_or_default();
    let name = wanted["name"].as_str().unwrap_or_default();
    if wanted["type"] != KIND {
        return refusal::service(400, "InvalidResourceType", "The resource type is missing or not known.");
    }
    if !valid_name(name) {
        let message = format!("The registry name {name} is invalid.");
        return Reply::json(200, &json!({"nameAvailable": false, "reason": "Invalid", "message": message}));
    }
    let state = arm.state();
    let used = state.figures.foreign.contains(&name.to_lowercase())
        || state.of_kind(KIND).any(|t| id::name(&t.id).eq_ignore_ascii_case(name));
    if !used {
        return Reply::json(200, &json!({"nameAvailable": true}));
    }
    let message = format!("The registry {name} is already in use.");
    Reply::json(200, &json!({"nameAvailable": false, "reason": "AlreadyExists", "message": message}))
}

/// What the registry's own host needs to know.
#[derive(Clone, Debug)]
pub struct View {
    /// The name.
    pub name: String,
    /// New at every creation under the same name.
    pub incarnation: String,
    /// Whether the admin user may sign in.
    pub admin: bool,
    /// Its passwords.
    pub passwords: Vec<String>,
    /// Its tokens that may sign in.
    pub tokens: Vec<registry_token::View>,
    /// Its id.
    id: String,
    /// Whether rights are given by repository.
    by_repository: bool,
}

const READ: &str = "repositories/*/content/read";
const WRITE: &str = "repositories/*/content/write";

/// Roles that a registry honours by what they allow, in each of its two modes.
const HONOURED: [(bool, &str, &[&str]); 3] = [
    (false, "7f951dda-4ed3-4680-a7ca-43fe172d538d", &[READ]),
    (false, "8311e382-0749-4cb8-b61a-304f252e45ec", &[READ, WRITE]),
    (true, "b93aa761-3e63-49ed-ac28-beffa264f7ac", &[READ]),
];

/// What a principal may do at a registry; the owner of the subscription may do everything.
#[must_use]
pub fn rights(arm: &Arm, view: &View, principal: &str) -> Option<Rights> {
    if principal == arm.world.application.client_id {
        return Some(Rights::All);
    }
    let state = arm.state();
    let honoured = HONOURED.iter().filter(|(mode, role, _)| {
        *mode == view.by_repository && super::role::has_role(&state, principal, role, &view.id)
    });
    let listed: Vec<String> = honoured.flat_map(|(_, _, rights)| rights.iter().map(|r| (*r).to_owned())).collect();
    (!listed.is_empty()).then_some(Rights::Listed(listed))
}

/// The registry behind a host name, when there is one.
#[must_use]
pub fn by_host(arm: &Arm, host: &str) -> Option<View> {
    let state = arm.state();
    let found = state.of_kind(KIND).find(|t| t.body["properties"]["loginServer"] == host)?;
    let admin = found.body["properties"]["adminUserEnabled"] == json!(true);
    let name = id::name(&found.id).to_owned();
    (!found.is_coming()).then(|| View {
        name,
        incarnation: found.incarnation.clone(),
        admin,
        passwords: found.secrets.clone(),
        tokens: registry_token::views(arm, &state, &found.id),
        id: found.id.clone(),
        by_repository: found.body["properties"]["roleAssignmentMode"] == json!("AbacRepositoryPermissions"),
    })
}

/// Regenerates the passwords of every registry behind everybody's back; gives back the names.
pub fn break_passwords(arm: &Arm) -> Vec<String> {
    let mut state = arm.state();
    let ids: Vec<String> = state.of_kind(KIND).map(|t| t.id.clone()).collect();
    for registry_id in &ids {
        if let Some(registry) = state.get_mut(registry_id) {
            registry.secrets = vec![password(), password()];
        }
    }
    ids.iter().map(|i| id::name(i).to_owned()).collect()
}

/// A login that may push for each registry: host, user, password. The admin user's where it is on, else that of somebody
/// who has signed in to Azure.
#[must_use]
pub fn logins(arm: &Arm) -> Vec<(String, String, String)> {
    let state = arm.state();
    let login = |t: &Thing| {
        let host = t.body["properties"]["loginServer"].as_str().unwrap_or_default().to_owned();
        let (user, password) = if t.body["properties"]["adminUserEnabled"] == json!(true) {
            (id::name(&t.id).to_owned(), t.secrets.first().cloned().unwrap_or_default())
        } else {
            signed_in(&arm.world, &host, &t.incarnation)
        };
        (host, user, password)
    };
    state.of_kind(KIND).filter(|t| !t.is_coming()).map(login).collect()
}
