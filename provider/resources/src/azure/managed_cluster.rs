//! The managed Kubernetes cluster. Promises: an update sends back what was read with only the declared fields
//! changed, under the eTag of the read (`tests::a_merge_keeps_what_we_do_not_know`); pools other than the first
//! one never travel in its requests unless they exist.

use std::time::Duration;

use mops_clients::arm::{NotAnId, Precondition, ResourceId};
use mops_core::{Class, Error, Identity, Lane, Ownership};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::node_pool::{Mode, NodePool, PoolSpec, bring, sample_pool};
use crate::arm::{ArmResource, Target, identity, lanes, named_in_group, owner, read, region, spelled, tags, text};
use crate::pool;
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};

const TYPE: &str = "Microsoft.ContainerService/managedClusters";
const ROUNDS: usize = 4;

/// A managed Kubernetes cluster with its first pool.
pub struct ManagedCluster;

/// A managed Kubernetes cluster with its first pool.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// Subscription id.
    pub subscription_id: String,
    /// Resource group.
    pub resource_group: String,
    /// Name, 1–63 letters, digits, `-`, `_`.
    pub name: String,
    /// Region.
    pub location: String,
    /// `1.33` or `1.33.4`; without it the service's default, and no difference when it moves on.
    pub kubernetes_version: Option<String>,
    /// First label of the API server's host name.
    pub dns_prefix: String,
    /// The pool that the cluster is made with.
    pub system_pool: PoolSpec,
    /// Whether the cluster publishes who signs the tokens of its service accounts; left as it is when not said. Once on
    /// it stays on: the service has no way back.
    pub oidc_issuer: Option<bool>,
    /// Whether pods may trade such a token for one of Azure; left as it is when not said.
    pub workload_identity: Option<bool>,
}

/// What is known of a cluster; no credential of it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// ARM id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Region.
    pub location: String,
    /// Host name of the API server.
    pub fqdn: String,
    /// Group of the machines, made by the service.
    pub node_resource_group: String,
    /// The version that runs.
    pub kubernetes_version: String,
    /// The identity of the nodes, for rights on a registry.
    pub kubelet_object_id: Option<String>,
    /// Who signs the tokens of service accounts, byte for byte, when the cluster publishes it.
    pub oidc_issuer_url: Option<String>,
}

fn create_body(inputs: &Inputs, tags: &Json) -> Json {
    let mut pool = pool::properties(&inputs.system_pool, tags);
    pool["name"] = json!(inputs.system_pool.name);
    let mut properties = json!({
        "dnsPrefix": inputs.dns_prefix, "enableRBAC": true, "agentPoolProfiles": [pool],
        "networkProfile": {"networkPlugin": "azure", "networkPluginMode": "overlay", "loadBalancerSku": "standard"},
    });
    if let Some(version) = &inputs.kubernetes_version {
        properties["kubernetesVersion"] = json!(version);
    }
    switch(&mut properties, inputs);
    json!({"location": inputs.location, "tags": tags, "identity": {"type": "SystemAssigned"}, "properties": properties})
}

/// Where the service has the two switches of workload identity.
const OIDC_ISSUER: &str = "/oidcIssuerProfile/enabled";
const WORKLOAD_IDENTITY: &str = "/securityProfile/workloadIdentity/enabled";

/// Sets the declared switches and nothing beside them.
fn switch(properties: &mut Json, inputs: &Inputs) {
    if let Some(on) = inputs.oidc_issuer {
        properties["oidcIssuerProfile"]["enabled"] = json!(on);
    }
    if let Some(on) = inputs.workload_identity {
        properties["securityProfile"]["workloadIdentity"]["enabled"] = json!(on);
    }
}

/// Whether something is switched on; what the service does not mention is off.
fn is_on(body: &Json, switch: &str) -> bool {
    body.pointer(&format!("/properties{switch}")).and_then(Json::as_bool).unwrap_or_default()
}

