//! The logs of the workers in a whole run: what they tell supports a cause and is none by itself.

use mops_diagnose::observed::{Status, Vantage};
use mops_diagnose::{Command, Observed, Report, look, report};
use mops_probe::observation::{check, code};

use super::cluster::{World, observations, request, says};

const WORKER: (&str, &str) = ("modelops-dask-dev", "dask-worker-1");

/// A run over a worker that says this, and said that before it started again.
async fn run(now: &str, before: Option<&str>) -> (Report, Vec<Observed>) {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    world.fake.say(WORKER, "worker", now, before);
    let report = look(Command::DiagnoseAuth, request(), world.services()).await.report();
    let text = format!("{}{}", report::text(&report, 100, false), report::json(&report));
    assert!(!text.contains("canary"), "{text}");
    let logs = report.probes.iter().filter(|o| o.check == check::LOG).cloned().collect();
    (report, logs)
}

#[tokio::test]
async fn what_a_log_tells_supports_and_proves_nothing() {
    let (quiet, logs) = run("1401 tokens\n403 tokens\nready\n", None).await;
    let [log] = logs.as_slice() else { panic!("{logs:?}") };
    assert_eq!((log.status, log.vantage, log.target.as_str()), (Status::Pass, Vantage::C, "dask-worker-1"));
    let (loud, logs) = run("pull: unauthorized: authentication required, key nvapi-canary\n", None).await;
    assert_eq!(logs[0].code(), code::UNAUTHORIZED);
    assert!(logs[0].reason.contains("authentication required"), "{}", logs[0].reason);
    let ids = |report: &Report| report.findings.iter().map(|f| f.cause_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&loud), ids(&quiet), "a line alone is no cause");
}

#[tokio::test]
async fn the_container_before_is_read_too_and_only_the_last_lines() {
    let (_, logs) = run("starting\n", Some("x509: certificate signed by unknown authority\n")).await;
    assert_eq!(logs[0].code(), code::UNTRUSTED_CERTIFICATE);
    let old = format!("401 Unauthorized\n{}", "working\n".repeat(200));
    let (_, logs) = run(&old, None).await;
    assert_eq!(logs[0].status, Status::Pass, "the 201st line from the end");
    let (_, logs) = run(&old.replacen("working\n", "", 1), None).await;
    assert_eq!(logs[0].code(), code::UNAUTHORIZED);
}

/// A container's own cause comes from its log where a rule says so.
#[tokio::test]
async fn a_denied_cache_is_a_cause() {
    let (report, _) = run("Permission denied (os error 13): /opt/nim/.cache/ngc/hub\n", None).await;
    let found = report.findings.iter().find(|f| f.cause_id == "NIM_CACHE_DENIED").expect("the cause");
    assert!(found.unconfirmed && found.message.contains("/opt/nim/.cache"), "{}", found.message);
}

#[tokio::test]
async fn a_log_that_may_not_be_read_is_skipped() {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    world.fake.deny("get", "pods/log");
    let report = look(Command::DiagnoseAuth, request(), world.services()).await.report();
    let log = report.probes.iter().find(|o| o.check == check::LOG).expect("the log");
    assert_eq!((log.status, log.code()), (Status::Skip, "FORBIDDEN"));
}
