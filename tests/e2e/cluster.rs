//! Promise: what goes up by the unchanged example runs on real kubelets: ARM hands out a real cluster's credentials, its
//! nodes pull with the real pull secret, its pods find each other by name, and after `down` the cluster is as before.

use mops_tests::job::FILE;
use serde_json::Value;

use crate::pods::{
    job_with_cluster, kubectl, left, push_workload, take_away_the_plugin, until_both_workers_reached_the_scheduler,
};

#[tokio::test]
async fn the_example_runs_on_real_kubelets() {
    let Some(job) = job_with_cluster("the example on real kubelets") else { return };
    let before = left().await;
    job.good(&["mops", "infra", "up", FILE, "-c", "registry", "--yes"]).await;
    push_workload(&job).await;
    job.up().await;
    job.nothing_to_do().await;
    let pods: Value =
        serde_json::from_str(&kubectl(&["get", "pods", "-n", "modelops-dask-dev", "-o", "json"]).await).expect("json");
    let pods = pods["items"].as_array().expect("pods");
    assert_eq!(pods.len(), 3, "a scheduler and two workers");
    for pod in pods {
        let status = &pod["status"]["containerStatuses"][0];
        assert_eq!(pod["spec"]["nodeName"], "system", "the GPU node is tainted");
        assert!(
            status["state"]["running"].is_object()
                && status["imageID"].as_str().is_some_and(|i| i.starts_with("modelopsdevacr.azurecr.io/")),
            "{status}"
        );
    }
    until_both_workers_reached_the_scheduler("modelops-dask-dev").await;
    assert!(job.hosts("registry").iter().any(|host| host == "modelopsdevacr.azurecr.io"));
    assert!(job.hosts("arm") == ["management.azure.com"] && job.hosts("kubernetes").is_empty());
    job.good(&["mops", "infra", "down", "-c", "workspace", "--yes"]).await;
    job.down_to_nothing().await;
    take_away_the_plugin(&before).await;
}
