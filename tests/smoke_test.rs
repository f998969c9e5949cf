//! Promise: `mops smoke-test` pushes an image of its own, fetches it by digest from every pool, and takes it away again:
//! after a success, after an interruption, beside another run. What may not be pushed is a cause, what may not be deleted
//! is named. Prints `B-20 runs=… left=…`.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::time::{Duration, Instant};

use mops_core::Secret;
use mops_tests::job::Job;
use mops_tests::program::Running;
use mops_wire::registry::{Auth, Client, Reference};
use rustix::process::Signal;
use serde_json::{Value, json};

const HOST: &str = "modelopsdevacr.azurecr.io";

/// The example's stack, up.
async fn stack() -> Job {
    let job = Job::new().await;
    job.with_images().await;
    job.up().await;
    job
}

/// The tags of a repository, as the admin user sees them; none when it is not there.
async fn tags(job: &Job, repository: &str) -> Vec<String> {
    let owners: Vec<(String, String)> = serde_json::from_value(job.ask("/secrets/owners")).expect("pairs");
    let mine = |id: &str| id.to_ascii_lowercase().ends_with("/registries/modelopsdevacr");
    let (_, password) = owners.into_iter().find(|(id, _)| mine(id)).expect("the admin user's password");
    let auth = Auth::Basic { username: "modelopsdevacr".into(), password: Secret::new(password) };
    let client = Client::new(job.pipeline(), HOST, auth).expect("a client");
    let repository: Reference = format!("{HOST}/{repository}").parse().expect("a repository");
    client.tags(&repository, 1000).await.unwrap_or_default()
}

fn report(out: &str) -> Value {
    serde_json::from_str(out.lines().last().expect("a report")).expect("json")
}

fn probes(report: &Value) -> Vec<&Value> {
    report["probes"].as_array().expect("probes").iter().collect()
}

/// What was pushed, as the report names it.
fn pushed(report: &Value) -> String {
    let push = probes(report).into_iter().find(|o| o["check"] == "registry.push" && o["status"] == "pass");
    push.and_then(|o| o["target"].as_str()).expect("a push").to_owned()
}

#[tokio::test]
async fn every_pool_fetches_what_was_pushed_and_it_is_gone_afterwards() {
    let job = stack().await;
    let (out, _) = job.said(&["mops", "smoke-test", "--json"], 0).await;
    let seen = report(&out);
    let artefact = pushed(&seen);
    let ran = |o: &&Value| o["check"] == "probe.run" && o["vantage"] == "W";
    let pools: Vec<&Value> = probes(&seen).into_iter().filter(ran).collect();
    assert!(!pools.is_empty(), "no pool was probed");
    for pool in &pools {
        for check in ["registry.pull", "registry.manifest", "registry.blob"] {
            let fetched = |o: &&Value| o["target"] == *artefact && o["pool"] == pool["pool"] && o["vantage"] == "P";
            let found: Vec<&Value> =
                probes(&seen).into_iter().filter(|o| o["check"] == check).filter(fetched).collect();
            assert!(!found.is_empty() && found.iter().all(|o| o["status"] == "pass"), "{}: {check}", pool["pool"]);
        }
    }
    let pulled = |o: &&&Value| o["check"] == "kubelet.pull" && o["target"] == *artefact && o["status"] == "pass";
    let by_kubelets = probes(&seen).iter().filter(pulled).filter(|o| o["vantage"] == "K").count();
    assert_eq!(by_kubelets, pools.len(), "one kubelet a pool pulls it");
    assert_eq!(seen["cleanup"]["complete"], true, "{}", seen["cleanup"]);
    assert_eq!(tags(&job, "smoke-test").await, Vec::<String>::new());

    let (out, _) = job.said(&["mops", "smoke-test", "--keep", "--repository", "team/proof"], 0).await;
    // A digest that can be copied is left whole, below the table.
    let table = out.lines().take_while(|line| !line.starts_with("note:"));
    assert!(table.clone().count() > 4 && table.clone().all(|line| line.chars().count() <= 80), "{out}");
    let head = out.lines().find(|line| line.starts_with("POOL ")).expect("a table");
    let columns: Vec<&str> = head.split_whitespace().collect();
    assert_eq!(columns, ["POOL", "NODE", "ENV", "DNS", "TLS", "/v2/", "TOKEN", "MANIFEST", "BLOB", "KUBELET", "SAS"]);
    assert!(out.contains(&format!("artefact: {HOST}/team/proof@sha256:")), "{out}");
    assert!(out.contains("scheduler: dask-scheduler:8786 ok, dask-scheduler:8787/health 200"), "{out}");
    let kept = tags(&job, "team/proof").await;
    assert!(kept.len() == 1 && kept[0].starts_with("smoke-test-"), "{kept:?}");
    println!("B-17 pools={} columns={}", pools.len(), columns.len());
}

