//! Managed clusters. Ids come back with `resourcegroups` in lower case, errors are flat, and
//! pools other than the first ones never travel in a cluster's PUT unless they exist already.

use serde_json::{Map, Value, json};

use crate::arm::operation::{Begin, Form, begin, paced};
use crate::arm::store::{Busy, State, Thing};
use crate::arm::subscription::check_registered;
use crate::arm::{Arm, collection, id, kubeconfig, pool, refusal};
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};
use crate::world::{random_text, unique};

/// The type, as ARM's own answers spell it.
pub const KIND: &str = "Microsoft.ContainerService/managedClusters";
const PATH: &str =
    "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerService/managedClusters/{cluster}";
const CREATE_SECONDS: u32 = 240;
const UPDATE_SECONDS: u32 = 150;
const DELETE_SECONDS: u32 = 180;
/// Minor versions of Kubernetes that this region has.
const VERSIONS: std::ops::RangeInclusive<u32> = 30..=35;

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    const NAME: &str = "aks-create-getcredentials-scale-delete";
    vec![
        Route::new("PUT", PATH, Evidence::Recording(NAME, 2), put),
        Route::new("GET", PATH, Evidence::Recording(NAME, 8), get),
        Route::new("PATCH", PATH, Evidence::Spec("ContainerService 2024-08-01, ManagedClusters_UpdateTags"), patch),
        Route::new("DELETE", PATH, Evidence::Recording(NAME, 25), delete),
        Route::new(
            "GET",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerService/managedClusters",
            Evidence::Spec("ContainerService 2024-08-01, ManagedClusters_ListByResourceGroup"),
            list,
        ),
        Route::new(
            "GET",
            "/subscriptions/{sub}/providers/Microsoft.ContainerService/managedClusters",
            Evidence::Spec("ContainerService 2024-08-01, ManagedClusters_List"),
            list,
        ),
        Route::new(
            "POST",
            "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerService/managedClusters/{cluster}/listClusterUserCredential",
            Evidence::Recording("aks-nodepool-create-scale-delete", 10),
            user_credential,
        ),
    ]
}

/// The id as AKS shows it.
#[must_use]
pub fn cluster_id(params: &Params) -> String {
    let (sub, rg) = (params.get("sub"), params.get("rg"));
    format!("/subscriptions/{sub}/resourcegroups/{rg}/providers/{KIND}/{}", params.get("cluster"))
}

/// The cluster of a request.
///
/// # Errors
/// ARM's answer when group or cluster are missing.
pub fn find<'a>(state: &'a State, params: &Params) -> Result<&'a Thing, Reply> {
    state.group(&id::group(params), false)?;
    state.get(&cluster_id(params)).ok_or_else(|| refusal::no_resource(KIND, params.get("cluster"), params.get("rg")))
}

/// The pools of a cluster; rights on it are below it as well.
fn pools<'a>(state: &'a State, cluster_id: &str) -> impl Iterator<Item = &'a Thing> + use<'a> {
    state.below(cluster_id).filter(|t| t.id.contains("/agentPools/"))
}

/// The cluster's body with its pools as they are now.
#[must_use]
pub fn shown(state: &State, cluster: &Thing) -> Value {
    let mut body = cluster.shown();
    let pools: Vec<Value> = pools(state, &cluster.id).map(pool::profile).collect();
    body["properties"]["agentPoolProfiles"] = Value::Array(pools);
    body["eTag"] = json!(cluster.etag());
    if cluster.is_coming() {
        // Recorded: the kubelet's identity appears only when the cluster is there.
        body["properties"].as_object_mut().map(|p| p.remove("identityProfile"));
    }
    body
}

/// AKS lets one operation at a time touch a cluster and its pools.
///
/// # Errors
/// The 409 of AKS.
pub fn check_idle(state: &State, cluster_id: &str) -> Result<(), Reply> {
    let suffix = "please wait for it to finish before starting a new operation. See \
                  https://aka.ms/aks-pending-operation for more details";
    let busy = |t: &Thing| t.busy.as_ref().map(|b| b.word);
    if let Some(word) = state.get(cluster_id).and_then(busy) {
        let message = format!("Operation is not allowed: Another operation ({word}) is in progress, {suffix}");
        return Err(refusal::flat(409, "OperationNotAllowed", &message));
    }
    let Some((name, word)) = state.below(cluster_id).find_map(|t| busy(t).map(|w| (id::name(&t.id), w))) else {
        return Ok(());
    };
    let message =
        format!("Operation is not allowed: Another agentpool operation ({name} - {word}) is in progress, {suffix}");
    Err(refusal::flat(409, "OperationNotAllowed", &message))
}

