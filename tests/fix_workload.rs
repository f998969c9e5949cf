//! Promise: `mops diagnose-auth --fix` mends a real stack's workload in one run, asks before it changes anything, and
//! leaves a stack alone that another run works on.

use mops_core::{Cancel, StackId};
use mops_engine::state::{OpenOptions, Store};
use mops_host::{Env, SystemClock};
use mops_tests::job::Job;
use serde_json::{Value, json};

const FIX: [&str; 4] = ["mops", "diagnose-auth", "--fix", "--allow-restart"];

fn report(out: &str) -> Value {
    serde_json::from_str(out.lines().last().expect("a report")).expect("json")
}

fn all<'a>(report: &'a Value, pointer: &str, key: &str) -> Vec<&'a str> {
    report.pointer(pointer).and_then(Value::as_array).into_iter().flatten().filter_map(|o| o[key].as_str()).collect()
}

/// Under the lock of the stack, as another run has it.
async fn locked(job: &Job) -> Store {
    let options = OpenOptions {
        scope: None,
        create: false,
        lock_timeout: std::time::Duration::ZERO,
        env: Env::default(),
        clock: SystemClock::shared(),
        cancel: Cancel::new(),
    };
    let stack = StackId { project: "modelops".into(), stack: "dev".into() };
    Store::open(&job.place.path().join("home/.modelops"), &stack, options).await.expect("the state")
}

#[tokio::test]
async fn a_renewed_password_reaches_the_pods_in_one_run() {
    let job = Job::new().await;
    job.with_images().await;
    job.up().await;
    job.tell("POST", "/break/registry-password", &json!(null));
    let secrets = || serde_json::to_string(&job.ask("/objects")).expect("json");
    let before = secrets();

    let (out, err) = job.said(&FIX, 2).await;
    assert!(out.contains("ACR_PASSWORD_ROTATED") && out.contains("--fix: "), "{out}");
    assert!(err.contains("--fix: ") && err.contains("give `--yes`"), "the plan is shown before it is asked for: {err}");
    assert!(err.lines().all(|line| line.chars().count() <= 80 || line.starts_with("error")), "{err}");
    let other = locked(&job).await;
    let (_, err) = job.said(&[&FIX[..], &["--yes"]].concat(), 4).await;
    assert!(err.contains("is locked by"), "{err}");
    drop(other);
    let (out, _) = job.said(&["mops", "diagnose-auth", "--fix", "--yes", "--json"], 1).await;
    let found = report(&out);
    assert!(all(&found, "/fixing/changes", "state").iter().all(|state| *state == "not-applied"), "{found:#}");
    let data = |text: &str| -> Vec<Value> {
        let all: Vec<Value> = serde_json::from_str(text).expect("objects");
        all.into_iter().filter(|o| o["kind"] == "Secret").map(|o| o["data"].clone()).collect()
    };
    assert_eq!(data(&before), data(&secrets()), "nothing was changed so far");

    let (out, err) = job.said(&[&FIX[..], &["--yes", "--json"]].concat(), 0).await;
    let mended = report(&out);
    let states = all(&mended, "/fixing/changes", "state");
    assert!(!states.is_empty() && states.iter().all(|state| *state == "applied"), "{mended:#}\n{err}");
    let owners: Vec<(String, String)> = serde_json::from_value(job.ask("/secrets/owners")).expect("pairs");
    let told = owners.iter().find(|(_, secret)| out.contains(secret.as_str()) || err.contains(secret.as_str()));
    assert_eq!(told.map(|(id, _)| id), None, "a secret was told");
    job.said(&["mops", "diagnose-auth"], 0).await;
    job.down_to_nothing().await;
}

#[tokio::test]
async fn what_cannot_be_asked_together_is_refused() {
    let job = Job::new().await;
    let rows: [(&[&str], &str); 5] = [
        (&["--fix", "--from", "seen.json"], "--from"),
        (&["--fix", "--offline"], "--offline"),
        (&["--yes"], "--fix"),
        (&["--allow-restart"], "--fix"),
        (&["--fix", "--only-cause", "NOTHING"], "there is no such cause"),
    ];
    for (words, said) in rows {
        let (_, err) = job.said(&[&["mops", "diagnose-auth"], words].concat(), 2).await;
        assert!(err.contains(said), "{words:?}: {err}");
    }
    let (out, _) = job.said(&["mops", "diagnose-auth", "-n", "ml", "--fix", "--explain-permissions"], 0).await;
    assert!(out.contains("deployments") && out.contains("patch"), "{out}");
}
