//! Promise: on a machine of Azure's `auth: managed_identity` signs in through the metadata service, by the product's
//! unchanged code: with the identity that the stack file names and with no secret, patiently when the service is busy, and
//! with the service's own reason when there is no such identity. Pods of that machine reach the service too.

use mops_tests::job::{FILE, Job, example};
use mops_tests::private::cluster::images::PAUSE;
use mops_tests::skip::skipped;
use serde_json::{Value, json};

use crate::pods::{job_with_cluster, kubectl};

/// The least, signed in with an identity of the machine.
fn stack(client_id: &str) -> String {
    let from = "azure: {subscription_id";
    let text = example("minimal/minimal.yaml");
    assert!(text.contains(from), "the example has no `{from}` any more");
    text.replace(from, &format!("azure: {{auth: managed_identity, client_id: {client_id}, subscription_id"))
}

/// A place whose environment says nothing about who signs in.
fn job(client_id: &str) -> Option<Job> {
    let mut job = Job::in_private_world(&stack(client_id))?;
    job.place.env.retain(|(name, _)| !name.starts_with("AZURE_"));
    Some(job)
}

fn own_identity() -> Option<String> {
    let job = Job::in_private_world("")?;
    job.place.env.iter().find(|(name, _)| name == "AZURE_CLIENT_ID").map(|(_, id)| id.clone())
}

#[tokio::test]
async fn the_machines_identity_signs_in_without_a_secret() {
    let Some(job) = own_identity().and_then(|id| job(&id)) else {
        return skipped("world", "a managed identity by the metadata service");
    };
    let entra = job.hosts("entra");
    let busy = json!({"matches": ["imds", "/metadata/identity/"],
        "fault": {"status": {"status": 429, "code": "TooManyRequests", "retry_after": null}}});
    job.tell("POST", "/faults", &busy);
    job.up().await;
    assert_eq!(job.ask("/faults").as_array().map(Vec::len), Some(1), "the service was never busy");
    job.tell("DELETE", "/faults", &json!({}));
    job.nothing_to_do().await;
    assert_eq!(job.hosts("imds"), ["169.254.169.254"]);
    assert_eq!(job.hosts("entra"), entra, "the sign-in host was asked");
    job.down_to_nothing().await;
}

#[tokio::test]
async fn an_identity_that_the_machine_lacks_is_refused_in_words() {
    let Some(job) = job("99999999-0000-0000-0000-000000000000") else {
        return skipped("world", "an identity that the machine lacks");
    };
    let output = job.run(&["mops", "infra", "preview", FILE]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.code, Some(3), "{said}");
    assert!(said.contains("identity has not been assigned"), "{said}");
}

#[tokio::test]
async fn a_pod_is_answered_like_the_machine() {
    if job_with_cluster("a pod at the metadata service").is_none() {
        return;
    }
    let address = "http://169.254.169.254/metadata/instance?api-version=2021-02-01";
    let ask = ["/bin/busybox", "wget", "-q", "-O", "-", "--header", "Metadata: true", address];
    let pod = ["run", "asks", "--image", PAUSE, "--image-pull-policy=Never", "--restart=Never", "--command", "--"];
    kubectl(&[&pod[..], &ask].concat()).await;
    kubectl(&["wait", "pod", "asks", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=50s"]).await;
    let said = kubectl(&["logs", "asks"]).await;
    kubectl(&["delete", "pod", "asks"]).await;
    let said: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert_eq!(said["compute"]["azEnvironment"], "AzurePublicCloud", "{said}");
}
