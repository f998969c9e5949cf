//! Promise: what a worker's SAS lacks, and a proxy of which it does not know, come out as exactly their cause, in a whole
//! stack on real kubelets: signatures are judged by Azurite, and the proxy is the one that the cluster is set up with.

use std::collections::BTreeSet;
use std::time::Instant;

use mops_tests::job::{FILE, Job, example};
use serde_json::{Value, json};

use super::case::Case;
use super::proxies::Proxy;
use super::{Came, ids, packets, table};
use crate::pods::{NAMESPACE, apply, job_with_cluster, kubectl, left, push_workload, take_away_the_plugin};
use crate::signatures::{of_account, of_container, terms};
use crate::storage::{ACCOUNT, keys};

const VARIABLE: &str = "AZURE_STORAGE_CONNECTION_STRING";
/// Of the workers of the stack: they began before its secret was changed.
const OLD: &str = "w:ENV_STALE";

/// The example with a second container, whose SAS opens nothing else.
fn stack() -> String {
    let text = example("unified-infra/unified-infra.yaml");
    let first = "env: AZURE_STORAGE_CONNECTION_STRING}";
    assert!(text.contains(first), "the example has no `{first}` any more");
    let second =
        "{container: results, permissions: rl, lifetime: 90d, renew_before: 14d, env: RESULTS_CONNECTION_STRING}";
    text.replace(first, &format!("{first}\n    - {second}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_signature_and_every_proxy_has_its_cause() {
    if job_with_cluster("refusals of a whole stack on real kubelets").is_none() {
        return;
    }
    let job = Job::in_private_world(&stack()).expect("the same world");
    let before = left().await;
    job.good(&["mops", "infra", "up", FILE, "-c", "registry", "--yes"]).await;
    push_workload(&job).await;
    job.up().await;
    let secret = secret().await;
    let mut came = vec![asked(&job, "sas-right", &[]).await, only_by_the_proxy(&job).await];
    for (name, sas, cause) in signatures(&job) {
        give(&secret, &sas).await;
        came.push(asked(&job, name, &[cause, OLD]).await);
    }
    let [first, _] = keys(&job);
    give(&secret, &of_container("bundle-blobs", None, terms("rl", -1, 1), &first)).await;
    job.ask_to("/break/sas");
    came.push(asked(&job, "sas-rotated-key", &["SAS_SIGNATURE", OLD]).await);
    println!("{}", table(&came));
    let wrong: Vec<&Came> = came.iter().filter(|came| !came.is_right()).collect();
    let told: Vec<String> = wrong.iter().map(|came| format!("{}: {:#}", came.case.name, came.report)).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    job.good(&["mops", "infra", "down", "-c", "workspace", "--yes"]).await;
    job.down_to_nothing().await;
    take_away_the_plugin(&before).await;
}

/// The cluster is set up with a proxy, nothing else leads out of its pods, and nobody told the workers.
async fn only_by_the_proxy(job: &Job) -> Came {
    let proxy = Proxy::start(true).await;
    let config = json!({"httpsProxy": proxy.address(), "noProxy": ["localhost"]});
    let edit = |value: &Value| {
        job.tell(
            "POST",
            "/behind/edit",
            &json!({
                "end": "/managedClusters/modelops-dev-aks", "pointer": "/properties/httpProxyConfig", "value": value,
                "by": "a person",
            }),
        );
    };
    edit(&config);
    let lost = packets::ALL[0].to(packets::HTTPS);
    lost.begin().await;
    let came = asked(job, "proxy-untold", &["PROXY_ENV_MISSING"]).await;
    lost.end().await;
    edit(&Value::Null);
    came
}

/// Signatures of the test's own that are refused, and for what.
fn signatures(job: &Job) -> Vec<(&'static str, String, &'static str)> {
    let [first, _] = keys(job);
    let of = |container, permissions, from, to| of_container(container, None, terms(permissions, from, to), &first);
    vec![
        ("sas-ended", of("bundle-blobs", "rl", -2, -1), "SAS_EXPIRED"),
        ("sas-not-begun", of("bundle-blobs", "rl", 1, 2), "SAS_NOT_YET_VALID"),
        ("sas-no-right", of("bundle-blobs", "r", -1, 1), "SAS_PERMISSION"),
        ("sas-other-container", of("results", "rl", -1, 1), "SAS_SCOPE"),
        ("sas-other-kind", of_account("b", "o", &first), "SAS_SCOPE"),
    ]
}

/// The secret from which the workers have their SAS.
async fn secret() -> String {
    let all: Value =
        serde_json::from_str(&kubectl(&["get", "secrets", "-n", NAMESPACE, "-o", "json"]).await).expect("json");
    let mut items = all["items"].as_array().into_iter().flatten();
    let found = items.find(|secret| secret["data"][VARIABLE].is_string()).expect("a secret with a SAS");
    found["metadata"]["name"].as_str().expect("a name").to_owned()
}

async fn give(secret: &str, sas: &str) {
    let text = format!("BlobEndpoint=https://{ACCOUNT}.blob.core.windows.net/;SharedAccessSignature={sas}");
    apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret, "namespace": NAMESPACE},
        "stringData": {VARIABLE: text},
    }))
    .await;
}

async fn asked(job: &Job, name: &str, wanted: &[&'static str]) -> Came {
    let began = Instant::now();
    let output = job.run(&["mops", "diagnose-auth", "--json"]).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let report: Value = serde_json::from_str(said.trim()).unwrap_or(Value::Null);
    assert!(report.is_object(), "{name}: {said}{}", String::from_utf8_lossy(&output.stderr));
    let wanted: BTreeSet<&'static str> = wanted.iter().copied().collect();
    let case = Case { runs: true, wanted, ..Case::new(name.to_owned(), String::new(), &[]) };
    Came { case, found: ids(&report), report, seconds: began.elapsed().as_secs_f64() }
}
