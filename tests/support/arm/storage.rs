//! Storage accounts and their keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::arm::operation::{Begin, Form, begin};
use crate::arm::store::{Busy, State, Thing};
use crate::arm::subscription::check_registered;
use crate::arm::{Arm, activity, collection, id, refusal};
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

/// The type.
pub const KIND: &str = "Microsoft.Storage/storageAccounts";
const PATH: &str = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Storage/storageAccounts/{account}";
/// How long Azure takes to make one.
const SECONDS: u32 = 20;
const SKUS: &[&str] = &[
    "Standard_LRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_ZRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_LRS",
    "Premium_ZRS",
];

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    vec![
        Route::new("PUT", PATH, Evidence::Recording("storage-create-update", 2), put),
        Route::new("GET", PATH, Evidence::Recording("storage-create-update", 4), get),
        Route::new("PATCH", PATH, Evidence::Spec("Storage 2023-05-01, StorageAccounts_Update"), patch),
        Route::new("DELETE", PATH, Evidence::Spec("Storage 2023-05-01, StorageAccounts_Delete"), delete),
        Route::new(
            "GET",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Storage/storageAccounts",
            Evidence::Spec("Storage 2023-05-01, StorageAccounts_ListByResourceGroup"),
            list,
        ),
        Route::new(
            "GET",
            "/subscriptions/{sub}/providers/Microsoft.Storage/storageAccounts",
            Evidence::Client("az 2.91.0"),
            list,
        ),
        Route::new(
            "POST",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Storage/storageAccounts/{account}/listKeys",
            Evidence::Recording("storage-keys-renew", 1),
            list_keys,
        ),
        Route::new(
            "POST",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Storage/storageAccounts/{account}/regenerateKey",
            Evidence::Recording("storage-keys-renew", 2),
            regenerate_key,
        ),
        Route::new(
            "POST",
            "/subscriptions/{sub}/providers/Microsoft.Storage/checkNameAvailability",
            Evidence::Recording("storage-create-update", 1),
            check_name,
        ),
        Route::new(
            "GET",
            "/subscriptions/{sub}/providers/Microsoft.Storage/deletedAccounts",
            Evidence::Spec("Storage 2023-05-01, DeletedAccounts_List"),
            deleted,
        ),
    ]
}

/// The id of the account of a request.
#[must_use]
pub fn account_id(params: &Params) -> String {
    id::of(params, KIND, params.get("account"))
}

/// The account of a request for a child of it.
///
/// # Errors
/// ARM's answer when group or account are missing or the account is not ready.
pub fn ready_account<'a>(state: &'a State, params: &Params, verb: &str, kind: &str) -> Result<&'a Thing, Reply> {
    state.group(&id::group(params), verb == "write")?;
    let account = account_id(params);
    let found = state.get(&account).ok_or_else(|| refusal::no_parent(verb, kind, &account))?;
    if found.is_coming() { Err(not_provisioned()) } else { Ok(found) }
}

fn deleted(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let row = |name: &String| {
        let id = format!("/subscriptions/{}/providers/Microsoft.Storage/deletedAccounts/{name}", params.get("sub"));
        json!({"id": id, "name": name, "type": "Microsoft.Storage/deletedAccounts",
               "properties": {"location": "eastus2", "deletionTime": "2026-01-02T03:04:05Z"}})
    };
    Reply::json(200, &json!({"value": arm.state().figures.deleted.iter().map(row).collect::<Vec<Value>>()}))
}

fn not_provisioned() -> Reply {
    let message = "The storage account provisioning state must be 'Succeeded' before executing the operation.";
    refusal::service(409, "StorageAccountIsNotProvisioned", message)
}

