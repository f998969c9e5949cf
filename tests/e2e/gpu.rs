//! Promise: a pool with GPUs becomes usable by `mops infra up` alone: the device plugin that it declares starts on the
//! pool's node, reports to the real kubelet, and a pod that asks for a GPU gets that one and no second.

use mops_tests::job::FILE;
use serde_json::{Value, json};

use crate::pods::{apply, job_with_cluster, kubectl, left, take_away_the_plugin};

/// The node with as many GPUs to give as this; a wait by watch.
async fn until_allocatable(gpus: &str) {
    let path = format!("jsonpath={{.status.allocatable['nvidia\\.com/gpu']}}={gpus}");
    kubectl(&["wait", "node/gpu", "--for", &path, "--timeout=60s"]).await;
}

fn pod(name: &str, gpus: u32) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"key": "sku", "operator": "Exists"}],
            "containers": [{"name": "c", "image": "localhost/pause:1", "resources": {"limits": {"nvidia.com/gpu": gpus}}}],
        },
    })
}

#[tokio::test]
async fn a_gpu_pool_becomes_usable_by_what_is_declared() {
    let Some(job) = job_with_cluster("a GPU by a device plugin") else { return };
    let before = left().await;
    let node = kubectl(&["get", "node", "gpu", "-o", "jsonpath={.status.allocatable}"]).await;
    assert!(!node.contains(r#""nvidia.com/gpu":"1""#), "somebody else has made a GPU appear: {node}");
    job.good(&["mops", "infra", "up", FILE, "-c", "cluster", "--yes"]).await;
    until_allocatable("1").await;

    apply(&pod("one", 1)).await;
    kubectl(&["wait", "pod/one", "--for=condition=Ready", "--timeout=60s"]).await;
    assert_eq!(kubectl(&["get", "pod", "one", "-o", "jsonpath={.spec.nodeName}"]).await, "gpu");
    let seen = kubectl(&["exec", "one", "--", "/bin/busybox", "env"]).await;
    let gpu = "NVIDIA_VISIBLE_DEVICES=GPU-00000000-0000-4000-8000-000000000001";
    assert!(seen.lines().any(|line| line == gpu), "{seen}");

    apply(&pod("too-many", 2)).await;
    kubectl(&["wait", "pod/too-many", "--for=condition=PodScheduled=false", "--timeout=60s"]).await;
    let path = "jsonpath={.status.phase}: {.status.conditions[0].message}";
    let said = kubectl(&["get", "pod", "too-many", "-o", path]).await;
    assert!(said.starts_with("Pending: ") && said.contains("Insufficient nvidia.com/gpu"), "{said}");

    kubectl(&["delete", "pod", "one", "too-many"]).await;
    job.down_to_nothing().await;
    take_away_the_plugin(&before).await;
    until_allocatable("0").await;
}
