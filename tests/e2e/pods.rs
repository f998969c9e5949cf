//! What the tests with a real cluster look at and bring along.

use std::time::Duration;

use mops_core::Secret;
use mops_host::Env;
use mops_host::clock::{Clock as _, SystemClock};
use mops_host::proc::Command;
use mops_tests::job::{Job, example};
use mops_tests::private::WORLD;
use mops_tests::private::cluster::images::workload;
use mops_tests::push::{Login, pipeline_by_name, push};
use mops_tests::skip::skipped;
use mops_tests::tools::program;
use serde_json::{Value, json};

/// The namespace of that example.
pub(crate) const NAMESPACE: &str = "modelops-dask-dev";

/// The example of everything in a world that has a cluster.
pub(crate) fn job_with_cluster(test: &str) -> Option<Job> {
    let world = Job::in_private_world(&example("unified-infra/unified-infra.yaml"));
    let job = world.filter(|_| Env::process().has("KUBECONFIG"));
    if job.is_none() {
        skipped("cluster", test);
    }
    job
}

/// `kubectl` as the cluster's administrator; its answer.
pub(crate) async fn kubectl(words: &[&str]) -> String {
    told(words, None).await
}

/// Makes an object, as the cluster's administrator.
pub(crate) async fn apply(object: &Value) {
    told(&["apply", "-f", "-"], Some(Secret::new(object.to_string()))).await;
}

/// The same for what somebody else may make at this moment.
pub(crate) async fn apply_whoever_was_first(object: &Value) {
    told(&["apply", "--server-side", "-f", "-"], Some(Secret::new(object.to_string()))).await;
}

async fn told(words: &[&str], stdin: Option<Secret<String>>) -> String {
    let variable = |name: &str| Env::process().get(name).expect("a world with a cluster").to_owned();
    let command = Command {
        program: program("cluster", "kubectl").expect("make tools").display().to_string(),
        args: words.iter().map(|&word| word.to_owned()).collect(),
        env: vec![("KUBECONFIG".into(), variable("KUBECONFIG")), ("HOME".into(), variable(WORLD))],
        stdin,
        // Longer than what it is told to wait for.
        timeout: Duration::from_secs(180),
        max_output: 16 << 20,
    };
    let output = command.run_checked().await.unwrap_or_else(|e| panic!("{words:?}: {e}"));
    String::from_utf8(output.stdout).expect("text")
}

/// A worker that starts in a pool now, and whose node has to ask the registry for its image.
pub(crate) async fn late_worker(pool: &str, image: &str) {
    let words = ["get", "deployment", "dask-workers", "-n", NAMESPACE, "-o", "jsonpath={.spec.template}"];
    let mut pod: Value = serde_json::from_str(&kubectl(&words).await).expect("json");
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!(format!("late-{pool}"));
    pod["metadata"]["namespace"] = json!(NAMESPACE);
    pod["spec"]["nodeSelector"] = json!({"agentpool": pool});
    pod["spec"]["tolerations"] = json!([{"key": "sku", "operator": "Exists"}]);
    pod["spec"]["containers"][0]["image"] = json!(format!("modelopsdevacr.azurecr.io/{image}"));
    pod["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
    apply(&pod).await;
}

/// Everything that a stack could have left: whatever is not Kubernetes' own.
pub(crate) async fn left() -> Vec<String> {
    let kinds = "namespaces,all,secrets,configmaps,serviceaccounts,poddisruptionbudgets";
    let words =
        ["get", kinds, "-A", "--no-headers", "-o", "custom-columns=K:.kind,S:.metadata.namespace,N:.metadata.name"];
    let text = kubectl(&words).await;
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join("/"));
    let mut rows: Vec<String> = rows.collect();
    rows.sort();
    rows
}

/// The device plugin belongs to the cluster and goes with it. Here ARM's cluster goes, and the one that stands for it
/// stays: what lay in it is taken away by hand, and must be all that is left.
pub(crate) async fn take_away_the_plugin(before: &[String]) {
    let plugin = "/kube-system/nvidia-device-plugin-gpu";
    let (plugins, others): (Vec<String>, Vec<String>) = left().await.into_iter().partition(|row| row.contains(plugin));
    assert_eq!(others, before);
    assert_eq!(plugins.iter().map(|row| row.split('/').next()).collect::<Vec<_>>(), [Some("DaemonSet"), Some("Pod")]);
    kubectl(&["delete", "daemonset", "-n", "kube-system", "nvidia-device-plugin-gpu", "--cascade=foreground"]).await;
    assert_eq!(left().await, before);
}

/// The administrators of the cloud's registries.
pub(crate) fn logins(job: &Job) -> Vec<Login> {
    let all: Vec<(String, String, String)> = serde_json::from_value(job.ask("/registries")).expect("logins");
    let login = |(host, username, password)| Login { host, username, password: Secret::new(password) };
    all.into_iter().map(login).collect()
}

/// Pushes images whose programs have the names that the workload starts.
pub(crate) async fn push_workload(job: &Job) {
    push_images(job, &["scheduler:1", "worker:1"]).await;
}

/// Pushes the same under other names.
pub(crate) async fn push_images(job: &Job, names: &[&str]) {
    let http = pipeline_by_name().expect("a pipeline");
    for login in logins(job) {
        for name in names {
            push(&http, &login, &workload(name).expect("busybox")).await.expect("a push");
        }
    }
}

/// A worker says so when it has; its first look may be before the Service has an end.
pub(crate) async fn until_both_workers_reached_the_scheduler(namespace: &str) {
    let words = ["logs", "-n", namespace, "-l", "app=dask-worker", "--tail=-1"];
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
