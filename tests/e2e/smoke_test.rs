//! Promise: `mops smoke-test` needs the rights that it prints and no other, and asks the scheduler through the API server
//! and a real kubelet: what answers is ok, what does not is a cause in the runtime's own words.

#![expect(clippy::print_stdout, reason = "the report is shown")]

use std::collections::BTreeSet;

use mops_tests::job::{FILE, Job};
use serde_json::{Value, json};

use crate::pods::{
    NAMESPACE, apply, job_with_cluster, kubectl, left, push_workload, take_away_the_plugin,
    until_both_workers_reached_the_scheduler,
};

/// Who has the printed rights alone, and the name of the printed roles.
const WHO: &str = "mops-smoke";
const ROLES: &str = "mops-diagnose";
const KUBECONFIG: &str = "role.kubeconfig";

async fn report(job: &Job, code: i32) -> Value {
    let words = ["mops", "smoke-test", "--file", FILE, "--kubeconfig", KUBECONFIG, "--json"];
    let (out, _) = job.said(&words, code).await;
    serde_json::from_str(out.trim()).expect("one object")
}

/// Somebody who has what is printed, and nothing else; signed in by a token in a kubeconfig.
async fn with_the_printed_roles(job: &Job) {
    let words = ["mops", "smoke-test", "--file", FILE, "--explain-permissions", "--json"];
    let (out, _) = job.said(&words, 0).await;
    let printed: Value = serde_json::from_str(out.trim()).expect("one object");
    for role in printed["kubernetes"].as_array().expect("roles") {
        apply(role).await;
    }
    apply(&json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": WHO, "namespace": "default"}}))
        .await;
    for (kind, space) in [("Role", Some(NAMESPACE)), ("ClusterRole", None)] {
        apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": format!("{kind}Binding"),
            "metadata": {"name": WHO, "namespace": space},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": ROLES},
            "subjects": [{"kind": "ServiceAccount", "name": WHO, "namespace": "default"}],
        }))
        .await;
    }
    let token = kubectl(&["create", "token", WHO, "-n", "default"]).await;
    let mut config: Value =
        serde_json::from_str(&kubectl(&["config", "view", "--raw", "--minify", "-o", "json"]).await).expect("json");
    config["users"][0]["user"] = json!({"token": token.trim()});
    job.place.write(KUBECONFIG, &config.to_string());
}

async fn without_the_printed_roles() {
    kubectl(&["delete", "serviceaccount", WHO, "-n", "default"]).await;
    kubectl(&["delete", "clusterrolebinding", WHO]).await;
    kubectl(&["delete", "clusterrole", ROLES]).await;
}

/// What the scheduler's ports answered, as `TARGET STATUS CODE`.
fn answers(report: &Value) -> Vec<String> {
    let probes = report["probes"].as_array().into_iter().flatten();
    let asked = probes.filter(|o| o["check"] == "workload.scheduler");
    let words =
        |o: &Value| ["target", "status", "error_code"].map(|name| o[name].as_str().unwrap_or_default().to_owned());
    asked.map(|o| words(o).join(" ").trim().to_owned()).collect()
}

fn causes(report: &Value) -> BTreeSet<&str> {
    report["findings"].as_array().into_iter().flatten().filter_map(|f| f["cause_id"].as_str()).collect()
}

#[tokio::test]
async fn it_works_with_the_roles_that_it_prints_and_asks_the_scheduler() {
    let Some(job) = job_with_cluster("a smoke test by the printed roles") else { return };
    let before = left().await;
    job.good(&["mops", "infra", "up", FILE, "-c", "registry", "--yes"]).await;
    push_workload(&job).await;
    job.up().await;
    until_both_workers_reached_the_scheduler(NAMESPACE).await;
    with_the_printed_roles(&job).await;

    let (text, _) = job.said(&["mops", "smoke-test", "--file", FILE, "--kubeconfig", KUBECONFIG], 0).await;
    println!("{text}");
    let good = report(&job, 0).await;
    let ok = ["dask-scheduler:8786 pass", "dask-scheduler:8787/health pass"];
    assert_eq!(answers(&good), ok, "{}", good["skipped"]);
    // What nobody asks for and what no pool has is all that is left out; no right is missing.
    let skipped = good["skipped"].as_array().into_iter().flatten().filter(|s| s["required"] == true).count();
    assert_eq!((skipped, causes(&good).contains("RBAC_DENIED")), (0, false), "{good}");

    without_the_printed_roles().await;
    job.good(&["mops", "infra", "down", "-c", "workspace", "--yes"]).await;
    job.down_to_nothing().await;
    take_away_the_plugin(&before).await;
}
