//! GPU and CPU node pools of a managed cluster. Promises: count drift is ignored under autoscaling, what AKS adds
//! is no difference (`pool::tests`), and a pool is changed by reading, merging and writing back what was read.

use std::collections::BTreeMap;

use mops_clients::arm::{NotAnId, Precondition, ResourceId, version};
use mops_core::{Class, Error, Identity, Lane, Mark, Ownership};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::arm::{ArmResource, Target, identity, lanes, live, named, owner, spelled, tags, text};
use crate::pool;
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};

/// Rounds of reading, merging and writing when others write at the same time.
const ROUNDS: usize = 4;

/// A node pool of a managed cluster.
pub struct NodePool;

/// What a pool is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// The cluster's own pods as well.
    System,
    /// Workloads.
    User,
}

/// Who installs the GPU driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GpuDriver {
    /// AKS.
    Install,
    /// An operator in the cluster.
    None,
}

/// What becomes of spare nodes that Azure takes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Eviction {
    /// They are deleted.
    #[default]
    Delete,
    /// They are stopped; their disks stay and cost.
    Deallocate,
}

/// How nodes are renewed when a pool is upgraded; what is absent is the service's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Upgrade {
    /// Nodes that are added meanwhile: a number, or a share such as `33%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<String>,
    /// Nodes that may be missing meanwhile: a number, or a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<String>,
    /// Minutes until a node that cannot be emptied ends the upgrade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_timeout_minutes: Option<u32>,
    /// Minutes between emptying a node and renewing it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_soak_minutes: Option<u32>,
}

/// The nodes of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PoolSpec {
    /// Name: a lower-case letter, then up to 11 lower-case letters and digits.
    pub name: String,
    /// What it is for.
    pub mode: Mode,
    /// Machine size, for example `Standard_NC24ads_A100_v4`.
    pub vm_size: String,
    /// Nodes; under autoscaling only those at the start.
    pub count: Option<u32>,
    /// Fewest nodes; with `maxCount` the pool scales by itself.
    pub min_count: Option<u32>,
    /// Most nodes.
    pub max_count: Option<u32>,
    /// Labels of the nodes.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Taints of the nodes, `KEY=VALUE:EFFECT`.
    #[serde(default)]
    pub taints: Vec<String>,
    /// Who installs the GPU driver; none for nodes without GPU.
    pub gpu_driver: Option<GpuDriver>,
    /// Whether AKS brings driver, device plugin and metrics by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gpu_managed: bool,
    /// How each GPU is divided, for example `MIG1g`.
    pub gpu_instance_profile: Option<String>,
    /// Whether the nodes are spare capacity that Azure may take back.
    #[serde(default)]
    pub spot: bool,
    /// What becomes of spare nodes that are taken back; `Delete` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot_eviction: Option<Eviction>,
    /// How nodes are renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
    /// Availability zones.
    #[serde(default)]
    pub zones: Vec<String>,
    /// ARM id of the subnet that the nodes are in; the service's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// Size of the system disk; the service's own when absent.
    pub os_disk_size_gb: Option<u32>,
}

/// A node pool of a managed cluster.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// ARM id of the cluster.
    pub cluster_id: String,
    /// Its nodes.
    #[serde(flatten)]
    pub pool: PoolSpec,
}

/// What is known of a pool.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// ARM id.
    pub id: String,
    /// Name.
    pub name: String,
    /// The image that its nodes are made from, when it was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_image_version: Option<String>,
}

/// The pool at ARM, in the version that knows everything of it: an older one would leave out what AKS manages.
fn target<'a>(cx: &'a Cx<'a>, id: Result<ResourceId, NotAnId>, spec: &PoolSpec) -> Result<Target<'a>, Error> {
    let target = Target::of::<NodePool>(cx, id)?;
    Ok(if spec.gpu_managed { target.at_version(version::MANAGED_GPU) } else { target })
}

impl ArmResource for NodePool {
    const NOUN: &'static str = "node pool";