fn valid_name(name: &str) -> bool {
    (3..=24).contains(&name.len()) && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

fn check(wanted: &Map<String, Value>, name: &str) -> Result<(), Reply> {
    if wanted.get("location").and_then(Value::as_str).is_none() {
        return Err(refusal::no_location());
    }
    if !valid_name(name) {
        let message = format!(
            "{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in \
             length and use numbers and lower-case letters only."
        );
        return Err(refusal::service(400, "AccountNameInvalid", &message));
    }
    let sku = wanted.get("sku").and_then(|s| s["name"].as_str()).unwrap_or_default();
    let kind = wanted.get("kind").and_then(Value::as_str).unwrap_or_default();
    if !SKUS.contains(&sku)
        || !["StorageV2", "BlobStorage", "Storage", "BlockBlobStorage", "FileStorage"].contains(&kind)
    {
        let message = "Values for request parameters are invalid: sku.name, kind.";
        return Err(refusal::service(400, "InvalidValuesForRequestParameters", message));
    }
    Ok(())
}

fn taken(state: &State, account_id: &str) -> bool {
    let name = id::name(account_id).to_lowercase();
    let other = |t: &Thing| id::key(id::name(&t.id)) == name && id::key(&t.id) != id::key(account_id);
    state.figures.foreign.contains(&name) || state.of_kind(KIND).any(other)
}

fn put(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    if let Err(refusal) = state
        .group(&id::group(params), true)
        .map(|_| ())
        .and_then(|()| check_registered(&state, "Microsoft.Storage", params.get("sub")))
    {
        return refusal;
    }
    let Some(Value::Object(wanted)) = call.json() else { return refusal::bad_body() };
    if let Err(refusal) = check(&wanted, params.get("account")) {
        return refusal;
    }
    let account_id = account_id(params);
    if taken(&state, &account_id) {
        let message = format!("The storage account named {} is already taken.", params.get("account"));
        return refusal::service(409, "StorageAccountAlreadyTaken", &message);
    }
    if let Some(known) = state.get_mut(&account_id) {
        return replace(arm, known, &wanted);
    }
    create(arm, &mut state, account_id, &wanted, call.query("api-version").unwrap_or_default())
}

fn create(arm: &Arm, state: &mut State, account_id: String, wanted: &Map<String, Value>, api: &str) -> Reply {
    let name = id::name(&account_id).to_owned();
    let now = arm.world.stamp();
    let host = |service: &str| format!("https://{name}.{service}.core.windows.net/");
    let location = wanted["location"].as_str().unwrap_or_default().to_lowercase().replace(' ', "");
    let mut body = json!({
        "sku": {}, "kind": wanted["kind"], "id": account_id, "name": name, "type": KIND, "location": location, "tags": {},
        "properties": {
            "keyCreationTime": {"key1": now, "key2": now}, "allowCrossTenantReplication": false,
            "privateEndpointConnections": [], "minimumTlsVersion": "TLS1_0", "allowBlobPublicAccess": false,
            "networkAcls": {"ipv6Rules": [], "bypass": "AzureServices", "virtualNetworkRules": [], "ipRules": [], "defaultAction": "Allow"},
            "supportsHttpsTrafficOnly": true,
            "encryption": {"services": {
                "file": {"keyType": "Account", "enabled": true, "lastEnabledTime": now},
                "blob": {"keyType": "Account", "enabled": true, "lastEnabledTime": now},
            }, "keySource": "Microsoft.Storage"},
            "accessTier": "Hot", "provisioningState": "Succeeded", "creationTime": now,
            "primaryEndpoints": {
                "dfs": host("dfs"), "web": host("z20.web"), "blob": host("blob"), "queue": host("queue"),
                "table": host("table"), "file": host("file"),
            },
            "primaryLocation": location, "statusOfPrimary": "available",
        },
    });
    take(&mut body, wanted);
    let busy = Busy { word: "Creating", until: arm.world.after(SECONDS), vanishes: false };
    let mut account = Thing::new(account_id.clone(), body, Some(busy));
    account.secrets = vec![key(), key()];
    state.insert(&arm.world, account);
    let form = Form::StorageAccount;
    let wish = Begin { form, resource: &account_id, seconds: SECONDS, location: &location, api };
    let (_, address) = begin(&arm.world, state, &wish);
    // Recorded: an empty body of type text/plain.
    Reply::body(202, "text/plain; charset=utf-8", "")
        .header("location", address)
        .header("retry-after", arm.world.retry_after(17))
}

/// A key of 64 bytes, made for this run.
fn key() -> String {
    let bytes: Vec<u8> = (0..4).flat_map(|_| *uuid::Uuid::new_v4().as_bytes()).collect();
    STANDARD.encode(bytes)
}

fn take(body: &mut Value, wanted: &Map<String, Value>) {
    if let Some(sku) = wanted.get("sku").and_then(|s| s["name"].as_str()) {
        body["sku"] = json!({"name": sku, "tier": sku.split('_').next().unwrap_or_default()});
    }
    if let Some(tags) = wanted.get("tags") {
        body["tags"] = tags.clone();
    }
    let properties = [
        "minimumTlsVersion",
        "allowBlobPublicAccess",
        "supportsHttpsTrafficOnly",
        "allowSharedKeyAccess",
        "accessTier",
        "sasPolicy",
        "publicNetworkAccess",
        "networkAcls",
        "isHnsEnabled",
        "allowCrossTenantReplication",
    ];
    for property in properties {
        if let Some(value) = wanted.get("properties").map(|p| &p[property]).filter(|v| !v.is_null()) {
            body["properties"][property] = value.clone();
        }
    }
}

/// Observed: an existing account answers 200 at once.
fn replace(arm: &Arm, account: &mut Thing, wanted: &Map<String, Value>) -> Reply {
    if account.busy.is_some() {
        let message = "An operation is currently performing on this storage account that requires exclusive access.";
        return refusal::service(409, "StorageAccountOperationInProgress", message);
    }
    let old = account.body["location"].as_str().unwrap_or_default().to_owned();
    let new = wanted["location"].as_str().unwrap_or_default().to_lowercase().replace(' ', "");
    if old != new {
        return refusal::other_location(id::name(&account.id), id::group_name(&account.id), &old, &new);
    }
    change(arm, account, wanted)
}

fn change(arm: &Arm, account: &mut Thing, wanted: &Map<String, Value>) -> Reply {
    let tier = |sku: &Value| sku["name"].as_str().unwrap_or_default().split('_').next().unwrap_or_default().to_owned();
    let fixed = |property: &str| {
        let new = wanted.get("properties").map(|p| &p[property]).filter(|v| !v.is_null());
        new.is_some_and(|new| *new != account.body["properties"][property])
    };
    let moved = wanted.get("kind").is_some_and(|k| *k != account.body["kind"])
        || wanted.get("sku").is_some_and(|s| tier(s) != tier(&account.body["sku"]))
        || fixed("isHnsEnabled");
    if moved {
        let message = "The property cannot be changed on an existing storage account.";
        return refusal::service(409, "AccountPropertyCannotBeUpdated", message);
    }
    take(&mut account.body, wanted);
    account.fails = false;
    account.generation += 1;
    arm.world.ledger.changed(&account.id);
    Reply::json(200, &account.shown())
}

fn find<'a>(state: &'a mut State, params: &Params) -> Result<&'a mut Thing, Reply> {
    state.group(&id::group(params), false)?;
    let absent = || refusal::no_resource(KIND, params.get("account"), params.get("rg"));
    state.get_mut(&account_id(params)).ok_or_else(absent)
}