/// What was read with the declared fields in it; the answer's own bookkeeping left out.
fn merged(present: &Json, inputs: &Inputs, tags: &Json) -> Json {
    let mut body = present.clone();
    if let Some(top) = body.as_object_mut() {
        ["id", "name", "type", "eTag", "systemData"].iter().for_each(|field| drop(top.remove(*field)));
        top.insert("tags".to_owned(), tags.clone());
    }
    if let Some(properties) = body.get_mut("properties").and_then(Json::as_object_mut)
        && let Some(version) = inputs.kubernetes_version.as_ref().filter(|v| !runs(present, v))
    {
        properties.insert("kubernetesVersion".to_owned(), json!(version));
    }
    if let Some(properties) = body.get_mut("properties") {
        switch(properties, inputs);
    }
    body
}

/// The pool that a cluster was made with: the one of that name, else the first one for the cluster's own pods.
fn first_pool<'a>(body: &'a Json, name: &str) -> Option<&'a Json> {
    let pools = body.pointer("/properties/agentPoolProfiles").and_then(Json::as_array)?;
    let system = || pools.iter().find(|p| text(p, "/mode").eq_ignore_ascii_case("System"));
    let named = pools.iter().find(|p| text(p, "/name").eq_ignore_ascii_case(name));
    named.or_else(|| system().filter(|_| name.is_empty()))
}

fn seen_pool(known: &PoolSpec, profile: &Json) -> PoolSpec {
    pool::seen(known, &spelled(&known.name, &text(profile, "/name")), profile)
}

/// Whether the declared version, major and minor or the patch as well, is what is there.
fn runs(body: &Json, declared: &str) -> bool {
    ["/properties/kubernetesVersion", "/properties/currentKubernetesVersion"].iter().any(|pointer| {
        let found = text(body, pointer);
        found == declared || found.strip_prefix(declared).is_some_and(|rest| rest.starts_with('.'))
    })
}

impl ArmResource for ManagedCluster {
    const NOUN: &'static str = "cluster";

    fn id(inputs: &Inputs) -> Result<ResourceId, NotAnId> {
        ResourceId::resource(&inputs.subscription_id, &inputs.resource_group, TYPE, &inputs.name)
    }

    fn outputs(id: &ResourceId, body: &Json) -> Outputs {
        let running = text(body, "/properties/currentKubernetesVersion");
        let kubelet = text(body, "/properties/identityProfile/kubeletidentity/objectId");
        Outputs {
            id: id.to_string(),
            name: id.name().to_owned(),
            location: region(&text(body, "/location")),
            fqdn: text(body, "/properties/fqdn"),
            node_resource_group: text(body, "/properties/nodeResourceGroup"),
            kubernetes_version: if running.is_empty() { text(body, "/properties/kubernetesVersion") } else { running },
            kubelet_object_id: (!kubelet.is_empty()).then_some(kubelet),
            oidc_issuer_url: body
                .pointer("/properties/oidcIssuerProfile/issuerURL")
                .and_then(Json::as_str)
                .map(str::to_owned),
        }
    }

    fn seen(known: &Inputs, id: &ResourceId, body: &Json) -> Inputs {
        let profile = first_pool(body, &known.system_pool.name);
        let found = text(body, "/properties/kubernetesVersion");
        Inputs {
            subscription_id: spelled(&known.subscription_id, id.subscription()),
            resource_group: spelled(&known.resource_group, id.resource_group().unwrap_or_default()),
            name: spelled(&known.name, id.name()),
            location: region(&text(body, "/location")),
            kubernetes_version: known.kubernetes_version.clone().map(|v| if runs(body, &v) { v } else { found }),
            dns_prefix: spelled(&known.dns_prefix, &text(body, "/properties/dnsPrefix")),
            oidc_issuer: known.oidc_issuer.map(|_| is_on(body, OIDC_ISSUER)),
            workload_identity: known.workload_identity.map(|_| is_on(body, WORKLOAD_IDENTITY)),
            system_pool: profile.map_or_else(|| known.system_pool.clone(), |p| seen_pool(&known.system_pool, p)),
        }
    }
}