    fn id(inputs: &Inputs) -> Result<ResourceId, NotAnId> {
        ResourceId::parse(&inputs.cluster_id)?.child("agentPools", &inputs.pool.name)
    }

    fn outputs(id: &ResourceId, body: &Json) -> Outputs {
        let image = text(body, "/properties/nodeImageVersion");
        Outputs {
            id: id.to_string(),
            name: id.name().to_owned(),
            node_image_version: (!image.is_empty()).then_some(image),
        }
    }

    fn seen(known: &Inputs, id: &ResourceId, body: &Json) -> Inputs {
        let parent = id.parent().map(|id| id.to_string()).unwrap_or_default();
        let properties = body.get("properties").cloned().unwrap_or_default();
        Inputs {
            cluster_id: spelled(&known.cluster_id, &parent),
            pool: pool::seen(&known.pool, id.name(), &properties),
        }
    }

    async fn owner(_: &Target<'_>, mark: &Mark, body: &Json) -> Result<Ownership, Error> {
        Ok(owner(mark, body.pointer("/properties/tags")))
    }
}

impl Resource for NodePool {
    const TOKEN: &'static str = "modelops:azure:NodePool";
    const REPLACE: &'static [&'static str] = &[
        "clusterId",
        "name",
        "vmSize",
        "gpuDriver",
        "gpuManaged",
        "gpuInstanceProfile",
        "spot",
        "spotEviction",
        "zones",
        "subnetId",
        "osDiskSizeGb",
    ];
    const CHANGED_BY_UPDATE: &'static [&'static str] = &["nodeImageVersion"];
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        identity(&Self::id(inputs))
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        lanes(&Self::id(inputs), Some(&inputs.cluster_id))
    }

    fn check(inputs: &mut Inputs, _: &Offline<'_>, findings: &mut Findings) {
        pool::check(&mut inputs.pool, "", findings);
    }

    fn settle(old: &State<Self>, new: &mut Inputs) {
        pool::settle(&old.inputs.pool, &mut new.pool);
    }

    fn rights(_: &Inputs) -> &'static [&'static str] {
        &["Microsoft.ContainerService/managedClusters/agentPools/write"]
    }

    fn named_by(id: &str) -> Result<Inputs, NotImported> {
        let (id, cluster) = named(id, "Microsoft.ContainerService/managedClusters/agentPools")?;
        Ok(Inputs { cluster_id: cluster.to_string(), pool: pool::looked_for(id.name()) })
    }

    async fn read(cx: &Cx<'_>, known_id: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        let target = target(cx, known_id.map_or_else(|| Self::id(known), ResourceId::parse), &known.pool)?;
        let Some(body) = target.get().await? else { return Ok(None) };
        live(cx, &target, known, &body).await.map(Some)
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let target = target(cx, Self::id(inputs), &inputs.pool)?;
        let body = json!({"properties": pool::properties(&inputs.pool, &tags(&cx.call.mark, None))});
        let made = target.put(&body, Precondition::None).await?;
        Ok(target.made(&made))
    }

    async fn update(cx: &Cx<'_>, old: &State<Self>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let target = target(cx, ResourceId::parse(&old.id), &inputs.pool)?;
        let now = bring(&target, Some(&cx.call.mark), &inputs.pool).await?;
        Ok(target.made(&now))
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        // A workload with a disruption budget must not keep the stack from going down.
        let query = "ignore-pod-disruption-budget=true";
        Target::known(cx, old)?.delete_with(query).await
    }

    fn samples() -> Vec<Inputs> {
        let cluster_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/sample-rg/providers/\
                          Microsoft.ContainerService/managedClusters/sample-aks";
        let cpu = sample_pool("cpu", Mode::User);
        let gpu = PoolSpec {
            name: "gpu".into(),
            vm_size: "Standard_NC24ads_A100_v4".into(),
            count: None,
            min_count: Some(0),
            max_count: Some(2),
            taints: vec!["sku=gpu:NoSchedule".into()],
            gpu_driver: Some(GpuDriver::Install),
            spot: true,
            spot_eviction: Some(Eviction::Deallocate),
            ..cpu.clone()
        };
        let managed = PoolSpec {
            name: "mig".into(),
            gpu_managed: true,
            gpu_instance_profile: Some("MIG3g".into()),
            spot: false,
            spot_eviction: None,
            upgrade: Some(Upgrade { max_surge: Some("33%".into()), ..Upgrade::default() }),
            ..gpu.clone()
        };
        [cpu, gpu, managed].map(|pool| Inputs { cluster_id: cluster_id.into(), pool }).into()
    }
}

