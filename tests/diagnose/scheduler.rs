//! Step 7 of a smoke test over the API server's real streams: the scheduler answers, does not, or is not there; each is
//! told apart, and nothing on this machine listens for it.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use mops_diagnose::observed::{Status, check};
use mops_diagnose::smoke::{Artefact, SmokeTest};
use mops_diagnose::{Command, Report, Request, look, report};
use mops_tests::kubernetes::Quiet;
use mops_tests::tls::Server;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

use super::cluster::{NAMESPACE, World, causes, observations, request, says};
use super::live::served;

async fn asked(world: &World, scheduler: Option<&str>, port_forward: bool) -> Report {
    let smoke = SmokeTest::new("7f3a", Artefact::tiny("7f3a"), Vec::new());
    let smoke = SmokeTest { scheduler: scheduler.map(str::to_owned), port_forward, ..smoke };
    look(Command::SmokeTest, Request { smoke: Some(smoke), ..request() }, world.services()).await.report()
}

/// A worker, and a scheduler as a stack makes it.
pub(super) async fn with_scheduler(probe: &str, service: &str, ports: Json) -> (World, Server) {
    let (world, server) = served(probe).await;
    world.workload(true).await;
    let labels = json!({"app": "dask-scheduler"});
    let container = json!({"name": "scheduler", "image": "reg.azurecr.io/scheduler:1", "command": ["dask-scheduler"],
        "ports": [{"name": "comm", "containerPort": 8786}, {"name": "dashboard", "containerPort": 8787}]});
    world
        .make::<Deployment>(json!({"metadata": {"name": "dask-scheduler"}, "spec": {
            "replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}}))
        .await;
    world.make::<Service>(json!({"metadata": {"name": service}, "spec": {"selector": labels, "ports": ports}})).await;
    world.settled(NAMESPACE).await;
    (world, server)
}

fn good() -> String {
    says(&observations())
}

fn both_ports() -> Json {
    json!([{"name": "comm", "port": 8786, "targetPort": 8786}, {"name": "dashboard", "port": 8787, "targetPort": "dashboard"}])
}

fn answers(report: &Report) -> Vec<(&str, Status, &str)> {
    let asked = report.probes.iter().filter(|o| o.check == check::SCHEDULER);
    asked.map(|o| (o.target.as_str(), o.status, o.code())).collect()
}

fn skipped(report: &Report) -> Option<(&str, bool)> {
    report.skipped.iter().find(|s| s.what == "scheduler").map(|s| (s.why.as_str(), s.required))
}

/// The same ports of this machine, which belong to somebody else: what connects to them is counted.
async fn taken() -> Vec<Arc<AtomicUsize>> {
    let mut met = Vec::new();
    for port in [8786, 8787] {
        // Where they are taken already, they are somebody else's as well.
        let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await else { continue };
        let count = Arc::<AtomicUsize>::default();
        met.push(Arc::clone(&count));
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    met
}

#[tokio::test]
async fn a_scheduler_that_answers_is_proven_on_both_ports() {
    let (world, _server) = with_scheduler(&good(), "dask-scheduler", both_ports()).await;
    let others = taken().await;
    let report = asked(&world, None, true).await;
    let text = report::text(&report, 80, false);
    let health = "dask-scheduler:8787/health";
    assert_eq!(answers(&report), [("dask-scheduler:8786", Status::Pass, ""), (health, Status::Pass, "")], "{text}");
    assert!(text.contains("scheduler: dask-scheduler:8786 ok, dask-scheduler:8787/health 200\n"), "{text}");
    assert_eq!((skipped(&report), report.cleanup.complete), (None, true), "{text}");
    let met: usize = others.iter().map(|count| count.load(Ordering::Relaxed)).sum();
    assert_eq!(met, 0, "the ports of this machine are left alone");

    let (world, _server) = with_scheduler(&good(), "its-name", json!([{"port": 8786}])).await;
    let report = asked(&world, Some("its-name"), true).await;
    assert_eq!(answers(&report), [("its-name:8786", Status::Pass, "")]);
    assert_eq!(skipped(&report), Some(("Service its-name has no port 8787", false)));
    println!("M-D8 ports=2 met_here={met}");
}

#[tokio::test]
async fn a_scheduler_that_does_not_answer_is_a_cause() {
    let (world, _server) = with_scheduler(&good(), "dask-scheduler", both_ports()).await;
    let (comm, health) = ("dask-scheduler:8786", "dask-scheduler:8787/health");
    let rows = [
        (8786, Quiet::Deaf, (comm, Status::Fail, "CONNECTION_REFUSED")),
        (8787, Quiet::Deaf, (health, Status::Fail, "CONNECTION_REFUSED")),
        (8787, Quiet::Mute, (health, Status::Fail, "TIMEOUT")),
        (8787, Quiet::Unwell, (health, Status::Fail, "UNEXPECTED")),
    ];
    for (port, how, want) in rows {
        let (world, _server) = with_scheduler(&good(), "dask-scheduler", both_ports()).await;
        world.fake.quiet(port, how);
        let smoke = SmokeTest::new("7f3a", Artefact::tiny("7f3a"), Vec::new());
        let probe_timeout = std::time::Duration::from_secs(2);
        let request = Request { smoke: Some(smoke), probe_timeout, ..request() };
        let report = look(Command::SmokeTest, request, world.services()).await.report();
        let text = report::text(&report, 80, false);
        let failed: Vec<_> = answers(&report).into_iter().filter(|(_, status, _)| *status == Status::Fail).collect();
        assert_eq!((failed, causes(&report)[0]), (vec![want], "SCHEDULER_SILENT"), "{how:?}: {text}");
        assert_eq!(report.summary.exit_code, 1, "{text}");
    }

    let scale = json!({"spec": {"replicas": 0}});
    super::live::patched::<Deployment>(&world, "dask-scheduler", scale).await;
    let report = asked(&world, None, true).await;
    assert_eq!(answers(&report), [("dask-scheduler", Status::Fail, "NOT_RUNNING")]);
    assert!(causes(&report).contains(&"SCHEDULER_SILENT"));
}

#[tokio::test]
async fn a_scheduler_that_is_not_there_or_may_not_be_asked_is_skipped() {
    let (world, _server) = served(&says(&observations())).await;
    world.workload(true).await;
    let absent = asked(&world, None, true).await;
    assert_eq!(skipped(&absent), Some(("there is no Service dask-scheduler", false)));
    assert!(answers(&absent).is_empty() && !causes(&absent).contains(&"SCHEDULER_SILENT"));
    let named = asked(&world, Some("other"), true).await;
    assert_eq!((skipped(&named), named.summary.exit_code), (Some(("there is no Service other", true)), 3));
    let unasked = asked(&world, None, false).await;
    assert_eq!(skipped(&unasked), Some(("`--skip-port-forward`", false)));

    let (world, _server) = with_scheduler(&good(), "dask-scheduler", both_ports()).await;
    world.fake.deny("create", "pods/portforward");
    let denied = asked(&world, None, true).await;
    let text = report::text(&denied, 80, false);
    let why = skipped(&denied).filter(|(why, required)| !required && why.contains("forbidden"));
    assert!(why.is_some_and(|(why, _)| why.contains("pods/portforward")), "{text}");
    assert!(answers(&denied).is_empty() && causes(&denied).contains(&"RBAC_DENIED"), "{text}");
}
