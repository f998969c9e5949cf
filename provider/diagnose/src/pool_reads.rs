//! Reads about the GPU pools: whether a worker may run on their nodes, and whether the nodes offer what they have.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, Pod, Taint, Toleration};
use mops_probe::Observation;

use crate::cluster::{Cluster, Trouble};
use crate::observed::{Observed, Vantage, check, code};
use crate::request::Request;
use crate::workload::Nodes;

/// Resources that a GPU's driver and plugin announce; `nvidia.com/gpu`, or a slice of one.
const OFFER: &str = "nvidia.com/";
const SIZE_LABEL: &str = "node.kubernetes.io/instance-type";
/// Parts of the names of pods that announce GPUs.
const PLUGINS: [&str; 3] = ["nvidia-device-plugin", "gpu-operator", "nvidia-gpu-device-plugin"];

/// The pods of every namespace, or why they cannot be listed.
type AllPods = Result<Vec<Pod>, Trouble>;

/// Nothing for clusters without GPU nodes.
pub(crate) async fn look(cluster: &Cluster, request: &Request, workers: &[Pod], nodes: &Nodes) -> Vec<Observed> {
    let mut seen = Vec::new();
    // All pools have the same pods to search, and many clusters have no need of it.
    let mut pods = None;
    // Workers that ask for no GPU are not for these pools, which is no fault of either.
    let asking: Vec<Pod> = workers.iter().filter(|w| wants(w).next().is_some()).cloned().collect();
    for (pool, all) in nodes.pools() {
        let gpus: Vec<&Node> = all.into_iter().filter(|n| has_gpu(n)).collect();
        if gpus.is_empty() || !request.wants(&pool) {
            continue;
        }
        let usable = (!asking.is_empty()).then(|| usable(&pool, &gpus, &asking));
        let offered = offered(cluster, &pool, &gpus, &mut pods).await;
        seen.extend(usable.into_iter().chain(offered).map(|o| Observed::at(Vantage::W, o).on(&pool, "")));
    }
    seen
}

/// Azure's sizes with an NVIDIA or AMD GPU begin so; those with an FPGA do too.
fn has_gpu(node: &Node) -> bool {
    let size = node.metadata.labels.as_ref().and_then(|labels| labels.get(SIZE_LABEL)).map(|s| s.to_ascii_lowercase());
    let sold = size.is_some_and(|s| s.starts_with("standard_n") && !s.starts_with("standard_np"));
    sold || !offers(node).is_empty()
}

fn offers(node: &Node) -> BTreeSet<&str> {
    let all = node.status.iter().flat_map(|s| s.allocatable.iter().flatten());
    all.filter(|(name, amount)| name.starts_with(OFFER) && amount.0 != "0").map(|(name, _)| name.as_str()).collect()
}

/// Whether any worker tolerates the pool's taints and asks for what its nodes offer.
fn usable(pool: &str, nodes: &[&Node], workers: &[Pod]) -> Observation {
    let taints = |node: &Node| node.spec.iter().flat_map(|s| s.taints.iter().flatten()).cloned().collect::<Vec<_>>();
    let closed = |worker: &Pod, node: &Node| taints(node).into_iter().find(|t| keeps_off(t) && !tolerates(worker, t));
    let barred = |worker: &Pod| nodes.iter().map(|n| closed(worker, n)).collect::<Option<Vec<Taint>>>();
    let all: Option<Vec<Vec<Taint>>> = workers.iter().map(barred).collect();
    if let Some(taint) = all.and_then(|taints| taints.into_iter().flatten().next()) {
        let value = taint.value.map(|v| format!("={v}")).unwrap_or_default();
        return Observation::failed(check::TAINTS, "", pool, code::NOT_TOLERATED)
            .detail(&format!("{}{value}:{}", taint.key, taint.effect));
    }
    let offered: BTreeSet<&str> = nodes.iter().flat_map(|n| offers(n)).collect();
    let wanted: BTreeSet<&str> = workers.iter().flat_map(wants).collect();
    if !offered.is_empty() && !wanted.is_empty() && offered.is_disjoint(&wanted) {
        let list = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(", ");
        return Observation::failed(check::TAINTS, "", pool, code::NOT_REQUESTED).detail(&format!(
            "nodes offer {}, workers ask for {}",
            list(&offered),
            list(&wanted)
        ));
    }
    Observation::ok(check::TAINTS, "", pool)
}

/// Node conditions come and go, and a preference only advises.
fn keeps_off(taint: &Taint) -> bool {
    taint.effect != "PreferNoSchedule" && !taint.key.starts_with("node.kubernetes.io/")
}

fn tolerates(worker: &Pod, taint: &Taint) -> bool {
    let all = worker.spec.iter().flat_map(|s| s.tolerations.iter().flatten());
    let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|w| w.is_empty() || w == is);
    let fits = |t: &Toleration| {
        let exists = t.operator.as_deref() == Some("Exists");
        let key = t.key.as_deref().unwrap_or_default();
        let named = if key.is_empty() { exists } else { key == taint.key };
        let value = t.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default();
        named && (exists || value) && same(&t.effect, &taint.effect)
    };
    all.into_iter().any(fits)
}