fn get(arm: &Arm, _: &Call, params: &Params) -> Reply {
    match find(&mut arm.state(), params) {
        Ok(account) => Reply::json(200, &account.shown()),
        Err(refusal) => refusal,
    }
}

fn list(arm: &Arm, _: &Call, params: &Params) -> Reply {
    collection::list(arm, params, KIND, |_, account| account.shown())
}

fn patch(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let Some(Value::Object(wanted)) = call.json() else { return refusal::bad_body() };
    let mut state = arm.state();
    match find(&mut state, params) {
        Ok(account) if account.busy.is_some() => not_provisioned(),
        Ok(account) => change(arm, account, &wanted),
        Err(refusal) => refusal,
    }
}

fn delete(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    if let Err(refusal) = state.group(&id::group(params), false) {
        return refusal;
    }
    let account_id = account_id(params);
    match state.get(&account_id) {
        None => Reply::empty(204),
        Some(account) if account.is_coming() => not_provisioned(),
        Some(_) => {
            state.remove(&arm.world, &account_id);
            Reply::body(200, "text/plain; charset=utf-8", "")
        }
    }
}

fn keys(account: &Thing) -> Reply {
    let row = |slot: usize| {
        let name = format!("key{}", slot + 1);
        let made = account.body["properties"]["keyCreationTime"][&name].clone();
        json!({"creationTime": made, "keyName": name, "value": account.secrets[slot], "permissions": "FULL"})
    };
    Reply::json(200, &json!({"keys": [row(0), row(1)]}))
}

fn list_keys(arm: &Arm, _: &Call, params: &Params) -> Reply {
    match find(&mut arm.state(), params) {
        Ok(account) if account.is_coming() => not_provisioned(),
        Ok(account) => keys(account),
        Err(refusal) => refusal,
    }
}

