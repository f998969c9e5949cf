//! The cluster with its system pool, further pools, and what makes their GPUs usable.

use mops_core::{Place, Urn, Value};

use super::super::{Component, Expr};
use super::builder::{Builder, Members, members, optional};
use super::gpu;
use super::registry::workload_identity;
use crate::stackfile::{
    Aks, ClusterProvider, Eviction, GpuDriver, GpuPlugin, NodeShare, Pool, PoolMode, Spanned, Upgrade,
};

pub(super) fn declare(b: &mut Builder<'_>) {
    let file = b.file;
    let Some(section) = file.cluster.as_ref().filter(|c| c.provider() == ClusterProvider::Azure) else { return };
    let (Some(aks), Some(name)) = (&section.aks, b.names.cluster.clone()) else { return };
    let Some(first) = aks.node_pools.iter().position(|p| p.mode() == PoolMode::System) else { return };
    let cluster = managed_cluster(b, aks, &aks.node_pools[first], name);
    b.made.cluster = Some(cluster.clone());
    for (i, pool) in aks.node_pools.iter().enumerate() {
        let urn = if i == first { cluster.clone() } else { node_pool(b, &cluster, aks, pool) };
        if let Some((GpuDriver::Install, GpuPlugin::DevicePlugin)) = pool.gpu() {
            gpu::device_plugin(b, pool, &urn);
        }
    }
}

fn managed_cluster(b: &mut Builder<'_>, aks: &Spanned<Aks>, system: &Pool, name: String) -> Urn {
    let (group_name, location) = (b.names.resource_group.clone().unwrap_or_default(), b.names.location.clone());
    let group = b.resource_group(&group_name, &location, Some(&aks.place));
    let mut inputs = members([
        ("subscriptionId", optional(b.names.subscription.clone())),
        ("resourceGroup", group_name.into()),
        ("location", location.into()),
        ("kubernetesVersion", optional(aks.kubernetes_version.as_ref().map(|v| v.0.clone()))),
        ("dnsPrefix", dns_prefix(&name).into()),
        ("name", name.into()),
        ("systemPool", Expr::Map(pool_spec(system, aks))),
    ]);
    if workload_identity::is_used(b) {
        inputs.extend(members([("oidcIssuer", true.into()), ("workloadIdentity", true.into())]));
    }
    let mut cluster = b.resource(Component::Cluster, "modelops:azure:ManagedCluster", "cluster", inputs);
    cluster.depends_on = vec![group];
    cluster.place = Some(aks.place.clone());
    cluster.places = pool_places(system, aks, "systemPool.");
    cluster.places.extend(aks.kubernetes_version.as_ref().map(|v| ("kubernetesVersion".to_owned(), v.place.clone())));
    b.push(cluster)
}

fn node_pool(b: &mut Builder<'_>, cluster: &Urn, aks: &Aks, pool: &Spanned<Pool>) -> Urn {
    let mut inputs = pool_spec(pool, aks);
    inputs.insert("clusterId".into(), Expr::output(cluster, "id"));
    let name = format!("pool-{}", pool.name.as_str());
    let mut resource = b.resource(Component::Cluster, "modelops:azure:NodePool", &name, inputs);
    resource.deleted_with = Some(cluster.clone());
    resource.place = Some(pool.place.clone());
    resource.places = pool_places(pool, aks, "");
    let urn = b.push(resource);
    b.made.pools.push(urn.clone());
    urn
}

/// Letters, digits and `-`, 54 at most, alphanumeric at both ends.
fn dns_prefix(cluster: &str) -> String {
    let text: String = cluster.chars().map(|c| if c == '_' { '-' } else { c }).take(54).collect();
    text.trim_matches('-').to_owned()
}