fn wants(worker: &Pod) -> impl Iterator<Item = &str> {
    let containers = worker.spec.iter().flat_map(|s| s.containers.iter());
    let resources = containers.filter_map(|c| c.resources.as_ref());
    let named = resources.flat_map(|r| r.limits.iter().chain(r.requests.iter()).flatten());
    named.map(|(name, _)| name.as_str()).filter(|name| name.starts_with(OFFER))
}

/// Whether the ready nodes offer their GPUs, and who should announce them runs there when they do not.
async fn offered(cluster: &Cluster, pool: &str, nodes: &[&Node], pods: &mut Option<AllPods>) -> Option<Observation> {
    let ready: Vec<&&Node> = nodes.iter().filter(|n| is_ready(n)).collect();
    if ready.is_empty() {
        return None;
    }
    if ready.iter().all(|n| !offers(n).is_empty()) {
        return Some(Observation::ok(check::GPU_PLUGIN, "", pool));
    }
    let names: BTreeSet<&str> = ready.iter().filter_map(|n| n.metadata.name.as_deref()).collect();
    let pods = match pods {
        Some(pods) => pods,
        None => pods.insert(cluster.all_pods().await),
    };
    let pods = match pods {
        Ok(pods) => pods,
        Err(trouble) => {
            let skipped = Observation::skipped(check::GPU_PLUGIN, "", pool, trouble.code);
            return Some(skipped.detail("pods of other namespaces cannot be listed"));
        }
    };
    let announces = |pod: &&Pod| {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let node = pod.spec.as_ref().and_then(|s| s.node_name.as_deref());
        PLUGINS.iter().any(|part| name.contains(part)) && node.is_some_and(|n| names.contains(n))
    };
    Some(match pods.iter().find(announces).and_then(|p| p.metadata.name.as_deref()) {
        Some(plugin) => Observation::skipped(check::GPU_PLUGIN, "", pool, code::YOUNG)
            .detail(&format!("pod {plugin} is there and has announced nothing yet")),
        None => {
            let count = if ready.len() == 1 { "1 node".to_owned() } else { format!("{} nodes", ready.len()) };
            let words = format!("{count} Ready, nvidia.com/gpu not allocatable, no pod of a device plugin");
            Observation::failed(check::GPU_PLUGIN, "", pool, code::NONE).detail(&words)
        }
    })
}

fn is_ready(node: &Node) -> bool {
    let mut conditions = node.status.iter().flat_map(|s| s.conditions.iter().flatten());
    conditions.any(|c| c.type_ == "Ready" && c.status == "True")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn node(taints: &Json, allocatable: &Json) -> Node {
        serde_json::from_value(json!({
            "metadata": {"name": "n", "labels": {SIZE_LABEL: "Standard_NC4as_T4_v3"}},
            "spec": {"taints": taints}, "status": {"allocatable": allocatable}
        }))
        .unwrap()
    }

    fn worker(tolerations: &Json, limits: &Json) -> Pod {
        let containers = json!([{"name": "worker", "resources": {"limits": limits}}]);
        serde_json::from_value(json!({"spec": {"tolerations": tolerations, "containers": containers}})).unwrap()
    }

    fn code_of(node: &Node, worker: &Pod) -> Option<String> {
        usable("gpu", &[node], std::slice::from_ref(worker)).code
    }

    #[test]
    fn a_taint_keeps_off_whoever_does_not_tolerate_it() {
        let tainted = |effect: &str| node(&json!([{"key": "sku", "value": "gpu", "effect": effect}]), &json!({}));
        let hard = tainted("NoSchedule");
        let rows = [
            (json!([]), true),
            (json!([{"key": "sku", "value": "gpu"}]), false),
            (json!([{"key": "sku", "value": "cpu"}]), true),
            (json!([{"key": "sku", "operator": "Exists"}]), false),
            (json!([{"operator": "Exists"}]), false),
            (json!([{"key": "sku", "operator": "Exists", "effect": "NoExecute"}]), true),
        ];
        for (tolerations, barred) in rows {
            let code = code_of(&hard, &worker(&tolerations, &json!({})));
            assert_eq!(code.as_deref(), barred.then_some(code::NOT_TOLERATED), "{tolerations}");
        }
        assert_eq!(code_of(&tainted("PreferNoSchedule"), &worker(&json!([]), &json!({}))), None, "it only advises");
        let open = node(&json!([]), &json!({}));
        assert_eq!(usable("gpu", &[&hard, &open], &[worker(&json!([]), &json!({}))]).code, None, "one node is enough");
    }

    #[test]
    fn slices_that_nobody_asks_for_are_found() {
        let sliced = node(&json!([]), &json!({"nvidia.com/mig-1g.5gb": "7", "nvidia.com/gpu": "0"}));
        let asks = |name: &str| worker(&json!([]), &json!({name: "1"}));
        assert_eq!(code_of(&sliced, &asks("nvidia.com/gpu")).as_deref(), Some(code::NOT_REQUESTED));
        assert_eq!(code_of(&sliced, &asks("nvidia.com/mig-1g.5gb")), None);
        assert_eq!(code_of(&sliced, &asks("cpu")), None);
    }
}
