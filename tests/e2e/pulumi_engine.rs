//! Promise: with `--engine pulumi` the verbs of `mops infra` do the same by the user's own `pulumi`: what will be done is
//! shown first, a second run finds nothing to do, `down` keeps registry and storage, a lock is exit 4, an interrupt ends
//! Pulumi in order, and what nobody can do is said before anything is called.

use mops_tests::pulumi::PASSPHRASE;
use std::time::{Duration, Instant};

use mops_host::fsx;
use mops_host::proc::Output;
use mops_tests::control;
use mops_tests::job::{FILE, Job, example};
use mops_tests::place::bin_dir;
use mops_tests::program::Running;
use mops_tests::skip::skipped;
use mops_tests::tools::program;
use rustix::process::Signal;
use serde_json::{Value, json};

const UP: &[&str] = &["mops", "infra", "up", "--engine", "pulumi", "--yes"];

/// A stack with registry, cluster and storage, whose commands find Pulumi and a backend in the place.
async fn job(test: &str) -> Option<Job> {
    let Ok(pulumi) = program("pulumi", "pulumi") else {
        skipped("pulumi", test);
        return None;
    };
    let whole = example("unified-infra/unified-infra.yaml");
    let (without_workers, _) = whole.split_once("\nworkspace:").expect("the last section");
    let mut job = Job::of(without_workers).await;
    job.place.set(PASSPHRASE.0, PASSPHRASE.1);
    let backend = format!("file://{}", job.place.path().display());
    job.place.set("PULUMI_BACKEND_URL", backend);
    job.place.set("PATH", format!("{}:{}", pulumi.parent().expect("a folder").display(), without_pulumi()));
    Some(job)
}

fn without_pulumi() -> String {
    bin_dir().display().to_string()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn kinds(job: &Job) -> Vec<&'static str> {
    let ids = job.existing().join("\n");
    ["/managedclusters/", "/registries/", "/storageaccounts/", "/resourcegroups/"]
        .into_iter()
        .filter(|kind| ids.contains(kind))
        .collect()
}