/// `If-Match` and `If-None-Match` against what is there.
///
/// # Errors
/// The 412 of AKS.
pub fn check_conditions(call: &Call, known: Option<&Thing>) -> Result<(), Reply> {
    let failed = |message: &str| Err(refusal::flat(412, "PreconditionFailed", message));
    let bare = |value: &str| value.trim_matches('"').to_owned();
    if call.header("if-none-match").is_some_and(|v| bare(v) == "*") && known.is_some() {
        return failed("The condition If-None-Match was not met: the resource exists.");
    }
    match (call.header("if-match").map(bare), known) {
        (None, _) => Ok(()),
        (Some(_), None) => failed("The condition If-Match was not met: the resource does not exist."),
        (Some(tag), Some(known)) if tag == "*" || tag == known.etag() => Ok(()),
        (Some(_), Some(_)) => failed("The condition If-Match was not met: the eTag has changed."),
    }
}

fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.split('.').next()?.parse().ok()
}

fn check_version(version: &str) -> Result<u32, Reply> {
    minor(version).filter(|m| VERSIONS.contains(m)).ok_or_else(|| {
        let message = format!("Managed cluster is on version {version}, which is not supported in this region.");
        refusal::flat_target("K8sVersionNotSupported", &message, "properties.kubernetesVersion")
    })
}

fn check_new(wanted: &Map<String, Value>, name: &str) -> Result<(), Reply> {
    if wanted.get("location").and_then(Value::as_str).is_none() {
        return Err(refusal::no_location());
    }
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.len() > 63 || !name.chars().all(good) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(required("The cluster name is not valid.", "resourceName"));
    }
    let properties = wanted.get("properties").cloned().unwrap_or_default();
    let identity = wanted.get("identity").and_then(|i| i["type"].as_str()).is_some();
    if !identity && !properties["servicePrincipalProfile"].is_object() {
        return Err(required(
            "Provisioning of resource(s) failed: an identity or a service principal is required.",
            "identity",
        ));
    }
    if properties["dnsPrefix"].as_str().is_none_or(str::is_empty) && properties["fqdnSubdomain"].is_null() {
        return Err(required("The value of parameter dnsPrefix is missing.", "dnsPrefix"));
    }
    let pools = properties["agentPoolProfiles"].as_array().cloned().unwrap_or_default();
    if !pools.iter().any(|p| p["mode"] == "System") {
        return Err(required("Must define at least one system pool.", "agentPoolProfiles"));
    }
    pools.iter().try_for_each(|p| pool::check(p["name"].as_str().unwrap_or_default(), p))
}

fn required(message: &str, target: &str) -> Reply {
    refusal::flat_target("InvalidParameter", message, target)
}

fn put(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    if let Err(refusal) = state
        .group(&id::group(params), true)
        .map(|_| ())
        .and_then(|()| check_registered(&state, "Microsoft.ContainerService", params.get("sub")))
    {
        return refusal;
    }
    let Some(Value::Object(wanted)) = call.json() else { return refusal::bad_body() };
    let cluster_id = cluster_id(params);
    if let Err(refusal) = check_conditions(call, state.get(&cluster_id)) {
        return refusal;
    }
    let api = call.query("api-version").unwrap_or_default();
    let result = if state.get(&cluster_id).is_some() {
        update(arm, &mut state, &cluster_id, &wanted, api)
    } else {
        create(arm, &mut state, &cluster_id, &wanted, api)
    };
    result.unwrap_or_else(|refusal| refusal)
}

