//! Which pools there are, and where a probe goes in each. Pools come from node labels and from
//! what the caller knows; the union is reported, so an empty pool is named, not forgotten
//! (`tests::every_pool_is_placed_or_named`).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, ContainerStateWaiting, Node, Pod, Taint};
use mops_probe::Observation;
use mops_wire::registry::Reference;

use crate::observed::{Observed, Vantage, check, code};
use crate::request::{Request, SELECTOR};

/// The label by which a pool is chosen.
pub(crate) const POOL_LABEL: &str = "agentpool";
/// Node labels that hold the pool's name, the usual one first.
const POOL_LABELS: &[&str] = &[POOL_LABEL, "kubernetes.azure.com/agentpool"];
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";
/// Node label with the operating system.
const SYSTEM_LABEL: &str = "kubernetes.io/os";
/// A taint that goes away by itself, or that a pod must not tolerate.
const NODE_STATE: &str = "node.kubernetes.io/";

/// Where a probe goes, and after which worker it is made.
#[derive(Clone, Debug)]
pub struct Place {
    /// The pool.
    pub pool: String,
    /// The node, when nodes may be listed or a worker runs there.
    pub node: Option<String>,
    /// The label that selects the pool.
    pub label: Option<(String, String)>,
    /// The node's taints.
    pub taints: Vec<Taint>,
    /// The worker whose references are copied.
    pub worker: Pod,
    /// What tells it apart where its pool has another place already: a worker with other references, or another node.
    pub apart: Option<String>,
}

impl Place {
    /// The name of the worker that it stands for.
    #[must_use]
    pub fn worker_name(&self) -> &str {
        self.worker.metadata.name.as_deref().unwrap_or_default()
    }
}

/// Why such a node is not probed.
const WINDOWS: &str = "Windows, for which there is no probe";

/// The label by which a pod asks AKS for a token of its service account.
pub(crate) const IDENTITY_LABEL: &str = "azure.workload.identity/use";

/// Whether a pod signs in as an identity, with a token of its service account.
pub(crate) fn asks_for_identity(pod: &Pod) -> bool {
    pod.metadata.labels.as_ref().and_then(|labels| labels.get(IDENTITY_LABEL)).is_some_and(|value| value == "true")
}

/// Whether a pod is a worker of ModelOps, by the label that all of them have, however it was chosen.
pub(crate) fn is_ours(pod: &Pod) -> bool {
    let has = |(name, value): (&str, &str)| pod.metadata.labels.as_ref()?.get(name).map(|found| found == value);
    SELECTOR.split_once('=').and_then(has).unwrap_or_default()
}

/// What a container waits for that has only just been placed. Every other reason is its image, its configuration or
/// itself; for a pull secret that it cannot read a kubelet gives no word, but the sentence of its decoder.
const STARTING: &[&str] = &["ContainerCreating", "PodInitializing"];

/// What a container waits for whose image is there.
const PULLED: &[&str] =
    &["CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff"];

/// The images of a pod for which it waits in vain.
pub(crate) fn awaited(pod: &Pod) -> impl Iterator<Item = &str> {
    let pulled = |reason: &str| STARTING.contains(&reason) || PULLED.contains(&reason);
    let all = waiting(pod).filter(move |(_, waiting)| waiting.reason.as_deref().is_some_and(|reason| !pulled(reason)));
    all.map(|(image, _)| image)
}

/// Whether a container of the pod waits for something that does not come by itself.
pub(crate) fn waits(pod: &Pod) -> bool {
    waiting(pod).filter_map(|(_, waiting)| waiting.reason.as_deref()).any(|reason| !STARTING.contains(&reason))
}

/// The containers of a pod that wait, those that prepare it first: each one's image, and what for.
pub(crate) fn waiting(pod: &Pod) -> impl Iterator<Item = (&str, &ContainerStateWaiting)> {
    let status = pod.status.iter();
    let all =
        status.flat_map(|s| s.init_container_statuses.iter().flatten().chain(s.container_statuses.iter().flatten()));
    all.filter_map(|c| Some((c.image.as_str(), c.state.as_ref()?.waiting.as_ref()?)))
}

/// The pull secrets that a pod names, in its order.
#[must_use]
pub fn pull_secrets(pod: &Pod) -> Vec<String> {
    let named = pod.spec.iter().flat_map(|s| s.image_pull_secrets.iter().flatten());
    let mut seen = BTreeSet::new();
    named.map(|s| s.name.clone()).filter(|n| !n.is_empty() && seen.insert(n.clone())).collect()
}