fn pool_spec(pool: &Pool, aks: &Aks) -> Members {
    let gpu = pool.gpu();
    let profile = pool.gpu.as_ref().and_then(|g| g.instance_profile.as_ref());
    let labels = pool.labels.0.iter().map(|(k, v)| (k.value.clone(), Value::from(v.as_str()))).collect();
    let texts = |items: Vec<String>| Expr::Value(Value::List(items.into_iter().map(Value::from).collect()));
    let mut spec = members([
        ("name", pool.name.as_str().into()),
        ("mode", pool.mode().as_str().into()),
        ("vmSize", pool.vm_size.as_str().into()),
        ("labels", Expr::Value(Value::Map(labels))),
        ("taints", texts(pool.taints.iter().map(|t| t.text()).collect())),
        ("spot", pool.spot.as_ref().is_some_and(|s| s.value).into()),
        ("zones", texts(pool.zones.iter().map(|z| z.0.to_string()).collect())),
    ]);
    let mut put = |key: &str, value: Option<Expr>| value.map(|v| spec.insert(key.to_owned(), v));
    put("subnetId", aks.subnet_id.as_ref().map(|id| id.as_str().into()));
    put("count", pool.count.as_ref().map(|n| n.0.into()));
    put("minCount", pool.min.as_ref().map(|n| n.0.into()));
    put("maxCount", pool.max.as_ref().map(|n| n.0.into()));
    put("osDiskSizeGb", pool.os_disk_size_gb.as_ref().map(|n| n.0.into()));
    put("gpuInstanceProfile", profile.map(|p| p.as_str().into()));
    put("gpuManaged", gpu.filter(|(_, plugin)| *plugin == GpuPlugin::Managed).map(|_| true.into()));
    put(
        "spotEviction",
        pool.spot_eviction.as_ref().map(|e| if e.value == Eviction::Delete { "Delete" } else { "Deallocate" }.into()),
    );
    put("upgrade", pool.upgrade.as_ref().map(|u| upgrade(u)));
    put("gpuDriver", gpu.map(|(driver, _)| if driver == GpuDriver::Install { "Install" } else { "None" }.into()));
    spec
}

/// How the nodes are renewed, as far as the file says it.
fn upgrade(section: &Upgrade) -> Expr {
    let text = |share: &Option<Spanned<NodeShare>>| optional(share.as_ref().map(|s| s.as_str().to_owned()));
    let all = members([
        ("maxSurge", text(&section.max_surge)),
        ("maxUnavailable", text(&section.max_unavailable)),
        ("drainTimeoutMinutes", optional(section.drain_timeout_minutes.as_ref().map(|n| n.0))),
        ("nodeSoakMinutes", optional(section.node_soak_minutes.as_ref().map(|n| n.0))),
    ]);
    Expr::Map(all.into_iter().filter(|(_, value)| *value != Expr::Value(Value::Null)).collect())
}

/// Where the file gives the inputs of a pool.
fn pool_places(pool: &Pool, aks: &Aks, prefix: &str) -> Vec<(String, Place)> {
    let profile = pool.gpu.as_ref().and_then(|g| g.instance_profile.as_ref());
    let places = [
        ("vmSize", Some(&pool.vm_size.place)),
        ("subnetId", aks.subnet_id.as_ref().map(|id| &id.place)),
        ("count", pool.count.as_ref().map(|n| &n.place)),
        ("minCount", pool.min.as_ref().map(|n| &n.place)),
        ("maxCount", pool.max.as_ref().map(|n| &n.place)),
        ("spot", pool.spot.as_ref().map(|s| &s.place)),
        ("zones", pool.zones.first().map(|z| &z.place)),
        ("osDiskSizeGb", pool.os_disk_size_gb.as_ref().map(|n| &n.place)),
        ("gpuInstanceProfile", profile.map(|p| &p.place)),
    ];
    places.into_iter().filter_map(|(name, place)| Some((format!("{prefix}{name}"), place?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::dns_prefix;

    #[test]
    fn dns_prefix_is_short_and_clean() {
        assert_eq!(dns_prefix("modelops_dev"), "modelops-dev");
        assert!(dns_prefix(&"a-".repeat(40)).len() <= 54);
    }
}
