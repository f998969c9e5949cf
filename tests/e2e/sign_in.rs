//! Promise: real kubelets of both runtimes pull with the credential that `registry.auth` makes, that of a service
//! principal and that of the stack's own token; `mops auth migrate` moves from one to the other by pods of every pool.
//! The registry is docker-registry behind the sign-in of ACR as the sandbox has it.

use mops_tests::job::FILE;
use mops_tests::principal::puller;

use crate::pods::{NAMESPACE, job_with_cluster, kubectl, late_worker, left, push_workload, take_away_the_plugin};

const POOLS: [&str; 2] = ["gpu", "system"];

/// A pod in each pool starts, although its node has to show the pull secret for it.
async fn kubelets_pull() {
    for pool in POOLS {
        late_worker(pool, "worker:1").await;
    }
    for pool in POOLS {
        let pod = format!("late-{pool}");
        kubectl(&["wait", "pod", &pod, "-n", NAMESPACE, "--for=condition=Ready", "--timeout=50s"]).await;
        kubectl(&["delete", "pod", &pod, "-n", NAMESPACE, "--grace-period=0", "--force"]).await;
    }
}

/// The user in the cluster's pull secret.
async fn user() -> String {
    let path = "go-template={{index .data \".dockerconfigjson\" | base64decode}}";
    let text = kubectl(&["get", "secret", "registry-pull", "-n", NAMESPACE, "-o", path]).await;
    let config: serde_json::Value = serde_json::from_str(&text).expect("json");
    config["auths"]["modelopsdevacr.azurecr.io"]["username"].as_str().expect("a user").to_owned()
}

#[tokio::test]
async fn kubelets_pull_as_a_service_principal_and_then_with_the_stacks_token() {
    let Some(mut job) = job_with_cluster("pulls with the ways to sign in") else { return };
    let before = left().await;
    job.place.write(FILE, &puller::stack());
    puller::introduce(&mut job);
    job.good(&["mops", "infra", "up", FILE, "-c", "registry", "--yes"]).await;
    push_workload(&job).await;
    job.up().await;
    assert_eq!(user().await, puller::CLIENT);
    kubelets_pull().await;
    job.good(&["mops", "auth", "migrate", "--to", "token", "--yes"]).await;
    assert_eq!(user().await, "modelops-dev-pull");
    kubelets_pull().await;
    job.good(&["mops", "infra", "down", "-c", "workspace", "--yes"]).await;
    job.down_to_nothing().await;
    take_away_the_plugin(&before).await;
}