impl Resource for ManagedCluster {
    const TOKEN: &'static str = "modelops:azure:ManagedCluster";
    const REPLACE: &'static [&'static str] = &["subscriptionId", "resourceGroup", "name", "location", "dnsPrefix"];
    const CHANGED_BY_UPDATE: &'static [&'static str] = &["kubernetesVersion", "oidcIssuerUrl"];
    const SETTLES: Duration = crate::arm::SETTLES;
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        identity(&Self::id(inputs))
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        let id = Self::id(inputs);
        let own = id.as_ref().map(ToString::to_string).ok();
        lanes(&id, own.as_deref())
    }

    fn check(inputs: &mut Inputs, _: &Offline<'_>, findings: &mut Findings) {
        inputs.location = region(&inputs.location);
        inputs.kubernetes_version = inputs.kubernetes_version.take().filter(|version| !version.is_empty());
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let (first, last) = (inputs.name.chars().next(), inputs.name.chars().last());
        if inputs.name.len() > 63 || !inputs.name.chars().all(good) || !ends(first) || !ends(last) {
            let reason = format!("`{}` is not the name of a cluster", inputs.name);
            findings.refuse("name", reason, "1–63 letters, digits, `-`, `_`, a letter or digit at both ends");
        }
        if inputs.system_pool.mode != Mode::System {
            findings.refuse("systemPool.mode", "the first pool of a cluster is a System pool", "set `mode: System`");
        }
        pool::check(&mut inputs.system_pool, "systemPool", findings);
        check_derived(inputs, findings);
    }

    fn settle(old: &State<Self>, new: &mut Inputs) {
        new.kubernetes_version = new.kubernetes_version.take().or_else(|| old.inputs.kubernetes_version.clone());
        new.oidc_issuer = new.oidc_issuer.or(old.inputs.oidc_issuer);
        new.workload_identity = new.workload_identity.or(old.inputs.workload_identity);
        pool::settle(&old.inputs.system_pool, &mut new.system_pool);
    }

    fn replaced_between(old: &Inputs, new: &Inputs) -> Option<&'static str> {
        (old.oidc_issuer == Some(true) && new.oidc_issuer == Some(false)).then_some("oidcIssuer")
    }

    fn impossible(old: &Inputs, new: &Inputs) -> Option<Error> {
        let pool = pool::refuse_immutable(&new.name, &old.system_pool, &new.system_pool).err();
        pool.or_else(|| refuse_jump(old.kubernetes_version.as_deref()?, new.kubernetes_version.as_deref()?))
    }

    fn body(inputs: &Inputs) -> Option<Json> {
        Some(create_body(inputs, &json!({})))
    }

    fn rights(_: &Inputs) -> &'static [&'static str] {
        &[
            "Microsoft.ContainerService/managedClusters/write",
            "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
        ]
    }

    fn named_by(id: &str) -> Result<Inputs, NotImported> {
        let (id, resource_group) = named_in_group(id, TYPE)?;
        Ok(Inputs {
            subscription_id: id.subscription().to_owned(),
            resource_group,
            name: id.name().to_owned(),
            location: String::new(),
            kubernetes_version: Some(String::new()),
            dns_prefix: String::new(),
            system_pool: pool::looked_for(""),
            oidc_issuer: Some(false),
            workload_identity: Some(false),
        })
    }

    async fn read(cx: &Cx<'_>, known_id: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        read(cx, known_id, known).await
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let target = Target::of::<Self>(cx, Self::id(inputs))?;
        let body = create_body(inputs, &tags(&cx.call.mark, None));
        let made = match target.put_new(&body).await? {
            Some(body) => body,
            // It is there although nothing was: a repeated request whose first answer was lost, or a stranger.
            None => ours_after_all(cx, &target).await?,
        };
        Ok(target.made(&made))
    }

    async fn update(cx: &Cx<'_>, old: &State<Self>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let target = Target::known(cx, old)?;
        pool::refuse_immutable(&inputs.name, &old.inputs.system_pool, &inputs.system_pool)?;
        let body = write(cx, &target, inputs).await?;
        let first = target.id.child("agentPools", &inputs.system_pool.name);
        bring(&Target::of::<NodePool>(cx, first)?, None, &inputs.system_pool).await?;
        Ok(target.made(&body))
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        Target::known(cx, old)?.delete().await
    }

    fn samples() -> Vec<Inputs> {
        let plain = Inputs {
            subscription_id: "00000000-0000-0000-0000-000000000000".into(),
            resource_group: "sample-rg".into(),
            name: "sample-aks".into(),
            location: "eastus2".into(),
            kubernetes_version: None,
            dns_prefix: "sample".into(),
            system_pool: sample_pool("system", Mode::System),
            oidc_issuer: None,
            workload_identity: None,
        };
        let version = Inputs { kubernetes_version: Some("1.33".into()), ..plain.clone() };
        let trusted = Inputs { oidc_issuer: Some(true), workload_identity: Some(true), ..version.clone() };
        vec![plain, version, trusted]
    }
}