fn create(
    arm: &Arm,
    state: &mut State,
    cluster_id: &str,
    wanted: &Map<String, Value>,
    api: &str,
) -> Result<Reply, Reply> {
    check_new(wanted, id::name(cluster_id))?;
    let properties = &wanted["properties"];
    let version = properties["kubernetesVersion"].as_str().filter(|v| !v.is_empty()).unwrap_or("1.33").to_owned();
    check_version(&version)?;
    let body = fresh_body(arm, cluster_id, wanted, &version);
    let location = body["location"].as_str().unwrap_or_default().to_owned();
    let until = arm.world.after(CREATE_SECONDS);
    let busy = Busy { word: "Creating", until, vanishes: false };
    let mut cluster = Thing::new(cluster_id.to_owned(), body, Some(busy.clone()));
    cluster.secrets = vec![random_text(64).to_lowercase()];
    state.insert(&arm.world, cluster);
    for profile in properties["agentPoolProfiles"].as_array().into_iter().flatten() {
        let name = profile["name"].as_str().unwrap_or_default();
        let new = pool::fresh(cluster_id, name, profile, &version, busy.clone());
        state.insert(&arm.world, new);
    }
    let form = Form::Cluster("ReconcilingDNS");
    let wish = Begin { form, resource: cluster_id, seconds: CREATE_SECONDS, location: &location, api };
    let (_, address) = begin(&arm.world, state, &wish);
    let shown = state.get(cluster_id).map(|c| shown(state, c)).unwrap_or_default();
    Ok(paced(arm, Reply::json(201, &shown)).header("azure-asyncoperation", address))
}

fn current(version: &str) -> String {
    if version.matches('.').count() == 1 { format!("{version}.4") } else { version.to_owned() }
}

fn fresh_body(arm: &Arm, cluster_id: &str, wanted: &Map<String, Value>, version: &str) -> Value {
    let name = id::name(cluster_id);
    let location = wanted["location"].as_str().unwrap_or_default().to_lowercase().replace(' ', "");
    let properties = &wanted["properties"];
    let prefix = properties["dnsPrefix"].as_str().unwrap_or_default();
    let fqdn = format!("{prefix}-{}", random_text(8).to_lowercase());
    let nodes = properties["nodeResourceGroup"]
        .as_str()
        .map_or_else(|| format!("MC_{}_{name}_{location}", id::group_name(cluster_id)), str::to_owned);
    let (sub, oidc) = (id::subscription(cluster_id), properties["oidcIssuerProfile"]["enabled"] == json!(true));
    let kubelet = format!(
        "/subscriptions/{sub}/resourcegroups/{nodes}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}-agentpool"
    );
    let mut body = json!({
        "id": cluster_id, "location": location, "name": name, "type": "Microsoft.ContainerService/ManagedClusters",
        "properties": {
            "provisioningState": "Creating", "powerState": {"code": "Running"}, "kubernetesVersion": version,
            "currentKubernetesVersion": current(version), "dnsPrefix": prefix,
            "fqdn": format!("{fqdn}.hcp.{location}.azmk8s.io"), "azurePortalFQDN": format!("{fqdn}.portal.hcp.{location}.azmk8s.io"),
            "agentPoolProfiles": [], "nodeResourceGroup": nodes, "enableRBAC": true, "supportPlan": "KubernetesOfficial",
            "networkProfile": {
                "networkPlugin": "azure", "networkPluginMode": "overlay", "loadBalancerSku": "standard",
                "podCidr": "10.244.0.0/16", "serviceCidr": "10.0.0.0/16", "dnsServiceIP": "10.0.0.10",
                "outboundType": "loadBalancer", "podCidrs": ["10.244.0.0/16"], "serviceCidrs": ["10.0.0.0/16"], "ipFamilies": ["IPv4"],
            },
            "maxAgentPools": 100, "autoUpgradeProfile": {"nodeOSUpgradeChannel": "NodeImage"}, "disableLocalAccounts": false,
            "securityProfile": {}, "oidcIssuerProfile": {"enabled": oidc}, "workloadAutoScalerProfile": {},
            "resourceUID": unique().replace('-', "")[..24].to_owned(), "metricsProfile": {"costAnalysis": {"enabled": false}},
            "storageProfile": {"diskCSIDriver": {"enabled": true}, "fileCSIDriver": {"enabled": true}, "snapshotController": {"enabled": true}},
            "identityProfile": {"kubeletidentity": {"resourceId": kubelet, "clientId": unique(), "objectId": unique()}},
        },
        "identity": {"type": "SystemAssigned", "principalId": unique(), "tenantId": arm.world.application.tenant},
        "sku": {"name": "Base", "tier": "Free"},
    });
    if oidc {
        publish_issuer(arm, &mut body);
    }
    take(&mut body, wanted);
    body
}

