//! Nodes, by pool. The sandbox adds and removes pools as ARM makes them; a GPU node shows its
//! devices only while NVIDIA's device plugin runs on it, as a real one does.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::store::{Store, text};

/// A pool of equal nodes.
#[derive(Clone, Debug, Default)]
pub struct NodePool {
    /// Name of the pool.
    pub name: String,
    /// How many nodes.
    pub count: usize,
    /// Labels beside those that AKS sets.
    pub labels: BTreeMap<String, String>,
    /// `key=value:Effect`.
    pub taints: Vec<String>,
    /// Devices that the hardware of a node has.
    pub gpus: u32,
    /// Whether a service on each node shows them without a device plugin in a pod.
    pub managed: bool,
}

const HARDWARE: &str = "sandbox.modelops.io/gpus";
const MANAGED: &str = "sandbox.modelops.io/gpus-managed";

/// Makes the nodes of a pool what they should be.
pub(super) fn set_pool(store: &mut Store, pool: &NodePool, now: &str) {
    for index in 0..pool.count {
        let name = node_name(&pool.name, index);
        let before = store.get("Node", "", &name).cloned();
        let node = node(pool, &name, now);
        match before {
            None => {
                store.put(node);
            }
            Some(mut old) => {
                old["metadata"]["labels"] = node["metadata"]["labels"].clone();
                old["spec"]["taints"] = node["spec"]["taints"].clone();
                store.put(old);
            }
        }
    }
    let surplus = |n: &Json| {
        in_pool(n, &pool.name) && (0..pool.count).all(|i| text(n, "/metadata/name") != node_name(&pool.name, i))
    };
    let gone: Vec<Json> = store.list("Node", "").into_iter().filter(surplus).collect();
    gone.iter().for_each(|n| remove_node(store, n));
}

/// Takes away all nodes of a pool with what runs on them.
pub(super) fn remove_pool(store: &mut Store, pool: &str) {
    let gone: Vec<Json> = store.list("Node", "").into_iter().filter(|n| in_pool(n, pool)).collect();
    gone.iter().for_each(|n| remove_node(store, n));
}

fn in_pool(node: &Json, pool: &str) -> bool {
    node["metadata"]["labels"]["agentpool"] == pool
}

fn remove_node(store: &mut Store, node: &Json) {
    let name = text(node, "/metadata/name").to_owned();
    store.images.retain(|(n, _)| *n != name);
    for pod in store.list("Pod", "") {
        if text(&pod, "/spec/nodeName") == name {
            store.remove(&super::store::key_of(&pod));
        }
    }
    store.remove(&super::store::key_of(node));
}

fn node_name(pool: &str, index: usize) -> String {
    format!("aks-{pool}-24117382-vmss{index:06}")
}

fn node(pool: &NodePool, name: &str, now: &str) -> Json {
    let mut labels = json!({
        "agentpool": pool.name, "kubernetes.azure.com/agentpool": pool.name, "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
    });
    for (key, value) in &pool.labels {
        labels[key.as_str()] = json!(value);
    }
    let amounts = json!({"cpu": "4", "memory": "16384Mi", "pods": "110", "ephemeral-storage": "128Gi"});
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "uid": uuid::Uuid::new_v4().to_string(), "creationTimestamp": now,
            "labels": labels, "annotations": {HARDWARE: pool.gpus.to_string(), MANAGED: pool.managed.to_string()}},
        "spec": {"taints": pool.taints.iter().filter_map(|t| taint(t)).collect::<Vec<_>>()},
        "status": {"capacity": amounts, "allocatable": amounts,
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady",
                "message": "kubelet is posting ready status", "lastTransitionTime": now, "lastHeartbeatTime": now}],
            "addresses": [{"type": "Hostname", "address": name}],
            "nodeInfo": {"kubeletVersion": "v1.34.4", "containerRuntimeVersion": "containerd://2.1.4",
                "architecture": "amd64", "operatingSystem": "linux", "osImage": "Ubuntu 22.04.5 LTS",
                "kernelVersion": "5.15.0-azure", "bootID": "", "machineID": "", "systemUUID": "", "kubeProxyVersion": ""}},
    })
}

fn taint(text: &str) -> Option<Json> {
    let (pair, effect) = text.rsplit_once(':')?;
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    Some(json!({"key": key, "value": value, "effect": effect}))
}

/// Shows or hides the devices of each node, by whether the plugin runs on it.
pub(super) fn devices(store: &mut Store) -> bool {
    let plugin = |pod: &Json| {
        let list = pod["spec"]["containers"].as_array();
        list.into_iter().flatten().any(|c| text(c, "/image").contains("nvidia/k8s-device-plugin"))
    };
    let running: Vec<Json> =
        store.list("Pod", "").into_iter().filter(|p| text(p, "/status/phase") == "Running" && plugin(p)).collect();
    let mut changed = false;
    for mut node in store.list("Node", "") {
        let name = text(&node, "/metadata/name").to_owned();
        let hardware = node["metadata"]["annotations"][HARDWARE].as_str().unwrap_or("0").to_owned();
        let on = node["metadata"]["annotations"][MANAGED] == "true"
            || running.iter().any(|p| text(p, "/spec/nodeName") == name);
        let shown = node["status"]["allocatable"]["nvidia.com/gpu"].as_str();
        let want = if on && hardware != "0" { Some(hardware.as_str()) } else { shown.map(|_| "0") };
        if shown != want {
            for map in ["capacity", "allocatable"] {
                node["status"][map]["nvidia.com/gpu"] = json!(want);
            }
            store.put(node);
            changed = true;
        }
    }
    changed
}
