//! N-01, N-12 to N-16 on real kubelets: a server whose key NGC refuses is found, is given another one by `mops ngc fix` and
//! then runs and answers, its service is led to a mock and back. What answers is `mops` itself as a stand-in for a model;
//! NGC is the fake of its documents, before which both versions of containerd sign in with `$oauthtoken`.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_host::{Env, fsx};
use mops_tests::image::{Entry, Image};
use mops_tests::job::Job;
use mops_tests::place::{Input, bin_dir};
use mops_tests::skip::skipped;
use serde_json::{Value, json};

use crate::pods::{apply_whoever_was_first, job_with_cluster, kubectl, left};
use crate::refusals::NODES;

const NAMESPACE: &str = "research-ops";
const IMAGE: &str = "nvcr.io/nim/acme/server:1";
const GOOD: &str = "nvapi-canary-0123456789-good=wxyz";
/// NGC does not know it any more.
const OLD: &str = "nvapi-canary-0123456789-old-wxyz";

/// `mops` as one static file, which answers like a server of a model.
const PROGRAM: &str = "mops-static";
const ENTRYPOINT: &[&str] =
    &["/bin/mops", "ngc", "mock", "serve", "--kind", "embedding", "--port", "8000", "--address", "0.0.0.0"];

/// NGC has the image, and a key for it.
fn stock(job: &Job, folder: &Path) {
    let program = fsx::read(&bin_dir().join(PROGRAM)).expect("make monitor");
    let image =
        Image::of("nim/acme/server:1", &[Entry { path: "bin/mops", mode: 0o755, content: &program }], ENTRYPOINT);
    image.expect("an image").write_layout(folder).expect("a layout");
    job.tell("POST", "/ngc/key", &json!(GOOD));
    job.tell("POST", "/ngc/image", &json!("nim/acme/server"));
    // What everybody gets tells a key that is refused from a registry that refuses.
    job.tell("POST", "/ngc/public", &json!("nvidia/cuda"));
    job.tell("POST", "/ngc/content", &json!({"repository": "nim/acme/server", "layout": folder.display().to_string()}));
}

/// The two secrets of the seed's guide, with the old key.
fn secrets() -> [Value; 2] {
    let config = json!({"auths": {"nvcr.io": {"username": "$oauthtoken", "password": OLD}}}).to_string();
    let secret = |name: &str, kind: &str, key: &str, value: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE}, "type": kind,
            "stringData": {key: value}})
    };
    [
        secret("ngc-secret", "kubernetes.io/dockerconfigjson", ".dockerconfigjson", &config),
        secret("nvidia-ngc-secret", "Opaque", "NGC_API_KEY", OLD),
    ]
}

fn name(node: &str) -> String {
    format!("{node}-nim")
}

/// A server on one node, and its service.
fn server(node: &str) -> [Value; 2] {
    let labels = json!({"app": name(node)});
    let key = json!({"secretKeyRef": {"name": "nvidia-ngc-secret", "key": "NGC_API_KEY"}});
    let ready = json!({"httpGet": {"path": "/v1/health/ready", "port": 8000}, "periodSeconds": 1});
    let container = json!({"name": "nim", "image": IMAGE, "ports": [{"containerPort": 8000}],
        "env": [{"name": "NGC_API_KEY", "valueFrom": key}], "readinessProbe": ready});
    let spec = json!({"nodeSelector": {"agentpool": node}, "tolerations": [{"key": "sku", "operator": "Exists"}],
        "terminationGracePeriodSeconds": 0, "imagePullSecrets": [{"name": "ngc-secret"}], "containers": [container]});
    let metadata = json!({"name": name(node), "namespace": NAMESPACE});
    [
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"replicas": 1,
            "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"port": 8000, "targetPort": 8000}]}}),
    ]
}