/// Recorded: the issuer has a slash at its end, which belongs to it.
fn publish_issuer(arm: &Arm, body: &mut Value) {
    let (location, tenant) = (body["location"].as_str().unwrap_or_default(), &arm.world.application.tenant);
    let issuer = format!("https://{location}.oic.prod-aks.azure.com/{tenant}/{}/", unique());
    body["properties"]["oidcIssuerProfile"] = json!({"enabled": true, "issuerURL": issuer});
}

fn take(body: &mut Value, wanted: &Map<String, Value>) {
    for member in ["tags", "sku"] {
        if let Some(value) = wanted.get(member).filter(|v| !v.is_null()) {
            body[member] = value.clone();
        }
    }
    let properties = [
        "disableLocalAccounts",
        "autoUpgradeProfile",
        "securityProfile",
        "apiServerAccessProfile",
        "nodeResourceGroup",
        "enableRBAC",
    ];
    for property in properties {
        let value = &wanted["properties"][property];
        if !value.is_null() {
            body["properties"][property] = value.clone();
        }
    }
}

fn update(
    arm: &Arm,
    state: &mut State,
    cluster_id: &str,
    wanted: &Map<String, Value>,
    api: &str,
) -> Result<Reply, Reply> {
    let known = state.get(cluster_id).ok_or_else(|| Reply::empty(500))?;
    check_unchanged(known, wanted)?;
    check_pools(state, cluster_id, wanted)?;
    check_idle(state, cluster_id)?;
    let old = known.body["properties"]["kubernetesVersion"].as_str().unwrap_or_default().to_owned();
    let version =
        wanted["properties"]["kubernetesVersion"].as_str().filter(|v| !v.is_empty()).unwrap_or(&old).to_owned();
    check_upgrade(&old, &version)?;
    let issuer = wanted["properties"]["oidcIssuerProfile"]["enabled"].clone();
    if issuer == json!(false) && known.body["properties"]["oidcIssuerProfile"]["enabled"] == json!(true) {
        let message = "OIDC issuer feature cannot be disabled.";
        return Err(refusal::flat_target("BadRequest", message, "oidcIssuerProfile.enabled"));
    }
    let cluster = state.get_mut(cluster_id).ok_or_else(|| Reply::empty(500))?;
    take(&mut cluster.body, wanted);
    if issuer == json!(true) && cluster.body["properties"]["oidcIssuerProfile"]["enabled"] != json!(true) {
        publish_issuer(arm, &mut cluster.body);
    }
    cluster.body["properties"]["kubernetesVersion"] = json!(version);
    cluster.body["properties"]["currentKubernetesVersion"] = json!(current(&version));
    Ok(begin_update(arm, state, cluster_id, api))
}

/// What was changed takes its time; the answer shows the cluster on its way.
fn begin_update(arm: &Arm, state: &mut State, cluster_id: &str, api: &str) -> Reply {
    let until = arm.world.after(UPDATE_SECONDS);
    let Some(cluster) = state.get_mut(cluster_id) else { return Reply::empty(500) };
    cluster.generation += 1;
    cluster.busy = Some(Busy { word: "Updating", until, vanishes: false });
    let location = cluster.body["location"].as_str().unwrap_or_default().to_owned();
    arm.world.ledger.changed(cluster_id);
    let wish = Begin { form: Form::Preempted, resource: cluster_id, seconds: UPDATE_SECONDS, location: &location, api };
    let (_, address) = begin(&arm.world, state, &wish);
    let shown = state.get(cluster_id).map(|c| shown(state, c)).unwrap_or_default();
    paced(arm, Reply::json(200, &shown)).header("azure-asyncoperation", address)
}

fn check_upgrade(old: &str, new: &str) -> Result<(), Reply> {
    let (before, after) = (check_version(old)?, check_version(new)?);
    if after == before || after == before + 1 {
        return Ok(());
    }
    let message = format!(
        "Upgrading Kubernetes version {old} to {new} is not allowed. One minor version at a time, and no way back."
    );
    Err(refusal::flat_target("AgentPoolK8sVersionNotSupported", &message, "properties.kubernetesVersion"))
}

fn check_unchanged(known: &Thing, wanted: &Map<String, Value>) -> Result<(), Reply> {
    let new = wanted.get("location").and_then(Value::as_str).ok_or_else(refusal::no_location)?;
    let old = known.body["location"].as_str().unwrap_or_default();
    if !new.to_lowercase().replace(' ', "").eq(old) {
        return Err(refusal::other_location(id::name(&known.id), id::group_name(&known.id), old, new));
    }
    for property in ["dnsPrefix", "nodeResourceGroup", "enableRBAC"] {
        let value = &wanted["properties"][property];
        if !value.is_null() && *value != known.body["properties"][property] {
            return Err(pool::not_allowed(property));
        }
    }
    Ok(())
}

