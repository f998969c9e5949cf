//! Agent pools: validation, what AKS adds and leaves out, and what may not change.

use serde_json::{Map, Value, json};

use crate::arm::operation::{Begin, Form, paced};
use crate::arm::store::{Busy, State, Thing};
use crate::arm::{Arm, cluster, id, refusal};
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

const PATH: &str = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerService/managedClusters/{cluster}/agentPools/{pool}";
const TYPE: &str = "Microsoft.ContainerService/managedClusters/agentPools";
const CREATE_SECONDS: u32 = 200;
const UPDATE_SECONDS: u32 = 100;
const DELETE_SECONDS: u32 = 120;
const SPOT: &str = "kubernetes.azure.com/scalesetpriority";

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    const NAME: &str = "aks-nodepool-create-scale-delete";
    vec![
        Route::new("PUT", PATH, Evidence::Recording(NAME, 12), put),
        Route::new("GET", PATH, Evidence::Recording(NAME, 18), get),
        Route::new("DELETE", PATH, Evidence::Recording(NAME, 38), delete),
        Route::new(
            "GET",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerService/managedClusters/{cluster}/agentPools",
            Evidence::Recording(NAME, 11),
            list,
        ),
    ]
}

fn pool_id(cluster_id: &str, name: &str) -> String {
    format!("{cluster_id}/agentPools/{name}")
}

fn bad(message: &str, target: &str) -> Reply {
    refusal::flat_target("InvalidParameter", message, target)
}

/// A property that only a new pool could have.
#[must_use]
pub fn not_allowed(property: &str) -> Reply {
    let message = format!("Changing property 'properties.{property}' is not allowed.");
    refusal::flat_target("PropertyChangeNotAllowed", &message, &format!("properties.{property}"))
}

/// How many GPUs a machine of this size has.
#[must_use]
pub fn gpus(size: &str) -> u32 {
    let size = size.to_lowercase();
    let table = [
        ("nc24ads_a100", 1),
        ("nc48ads_a100", 2),
        ("nc96ads_a100", 4),
        ("nd96", 8),
        ("nc40ads_h100", 1),
        ("nc80adis_h100", 2),
        ("nc6s_v3", 1),
        ("nc12s_v3", 2),
        ("nc24s_v3", 4),
        ("nc4as_t4", 1),
        ("nc8as_t4", 1),
        ("nc16as_t4", 1),
        ("nc64as_t4", 4),
        ("nv", 1),
    ];
    table.iter().find(|(part, _)| size.contains(part)).map_or(0, |(_, count)| *count)
}

/// What AKS requires of a pool.
///
/// # Errors
/// Its flat 400.
pub fn check(name: &str, wanted: &Value) -> Result<(), Reply> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.is_empty()
        || name.len() > 12
        || !name.chars().all(good)
        || !name.starts_with(|c: char| c.is_ascii_lowercase())
    {
        return Err(bad(
            "The agent pool name must start with a lower-case letter, have at most 12 characters and only lower-case letters and digits.",
            "agentPoolProfile.name",
        ));
    }
    let size = wanted["vmSize"].as_str().unwrap_or_default();
    let family = size.to_lowercase();
    if !family.starts_with("standard_") {
        let message = format!("The VM size of '{size}' is not allowed in your subscription in location.");
        return Err(refusal::flat_target("BadRequest", &message, "agentPoolProfile.vmSize"));
    }
    if wanted["gpuInstanceProfile"].is_string() && !["a100", "h100", "nd96"].iter().any(|part| family.contains(part)) {
        return Err(bad("The GPU instance profile is not supported by this VM size.", "gpuInstanceProfile"));
    }
    if !["System", "User"].contains(&wanted["mode"].as_str().unwrap_or("User")) {
        return Err(bad("The mode of an agent pool is System or User.", "mode"));
    }
    check_counts(wanted)?;
    check_labels(wanted)?;
    check_taints(wanted)
}