/// `mops ngc …` with this key, or none: its code and what it said, which is never a key.
async fn ngc(job: &Job, key: &str, words: &[&str]) -> (i32, String) {
    let kubeconfig = Env::process().get("KUBECONFIG").expect("a cluster").to_owned();
    let words = [&["mops", "ngc"], words, &["-n", NAMESPACE, "--kubeconfig", &kubeconfig]].concat();
    let set = [("NGC_API_KEY", key), ("MODELOPS_HOME", "no-stack-here")];
    let set: Vec<_> = set.iter().filter(|(_, v)| !v.is_empty()).map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
    let output = job.place.run_with(Input::Null, &set, &words).await;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(!said.contains("canary"), "{words:?}: {said}");
    (output.code.expect("a code"), said)
}

/// A value of a secret.
async fn value(secret: &str) -> String {
    let encoded = kubectl(&["get", "secret", secret, "-n", NAMESPACE, "-o", "jsonpath={.data.NGC_API_KEY}"]).await;
    String::from_utf8(STANDARD.decode(encoded).expect("base64")).expect("text")
}

async fn selectors() -> String {
    kubectl(&[
        "get",
        "services",
        "-n",
        NAMESPACE,
        "-o",
        "jsonpath={range .items[*]}{.metadata.name}{.spec.selector}{.metadata.annotations}{end}",
    ])
    .await
}

#[tokio::test]
async fn n_15_n_16_servers_get_a_key_that_ngc_takes_and_a_mock_and_come_back() {
    const TEST: &str = "servers of NGC on real kubelets";
    let Some(job) = job_with_cluster(TEST) else { return };
    if !bin_dir().join(PROGRAM).exists() {
        return skipped("cluster", TEST);
    }
    let before = left().await;
    stock(&job, &job.place.path().join("server"));
    apply_whoever_was_first(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})).await;
    for object in secrets().into_iter().chain(NODES.into_iter().flat_map(server)) {
        apply_whoever_was_first(&object).await;
    }
    let waits = "--for=jsonpath={.status.containerStatuses[0].state.waiting.message}";
    until_there_are_pods().await;
    kubectl(&["wait", "pods", "--all", "-n", NAMESPACE, waits, "--timeout=90s"]).await;

    let (code, said) = ngc(&job, "", &["check"]).await;
    assert!(code == 1 && said.contains("NGC_KEY_INVALID_OR_EXPIRED"), "{said}");

    let (code, said) = ngc(&job, GOOD, &["fix", "--apply", "--wait", "3m"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(value("nvidia-ngc-secret").await, GOOD);
    kubectl(&["wait", "deployments", "--all", "-n", NAMESPACE, "--for=condition=Available", "--timeout=10s"]).await;
    let (code, said) = ngc(&job, GOOD, &["fix", "--apply"]).await;
    assert!(code == 0 && said.contains("nothing to change"), "{said}");
    let (code, said) = ngc(&job, GOOD, &["check"]).await;
    assert_eq!(code, 0, "{said}");

    let services = selectors().await;
    let server = name(NODES[0]);
    let (code, said) =
        ngc(&job, "", &["mock", "on", "--deployment", &server, "--kind", "embedding", "--image", IMAGE]).await;
    assert_eq!(code, 0, "{said}");
    assert_ne!(selectors().await, services);
    let (code, said) = ngc(&job, GOOD, &["check"]).await;
    assert!(code == 0 && said.contains("mock"), "{said}");
    let (code, said) = ngc(&job, "", &["mock", "off", "--deployment", &server]).await;
    assert_eq!((code, selectors().await), (0, services), "{said}");

    kubectl(&["delete", "namespace", NAMESPACE, "--timeout=90s"]).await;
    assert_eq!(left().await, before);
}

/// One for each server.
async fn until_there_are_pods() {
    let name = "jsonpath={.items[*].metadata.name}";
    while kubectl(&["get", "pods", "-n", NAMESPACE, "-o", name]).await.split_whitespace().count() < NODES.len() {}
}