#[tokio::test]
async fn a_whole_life_on_the_users_own_pulumi() {
    let Some(job) = job("a whole life with --engine pulumi").await else { return };
    let planned = job.run(&["mops", "infra", "preview", "--engine", "pulumi", "--exit-code"]).await;
    assert_eq!(planned.code, Some(5), "{}", said(&planned));
    assert_eq!(job.existing(), Vec::<String>::new());

    let made = job.good(&[UP, &["--json"]].concat()).await;
    let lines: Vec<Value> = String::from_utf8_lossy(&made.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let end = lines.iter().find(|line| line["type"] == "run_finished").expect("the end of the run");
    let created = end["totals"]["created"].as_u64().expect("a count");
    let planned = lines.iter().find(|line| line["type"] == "planned").expect("a plan");
    assert_eq!(planned["steps"].as_array().map(Vec::len), usize::try_from(created).ok(), "{planned}");
    assert!(!said(&made).contains("sig="), "a signature in clear on the screen");
    let again = job.good(UP).await;
    assert!(said(&again).contains(&format!("{created} unchanged in")), "{}", said(&again));
    let status = job.good(&["mops", "infra", "status", "--engine", "pulumi", "--json"]).await;
    let status: Value = serde_json::from_slice(&status.stdout).expect("one object");
    assert_eq!(status["resources"].as_array().map(Vec::len), usize::try_from(created).ok());
    let outputs = job.good(&["mops", "infra", "outputs", "--engine", "pulumi"]).await;
    assert!(said(&outputs).contains("[secret]") && !said(&outputs).contains("sig="), "{}", said(&outputs));

    control::ask(&job.control(), "POST", "/behind/delete", "/containers/jobs").expect("the sandbox");
    let unasked = job.run(&["mops", "infra", "refresh", "--engine", "pulumi"]).await;
    assert!(unasked.code == Some(2) && said(&unasked).contains("nobody can be asked here"), "{}", said(&unasked));
    job.good(&["mops", "infra", "down", "--engine", "pulumi", "--yes"]).await;
    assert_eq!(kinds(&job), ["/registries/", "/storageaccounts/", "/resourcegroups/"]);
    is_locked(&job).await;
    is_interrupted(&job).await;
    job.good(UP).await;
    job.good(&["mops", "infra", "down", "--engine", "pulumi", "--destroy-all", "--delete-rg", "--yes"]).await;
    assert_eq!((job.existing(), job.doubled()), (Vec::<String>::new(), Vec::new()));
}

/// Somebody else's lock in the backend.
async fn is_locked(job: &Job) {
    let lock =
        job.place.path().join(".pulumi/locks/organization/modelops/dev/11111111-2222-3333-4444-555555555555.json");
    fsx::create_dir_all(lock.parent().expect("a folder")).expect("our own folder");
    let holder = json!({"pid": 7, "username": "ann", "hostname": "elsewhere", "timestamp": "2026-01-01T00:00:00Z"});
    fsx::replace(&lock, holder.to_string().as_bytes()).expect("our own file");
    let before = job.existing();
    let output = job.run(UP).await;
    assert!(output.code == Some(4) && said(&output).contains("ann@elsewhere"), "{:?} {}", output.code, said(&output));
    assert_eq!(job.existing(), before);
    fsx::remove(&lock).expect("our own file");
}

/// While the cluster is being made.
async fn is_interrupted(job: &Job) {
    job.tell("POST", "/faults", &json!({"matches": ["arm PUT", "/managedClusters/"], "fault": {"delay": 1000}}));
    let run = Running::start(&job.place, "mops", &UP[1..]);
    let start = Instant::now();
    while job.ask("/faults").as_array().is_none_or(Vec::is_empty) {
        assert!(start.elapsed() < Duration::from_secs(90), "the cluster was never asked for");
        tokio::task::yield_now().await;
    }
    run.signal(Signal::INT);
    assert_eq!(run.wait(), Some(130));
    let left = job.place.path().join(".pulumi/locks/organization/modelops/dev");
    let locks = std::fs::read_dir(left).map_or(0, |found| found.flatten().count());
    assert_eq!(locks, 0, "Pulumi was not waited for");
}

#[tokio::test]
async fn what_cannot_be_done_is_said_before_anything_is_called() {
    let Some(mut job) = job("refusals of --engine pulumi").await else { return };
    for (words, part) in [
        (&["-c", "registry"] as &[&str], "`-c` cannot be kept"),
        (&["--lock-timeout", "1m"], "`--lock-timeout` cannot be kept"),
        (&["--skip-unreachable"], "`--skip-unreachable` cannot be kept"),
    ] {
        let refused = job.run(&[UP, words].concat()).await;
        assert!(refused.code == Some(2) && said(&refused).contains(part), "{words:?}: {}", said(&refused));
    }
    job.place.write("Pulumi.yaml", "name: other\nruntime: modelops\n");
    let other = job.run(UP).await;
    assert!(other.code == Some(2) && said(&other).contains("is project `other`"), "{}", said(&other));
    fsx::remove(&job.place.path().join("Pulumi.yaml")).expect("our own file");
    job.place.write(FILE, &example("unified-infra/unified-infra.yaml").replace("sku: Basic", "sku: Basicc"));
    let mistake = job.run(UP).await;
    assert!(mistake.code == Some(2) && said(&mistake).contains("Basicc"), "{}", said(&mistake));
    job.place.write(FILE, &example("unified-infra/unified-infra.yaml"));
    job.place.set("PATH", without_pulumi());
    let none = job.run(UP).await;
    assert!(none.code == Some(3) && said(&none).contains("install it"), "{}", said(&none));
    assert_eq!((job.existing(), job.place.path().join(".pulumi").exists()), (Vec::<String>::new(), false));
}