fn regenerate_key(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let wanted = call.json().unwrap_or_default();
    let slot = match wanted["keyName"].as_str() {
        Some("key1") => 0,
        Some("key2") => 1,
        _ => {
            return refusal::service(
                400,
                "InvalidValuesForRequestParameters",
                "Values for request parameters are invalid: keyName.",
            );
        }
    };
    let mut state = arm.state();
    match find(&mut state, params) {
        Ok(account) if account.is_coming() => not_provisioned(),
        Ok(account) => {
            account.secrets[slot] = key();
            account.body["properties"]["keyCreationTime"][format!("key{}", slot + 1)] = json!(arm.world.stamp());
            arm.world.ledger.changed(&account.id);
            keys(account)
        }
        Err(refusal) => refusal,
    }
}

fn check_name(arm: &Arm, call: &Call, _: &Params) -> Reply {
    let wanted = call.json().unwrap_or_default();
    let name = wanted["name"].as_str().unwrap_or_default();
    let no = |reason: &str, message: String| {
        Reply::json(200, &json!({"nameAvailable": false, "reason": reason, "message": message}))
    };
    if !valid_name(name) {
        return no("AccountNameInvalid", format!("{name} is not a valid storage account name."));
    }
    let state = arm.state();
    if state.figures.foreign.contains(name) || state.of_kind(KIND).any(|t| id::name(&t.id) == name) {
        return no("AlreadyExists", format!("The storage account named {name} is already taken."));
    }
    Reply::json(200, &json!({"nameAvailable": true}))
}

/// What the account's own host needs to know.
#[derive(Clone, Debug)]
pub struct View {
    /// The name.
    pub name: String,
    /// Which account of that name, should it have been made again.
    pub incarnation: String,
    /// How often the keys of identities were revoked.
    pub revocations: usize,
    /// Both keys in base64.
    pub keys: Vec<String>,
    /// Whether keys may sign.
    pub shared_key: bool,
    /// Its containers: name and incarnation.
    pub containers: Vec<(String, String)>,
    /// Stored policies: container and name.
    pub policies: Vec<(String, String)>,
}

/// The account behind a host name, when there is one.
#[must_use]
pub fn by_host(arm: &Arm, host: &str) -> Option<View> {
    let name = host.strip_suffix(".blob.core.windows.net")?;
    let state = arm.state();
    let account = state.of_kind(KIND).find(|t| id::name(&t.id) == name && !t.is_coming())?;
    let inside: Vec<&Thing> = state.below(&account.id).filter(|t| t.id.contains("/containers/")).collect();
    let policies = inside.iter().flat_map(|t| t.secrets.iter().map(|name| (id::name(&t.id).to_owned(), name.clone())));
    Some(View {
        policies: policies.collect(),
        name: name.to_owned(),
        incarnation: account.incarnation.clone(),
        revocations: activity::revocations(&state.log, &account.id),
        keys: account.secrets.clone(),
        shared_key: account.body["properties"]["allowSharedKeyAccess"] != json!(false),
        containers: inside.iter().map(|t| (id::name(&t.id).to_owned(), t.incarnation.clone())).collect(),
    })
}

/// From now on a container has these stored policies, and no others; they stand where an account has its keys.
pub fn store_policies(arm: &Arm, container: &str, names: &[&str]) {
    let mut state = arm.state();
    let all: Vec<String> =
        state.below("/subscriptions").filter(|t| t.id.contains("/containers/")).map(|t| t.id.clone()).collect();
    for container_id in all.iter().filter(|place| id::name(place) == container) {
        if let Some(container) = state.get_mut(container_id) {
            container.secrets = names.iter().map(|&name| name.to_owned()).collect();
        }
    }
}

/// From now on no key of any account may sign.
pub fn forbid_keys(arm: &Arm) {
    let mut state = arm.state();
    let ids: Vec<String> = state.of_kind(KIND).map(|t| t.id.clone()).collect();
    for account_id in &ids {
        if let Some(account) = state.get_mut(account_id) {
            account.body["properties"]["allowSharedKeyAccess"] = json!(false);
        }
    }
}

/// Rotates both keys of every account behind everybody's back; gives back the names.
pub fn break_keys(arm: &Arm) -> Vec<String> {
    let mut state = arm.state();
    let ids: Vec<String> = state.of_kind(KIND).map(|t| t.id.clone()).collect();
    for account_id in &ids {
        if let Some(account) = state.get_mut(account_id) {
            account.secrets = vec![key(), key()];
            let now = json!(arm.world.stamp());
            account.body["properties"]["keyCreationTime"] = json!({"key1": now, "key2": now});
        }
    }
    ids.iter().map(|i| id::name(i).to_owned()).collect()
}