/// The hosts of the images of these pods, each once.
pub(crate) fn registries(pods: &[Pod]) -> BTreeSet<String> {
    let specs = pods.iter().filter_map(|pod| pod.spec.as_ref());
    let containers = specs.flat_map(|s| s.init_containers.iter().flatten().chain(&s.containers));
    let images = containers.filter_map(|c| c.image.as_ref()?.parse::<Reference>().ok());
    images.map(|image| image.registry().to_ascii_lowercase()).collect()
}

/// The container to examine: by name, by annotation, `worker`, the first.
#[must_use]
pub fn container<'a>(pod: &'a Pod, wanted: Option<&str>) -> Option<&'a Container> {
    let containers = &pod.spec.as_ref()?.containers;
    let annotated = pod.metadata.annotations.as_ref().and_then(|a| a.get(DEFAULT_CONTAINER)).map(String::as_str);
    let by_name = |name: &str| containers.iter().find(|c| c.name == name);
    match wanted {
        Some(name) => by_name(name),
        None => annotated.and_then(by_name).or_else(|| by_name("worker")).or_else(|| containers.first()),
    }
}

/// What makes two workers differ for a probe: environment, pull secrets, account, images.
fn references(pod: &Pod, wanted: Option<&str>) -> String {
    let container = container(pod, wanted);
    let spec = pod.spec.as_ref();
    let parts = (
        container.map(|c| (&c.env, &c.env_from, &c.image)),
        spec.map(|s| (&s.image_pull_secrets, &s.service_account_name)),
    );
    serde_json::to_string(&parts).unwrap_or_default()
}

/// One worker of each kind.
fn kinds<'a>(workers: impl Iterator<Item = &'a Pod>, wanted: Option<&str>) -> Vec<&'a Pod> {
    let mut seen = BTreeSet::new();
    workers.filter(|w| seen.insert(references(w, wanted))).collect()
}

/// Kind and name of what a pod belongs to, as people name it: the Deployment behind a ReplicaSet; without an owner the
/// pod itself.
pub(crate) fn owner(pod: &Pod) -> (&'static str, String) {
    let by = pod.metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
    let hash = pod.metadata.labels.as_ref().and_then(|labels| labels.get("pod-template-hash"));
    let deployment = by.zip(hash).and_then(|(by, hash)| by.name.strip_suffix(&format!("-{hash}")));
    match (deployment, by) {
        (Some(name), _) => ("Deployment", name.to_owned()),
        (None, Some(by)) if by.kind == "Job" => ("Job", by.name.clone()),
        (None, Some(by)) if by.kind == "StatefulSet" => ("StatefulSet", by.name.clone()),
        _ => ("Pod", pod.metadata.name.clone().unwrap_or_default()),
    }
}

/// The name of the node that a pod runs on.
#[must_use]
pub fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).filter(|n| !n.is_empty())
}

/// The nodes of a cluster by pool; empty when they may not be listed.
#[derive(Clone, Debug, Default)]
pub struct Nodes(Vec<Node>);

impl Nodes {
    /// From a listing.
    #[must_use]
    pub const fn new(nodes: Vec<Node>) -> Self {
        Self(nodes)
    }

    fn get(&self, name: &str) -> Option<&Node> {
        self.0.iter().find(|n| n.metadata.name.as_deref() == Some(name))
    }

    /// The pool of a node; a node that is not listed stands for itself.
    #[must_use]
    pub fn pool(&self, node: &str) -> String {
        self.get(node).and_then(pool_label).map_or_else(|| node.to_owned(), |(_, pool)| pool)
    }

    /// The nodes of each pool.
    #[must_use]
    pub fn pools(&self) -> BTreeMap<String, Vec<&Node>> {
        let mut pools: BTreeMap<String, Vec<&Node>> = BTreeMap::new();
        for node in &self.0 {
            if let Some((_, pool)) = pool_label(node) {
                pools.entry(pool).or_default().push(node);
            }
        }
        pools
    }
}

fn pool_label(node: &Node) -> Option<(String, String)> {
    let labels = node.metadata.labels.as_ref()?;
    POOL_LABELS.iter().find_map(|key| labels.get(*key).map(|pool| ((*key).to_owned(), pool.clone())))
}

fn taints(node: &Node) -> Vec<Taint> {
    let all = node.spec.iter().flat_map(|s| s.taints.iter().flatten());
    all.filter(|t| !t.key.starts_with(NODE_STATE)).cloned().collect()
}

