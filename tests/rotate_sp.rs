//! Promise: `mops auth rotate sp` puts another secret of an application in the place of the one by which pods pull, without
//! a pull that fails; the first one goes only when every pod has proven the new one, and a run that is killed at any step is
//! taken up by the same command (M-04, E-12).

use mops_host::fsx;
use mops_tests::job::{FILE, Job};
use mops_tests::principal::puller::{CLIENT, SECRET, VARIABLE, register, stack};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::migrate::Puller;
use crate::rotate::{assert_no_secret, journal};

const SP: [&str; 5] = ["mops", "auth", "rotate", "sp", "--yes"];
/// Where the stack file says that the secret is.
const KEPT: &str = "puller-secret";

/// A stack that is up and pulls as an application whose secret is in a file.
async fn live() -> Job {
    let job = Job::of(&stack().replace(&format!("{{from_env: {VARIABLE}}}"), &format!("{{from_file: {KEPT}}}"))).await;
    register(&job, SECRET, false);
    job.place.write(KEPT, &format!("{SECRET}\n"));
    job.with_images().await;
    job.up().await;
    job
}

fn kept(job: &Job) -> String {
    fsx::read_text(&job.place.path().join(KEPT)).expect("a secret").trim().to_owned()
}

/// The ids of the secrets that the application has.
fn keys(job: &Job) -> Vec<String> {
    serde_json::from_value(job.ask("/principals")[CLIENT].clone()).expect("ids")
}

/// The application has one secret, another one than at first, and nothing is left of the run.
async fn rotated(job: &Job) -> String {
    let all = keys(job);
    assert!(all.len() == 1 && all[0] != "first-key", "{all:?}");
    assert!(!journal(job, "sp").exists(), "the journal was left");
    assert_ne!(kept(job), SECRET);
    job.nothing_to_do().await;
    kept(job)
}

#[tokio::test]
async fn m_04_another_secret_is_proven_before_the_first_one_goes_while_somebody_pulls() {
    let job = live().await;
    let (_, plan) = job.said(&["mops", "auth", "rotate", "sp", "--plan"], 0).await;
    for part in [CLIENT, "before  secret first-key #", "for 180 days", KEPT, "take the first one away"] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    let unasked = job.run(&SP[..4]).await;
    assert_eq!((unasked.code, keys(&job).len(), kept(&job).as_str()), (Some(2), 1, SECRET), "went on without consent");
    let puller = Puller::start(&job);
    let (line, said) = job.said(&[&SP[..], &["--json", "--days", "90"]].concat(), 0).await;
    let (pulls, failures) = puller.end();
    assert!(pulls > 0 && failures == 0, "{failures} of {pulls} pulls failed");
    let next = rotated(&job).await;
    assert_no_secret_but_in_its_file(&job, &format!("{line}{said}"), &next);
    let told = line.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let told: Vec<Value> = told.filter(|line| line["type"] == "rotated").collect();
    assert_eq!((told.len(), &told[0]["of"], &told[0]["kind"]), (1, &json!(CLIENT), &json!("sp")), "{line}");
    job.good(&["mops", "smoke-test"]).await;
    job.down_to_nothing().await;
}

/// Neither secret is anywhere but the new one in its file.
fn assert_no_secret_but_in_its_file(job: &Job, said: &str, next: &str) {
    let path = job.place.path().join(KEPT);
    let text = fsx::read(&path).expect("the file");
    fsx::replace(&path, b"").expect("put aside");
    assert_no_secret(job, said, &[&SECRET.to_owned(), &next.to_owned()]);
    fsx::replace(&path, &text).expect("put back");
}

/// A request of each step: the secret is made; it is written; pods are replaced; the first one is taken away.
const STEPS: [[&str; 2]; 4] = [
    ["entra POST", "/addPassword"],
    ["kubernetes PATCH", "/secrets/registry-pull"],
    ["kubernetes GET", "/pods?"],
    ["entra POST", "/removePassword"],
];

#[tokio::test]
async fn m_04_killed_at_each_step_the_application_has_one_secret_in_the_end_and_no_pull_fails() {
    let job = live().await;
    let puller = Puller::start(&job);
    for request in STEPS {
        job.ended_at(&SP, &request, Signal::KILL).await;
        assert!(journal(&job, "sp").exists(), "{request:?}: there is no journal");
    }
    let (_, said) = job.said(&SP, 0).await;
    let (pulls, failures) = puller.end();
    assert!(pulls > 0 && failures == 0, "{failures} of {pulls} pulls failed");
    assert!(said.contains("an earlier run began this rotation"), "{said}");
    rotated(&job).await;
}

#[tokio::test]
async fn who_may_not_change_the_application_is_told_so_and_nothing_is_changed() {
    let job = live().await;
    job.ask_to("/break/graph");
    let (_, said) = job.said(&SP, 3).await;
    assert!(said.contains("Application.ReadWrite.OwnedBy") && said.contains("Authorization_RequestDenied"), "{said}");
    assert_eq!((keys(&job), kept(&job).as_str()), (vec!["first-key".to_owned()], SECRET));
    assert!(!journal(&job, "sp").exists(), "what was not begun has a journal");

    job.place.write(KEPT, "zzz-another-secret-of-the-application\n");
    let (_, said) = job.said(&SP, 2).await;
    assert!(said.contains("none of the application's secrets begins like"), "{said}");

    job.place.write(FILE, &stack());
    let (_, said) = job.said(&SP, 2).await;
    assert!(said.contains(VARIABLE) && said.contains("from_file"), "{said}");
}
