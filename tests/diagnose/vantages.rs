//! Runs that look from more than one place of a pool: the network of its node beside that of its pods.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, PostParams};
use mops_diagnose::observed::Vantage;
use mops_diagnose::{Report, Request, report};
use mops_probe::Observation;
use mops_probe::observation::{check, code};
use mops_tests::kubernetes::NodePool;
use serde_json::json;

use super::cluster::{HOST, NAMESPACE, World, causes, diagnose, request, says};

/// A pod whose connections are dropped, on a node whose are not.
fn dropped_for_pods() -> String {
    let pod = says(&[Observation::failed(check::NET_TCP, "", HOST, code::TIMEOUT)]);
    let node = says(&[Observation::ok(check::NET_TCP, "", HOST)]);
    format!("if [ -n \"$MOPS_PROBE_NODE\" ]; then\n{node}\nelse\n{pod}\nfi")
}

fn everywhere() -> Request {
    Request { vantages: vec![Vantage::P, Vantage::N], ..request() }
}

fn seen(report: &Report, vantage: Vantage) -> Vec<(&str, &str)> {
    let here = report.probes.iter().filter(|o| o.vantage == vantage && o.check == check::NET_TCP);
    here.map(|o| (o.pool.as_str(), o.node.as_str())).collect()
}

/// As many nodes of a pool as are asked for, by pod and by node network alike; each is told apart.
#[tokio::test]
async fn as_many_nodes_of_a_pool_are_looked_from_as_are_asked_for() {
    let world = World::new(&dropped_for_pods()).await;
    world.fake.add_pool(&NodePool { name: "big".into(), count: 3, ..NodePool::default() });
    world.workload(true).await;
    let at = async |per_pool, max_pods| {
        let asked = Request { per_pool, max_pods, ..everywhere() };
        let report = diagnose(asked, world.services()).await;
        let count = |vantage| {
            let here = seen(&report, vantage);
            let nodes: BTreeSet<_> = here.iter().filter(|(pool, _)| *pool == "big").map(|(_, node)| *node).collect();
            assert_eq!(nodes.len(), here.iter().filter(|(pool, _)| *pool == "big").count(), "no node twice");
            nodes.len()
        };
        let ids: Vec<&str> = report.probes.iter().map(|o| o.id.as_str()).collect();
        let distinct: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), distinct.len(), "{ids:?}");
        (count(Vantage::P), count(Vantage::N), report::text(&report, 80, false))
    };
    for per_pool in [1, 2, 3] {
        let (pods, nodes, text) = at(per_pool, 20).await;
        assert_eq!((pods, nodes), (per_pool, per_pool), "{text}");
    }
    let (.., text) = at(3, 2).await;
    assert!(text.contains("node network of pool cpu") || text.contains("node network of pool gpu"), "{text}");
    assert!(text.contains("more probes than one run makes"), "{text}");
}

#[tokio::test]
async fn what_only_pods_meet_is_told_by_their_nodes() {
    let world = World::new(&dropped_for_pods()).await;
    world.workload(true).await;
    let report = diagnose(everywhere(), world.services()).await;
    let text = report::text(&report, 80, false);
    for vantage in [Vantage::N, Vantage::P] {
        let mut places = seen(&report, vantage);
        places.sort_unstable();
        assert_eq!(places.iter().map(|(pool, _)| *pool).collect::<Vec<_>>(), ["cpu", "gpu"], "{vantage:?} {text}");
        assert!(places.iter().all(|(pool, node)| node.contains(pool)), "{places:?}");
    }
    assert!(causes(&report).contains(&"NETWORK_POLICY"), "{text}");
    assert!(text.contains("their node does"), "{text}");
    assert_eq!((report.cleanup.complete, world.probes_left()), (true, 0));
    let pods_only = Request { vantages: vec![Vantage::P], ..request() };
    let report = diagnose(pods_only, world.services()).await;
    assert!(!causes(&report).contains(&"NETWORK_POLICY"), "nothing to compare with");
}

/// A pod of a worker satisfies the level; one in the node's network does not, which costs the node's sight and no more.
#[tokio::test]
async fn a_node_that_may_not_be_looked_from_is_a_note() {
    let world = World::new(&says(&[Observation::ok(check::NET_TCP, "", HOST)])).await;
    world.workload(true).await;
    world.secure("baseline").await;
    let report = diagnose(everywhere(), world.services()).await;
    let text = report::text(&report, 80, false);
    assert_eq!(seen(&report, Vantage::N), []);
    assert_eq!(seen(&report, Vantage::P).len(), 2, "{text}");
    assert!(causes(&report).contains(&"PROBE_POD_DENIED"), "{text}");
    assert!(text.contains("violates PodSecurity") && text.contains("node network of pool cpu"), "{text}");
    assert_eq!((report.summary.exit_code, world.probes_left()), (0, 0), "{text}");
}

#[tokio::test]
async fn nodes_are_looked_from_in_a_namespace_that_allows_it() {
    let world = World::new("exec sleep 600").await;
    world.workload(true).await;
    world.secure("baseline").await;
    let space: Namespace = serde_json::from_value(json!({"metadata": {"name": "probes"}})).expect("an object");
    Api::<Namespace>::all(world.client.clone()).create(&PostParams::default(), &space).await.expect("made");
    let request = Request { probe_namespace: Some("probes".into()), vantages: vec![Vantage::N], ..request() };
    let mut services = world.services();
    let cancel = mops_core::Cancel::new();
    services.cancel = cancel.clone();
    let look_in = async {
        loop {
            let pods = world.fake.objects("Pod", "probes");
            if pods.len() == 2 && pods.iter().all(|p| p["status"]["phase"] == "Running") {
                cancel.cancel();
                return pods;
            }
            tokio::task::yield_now().await;
        }
    };
    let (report, pods) = tokio::join!(diagnose(request, services), look_in);
    for pod in pods {
        let pod: Pod = serde_json::from_value(pod).expect("a pod");
        let spec = pod.spec.unwrap_or_default();
        assert_eq!((spec.host_network, spec.dns_policy.as_deref()), (Some(true), Some("Default")));
        assert!(spec.containers.iter().all(|c| c.env_from.is_none()), "nothing of the workload");
    }
    assert_eq!(report.summary.exit_code, 130);
    assert_eq!((report.cleanup.complete, world.probes_left()), (true, 0), "both namespaces");
}

#[tokio::test]
async fn without_the_right_no_node_is_looked_from() {
    let world = World::new(&says(&[Observation::ok(check::NET_TCP, "", HOST)])).await;
    world.workload(true).await;
    world.fake.deny("create", "jobs");
    let report = diagnose(Request { vantages: vec![Vantage::N], ..request() }, world.services()).await;
    let text = report::text(&report, 80, false);
    assert_eq!(seen(&report, Vantage::N), []);
    assert!(causes(&report).contains(&"RBAC_DENIED"), "{text}");
    assert!(text.contains("node network: `create jobs in namespace modelops-dask-dev`"), "{text}");
    assert_eq!(world.fake.objects("Job", NAMESPACE).len(), 0);
}
