//! Promise: with `registry.auth: workload_identity` a stack has no password at all. Its nodes pull as what they are, its
//! pods sign in as what they are, seen from a pod; and where somebody else has to give the rights, everything else is
//! done, the one command is told, and the next run goes on.

use mops_tests::job::{FILE, Job};
use serde_json::{Value, json};

const STACK: &str = "schemaVersion: 1
registry: {name: modelopsdevacr, auth: workload_identity}
cluster:
  subscription_id: 00000000-1111-2222-3333-444444444444
  resource_group: modelops-dev-rg
  aks:
    name: modelops-dev-aks
    node_pools: [{name: system, mode: System, vm_size: Standard_B2s, count: 1}]
workspace:
  metadata: {name: main, namespace: modelops-dask-dev}
  spec:
    scheduler: {image: 'modelopsdevacr.azurecr.io/scheduler:1'}
    workers: {image: 'modelopsdevacr.azurecr.io/worker:1', replicas: 1}
    autoscaling: {enabled: false}
";

fn existing(job: &Job, part: &str) -> Vec<String> {
    job.existing().into_iter().filter(|id| id.contains(part)).collect()
}

#[tokio::test]
async fn a_stack_without_any_password_is_proven_from_a_pod() {
    let job = Job::of(STACK).await;
    job.with_images().await;
    job.up().await;
    job.nothing_to_do().await;
    assert_eq!(existing(&job, "/roleassignments/").len(), 2, "nodes and pods");
    assert_eq!(existing(&job, "/federatedidentitycredentials/").len(), 1);
    assert_eq!(existing(&job, "/secret/"), Vec::<String>::new(), "nothing to keep");
    let (out, _) = job.said(&["mops", "smoke-test"], 0).await;
    assert!(out.contains("passed"), "{out}");
    let (out, _) = job.said(&["mops", "diagnose-auth", "--json"], 0).await;
    let report: Value = serde_json::from_str(out.lines().last().expect("a report")).expect("json");
    for check in ["identity.token", "identity.exchange", "identity.access", "registry.v2", "registry.pull"] {
        let passed = |o: &Value| o["check"] == check && o["credential"] == "wi" && o["status"] == "pass";
        assert!(report["probes"].as_array().is_some_and(|all| all.iter().any(passed)), "{check}: {report:#}");
    }
    job.down_to_nothing().await;
}

#[tokio::test]
async fn rights_that_somebody_else_must_give_stop_nothing_but_what_needs_them() {
    let job = Job::of(STACK).await;
    job.with_images().await;
    let fault = json!({"status": {"status": 403, "code": "AuthorizationFailed", "retry_after": null}});
    job.tell("POST", "/faults", &json!({"matches": ["arm PUT", "/roleAssignments/"], "times": 1000, "fault": fault}));
    let output = job.run(&["mops", "infra", "up", FILE, "--yes"]).await;
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_ne!(output.code, Some(0), "{err}");
    assert!(err.contains("az role assignment create --assignee-object-id "), "{err}");
    assert_eq!(existing(&job, "/federatedidentitycredentials/").len(), 1, "{err}");
    assert_eq!(existing(&job, "/serviceaccount/").len(), 1, "{err}");
    assert_eq!(existing(&job, "/deployment/"), Vec::<String>::new(), "its pods could not pull");
    job.tell("DELETE", "/faults", &json!(null));
    job.up().await;
    job.nothing_to_do().await;
    job.down_to_nothing().await;
}

#[tokio::test]
async fn what_the_directory_does_not_trust_is_named() {
    let job = Job::of(STACK).await;
    job.with_images().await;
    job.up().await;
    job.tell(
        "POST",
        "/behind/edit",
        &json!({"end": "modelops-dask-dev-dask-worker", "pointer": "/properties/subject",
            "value": "system:serviceaccount:other:dask-worker", "by": "somebody"}),
    );
    let (out, _) = job.said(&["mops", "diagnose-auth"], 1).await;
    assert!(out.contains("WI_SUBJECT"), "{out}");
    job.good(&["mops", "infra", "up", FILE, "--refresh", "--yes"]).await;
    job.said(&["mops", "diagnose-auth"], 0).await;
}
