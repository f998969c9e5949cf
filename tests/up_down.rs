//! Promise: the main job, through the built programs: up, nothing to do, killed and gone on with,
//! home lost and taken over again, down to an empty ledger.

use std::time::{Duration, Instant};

use mops_tests::job::{FILE, Job};
use mops_tests::program::Running;
use rustix::process::Signal;
use serde_json::json;

#[tokio::test]
async fn up_then_nothing_to_do_then_down_to_an_empty_ledger() {
    let job = Job::new().await;
    job.with_images().await;
    job.up().await;
    let before = job.declared();
    for part in ["/registries/modelopsdevacr", "/storageaccounts/modelopsdevstore", "/agentpools/gpu", "dask-workers"] {
        assert!(before.iter().any(|id| id.ends_with(part)), "{part} is missing in {before:#?}");
    }
    job.nothing_to_do().await;
    job.up().await;
    assert_eq!(job.declared(), before);
    job.down_to_nothing().await;
}

#[tokio::test]
async fn killed_in_the_middle_the_next_up_converges() {
    let job = Job::new().await;
    job.with_images().await;
    for part in ["/storageaccounts/modelopsdevstore", "/managedclusters/modelops-dev-aks", "/agentpools/gpu"] {
        let run = Running::start(&job.place, "mops", &["infra", "up", FILE, "--yes"]);
        let start = Instant::now();
        while !job.existing().iter().any(|id| id.ends_with(part)) {
            assert!(start.elapsed() < Duration::from_secs(60), "{part} was never begun");
            tokio::task::yield_now().await;
        }
        run.signal(Signal::KILL);
        assert_eq!(run.wait(), None, "the run was over before it was killed");
    }
    job.up().await;
    assert_eq!(job.doubled(), Vec::<String>::new());
    job.nothing_to_do().await;
    job.down_to_nothing().await;
}

#[tokio::test]
async fn a_lost_home_is_taken_over_again() {
    let job = Job::new().await;
    job.with_images().await;
    job.up().await;
    let before = job.declared();
    std::fs::remove_dir_all(job.place.path().join("home")).expect("the home is there");
    job.up().await;
    assert_eq!(job.doubled(), Vec::<String>::new());
    assert_eq!(job.declared(), before);
    job.nothing_to_do().await;
    job.down_to_nothing().await;
}

#[tokio::test]
async fn an_operation_that_fails_half_way_is_named_and_mended() {
    let job = Job::new().await;
    job.with_images().await;
    let message =
        "Insufficient vcpu quota requested 24, remaining 0 for family StandardNCADSA100v4Family for region eastus2.";
    let doomed = json!({"resource": "/agentPools/gpu", "code": "ErrCode_InsufficientVCPUQuota", "message": message});
    job.tell("POST", "/doom", &doomed);
    let failed = job.run(&["mops", "infra", "up", FILE, "--yes"]).await;
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.code, Some(1), "{said}");
    assert!(said.contains("ErrCode_InsufficientVCPUQuota") && said.contains("pool-gpu"), "{said}");
    job.up().await;
    assert_eq!(job.doubled(), Vec::<String>::new());
    job.nothing_to_do().await;
    job.down_to_nothing().await;
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the seed repeats a failure")]
async fn in_bad_weather_the_work_is_done_in_the_end_and_nothing_twice() {
    let env = mops_host::env::Env::process();
    let seed: u64 = env.get("MOPS_SEED").and_then(|s| s.parse().ok()).unwrap_or(20_261_124);
    println!("MOPS_SEED={seed}");
    let job = Job::new().await;
    job.with_images().await;
    let kinds = json!([
        "reset", "lost_after_commit", "truncate", "page", {"delay": 50},
        {"status": {"status": 503, "code": "ServiceUnavailable", "retry_after": 1}},
        {"status": {"status": 429, "code": "TooManyRequests", "retry_after": 1}},
    ]);
    job.tell("POST", "/faults/seeded", &json!({"seed": seed, "per_thousand": 60, "kinds": kinds}));
    let mut last = None;
    for _ in 0..6 {
        let output = job.run(&["mops", "infra", "up", FILE, "--yes"]).await;
        last = output.code;
        if last == Some(0) {
            break;
        }
    }
    let met = job.ask("/faults").as_array().map_or(0, Vec::len);
    job.tell("DELETE", "/faults", &json!({}));
    assert!(met > 0, "no fault was met");
    if last != Some(0) {
        job.up().await;
    }
    assert_eq!(job.doubled(), Vec::<String>::new());
    job.nothing_to_do().await;
    job.down_to_nothing().await;
}
