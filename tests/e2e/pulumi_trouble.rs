//! Promise: nothing is lost under Pulumi's own engine. An `up` that is interrupted, that a service refuses, or whose
//! provider is killed, is completed by the next one; nothing is made twice, and two stacks at once do not meet.

use mops_tests::job::{Job, example};
use mops_tests::program::Running;
use mops_tests::pulumi::{Pulumi, agree, text};
use rustix::process::{Signal, kill_process};
use serde_json::json;

const ACCOUNT: &str = "/storageAccounts/";

fn least() -> String {
    example("minimal/minimal.yaml")
}

/// Starts an `up` and waits until the storage account is made, of which no answer ever tells.
fn up_to_the_account(job: &Job, pulumi: &Pulumi) -> Running {
    job.tell("POST", "/faults", &json!({"matches": ["arm PUT", ACCOUNT], "fault": "withheld"}));
    let mut run = pulumi.start(job, "up --yes --skip-preview");
    let lines = run.lines();
    let reader = std::thread::spawn(move || lines.iter().collect::<Vec<_>>());
    while !job.existing().iter().any(|id| id.contains(&ACCOUNT.to_lowercase())) {
        assert!(!reader.is_finished(), "it ended before the account was made: {:?}", reader.join());
        std::thread::yield_now();
    }
    run
}

#[tokio::test]
async fn an_up_that_is_interrupted_is_completed_by_the_next() {
    let Some((job, pulumi)) = Pulumi::project(&least(), "an interrupted up of Pulumi's").await else { return };
    let run = up_to_the_account(&job, &pulumi);
    run.signal(Signal::INT);
    assert_ne!(run.wait(), Some(0), "it was interrupted");
    pulumi.up(&job).await;
}

#[tokio::test]
async fn an_up_whose_provider_is_killed_is_completed_by_the_next() {
    let Some((job, pulumi)) = Pulumi::project(&least(), "a killed provider of Pulumi's").await else { return };
    let run = up_to_the_account(&job, &pulumi);
    let providers = run.children("pulumi-resource-modelops");
    assert!(!providers.is_empty(), "no provider runs");
    for provider in providers {
        kill_process(provider, Signal::KILL).expect("a child of this pulumi");
    }
    assert_ne!(run.wait(), Some(0), "its provider was killed");
    pulumi.up(&job).await;
}

#[tokio::test]
async fn what_a_service_refused_is_made_by_the_next_up() {
    let Some((job, pulumi)) = Pulumi::project(&least(), "a refusal under Pulumi's engine").await else { return };
    let refusal = json!({"status": {"status": 403, "code": "RequestDisallowedByPolicy", "retry_after": null}});
    job.tell("POST", "/faults", &json!({"matches": ["arm PUT", ACCOUNT], "fault": refusal}));
    // Made, and then not well: the registry is there, and its first operation fails.
    job.tell("POST", "/doom", &json!({"resource": "/registries/", "code": "OutOfQuota", "message": "no quota"}));
    let output = pulumi.run("up --yes --skip-preview").await;
    let told = text(&output);
    assert!(!output.success() && told.contains("RequestDisallowedByPolicy"), "{told}");
    pulumi.up(&job).await;
}

#[tokio::test]
async fn two_stacks_at_once_do_not_meet() {
    let Some((job, pulumi)) = Pulumi::project(&least(), "two stacks of Pulumi's at once").await else { return };
    let file = least().replace("modelopsminimal", "modelopsother").replace("modelops-minimal-rg", "modelops-other-rg");
    let other = pulumi.beside(&job, "other", &file).await;
    tokio::join!(pulumi.good("up --yes --skip-preview"), other.good("up --yes --skip-preview"));
    agree(&[&pulumi, &other], &job).await;
    tokio::join!(
        pulumi.good("destroy --yes --skip-preview --exclude-protected"),
        other.good("up --yes --skip-preview")
    );
    agree(&[&pulumi, &other], &job).await;
    // What belongs to one is refused to another.
    let third = pulumi.beside(&job, "third", &file).await;
    let refused = third.run("up --yes --skip-preview").await;
    let told = text(&refused);
    assert!(!refused.success() && told.contains("belongs to stack `other.dev`"), "{told}");
    agree(&[&pulumi, &other], &job).await;
}
