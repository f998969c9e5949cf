//! Nodes and pods: pulls with the real secret, scheduling, environment, a probe that really runs.

use std::path::PathBuf;
use std::time::Duration;

use mops_clients::kubernetes::{Apply, KubernetesError, ObjectRef, Wait, judge};
use mops_core::Cancel;
use mops_host::clock::ManualClock;
use mops_tests::kubernetes::{KubernetesFake, NodePool};
use serde_json::{Value as Json, json};

use super::bench::{Bench, deployment, deployment_ref};

fn reason(fake: &KubernetesFake) -> String {
    let pods = fake.objects("Pod", "n");
    let found = pods.first().and_then(|p| p.pointer("/status/containerStatuses/0/state/waiting/reason").cloned());
    found.and_then(|r| r.as_str().map(str::to_owned)).unwrap_or_default()
}

fn pod(container: &Json) -> Json {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"},
        "spec": {"restartPolicy": "Never", "containers": [container]}})
}

#[tokio::test]
async fn a_pull_that_fails_is_named_and_heals_with_the_secret() {
    let bench = Bench::with(None, false);
    bench.fake.add_pool(&NodePool { name: "cpu".into(), count: 1, ..NodePool::default() });
    bench.post("/api/v1/namespaces", &json!({"metadata": {"name": "n"}})).await;
    bench.kube.apply(&deployment("d", 1), Apply::Respect).await.expect("made");
    bench.until("the pull fails", |f| reason(f) == "ImagePullBackOff").await;
    let manual = ManualClock::stepped(time::macros::datetime!(2026-11-24 08:00 UTC));
    let (clock, cancel) = (manual.shared(), Cancel::new());
    let progress = |_: &str| manual.advance(Duration::from_secs(60));
    let wait = Wait { limit: Duration::from_secs(60), clock: &clock, cancel: &cancel, progress: &progress };
    let error = bench.kube.wait(&deployment_ref("d"), &wait, &judge).await.expect_err("it is not ready");
    let KubernetesError::NotReady { reason: words, .. } = &error else { panic!("{error:?}") };
    for part in ["0 of 1 available", "ImagePullBackOff of image `registry.example/worker:1`", "401 Unauthorized"] {
        assert!(words.contains(part), "{words}");
    }
    let events = bench.fake.objects("Event", "n");
    let failed = events
        .iter()
        .filter_map(|e| e["message"].as_str())
        .any(|m| m.starts_with("Failed to pull image \"registry.example/worker:1\": failed to pull and unpack image"));
    assert!(failed, "{events:?}");
    bench.gate.open();
    bench.post("/api/v1/namespaces/n/secrets", &json!({"metadata": {"name": "new"}})).await;
    bench.until("the pod runs", |f| f.objects("Pod", "n").iter().any(|p| p["status"]["phase"] == "Running")).await;
    let live = bench.fake.object("Deployment", "n", "d").unwrap_or_default();
    assert_eq!((&live["status"]["availableReplicas"], &live["status"]["observedGeneration"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn an_absent_pull_secret_has_an_event_of_its_own() {
    let bench = Bench::start().await;
    let mut body = pod(&json!({"name": "c", "image": "i:1"}));
    body["spec"]["imagePullSecrets"] = json!([{"name": "gone"}]);
    bench.kube.apply(&body, Apply::Respect).await.expect("made");
    let said =
        |f: &KubernetesFake| f.objects("Event", "n").iter().any(|e| e["reason"] == "FailedToRetrieveImagePullSecret");
    bench.until("the event", said).await;
}

#[tokio::test]
async fn gpus_appear_with_nvidias_plugin_and_not_before() {
    let bench = Bench::start().await;
    let taints = vec!["sku=gpu:NoSchedule".to_owned()];
    bench.fake.add_pool(&NodePool { name: "gpu".into(), count: 1, taints, gpus: 2, ..NodePool::default() });
    let mut worker = deployment("w", 1);
    let spec = &mut worker["spec"]["template"]["spec"];
    let tolerations = json!([{"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}]);
    spec["tolerations"] = tolerations.clone();
    spec["containers"][0]["resources"] = json!({"limits": {"nvidia.com/gpu": 1}});
    bench.kube.apply(&worker, Apply::Respect).await.expect("made");
    let condition = |f: &KubernetesFake| f.objects("Pod", "n")[0]["status"]["conditions"][0]["message"].clone();
    let why = condition(&bench.fake).as_str().unwrap_or_default().to_owned();
    assert!(why.starts_with("0/2 nodes are available: 2 Insufficient nvidia.com/gpu."), "{why}");
    let plugin = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "plugin", "namespace": "n"},
        "spec": {"selector": {"matchLabels": {"app": "plugin"}}, "template": {"metadata": {"labels": {"app": "plugin"}},
            "spec": {"nodeSelector": {"agentpool": "gpu"}, "tolerations": tolerations,
                "containers": [{"name": "p", "image": "nvcr.io/nvidia/k8s-device-plugin:v0.17.1"}]}}}});
    bench.kube.apply(&plugin, Apply::Respect).await.expect("made");
    let running =
        |f: &KubernetesFake| f.object("Deployment", "n", "w").is_some_and(|d| d["status"]["availableReplicas"] == 1);
    bench.until("the worker runs", running).await;
    let node = bench.fake.objects("Node", "").into_iter().find(|n| n["metadata"]["labels"]["agentpool"] == "gpu");
    assert_eq!(node.unwrap_or_default()["status"]["allocatable"]["nvidia.com/gpu"], "2");
    let daemon = bench.fake.object("DaemonSet", "n", "plugin").unwrap_or_default();
    assert_eq!(
        (&daemon["status"]["desiredNumberScheduled"], &daemon["status"]["numberAvailable"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn a_probe_really_runs_with_the_containers_environment() {
    let bench = Bench::with(Some(PathBuf::from("/usr/bin/env")), true);
    bench.fake.add_pool(&NodePool { name: "cpu".into(), count: 1, ..NodePool::default() });
    bench.post("/api/v1/namespaces", &json!({"metadata": {"name": "n"}})).await;
    let env = json!([{"name": "PLAIN", "value": "1"},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "TOKEN"}}}]);
    let container = json!({"name": "c", "image": "registry.example/mops-probe:1", "args": ["mops-probe"], "env": env});
    bench.kube.apply(&pod(&container), Apply::Respect).await.expect("made");
    bench.until("the secret is missed", |f| reason(f) == "CreateContainerConfigError").await;
    let early = bench.kube.logs("n", "p", None).await.expect_err("it has not started");
    assert!(matches!(early, KubernetesError::Refused { code: 400, .. }), "{early:?}");
    let secret = json!({"metadata": {"name": "s"}, "stringData": {"TOKEN": "from-the-secret"}});
    bench.post("/api/v1/namespaces/n/secrets", &secret).await;
    let (clock, cancel) = (mops_host::SystemClock::shared(), Cancel::new());
    let wait = Wait { limit: Duration::from_secs(60), clock: &clock, cancel: &cancel, progress: &|_| {} };
    let ended = |object: Option<&Json>| match object.and_then(|p| p["status"]["phase"].as_str()) {
        Some("Succeeded") => mops_clients::kubernetes::Readiness::Ready,
        other => mops_clients::kubernetes::Readiness::Waiting(other.unwrap_or_default().to_owned()),
    };
    let place = ObjectRef::namespaced("v1", "Pod", "n", "p");
    let seen = bench.kube.wait(&place, &wait, &ended).await.expect("it ended").unwrap_or_default();
    assert_eq!(seen["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"], 0);
    let log = bench.kube.logs("n", "p", None).await.expect("a log");
    let mut lines: Vec<&str> = log.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["PLAIN=1", "SANDBOX=yes", "TOKEN=from-the-secret"], "and nothing else");
}

#[tokio::test]
async fn a_job_ends_complete_or_failed() {
    for (program, condition) in [("/usr/bin/true", "Complete"), ("/usr/bin/false", "Failed")] {
        let bench = Bench::with(Some(PathBuf::from(program)), true);
        bench.fake.add_pool(&NodePool { name: "cpu".into(), count: 1, ..NodePool::default() });
        bench.post("/api/v1/namespaces", &json!({"metadata": {"name": "n"}})).await;
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "n"},
            "spec": {"backoffLimit": 1, "template": {"spec": {"restartPolicy": "Never",
                "containers": [{"name": "c", "image": "r/mops-probe:1", "command": ["mops-probe"]}]}}}});
        bench.kube.apply(&job, Apply::Respect).await.expect("made");
        let over = |f: &KubernetesFake| {
            f.object("Job", "n", "j").is_some_and(|j| j["status"]["conditions"][0]["type"] == condition)
        };
        bench.until(condition, over).await;
    }
}
