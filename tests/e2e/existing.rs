//! Promise: in a cluster that somebody else made, `mops` brings a workload and its credentials, and `down` leaves nothing
//! of them; the registry is one by host, user and password, whoever runs it.

use mops_host::Env;
use mops_tests::job::{FILE, Job, example};

use crate::pods::{job_with_cluster, left, logins, push_workload, until_both_workers_reached_the_scheduler};

/// The example, with the world's cluster in place of the user's and a registry that the world has.
fn stack(kubeconfig: &str) -> String {
    let rows = [
        ("provider: ghcr\n  name: example-org", "provider: generic\n  host: modelopsdevacr.azurecr.io"),
        ("example-bot", "modelopsdevacr"),
        ("ghcr.io/example-org/", "modelopsdevacr.azurecr.io/"),
        ("~/.kube/config", kubeconfig),
        ("{cpu: 1, memory: 2Gi}", "{cpu: 100m, memory: 64Mi}"),
    ];
    rows.iter().fold(example("existing-cluster/existing-cluster.yaml"), |text, (from, to)| {
        assert!(text.contains(from), "the example has no `{from}` any more");
        text.replace(from, to)
    })
}

#[tokio::test]
async fn a_workload_comes_to_an_existing_cluster_and_goes_without_a_trace() {
    let Some(cloud) = job_with_cluster("a workload in an existing cluster") else { return };
    cloud.good(&["mops", "infra", "up", FILE, "-c", "registry", "--yes"]).await;
    push_workload(&cloud).await;
    let login = logins(&cloud).pop().expect("a registry");
    let kubeconfig = Env::process().get("KUBECONFIG").expect("a cluster").to_owned();
    let mut job = Job::in_private_world(&stack(&kubeconfig)).expect("the same world");
    job.place.set("REGISTRY_TOKEN", login.password.expose().clone());
    let before = left().await;
    job.up().await;
    job.nothing_to_do().await;
    until_both_workers_reached_the_scheduler("modelops-dask-lab").await;
    job.good(&["mops", "infra", "down", "--yes"]).await;
    assert_eq!(left().await, before);
    cloud.down_to_nothing().await;
}