/// A small pool, for samples.
pub(crate) fn sample_pool(name: &str, mode: Mode) -> PoolSpec {
    PoolSpec {
        name: name.into(),
        mode,
        vm_size: "Standard_D4s_v5".into(),
        count: Some(1),
        min_count: None,
        max_count: None,
        labels: BTreeMap::new(),
        taints: Vec::new(),
        gpu_driver: None,
        gpu_managed: false,
        gpu_instance_profile: None,
        spot: false,
        spot_eviction: None,
        upgrade: None,
        zones: Vec::new(),
        subnet_id: None,
        os_disk_size_gb: None,
    }
}

/// Brings an existing pool to its declared form: read, merge, write back if it is still what was read.
/// Without a mark (the first pool lies inside the cluster, which carries it) the tags stay as they are.
pub(crate) async fn bring(target: &Target<'_>, mark: Option<&Mark>, spec: &PoolSpec) -> Result<Json, Error> {
    for _ in 0..ROUNDS {
        let Some(found) = target.settled().await? else {
            return Err(Error::new(Class::NotFound, format!("node pool `{}` is not there any more", spec.name))
                .hint("run the same command again: it makes the pool anew"));
        };
        let present = found.get("properties").cloned().unwrap_or_default();
        let wanted = match mark {
            Some(mark) => tags(mark, present.get("tags")),
            None => present.get("tags").cloned().unwrap_or_else(|| json!({})),
        };
        let body = pool::merged(&present, spec, &wanted);
        if pool::is_same(&present, &body) || (mark.is_none() && is_same_untagged(&present, &body)) {
            return Ok(found);
        }
        let body = json!({"properties": body});
        let etag = text(&present, "/eTag");
        if etag.is_empty() {
            return target.put(&body, Precondition::None).await;
        }
        if let Some(done) = target.put_unchanged(&body, &etag).await? {
            return Ok(done);
        }
    }
    Err(Error::new(Class::Conflict, format!("node pool `{}` is being changed by somebody else", spec.name))
        .hint("run the same command again when the other change is done"))
}

/// Absent tags and an empty map are the same.
fn is_same_untagged(present: &Json, merged: &Json) -> bool {
    let mut present = present.clone();
    if present.get("tags").is_none_or(Json::is_null) {
        present["tags"] = json!({});
    }
    pool::is_same(&present, merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::Value;
    use mops_core::convert::{from_value, to_value};

    #[test]
    fn pool_fields_lie_flat_beside_the_cluster() {
        for sample in NodePool::samples() {
            let value = to_value(&sample).unwrap();
            assert!(value.get("vmSize").is_some() && value.get("clusterId").is_some());
            let back: Inputs = from_value(value.clone()).unwrap();
            assert_eq!(back.pool, sample.pool);
            let mut odd = value;
            if let Value::Map(map) = &mut odd {
                map.insert("vmsize".into(), Value::from("x"));
            }
            assert!(from_value::<Inputs>(odd).is_err(), "unknown fields are refused");
        }
    }

    #[test]
    fn replacing_properties_are_properties() {
        let schema = schemars::schema_for!(Inputs).to_value();
        for name in NodePool::REPLACE {
            assert!(schema["properties"].get(name).is_some(), "{name}");
        }
    }
}