#[tokio::test]
async fn two_runs_at_once_do_not_meet_and_the_plain_tag_is_nobodys() {
    let job = stack().await;
    let (plain, _) = job.said(&["mops", "smoke-test", "--push-only"], 0).await;
    assert!(plain.starts_with(&format!("{HOST}/smoke-test:smoke-test@sha256:")), "{plain}");
    let run = || job.said(&["mops", "smoke-test", "--json"], 0);
    let ((one, _), (other, _)) = tokio::join!(run(), run());
    let (one, other) = (report(&one), report(&other));
    assert_ne!(pushed(&one), pushed(&other));
    let left = tags(&job, "smoke-test").await;
    println!("B-20 runs=2 left={}", left.len() - 1);
    assert_eq!(left, ["smoke-test"], "each run removes what is its own");
    let (again, _) = job.said(&["mops", "smoke-test", "--push-only", "--json"], 0).await;
    let line = report(&again);
    assert_eq!(
        (&line["type"], &line["reference"]),
        (&json!("pushed"), &json!(format!("{HOST}/smoke-test:smoke-test")))
    );
    assert!(!plain.contains(line["digest"].as_str().expect("a digest")), "each push has bytes of its own");
}

#[tokio::test]
async fn interrupted_while_the_push_is_answered_it_leaves_nothing() {
    let job = stack().await;
    job.tell("POST", "/faults", &json!({"matches": ["registry PUT", "/manifests/smoke-test-"], "fault": "withheld"}));
    let run = Running::start(&job.place, "mops", &["smoke-test"]);
    let start = Instant::now();
    while job.ask("/faults") == json!([]) {
        assert!(start.elapsed() < Duration::from_secs(90), "nothing was pushed");
        tokio::task::yield_now().await;
    }
    assert_eq!(tags(&job, "smoke-test").await.len(), 1, "the registry has it, and nobody was told");
    run.signal(Signal::INT);
    assert_eq!(run.wait(), Some(130));
    assert_eq!(tags(&job, "smoke-test").await, Vec::<String>::new());
    let pods = job.existing().into_iter().filter(|id| id.contains("/mops-probe")).count();
    println!("B-21 interrupted=1 left={pods}");
    assert_eq!(pods, 0);
}

#[tokio::test]
async fn what_may_not_be_pushed_is_a_cause_and_what_may_not_be_deleted_is_named() {
    let job = stack().await;
    let denied = |matches: &[&str], times: u32| {
        let fault = json!({"status": {"status": 403, "code": "DENIED", "retry_after": null}});
        job.tell("POST", "/faults", &json!({"matches": matches, "times": times, "fault": fault}));
    };
    denied(&["registry DELETE", "/v2/smoke-test/manifests/"], 1);
    let (out, _) = job.said(&["mops", "smoke-test", "--json"], 0).await;
    let seen = report(&out);
    assert_eq!(seen["cleanup"]["left"][0]["object"]["name"], *pushed(&seen), "{}", seen["cleanup"]);
    let note =
        seen["notices"].as_array().into_iter().flatten().find(|n| n.as_str().is_some_and(|n| n.contains("(403)")));
    assert!(note.is_some_and(|n| n.as_str().is_some_and(|n| n.contains(&pushed(&seen)))), "{}", seen["notices"]);

    denied(&["registry POST", "/v2/smoke-test/blobs/uploads/"], 1000);
    for words in [&["mops", "smoke-test", "--json"][..], &["mops", "smoke-test", "--push-only", "--json"]] {
        let (out, _) = job.said(words, 1).await;
        let seen = report(&out);
        let causes: Vec<&Value> = seen["findings"].as_array().expect("findings").iter().collect();
        assert!(causes.iter().any(|f| f["cause_id"] == "ARTIFACT_PERMISSION"), "{words:?}: {causes:?}");
    }
}

#[tokio::test]
async fn a_folder_that_is_no_bundle_is_refused_before_anything_is_asked() {
    let job = stack().await;
    job.ask_to("/heard/forget");
    let (_, err) = job.said(&["mops", "smoke-test", "--bundle", "."], 2).await;
    assert!(err.contains("`.` is no bundle: `oci-layout` cannot be read"), "{err}");
    let heard = job.ask("/heard").to_string();
    assert!(!heard.contains("/blobs/uploads/"), "something was pushed");
    let (_, err) = job.said(&["mops", "smoke-test", "--push-only", "--keep"], 2).await;
    assert!(err.contains("--keep"), "{err}");
}
