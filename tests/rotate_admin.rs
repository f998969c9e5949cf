//! Promise: `mops auth rotate acr` of a stack that signs in as its registry's admin user makes the first password anew
//! without a pull that fails: the second one is in use meanwhile, proven by every pod; a run that is killed at any step is
//! taken up by the same command (M-04, E-12).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_tests::job::Job;
use rustix::process::Signal;
use serde_json::json;

use crate::migrate::Puller;
use crate::rotate::{assert_no_secret, journal};

const ACR: [&str; 5] = ["mops", "auth", "rotate", "acr", "--yes"];
const REGISTRY: &str = "/registries/modelopsdevacr";

/// Both passwords of the admin user.
fn passwords(job: &Job) -> Vec<String> {
    let owners: Vec<(String, String)> = serde_json::from_value(job.ask("/secrets/owners")).expect("pairs");
    owners.into_iter().filter(|(id, _)| id.ends_with(REGISTRY)).map(|(_, secret)| secret).collect()
}

async fn live() -> (Job, Vec<String>) {
    let job = Job::new().await;
    job.with_images().await;
    job.up().await;
    let both = passwords(&job);
    assert_eq!(both.len(), 2);
    (job, both)
}

/// The first password is another one, the second as before; the stack is as its file says.
async fn rotated(job: &Job, before: &[String]) -> Vec<String> {
    let now = passwords(job);
    assert!(now[0] != before[0] && now[1] == before[1], "not the first password alone is another one");
    assert!(!journal(job, "acr-admin").exists(), "the journal was left");
    job.nothing_to_do().await;
    now
}

#[tokio::test]
async fn m_04_the_first_password_is_made_anew_when_nobody_needs_it_while_somebody_pulls() {
    let (job, before) = live().await;
    let (_, plan) = job.said(&["mops", "auth", "rotate", "acr", "--plan"], 0).await;
    assert!(plan.contains("use password2 instead; password stays valid"), "{plan}");
    assert_eq!(job.run(&ACR[..4]).await.code, Some(2), "went on without consent");
    assert!(passwords(&job) == before && !journal(&job, "acr-admin").exists());
    let puller = Puller::start(&job);
    let (_, said) = job.said(&ACR, 0).await;
    let (pulls, failures) = puller.end();
    assert!(pulls > 0 && failures == 0, "{failures} of {pulls} pulls failed");
    let now = rotated(&job, &before).await;
    assert_no_secret(&job, &said, &[&before[0], &now[0], &now[1]]);
    job.good(&["mops", "smoke-test"]).await;
    job.down_to_nothing().await;
}

#[tokio::test]
async fn m_04_killed_at_each_step_the_password_goes_on_to_be_rotated_and_no_pull_fails() {
    let (job, before) = live().await;
    let puller = Puller::start(&job);
    for request in [
        ["kubernetes PATCH", "/secrets/registry-pull"],
        ["kubernetes GET", "/pods?"],
        ["arm POST", "/regenerateCredential"],
        ["kubernetes PATCH", "/secrets/registry-pull"],
    ] {
        job.ended_at(&ACR, &request, Signal::KILL).await;
        assert!(journal(&job, "acr-admin").exists(), "{request:?}: there is no journal");
    }
    let (_, said) = job.said(&ACR, 0).await;
    let (pulls, failures) = puller.end();
    assert!(pulls > 0, "nobody pulled");
    assert_eq!(failures, 0, "{failures} of {pulls} pulls failed: {said}");
    rotated(&job, &before).await;
}

#[tokio::test]
async fn m_04_a_password_that_a_strangers_secret_has_is_not_made_anew() {
    let (job, before) = live().await;
    let copy = |password: &str| {
        let data = json!({"PASSWORD": STANDARD.encode(password)});
        json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data,
            "metadata": {"name": "copied", "namespace": "elsewhere", "uid": "0"}})
    };
    job.tell("POST", "/behind/object", &copy(&before[0]));
    let (_, said) = job.said(&ACR, 1).await;
    assert!(said.contains("the secrets `elsewhere/copied` hold the old one"), "{said}");
    assert!(said.contains("`password` was not made anew: it stays valid"), "{said}");
    assert!(passwords(&job) == before, "a password was made anew without a proof");
    job.tell("POST", "/behind/object", &copy("another"));
    job.good(&ACR).await;
    rotated(&job, &before).await;
}
