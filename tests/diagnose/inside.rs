//! Workers that are looked into by a container of ours, which the real probe is.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use k8s_openapi::api::core::v1::Secret;
use mops_diagnose::observed::{Status, Vantage, check, code};
use mops_diagnose::{Report, Request, report};
use mops_host::Env;
use serde_json::json;

use super::cluster::{NAMESPACE, World, causes, diagnose, observations, request, says};
use super::live::{SECRET, deployed, live, patched, served, stale};

/// The real probe where it has come into a worker, and lines that are known where it is a pod.
async fn world(own: serde_json::Value) -> (World, mops_tests::tls::Server) {
    let bin = Env::process().get("MOPS_BIN_DIR").expect("MOPS_BIN_DIR is not set: run `make test`").to_owned();
    let probe = format!("[ -z \"$MOPS_PROBE_LIVE\" ] || exec {bin}/mops-probe\n{}", says(&observations()));
    let (world, server) = served(&probe).await;
    deployed(&world, &own).await;
    (world, server)
}

fn asked(run: &str) -> Request {
    Request { run: run.into(), vantages: vec![Vantage::P, Vantage::C], ..request() }
}

fn logs(report: &Report) -> String {
    report::json(report).to_string() + &report::text(report, 80, false)
}

/// B-23: an image with nothing in it but its own program.
#[tokio::test]
async fn a_worker_without_any_program_is_looked_into_by_a_container_of_ours() {
    let (world, _server) = world(json!({"securityContext": {"runAsUser": 1000}})).await;
    let before = diagnose(asked("aaaa"), world.services()).await;
    let text = report::text(&before, 80, false);
    assert_eq!(
        live(&before).first().map(|(target, status, _)| (*target, *status)),
        Some(("worker", Status::Pass)),
        "{text}"
    );
    assert!(!causes(&before).contains(&"ENV_STALE"), "{text}");
    patched::<Secret>(&world, SECRET, json!({"stringData": {"REGISTRY_PASSWORD": "canary-new"}})).await;
    let after = diagnose(asked("bbbb"), world.services()).await;
    let text = report::text(&after, 80, false);
    let found = stale(&after).unwrap_or_else(|| panic!("{text}"));
    assert_eq!((found.target.as_str(), &found.vantage[..]), ("REGISTRY_PASSWORD", &[Vantage::C][..]), "{text}");
    let own = after.probes.iter().filter(|o| o.vantage == Vantage::C && o.check == mops_probe::observation::check::ENV);
    assert!(own.count() > 0, "the series of checks ran in the worker: {text}");

    assert!(after.cleanup.complete, "{text}");
    let stays: Vec<_> = after.cleanup.stays.iter().map(|left| left.why.as_str()).collect();
    assert_eq!(stays, ["mops-probe-bbbb ended"]);
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("1 container stays listed until its pod is replaced: dask-workers-"), "{text}");
    let pods = world.fake.objects("Pod", NAMESPACE);
    let lists = pods.iter().filter_map(|pod| pod["spec"]["ephemeralContainers"].as_array());
    assert_eq!(lists.map(Vec::len).collect::<Vec<_>>(), [2], "both runs in the one worker that stands for its kind");
    assert!(!logs(&after).contains("canary-"), "{text}");
    println!("B-23 runs=2 containers=2");
}

#[tokio::test]
async fn where_no_container_can_come_in_it_is_derived() {
    let derived = |report: &Report, why: &str| {
        let text = report::text(report, 80, false);
        assert_eq!(live(report).first().map(|(_, status, _)| *status), Some(Status::Skip), "{text}");
        assert!(report.skipped.iter().any(|s| s.why.starts_with(why)), "{why}: {:?}", report.skipped);
        assert_eq!((report.cleanup.stays.len(), report.summary.exit_code), (0, 0), "{text}");
    };
    let (nobody, _one) = world(json!({})).await;
    derived(&diagnose(asked("aaaa"), nobody.services()).await, "nobody says as which user it runs");
    let (closed, _two) = world(json!({"securityContext": {"runAsUser": 1000}})).await;
    closed.fake.deny("patch", "pods/ephemeralcontainers");
    let report = diagnose(asked("aaaa"), closed.services()).await;
    derived(&report, "`patch` of pods/ephemeralcontainers is not allowed");
    assert!(causes(&report).contains(&"RBAC_DENIED"));
    let right = report.probes.iter().find(|o| o.check == check::RIGHT).expect("a note");
    assert_eq!((right.target.as_str(), right.code()), ("patch pods/ephemeralcontainers", code::FORBIDDEN));
}