/// Longest name of the group that the service makes for the machines.
const MACHINES_LIMIT: usize = 80;

/// Names that others are made from.
fn check_derived(inputs: &Inputs, findings: &mut Findings) {
    let machines = format!("MC_{}_{}_{}", inputs.resource_group, inputs.name, inputs.location);
    let length = machines.chars().count();
    if length > MACHINES_LIMIT {
        let reason = format!(
            "the group of its machines would be called `{machines}`, which has {length} characters, {MACHINES_LIMIT} at most"
        );
        findings.refuse("name", reason, "shorten the name of the cluster or of the resource group");
    }
    let prefix = &inputs.dns_prefix;
    let good = prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !prefix.starts_with('-')
        && !prefix.ends_with('-');
    if !(1..=54).contains(&prefix.len()) || !good {
        let reason = format!("`{prefix}` is not the first label of an API server");
        findings.refuse("dnsPrefix", reason, "1–54 letters, digits and `-`, a letter or digit at both ends");
    }
}

/// AKS goes one minor release at a time, and never back.
fn refuse_jump(old: &str, new: &str) -> Option<Error> {
    let minor = |text: &str| text.split('.').nth(1)?.parse::<u32>().ok();
    let (from, to) = (minor(old)?, minor(new)?);
    let summary = if to < from {
        format!("Kubernetes {old} cannot go back to {new}")
    } else if to > from + 1 {
        format!("Kubernetes {old} cannot go to {new} at once: one minor release at a time")
    } else {
        return None;
    };
    let next = if to < from { old.to_owned() } else { format!("1.{}", from + 1) };
    Some(Error::new(Class::User, summary).hint(format!("write `kubernetes_version: \"{next}\"`")))
}

async fn ours_after_all(cx: &Cx<'_>, target: &Target<'_>) -> Result<Json, Error> {
    let found = target.settled().await?.unwrap_or_default();
    match owner(&cx.call.mark, found.get("tags")) {
        Ownership::Ours { lineage } if lineage == cx.call.mark.lineage => Ok(found),
        _ => Err(Error::new(
            Class::Conflict,
            format!("cluster `{}` was made by somebody else meanwhile", target.id.name()),
        )
        .hint("choose another name")),
    }
}

