//! B-10 through a run: a missing tag and a missing repository come with the names that are near, and with the words of the
//! registry where it lists none; what may not be pulled gets none. Prints `B-10 …`.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use mops_core::Secret;
use mops_diagnose::{ArmView, Command, Report, Request, Services, look};
use mops_probe::observation::check;
use mops_tests::http::Reply;
use serde_json::json;

use super::cluster::{World, observations, request, says};
use crate::web::{Ports, Seen, Web};

const HOST: &str = "reg.example";

/// A registry with one repository, that lists what it has or does not.
fn answer(seen: &Seen, lists: bool) -> Reply {
    if seen.call.header("authorization").is_none() {
        return Reply::json(401, &json!({"errors": [{"code": "UNAUTHORIZED"}]}))
            .header("www-authenticate", "Basic realm=\"reg\"");
    }
    let refusal = |status, code: &str| Reply::json(status, &json!({"errors": [{"code": code}]}));
    match seen.call.path.as_str() {
        "/v2/" => Reply::json(200, &json!({})),
        "/v2/_catalog" if lists => Reply::json(200, &json!({"repositories": ["base", "team/trainer", "team/worker"]})),
        "/v2/_catalog" => refusal(403, "DENIED"),
        "/v2/team/worker/tags/list" => Reply::json(200, &json!({"tags": ["0.9", "1.0", "1.1", "latest"]})),
        path if path.starts_with("/v2/team/worker/") => refusal(404, "MANIFEST_UNKNOWN"),
        path if path.starts_with("/v2/team/secret/") => refusal(403, "DENIED"),
        _ => refusal(404, "NAME_UNKNOWN"),
    }
}

async fn run(lists: bool, image: &str) -> Report {
    let web = Web::start(move |seen: &Seen, _: Ports| answer(seen, lists));
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    let arm = ArmView::Credentials { username: "reg".into(), passwords: vec![Secret::from("canary-password")] };
    let images = vec![format!("{HOST}/{image}")];
    // Whoever takes any login is no test of one.
    let request = Request { registry: Some(HOST.into()), arm, images, negative_probe: false, ..request() };
    let services = Services { http: web.http(), ..world.services() };
    look(Command::DiagnoseAuth, request, services).await.report()
}

#[tokio::test]
async fn what_is_absent_comes_with_the_names_that_are_near() {
    let rows = [
        ("team/worker:1.00", "TAG_NOT_FOUND", "nearest: 1.0, "),
        ("team/wroker:1.0", "REPOSITORY_NOT_FOUND", "nearest: team/worker, "),
    ];
    for (image, cause, said) in rows {
        let report = run(true, image).await;
        let found = report.findings.iter().find(|f| f.cause_id == cause);
        let message = found.map(|f| f.message.as_str()).unwrap_or_default();
        assert!(message.contains(said), "{image}: {:?}", report.findings);
    }
    println!("B-10 absent={}", rows.len());
}

#[tokio::test]
async fn a_registry_that_lists_nothing_suggests_nothing() {
    let report = run(false, "team/wroker:1.0").await;
    assert!(report.findings.iter().any(|f| f.cause_id == "REPOSITORY_NOT_FOUND" && !f.message.contains("nearest")));
    let names: Vec<_> = report.probes.iter().filter(|o| o.check == check::REGISTRY_NAMES).collect();
    assert!(matches!(names.as_slice(), [one] if one.http_status.is_none() && one.code() == "DENIED"), "{names:?}");
    let refused = run(true, "team/secret:1").await;
    assert!(refused.probes.iter().all(|o| o.check != check::REGISTRY_NAMES), "a refusal says nothing about existence");
}