/// Observed: pools neither come nor go by way of the cluster.
fn check_pools(state: &State, cluster_id: &str, wanted: &Map<String, Value>) -> Result<(), Reply> {
    let given = wanted["properties"]["agentPoolProfiles"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<&str> = given.iter().filter_map(|p| p["name"].as_str()).collect();
    names.sort_unstable();
    let known: Vec<&str> = pools(state, cluster_id).map(|t| id::name(&t.id)).collect();
    if names == known {
        return Ok(());
    }
    let word = if names.iter().any(|n| !known.contains(n)) { "introduced. Adding" } else { "removed. Removing" };
    let message = format!(
        "A new agent pool was {word} agent pools to an existing cluster is not allowed through managed cluster \
         operations. For agent pool specific change, please use per agent pool operations: https://aka.ms/agent-pool-rest-api"
    );
    Err(refusal::flat_target("BadRequest", &message, "agentPoolProfiles"))
}

fn get(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let state = arm.state();
    find(&state, params).map_or_else(|r| r, |c| Reply::json(200, &shown(&state, c)))
}

fn list(arm: &Arm, _: &Call, params: &Params) -> Reply {
    collection::list(arm, params, KIND, shown)
}

fn patch(arm: &Arm, call: &Call, params: &Params) -> Reply {
    patch_tags(arm, call, params).unwrap_or_else(|refusal| refusal)
}

/// The contract: nothing but the tags can be changed in this way.
fn patch_tags(arm: &Arm, call: &Call, params: &Params) -> Result<Reply, Reply> {
    let wanted = call.json().filter(Value::is_object).ok_or_else(refusal::bad_body)?;
    let mut state = arm.state();
    let cluster_id = find(&state, params)?.id.clone();
    check_conditions(call, state.get(&cluster_id))?;
    check_idle(&state, &cluster_id)?;
    let cluster = state.get_mut(&cluster_id).ok_or_else(|| Reply::empty(500))?;
    cluster.body["tags"] = wanted["tags"].clone();
    Ok(begin_update(arm, &mut state, &cluster_id, call.query("api-version").unwrap_or_default()))
}

fn delete(arm: &Arm, call: &Call, params: &Params) -> Reply {
    let mut state = arm.state();
    if let Err(refusal) = state.group(&id::group(params), false) {
        return refusal;
    }
    let cluster_id = cluster_id(params);
    let Some(known) = state.get(&cluster_id) else { return Reply::empty(204) };
    let location = known.body["location"].as_str().unwrap_or_default().to_owned();
    if let Err(refusal) = check_conditions(call, Some(known)).and_then(|()| check_idle(&state, &cluster_id)) {
        return refusal;
    }
    if let Some(cluster) = state.get_mut(&cluster_id) {
        cluster.busy = Some(Busy { word: "Deleting", until: arm.world.after(DELETE_SECONDS), vanishes: true });
    }
    let api = call.query("api-version").unwrap_or_default();
    let form = Form::Cluster("Deleting");
    let wish = Begin { form, resource: &cluster_id, seconds: DELETE_SECONDS, location: &location, api };
    accepted(arm, &mut state, &wish)
}

/// 202 with both headers and an empty body.
pub fn accepted(arm: &Arm, state: &mut State, wish: &Begin<'_>) -> Reply {
    let (_, address) = begin(&arm.world, state, wish);
    let result = address.replace("/operations/", "/operationresults/");
    paced(arm, Reply::empty(202)).header("azure-asyncoperation", address).header("location", result)
}

fn user_credential(arm: &Arm, _: &Call, params: &Params) -> Reply {
    let state = arm.state();
    let cluster = match find(&state, params) {
        Ok(cluster) => cluster,
        Err(refusal) => return refusal,
    };
    if cluster.is_coming() {
        // Assumed: how AKS answers here is not recorded; the words are those of its other conflicts.
        return check_idle(&state, &cluster.id).err().unwrap_or_else(|| Reply::empty(500));
    }
    let text = kubeconfig::text(&arm.world, cluster);
    Reply::json(200, &json!({"kubeconfigs": [{"name": "clusterUser", "value": kubeconfig::encoded(&text)}]}))
}