fn check_counts(wanted: &Value) -> Result<(), Reply> {
    let least = if wanted["mode"] == "System" { 1 } else { 0 };
    let count = wanted["count"].as_i64();
    if wanted["enableAutoScaling"] != json!(true) {
        if !wanted["minCount"].is_null() || !wanted["maxCount"].is_null() {
            return Err(bad("minCount and maxCount need enableAutoScaling.", "agentPoolProfile.minCount"));
        }
        return match count {
            Some(n) if (least..=1000).contains(&n) => Ok(()),
            _ => Err(bad("The value of agentPoolProfile.count is invalid.", "agentPoolProfile.count")),
        };
    }
    let (min, max) = (wanted["minCount"].as_i64(), wanted["maxCount"].as_i64());
    let (Some(min), Some(max)) = (min, max) else {
        return Err(bad("minCount and maxCount are required with enableAutoScaling.", "agentPoolProfile.minCount"));
    };
    if min < least || max < 1 || min > max || count.is_some_and(|c| c < min || c > max) {
        return Err(bad("count, minCount and maxCount do not fit each other.", "agentPoolProfile.minCount"));
    }
    Ok(())
}

fn check_labels(wanted: &Value) -> Result<(), Reply> {
    let labels = wanted["nodeLabels"].as_object();
    let own = |key: &String| key.starts_with("kubernetes.azure.com/") && key != SPOT;
    match labels.and_then(|l| l.keys().find(|k| own(k))) {
        Some(key) => {
            Err(bad(&format!("Label key '{key}' has the reserved prefix kubernetes.azure.com."), "nodeLabels"))
        }
        None => Ok(()),
    }
}

fn check_taints(wanted: &Value) -> Result<(), Reply> {
    for taint in wanted["nodeTaints"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let effect = taint.rsplit_once(':').map_or("", |(_, e)| e);
        if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
            return Err(bad(&format!("The taint '{taint}' is not key=value:effect."), "nodeTaints"));
        }
        if wanted["mode"] == "System" && effect != "PreferNoSchedule" && !taint.starts_with("CriticalAddonsOnly") {
            return Err(bad(
                "A system pool only takes the taint CriticalAddonsOnly or PreferNoSchedule.",
                "nodeTaints",
            ));
        }
    }
    Ok(())
}

/// The properties as AKS stores and shows them.
fn normal(wanted: &Value, version: &str) -> Value {
    let size = wanted["vmSize"].as_str().unwrap_or_default();
    let autoscaling = wanted["enableAutoScaling"] == json!(true);
    let disk = wanted["osDiskSizeGB"].as_i64().filter(|d| *d > 0).unwrap_or(128);
    let count = wanted["count"].as_i64().or_else(|| wanted["minCount"].as_i64()).unwrap_or(1);
    let mut shown = json!({
        "count": count, "vmSize": size, "osDiskSizeGB": disk, "osDiskType": "Managed", "kubeletDiskType": "OS",
        "maxPods": 110, "type": "VirtualMachineScaleSets", "enableAutoScaling": autoscaling,
        "provisioningState": "Creating", "powerState": {"code": "Running"}, "orchestratorVersion": version,
        "currentOrchestratorVersion": version, "enableNodePublicIP": false, "mode": wanted["mode"].as_str().unwrap_or("User"),
        "enableEncryptionAtHost": false, "enableUltraSSD": false, "osType": "Linux", "osSKU": "Ubuntu",
        "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202610.06.0", "upgradeSettings": {"maxSurge": "10%"}, "enableFIPS": false,
    });
    let spot = wanted["scaleSetPriority"] == "Spot";
    for name in [
        "minCount",
        "maxCount",
        "availabilityZones",
        "gpuInstanceProfile",
        "gpuProfile",
        "tags",
        "scaleDownMode",
        "upgradeSettings",
        "vnetSubnetID",
        "osDiskType",
        "maxPods",
        "osSKU",
    ] {
        let given = &wanted[name];
        let empty = given.as_array().is_some_and(Vec::is_empty) || (name.ends_with("Count") && !autoscaling);
        if !given.is_null() && !empty {
            shown[name] = given.clone();
        }
    }
    if gpus(size) > 0 && shown["gpuProfile"].is_null() {
        shown["gpuProfile"] = json!({"driver": "Install"});
    }
    add_labels_and_taints(&mut shown, wanted, spot);
    shown
}

