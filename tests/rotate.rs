//! Promise: `mops auth rotate` puts another credential in the place of one that is in use without a pull that fails, and
//! takes the old one back only when every pod has proven the new one; a run that is killed at any step is taken up by the
//! same command; what is not proven is not taken back; and nobody gets to see a credential on the way (M-04, E-12).

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_tests::canary::Scanner;
use mops_tests::job::Job;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::migrate::Puller;
use crate::token_stack::{passwords, with_token};

const ACR: [&str; 5] = ["mops", "auth", "rotate", "acr", "--yes"];

pub(crate) fn journal(job: &Job, kind: &str) -> PathBuf {
    job.place.path().join(format!("home/.modelops/rotation/{kind}-modelops.dev.json"))
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// A stack that is up and signs in by its own token, with the one password that opens it.
async fn live() -> (Job, String) {
    let job = Job::of(&with_token()).await;
    job.with_images().await;
    job.up().await;
    let mut open = passwords(&job);
    assert_eq!(open.len(), 1);
    (job, open.swap_remove(0))
}

/// One password opens the token, another one than before; the stack is as its file says, and nothing is left of the run.
async fn rotated(job: &Job, before: &str) -> String {
    let open = passwords(job);
    assert_eq!(open.len(), 1, "not one password opens the token");
    assert_ne!(open[0], before, "the old password is still the one");
    assert!(!journal(job, "acr").exists(), "the journal was left");
    job.nothing_to_do().await;
    open[0].clone()
}

/// What a run said, and the files of the place but for the one that is meant to, hold none of these.
pub(crate) fn assert_no_secret(job: &Job, said: &str, secrets: &[&String]) {
    let mut scanner = Scanner::default();
    secrets.iter().for_each(|secret| scanner.add("a credential", secret));
    assert!(scanner.find(said.as_bytes()).is_empty(), "a credential was said");
    for file in files(job.place.path()).into_iter().filter(|file| !file.ends_with("bundle-env/dev.yaml")) {
        let found = scanner.find(&std::fs::read(&file).unwrap_or_default());
        assert!(found.is_empty(), "{}: a credential is in the file", file.display());
    }
}

#[tokio::test]
async fn m_04_another_password_is_proven_before_the_old_one_is_cleared_while_somebody_pulls() {
    let (job, first) = live().await;
    let (shown, plan) = job.said(&["mops", "auth", "rotate", "acr", "--plan"], 0).await;
    assert!(
        shown.contains("registry-token") && plan.contains("before  password1 #") && !journal(&job, "acr").exists(),
        "{shown}{plan}"
    );
    assert_eq!(passwords(&job), std::slice::from_ref(&first), "a plan has changed something");
    let unasked = job.run(&ACR[..4]).await;
    assert_eq!(unasked.code, Some(2), "went on without consent");
    assert!(!journal(&job, "acr").exists(), "what was not begun has a journal");
    job.nothing_to_do().await;
    let puller = Puller::start(&job);
    let (_, said) = job.said(&ACR, 0).await;
    let (pulls, failures) = puller.end();
    assert!(pulls > 0 && failures == 0, "{failures} of {pulls} pulls failed");
    for line in ["before  password1 #", "after   password2, made by this run", "pods have the new one", "rotated `"] {
        assert!(said.contains(line), "`{line}` is not in:\n{said}");
    }
    let second = rotated(&job, &first).await;
    assert_no_secret(&job, &said, &[&first, &second]);
    // The slots take turns.
    let (line, said) = job.said(&["mops", "auth", "rotate", "acr", "--yes", "--json"], 0).await;
    let third = rotated(&job, &second).await;
    let told = line.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let told = told.filter(|line| line["type"] == "rotated").collect::<Vec<_>>();
    assert_eq!((told.len(), &told[0]["of"], &told[0]["kind"]), (1, &json!("modelops-dev-pull"), &json!("acr")));
    assert_no_secret(&job, &format!("{line}{said}"), &[&second, &third]);
    job.good(&["mops", "smoke-test"]).await;
    job.down_to_nothing().await;
}

/// A request of each step: the password is made; it is written; pods are replaced; they are looked at; one of them
/// proves it; the old one is cleared.
const STEPS: [[&str; 2]; 5] = [
    ["arm POST", "/generateCredentials"],
    ["kubernetes PATCH", "/secrets/registry-pull"],
    ["kubernetes PATCH", "/deployments/dask-workers"],
    ["kubernetes GET", "/pods?"],
    ["arm PATCH", "/tokens/modelops-dev-pull?"],
];

#[tokio::test]
async fn m_04_killed_at_each_step_the_same_command_goes_on_and_no_pull_fails() {
    let (job, first) = live().await;
    let puller = Puller::start(&job);
    for request in STEPS {
        job.ended_at(&ACR, &request, Signal::KILL).await;
        assert!(journal(&job, "acr").exists(), "{request:?}: there is no journal");
        let mode = journal(&job, "acr").metadata().expect("the journal").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let (_, said) = job.said(&ACR, 0).await;
    let (pulls, failures) = puller.end();
    assert!(pulls > 0 && failures == 0, "{failures} of {pulls} pulls failed");
    assert!(said.contains("an earlier run began this rotation"), "{said}");
    let second = rotated(&job, &first).await;
    assert_no_secret(&job, &said, &[&first, &second]);
    assert_eq!(job.doubled(), Vec::<String>::new());
    job.down_to_nothing().await;
}

#[tokio::test]
async fn m_04_what_is_not_proven_is_not_taken_back() {
    let (job, first) = live().await;
    let refused = json!({"status": {"status": 401, "code": "UNAUTHORIZED", "retry_after": null}});
    job.tell(
        "POST",
        "/faults",
        &json!({"matches": ["registry GET", "/oauth2/token"], "times": 100_000, "fault": refused}),
    );
    let (_, said) = job.said(&ACR, 1).await;
    job.tell("DELETE", "/faults", &json!({}));
    assert!(said.contains("nothing was taken back: the old password stays valid"), "{said}");
    let open = passwords(&job);
    assert!(open.len() == 2 && open.contains(&first), "the old password was taken back");
    // A run of the stack file does not do what the proof has kept from being done.
    let up = job.up().await;
    assert!(String::from_utf8_lossy(&up.stderr).contains("a rotation is under way"));
    job.nothing_to_do().await;
    assert_eq!(passwords(&job).len(), 2, "`up` has cleared a password that waits for a proof");
    job.good(&ACR).await;
    let second = rotated(&job, &first).await;
    assert!(open.contains(&second), "another password was made although one was there");
    job.down_to_nothing().await;
}

#[tokio::test]
async fn m_04_a_secret_of_somebody_else_with_the_old_password_keeps_it_valid() {
    let (job, first) = live().await;
    let copy = |password: &str| {
        let data = json!({"PASSWORD": STANDARD.encode(password)});
        json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data,
            "metadata": {"name": "copied", "namespace": "elsewhere", "uid": "0"}})
    };
    job.tell("POST", "/behind/object", &copy(&first));
    let (_, said) = job.said(&ACR, 1).await;
    assert!(said.contains("not proven: the secrets `elsewhere/copied` hold"), "{said}");
    assert!(passwords(&job).contains(&first), "the old password was taken back");
    job.tell("POST", "/behind/object", &copy("another"));
    job.good(&ACR).await;
    rotated(&job, &first).await;
}