/// Read, merge, write back if it is still what was read; nothing is sent when nothing differs.
async fn write(cx: &Cx<'_>, target: &Target<'_>, inputs: &Inputs) -> Result<Json, Error> {
    for _ in 0..ROUNDS {
        let Some(present) = target.settled().await? else { break };
        let wanted = tags(&cx.call.mark, present.get("tags"));
        let same_version = inputs.kubernetes_version.as_deref().is_none_or(|version| runs(&present, version));
        let failed = text(&present, "/properties/provisioningState") == "Failed";
        let switched = ManagedCluster::seen(inputs, &target.id, &present);
        let same_switches =
            switched.oidc_issuer == inputs.oidc_issuer && switched.workload_identity == inputs.workload_identity;
        if present.get("tags") == Some(&wanted) && same_version && same_switches && !failed {
            return Ok(present);
        }
        let body = merged(&present, inputs, &wanted);
        let etag = text(&present, "/eTag");
        if etag.is_empty() {
            return target.put(&body, Precondition::None).await;
        }
        if let Some(done) = target.put_unchanged(&body, &etag).await? {
            return Ok(done);
        }
    }
    Err(Error::new(Class::Conflict, format!("cluster `{}` is being changed or removed by somebody else", inputs.name))
        .hint("run the same command again when the other change is done"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::convert::to_value;

    fn stored(inputs: &Inputs) -> Json {
        let mut body = create_body(inputs, &json!({"cost": "a"}));
        body["id"] = json!("/x");
        body["eTag"] = json!("e1");
        body["properties"]["kubernetesVersion"] = json!("1.33");
        body["properties"]["currentKubernetesVersion"] = json!("1.33.4");
        body["properties"]["unheardOf"] = json!({"kept": true});
        body["properties"]["agentPoolProfiles"][0]["osDiskSizeGB"] = json!(128);
        body
    }

    #[test]
    fn a_merge_keeps_what_we_do_not_know() {
        let inputs = Inputs { kubernetes_version: Some("1.34".into()), ..ManagedCluster::samples().remove(0) };
        let body = merged(&stored(&inputs), &inputs, &json!({"cost": "a", "b": "c"}));
        assert_eq!(body["properties"]["unheardOf"]["kept"], true);
        assert_eq!(body["properties"]["kubernetesVersion"], "1.34");
        assert_eq!(body["tags"]["b"], "c");
        assert!(body.get("id").is_none() && body.get("eTag").is_none());
    }

    #[test]
    fn switches_are_set_when_they_are_declared_and_an_issuer_stays() {
        let [plain, _, trusted] = <[Inputs; 3]>::try_from(ManagedCluster::samples()).ok().unwrap();
        let body = merged(&stored(&plain), &trusted, &json!({}));
        assert!(is_on(&body, OIDC_ISSUER) && is_on(&body, WORKLOAD_IDENTITY));
        let body = merged(&body, &plain, &json!({}));
        assert!(is_on(&body, OIDC_ISSUER) && is_on(&body, WORKLOAD_IDENTITY), "not declared: left as it is");
        let off = Inputs { oidc_issuer: Some(false), ..trusted.clone() };
        assert_eq!(ManagedCluster::replaced_between(&trusted, &off), Some("oidcIssuer"));
        assert_eq!(ManagedCluster::replaced_between(&trusted, &plain), None);
    }

    #[test]
    fn what_the_first_pool_cannot_change_is_known_before_any_call() {
        let old = ManagedCluster::samples().remove(0);
        let mut new = old.clone();
        new.system_pool.vm_size = "Standard_D8s_v5".into();
        let why = ManagedCluster::impossible(&old, &new).unwrap();
        assert!(why.summary().contains("`vmSize` of system pool `system`"), "{why}");
        assert!(ManagedCluster::impossible(&old, &old).is_none());
    }

    #[test]
    fn versions_go_up_by_one_minor_release() {
        for (old, new) in [("1.33", "1.33"), ("1.33.2", "1.34"), ("1.33", "1.34.1")] {
            assert!(refuse_jump(old, new).is_none(), "{old} {new}");
        }
        let told = |old, new| refuse_jump(old, new).map(|e| format!("{e}; {}", e.hint_text().unwrap_or_default()));
        let jump = told("1.32", "1.34").unwrap();
        assert!(jump.contains("one minor release at a time; write `kubernetes_version: \"1.33\"`"), "{jump}");
        assert!(told("1.34", "1.33").unwrap().contains("cannot go back"));
    }

    #[test]
    fn derived_names_have_limits_too() {
        let told = |change: fn(&mut Inputs)| {
            let (mut inputs, mut findings) = (ManagedCluster::samples().remove(0), Findings::default());
            change(&mut inputs);
            check_derived(&inputs, &mut findings);
            findings.failures.into_iter().map(|f| f.reason).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(told(|_| {}), "");
        let long = told(|inputs| inputs.resource_group = "g".repeat(60));
        assert!(long.contains("which has 82 characters, 80 at most"), "{long}");
        assert!(told(|inputs| inputs.dns_prefix = "-a".into()).contains("`-a` is not"));
    }

    #[test]
    fn a_patch_release_is_no_difference() {
        for inputs in ManagedCluster::samples() {
            let id = ManagedCluster::id(&inputs).unwrap();
            let body = stored(&inputs);
            assert_eq!(to_value(&ManagedCluster::seen(&inputs, &id, &body)).unwrap(), to_value(&inputs).unwrap());
        }
        assert!(runs(&stored(&ManagedCluster::samples()[0]), "1.33.4"));
        assert!(!runs(&stored(&ManagedCluster::samples()[0]), "1.3"));
    }

    #[test]
    fn creation_names_identity_network_and_the_first_pool() {
        let body = create_body(&ManagedCluster::samples()[1], &json!({}));
        assert_eq!(body["identity"]["type"], "SystemAssigned");
        assert_eq!(body["properties"]["agentPoolProfiles"][0]["mode"], "System");
        assert_eq!(body["properties"]["kubernetesVersion"], "1.33");
        assert_eq!(body["properties"]["networkProfile"]["networkPluginMode"], "overlay");
    }
}
