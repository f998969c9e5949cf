//! Promise: what goes up by the unchanged example runs on real kubelets: ARM hands out a real cluster's credentials, its
//! nodes pull with the real pull secret, its pods find each other by name, and after `down` the cluster is as before.

use std::time::Duration;

use mops_core::Secret;
use mops_host::Env;
use mops_host::clock::{Clock as _, SystemClock};
use mops_host::proc::Command;
use mops_tests::job::{FILE, Job, example};
use mops_tests::private::WORLD;
use mops_tests::private::cluster::images::workload;
use mops_tests::push::{Login, pipeline_by_name, push};
use mops_tests::skip::skipped;
use mops_tests::tools::program;
use serde_json::Value;

/// `kubectl` as the cluster's administrator; its answer.
async fn kubectl(words: &[&str]) -> String {
    let variable = |name: &str| Env::process().get(name).expect("a world with a cluster").to_owned();
    let command = Command {
        program: program("cluster", "kubectl").expect("make tools").display().to_string(),
        args: words.iter().map(|&word| word.to_owned()).collect(),
        env: vec![("KUBECONFIG".into(), variable("KUBECONFIG")), ("HOME".into(), variable(WORLD))],
        stdin: None,
        timeout: Duration::from_secs(60),
        max_output: 16 << 20,
    };
    let output = command.run_checked().await.unwrap_or_else(|e| panic!("{words:?}: {e}"));
    String::from_utf8(output.stdout).expect("text")
}

/// Everything that a stack could have left: whatever is not Kubernetes' own.
async fn left() -> Vec<String> {
    let kinds = "namespaces,all,secrets,configmaps,serviceaccounts,poddisruptionbudgets";
    let words =
        ["get", kinds, "-A", "--no-headers", "-o", "custom-columns=K:.kind,S:.metadata.namespace,N:.metadata.name"];
    let text = kubectl(&words).await;
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join("/"));
    let mut rows: Vec<String> = rows.collect();
    rows.sort();
    rows
}

/// Pushes images whose programs have the names that the workload starts.
async fn push_workload(job: &Job) {
    let http = pipeline_by_name().expect("a pipeline");
    let logins: Vec<(String, String, String)> = serde_json::from_value(job.ask("/registries")).expect("logins");
    for (host, username, password) in logins {
        let login = Login { host, username, password: Secret::new(password) };
        for name in ["scheduler:1", "worker:1"] {
            push(&http, &login, &workload(name).expect("busybox")).await.expect("a push");
        }
    }
}

/// A worker says so when it has; its first look may be before the Service has an end.
async fn until_every_worker_reached_the_scheduler() {
    let words = ["logs", "-n", "modelops-dask-dev", "-l", "app=dask-worker", "--tail=-1"];
    let clock = SystemClock::new();
    loop {
        let said = kubectl(&words).await;
        if said.lines().filter(|line| *line == "reached dask-scheduler:8786").count() == 2 {
            return;
        }
        assert!(clock.monotonic() < Duration::from_secs(60), "workers did not reach their scheduler: {said}");
        clock.sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn the_example_runs_on_real_kubelets() {
    let Some(job) = Job::in_private_world(&example("unified-infra/unified-infra.yaml")) else {
        skipped("cluster", "the example on real kubelets");
        return;
    };
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
    until_every_worker_reached_the_scheduler().await;
    assert!(job.hosts("registry").iter().any(|host| host == "modelopsdevacr.azurecr.io"));
    assert!(job.hosts("arm") == ["management.azure.com"] && job.hosts("kubernetes").is_empty());
    job.good(&["mops", "infra", "down", "-c", "workspace", "--yes"]).await;
    // The device plugin belongs to the cluster and goes with it. Here ARM's cluster goes, and the one that stands for it
    // stays: what lay in it is taken away by hand.
    let ours = left().await.into_iter().filter(|row| !row.contains("/kube-system/nvidia-device-plugin-gpu"));
    assert_eq!(ours.collect::<Vec<_>>(), before);
    job.down_to_nothing().await;
    kubectl(&["delete", "daemonset", "-n", "kube-system", "nvidia-device-plugin-gpu", "--cascade=foreground"]).await;
    assert_eq!(left().await, before);
}