/// Why a node takes no probe, if so.
fn closed(node: &Node) -> Option<&'static str> {
    if node.metadata.labels.as_ref().and_then(|l| l.get(SYSTEM_LABEL)).is_some_and(|system| system == "windows") {
        return Some(WINDOWS);
    }
    if node.spec.as_ref().and_then(|s| s.unschedulable).unwrap_or_default() {
        return Some("cordoned");
    }
    let conditions = node.status.iter().flat_map(|s| s.conditions.iter().flatten());
    let ready = conditions.filter(|c| c.type_ == "Ready").map(|c| c.status == "True").next();
    (ready == Some(false)).then_some("not ready")
}

/// The nodes of the places, each once and at most so many of a pool; the first of a pool stands for it, the others are
/// told apart by their names.
pub(crate) fn nodes_of_pools(places: &[Place], per_pool: usize) -> Vec<Place> {
    let mut taken: BTreeMap<&str, Vec<Option<&str>>> = BTreeMap::new();
    let mut nodes = Vec::new();
    for place in places {
        let known = taken.entry(&place.pool).or_default();
        if known.len() >= per_pool.max(1) || known.contains(&place.node.as_deref()) {
            continue;
        }
        let apart = place.node.clone().filter(|_| !known.is_empty());
        known.push(place.node.as_deref());
        nodes.push(Place { apart, ..place.clone() });
    }
    nodes
}

/// The first place of each pool.
pub(crate) fn one_a_pool(places: &[Place]) -> impl Iterator<Item = &Place> {
    let mut pools = BTreeSet::new();
    places.iter().filter(move |place| pools.insert(place.pool.as_str()))
}

/// What is probed, and what is seen about the pools themselves.
#[derive(Debug, Default)]
pub struct Places {
    /// One a pool.
    pub places: Vec<Place>,
    /// Pools that exist and are not probed, or are.
    pub seen: Vec<Observed>,
}

/// One place a pool and kind of worker: beside the worker where one runs, else on any open node.
#[must_use]
pub fn places(request: &Request, workers: &[Pod], nodes: &Nodes) -> Places {
    let mut out = Places::default();
    let Some(template) = workers.first() else { return out };
    let by_pool = nodes.pools();
    let known = request.pools.iter().map(|p| p.name.clone());
    let worked = workers.iter().filter_map(node_of).map(|n| nodes.pool(n));
    let names: BTreeSet<String> =
        by_pool.keys().cloned().chain(known).chain(worked).filter(|p| request.wants(p)).collect();
    for pool in names {
        let here = workers.iter().filter(|w| node_of(w).is_some_and(|n| nodes.pool(n) == pool));
        let own = kinds(here, request.container.as_deref());
        let there = by_pool.get(&pool).map(Vec::as_slice).unwrap_or_default();
        match (choose(own.first().copied(), there, nodes), there.is_empty()) {
            (Some(node), _) => {
                out.seen.push(Observed::at(Vantage::W, Observation::ok(check::POOL, "", &pool)).on(&pool, &node));
                out.places.push(place(&pool, node.clone(), own.first().unwrap_or(&template), nodes));
                for other in own.iter().skip(1) {
                    let Some(node) = choose(Some(other), there, nodes) else { continue };
                    let extra = place(&pool, node, other, nodes);
                    out.places.push(Place { apart: Some(extra.worker_name().to_owned()), ..extra });
                }
                for node in more(there, &node, request.per_pool) {
                    let extra = place(&pool, node.clone(), own.first().unwrap_or(&template), nodes);
                    out.places.push(Place { apart: Some(node), ..extra });
                }
            }
            (None, true) if request.pools.iter().any(|p| p.name == pool && p.windows) => {
                out.seen.push(skipped(&pool, code::WINDOWS, WINDOWS));
            }
            (None, true) => out.seen.push(skipped(&pool, code::ZERO_NODES, &zero(request, &pool))),
            (None, false) => {
                let why = there.first().and_then(|n| closed(n)).unwrap_or("no node");
                let code = if why == WINDOWS { code::WINDOWS } else { code::UNSCHEDULABLE };
                out.seen.push(skipped(&pool, code, &format!("{}, {why}", nodes_in_words(there.len()))));
            }
        }
    }
    out
}

/// Other nodes of a pool that take pods, to make so many in all.
fn more(there: &[&Node], first: &str, per_pool: usize) -> Vec<String> {
    let open = there.iter().filter(|node| closed(node).is_none()).filter_map(|node| node.metadata.name.clone());
    open.filter(|name| name != first).take(per_pool.saturating_sub(1)).collect()
}