/// Recorded: empty taints and the priority `Regular` are left out; spot adds its own.
fn add_labels_and_taints(shown: &mut Value, wanted: &Value, spot: bool) {
    let mut labels = wanted["nodeLabels"].as_object().cloned().unwrap_or_default();
    let mut taints = wanted["nodeTaints"].as_array().cloned().unwrap_or_default();
    if spot {
        labels.insert(SPOT.into(), json!("spot"));
        let own = json!(format!("{SPOT}=spot:NoSchedule"));
        if !taints.contains(&own) {
            taints.push(own);
        }
        shown["scaleSetPriority"] = json!("Spot");
        shown["scaleSetEvictionPolicy"] = json!(wanted["scaleSetEvictionPolicy"].as_str().unwrap_or("Delete"));
        shown["spotMaxPrice"] = json!(wanted["spotMaxPrice"].as_f64().unwrap_or(-1.0));
        shown.as_object_mut().map(|s| s.remove("upgradeSettings"));
    }
    if !labels.is_empty() {
        shown["nodeLabels"] = Value::Object(labels);
    }
    if !taints.is_empty() {
        shown["nodeTaints"] = Value::Array(taints);
    }
}

/// A new pool.
#[must_use]
pub fn fresh(cluster_id: &str, name: &str, wanted: &Value, version: &str, busy: Busy) -> Thing {
    let pool_id = pool_id(cluster_id, name);
    let body = json!({"id": pool_id, "name": name, "type": TYPE, "properties": normal(wanted, version)});
    Thing::new(pool_id, body, Some(busy))
}

/// The pool as a cluster's body shows it.
#[must_use]
pub fn profile(pool: &Thing) -> Value {
    let mut all = Map::from_iter([("name".to_owned(), pool.body["name"].clone())]);
    all.extend(shown(pool)["properties"].as_object().cloned().unwrap_or_default());
    Value::Object(all)
}

fn shown(pool: &Thing) -> Value {
    let mut body = pool.shown();
    body["properties"]["eTag"] = json!(pool.etag());
    body
}

fn missing_cluster(params: &Params) -> Reply {
    // Observed: a child of a cluster that is not there.
    refusal::no_parent("write", "managedClusters/agentPools", &cluster::cluster_id(params))
}

fn put(arm: &Arm, call: &Call, params: &Params) -> Reply {
    put_pool(arm, call, params).unwrap_or_else(|refusal| refusal)
}

fn put_pool(arm: &Arm, call: &Call, params: &Params) -> Result<Reply, Reply> {
    let mut state = arm.state();
    state.group(&id::group(params), true)?;
    let cluster_id = cluster::cluster_id(params);
    let owner = state.get(&cluster_id).ok_or_else(|| missing_cluster(params))?;
    let version = owner.body["properties"]["kubernetesVersion"].as_str().unwrap_or_default().to_owned();
    let location = owner.body["location"].as_str().unwrap_or_default().to_owned();
    let wanted = call.json().filter(Value::is_object).ok_or_else(refusal::bad_body)?;
    let name = params.get("pool");
    check(name, &wanted["properties"])?;
    let pool_id = pool_id(&cluster_id, name);
    cluster::check_conditions(call, state.get(&pool_id))?;
    if let Some(known) = state.get(&pool_id) {
        check_unchanged(known, &wanted["properties"])?;
    }
    cluster::check_idle(&state, &cluster_id)?;
    let (status, seconds) = store(arm, &mut state, &cluster_id, name, &wanted["properties"], &version);
    let form = Form::Cluster(if status == 201 { "CreatingAgentPool: 0/1 nodes completed" } else { "InProgress" });
    let api = call.query("api-version").unwrap_or_default();
    let wish = Begin { form, resource: &pool_id, seconds, location: &location, api };
    let (_, address) = super::operation::begin(&arm.world, &mut state, &wish);
    let body = state.get(&pool_id).map(shown).unwrap_or_default();
    Ok(paced(arm, Reply::json(status, &body)).header("azure-asyncoperation", address))
}