/// The worker's node if it still takes pods, else the first that does.
fn choose(worker: Option<&Pod>, there: &[&Node], nodes: &Nodes) -> Option<String> {
    let own = worker.and_then(node_of).filter(|n| nodes.get(n).is_none_or(|n| closed(n).is_none()));
    let open = there.iter().find(|n| closed(n).is_none()).and_then(|n| n.metadata.name.as_deref());
    own.or(open).map(str::to_owned)
}

fn place(pool: &str, node: String, worker: &Pod, nodes: &Nodes) -> Place {
    let found = nodes.get(&node);
    Place {
        label: found.and_then(pool_label),
        taints: found.map(taints).unwrap_or_default(),
        node: Some(node),
        worker: worker.clone(),
        pool: pool.to_owned(),
        apart: None,
    }
}

fn nodes_in_words(count: usize) -> String {
    if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") }
}

fn zero(request: &Request, pool: &str) -> String {
    match request.pools.iter().find(|p| p.name == pool).and_then(|p| p.autoscale) {
        Some((min, max)) => format!("0 nodes (autoscale {min}-{max})"),
        None => "0 nodes".to_owned(),
    }
}

fn skipped(pool: &str, code: &str, why: &str) -> Observed {
    Observed::at(Vantage::W, Observation::skipped(check::POOL, "", pool, code).detail(why)).on(pool, "")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::request::KnownPool;

    fn node(name: &str, pool: &str, spec: serde_json::Value, ready: &str) -> Node {
        serde_json::from_value(json!({
            "metadata": {"name": name, "labels": {"agentpool": pool}},
            "spec": spec,
            "status": {"conditions": [{"type": "Ready", "status": ready}]}
        }))
        .unwrap()
    }

    fn worker(name: &str, node: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": name},
            "spec": {"nodeName": node, "containers": [{"name": "a"}, {"name": "worker"}]}
        }))
        .unwrap()
    }

    #[test]
    fn who_waits_for_an_image_is_told_from_who_starts() {
        let pod = |reason: &str| -> Pod {
            serde_json::from_value(json!({"status": {"initContainerStatuses": [{
                "name": "a", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"waiting": {"reason": reason}}
            }]}}))
            .unwrap()
        };
        let reasons = ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError"];
        assert!(reasons.iter().all(|reason| waits(&pod(reason))));
        assert!(waits(&pod("illegal base64 data at input byte 2")), "for a pull secret that cannot be read");
        assert!(!waits(&pod("ContainerCreating")) && !waits(&Pod::default()));
    }

    #[test]
    fn a_pod_is_named_by_what_it_belongs_to() {
        let pod = |kind: &str, name: &str, hash: &str| -> Pod {
            serde_json::from_value(json!({"metadata": {
                "name": "a-1", "labels": {"pod-template-hash": hash},
                "ownerReferences": [{"apiVersion": "v1", "kind": kind, "name": name, "uid": "u", "controller": true}]
            }}))
            .unwrap()
        };
        assert_eq!(owner(&pod("ReplicaSet", "reasoning-nim-5d4f", "5d4f")), ("Deployment", "reasoning-nim".into()));
        assert_eq!(owner(&pod("Job", "train", "")), ("Job", "train".into()));
        assert_eq!(owner(&pod("DaskCluster", "d", "")), ("Pod", "a-1".into()));
        assert_eq!(owner(&worker("w", "n")), ("Pod", "w".into()));
    }

    #[test]
    fn every_pool_is_placed_or_named() {
        let taint = json!({"taints": [
            {"key": "sku", "value": "gpu", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
        ]});
        let mut windows = node("win-0", "win", json!({}), "True");
        windows.metadata.labels.get_or_insert_default().insert(SYSTEM_LABEL.to_owned(), "windows".to_owned());
        let nodes = Nodes::new(vec![
            node("cpu-0", "cpu", json!({}), "True"),
            node("gpu-0", "gpu", json!({"unschedulable": true}), "True"),
            node("gpu-1", "gpu", taint, "True"),
            node("old-0", "old", json!({}), "False"),
            windows,
        ]);
        let mut request = Request::new("r", "dev", "ns");
        let known =
            |name: &str, autoscale, windows| KnownPool { name: name.into(), autoscale, windows, taints: Vec::new() };
        request.pools = vec![known("spot", Some((0, 2)), false), known("winspot", None, true)];
        let found = places(&request, &[worker("w", "cpu-0")], &nodes);
        let placed: Vec<_> = found.places.iter().map(|p| (p.pool.as_str(), p.node.as_deref().unwrap())).collect();
        assert_eq!(placed, [("cpu", "cpu-0"), ("gpu", "gpu-1")]);
        assert_eq!(found.places[1].taints.len(), 1);
        let named: Vec<_> = found.seen.iter().map(|o| (o.pool.as_str(), o.code(), o.reason.as_str())).collect();
        let want = [
            ("cpu", "", ""),
            ("gpu", "", ""),
            ("old", code::UNSCHEDULABLE, "1 node, not ready"),
            ("spot", code::ZERO_NODES, "0 nodes (autoscale 0-2)"),
            ("win", code::WINDOWS, "1 node, Windows, for which there is no probe"),
            ("winspot", code::WINDOWS, "Windows, for which there is no probe"),
        ];
        assert_eq!(named, want);
    }

    #[test]
    fn workers_that_differ_in_their_references_are_probed_apart() {
        let nodes = Nodes::new(vec![node("cpu-0", "cpu", json!({}), "True")]);
        let mut other = worker("w-3", "cpu-0");
        if let Some(spec) = other.spec.as_mut() {
            spec.image_pull_secrets = Some(serde_json::from_value(json!([{"name": "pull"}])).unwrap());
        }
        let all = [worker("w-1", "cpu-0"), worker("w-2", "cpu-0"), other];
        let found = places(&Request::new("r", "dev", "ns"), &all, &nodes);
        let placed: Vec<_> = found.places.iter().map(|p| (p.worker_name(), p.apart.as_deref())).collect();
        assert_eq!(placed, [("w-1", None), ("w-3", Some("w-3"))]);
    }

    #[test]
    fn as_many_open_nodes_of_a_pool_as_are_asked_for() {
        let open = |name: &str| node(name, "cpu", json!({}), "True");
        let nodes = Nodes::new(vec![open("n-0"), node("n-1", "cpu", json!({}), "False"), open("n-2"), open("n-3")]);
        let at = |per_pool| {
            let request = Request { per_pool, ..Request::new("r", "dev", "ns") };
            let found = places(&request, &[worker("w", "n-2")], &nodes);
            found.places.into_iter().map(|p| (p.node.unwrap(), p.apart)).collect::<Vec<_>>()
        };
        let place = |node: &str, apart: Option<&str>| (node.to_owned(), apart.map(str::to_owned));
        assert_eq!(at(1), [place("n-2", None)]);
        assert_eq!(at(2), [place("n-2", None), place("n-0", Some("n-0"))]);
        assert_eq!(at(9).len(), 3, "a closed node takes nobody");
    }

    #[test]
    fn a_node_is_looked_from_once_however_many_kinds_of_workers_it_has() {
        let at = |node: &str, apart: Option<&str>| Place {
            pool: "cpu".into(),
            node: Some(node.into()),
            label: None,
            taints: Vec::new(),
            worker: worker("w", node),
            apart: apart.map(str::to_owned),
        };
        let places = [at("n-0", None), at("n-0", Some("w-2")), at("n-1", Some("w-3")), at("n-2", Some("n-2"))];
        let nodes = |per_pool| {
            let all = nodes_of_pools(&places, per_pool);
            all.into_iter().map(|p| (p.node.unwrap(), p.apart)).collect::<Vec<_>>()
        };
        let node = |name: &str, apart: bool| (name.to_owned(), apart.then(|| name.to_owned()));
        assert_eq!(nodes(1), [node("n-0", false)]);
        assert_eq!(nodes(2), [node("n-0", false), node("n-1", true)]);
        assert_eq!(nodes(9).len(), 3);
    }

    #[test]
    fn without_the_right_to_list_nodes_the_worker_shows_the_place() {
        let found = places(&Request::new("r", "dev", "ns"), &[worker("w", "node-9")], &Nodes::default());
        assert_eq!(found.places[0].pool, "node-9");
        assert_eq!(found.places[0].node.as_deref(), Some("node-9"));
    }

    #[test]
    fn container_by_name_then_annotation_then_worker() {
        let mut pod = worker("w", "n");
        assert_eq!(container(&pod, None).unwrap().name, "worker");
        pod.metadata.annotations = Some([(DEFAULT_CONTAINER.to_owned(), "a".to_owned())].into());
        assert_eq!(container(&pod, None).unwrap().name, "a");
        assert_eq!(container(&pod, Some("worker")).unwrap().name, "worker");
        assert!(container(&pod, Some("other")).is_none());
    }
}