fn store(arm: &Arm, state: &mut State, cluster_id: &str, name: &str, wanted: &Value, version: &str) -> (u16, u32) {
    let pool_id = pool_id(cluster_id, name);
    let Some(known) = state.get_mut(&pool_id) else {
        let busy = Busy { word: "Creating", until: arm.world.after(CREATE_SECONDS), vanishes: false };
        state.insert(&arm.world, fresh(cluster_id, name, wanted, version, busy));
        return (201, CREATE_SECONDS);
    };
    let properties = normal(wanted, version);
    let word = if properties["count"] == known.body["properties"]["count"] { "Updating" } else { "Scaling" };
    known.body["properties"] = properties;
    known.generation += 1;
    known.busy = Some(Busy { word, until: arm.world.after(UPDATE_SECONDS), vanishes: false });
    arm.world.ledger.changed(&pool_id);
    (200, UPDATE_SECONDS)
}

fn check_unchanged(known: &Thing, wanted: &Value) -> Result<(), Reply> {
    let old = &known.body["properties"];
    if wanted["vmSize"].as_str().map(str::to_lowercase) != old["vmSize"].as_str().map(str::to_lowercase) {
        return Err(not_allowed("vmSize"));
    }
    for property in ["gpuInstanceProfile", "osDiskSizeGB", "maxPods", "availabilityZones"] {
        let value = &wanted[property];
        let unset = value.is_null() || *value == json!(0) || *value == json!([]);
        if !unset && *value != old[property] {
            return Err(not_allowed(property));
        }
    }
    let priority = |p: &Value| p["scaleSetPriority"].as_str().unwrap_or("Regular").to_owned();
    if priority(wanted) != priority(old) {
        return Err(not_allowed("scaleSetPriority"));
    }
    let driver = &wanted["gpuProfile"]["driver"];
    if !driver.is_null() && *driver != old["gpuProfile"]["driver"] {
        return Err(not_allowed("gpuProfile.driver"));
    }
    Ok(())
}

fn get(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let state = arm.state();
    if let Err(refusal) = state.group(&id::group(params), false) {
        return refusal;
    }
    let cluster_id = cluster::cluster_id(params);
    if state.get(&cluster_id).is_none() {
        return refusal::no_parent("read", "managedClusters/agentPools", &cluster_id);
    }
    match state.get(&pool_id(&cluster_id, params.get("pool"))) {
        Some(pool) => Reply::json(200, &shown(pool)),
        None => {
            let message =
                format!("Could not find the agentpool: {} in subscription: {}.", params.get("pool"), params.get("sub"));
            refusal::flat(404, "NotFound", &message)
        }
    }
}

fn list(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let state = arm.state();
    match cluster::find(&state, params) {
        Ok(owner) => Reply::json(200, &json!({"value": state.below(&owner.id).map(shown).collect::<Vec<_>>()})),
        Err(refusal) => refusal,
    }
}

fn delete(arm: &Arm, call: &Call, params: &Params) -> Reply {
    delete_pool(arm, call, params).unwrap_or_else(|refusal| refusal)
}

fn delete_pool(arm: &Arm, call: &Call, params: &Params) -> Result<Reply, Reply> {
    let mut state = arm.state();
    state.group(&id::group(params), false)?;
    let cluster_id = cluster::cluster_id(params);
    let parent = || refusal::no_parent("delete", "managedClusters/agentPools", &cluster_id);
    let location = state.get(&cluster_id).ok_or_else(parent)?.body["location"].as_str().unwrap_or_default().to_owned();
    let pool_id = pool_id(&cluster_id, params.get("pool"));
    let Some(known) = state.get(&pool_id) else { return Ok(Reply::empty(204)) };
    cluster::check_conditions(call, Some(known))?;
    let system = |t: &&Thing| t.body["properties"]["mode"] == "System";
    if system(&known) && state.below(&cluster_id).filter(system).count() == 1 {
        let message = "There has to be at least one system pool in the cluster.";
        return Err(refusal::flat_target("OperationNotAllowed", message, "agentPoolProfile.mode"));
    }
    cluster::check_idle(&state, &cluster_id)?;
    if let Some(pool) = state.get_mut(&pool_id) {
        pool.busy = Some(Busy { word: "Deleting", until: arm.world.after(DELETE_SECONDS), vanishes: true });
    }
    let api = call.query("api-version").unwrap_or_default();
    let form = Form::Cluster("Deleting");
    let wish = Begin { form, resource: &pool_id, seconds: DELETE_SECONDS, location: &location, api };
    Ok(cluster::accepted(arm, &mut state, &wish))
}
