//! What is looked at when it is named: pods, deployments, repositories, a bundle, a secret of another namespace, more than
//! one node a pool, an invented login; and a run that asks nobody. Prints `targets …`.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use mops_core::Secret;
use mops_diagnose::{ArmView, Chosen, Command, Report, Request, Services, look, offline};
use mops_host::Env;
use mops_probe::observation::{check as probe, code, variant};
use mops_probe::settings::{Settings, names};
use mops_probe::{Outcome, checks};
use mops_tests::http::Reply;
use serde_json::json;

use super::cluster::{World, observations, request, says};
use crate::web::{Ports, Seen, Web};

const HOST: &str = "reg.example";

async fn run(request: Request) -> Report {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    look(Command::DiagnoseAuth, request, world.services()).await.report()
}

fn causes(report: &Report) -> Vec<(&str, &str)> {
    report.findings.iter().map(|f| (f.cause_id.as_str(), f.target.as_str())).collect()
}

#[tokio::test]
async fn pods_are_chosen_by_name_and_what_is_not_there_is_told() {
    let chosen = vec![Chosen::Pod("dask-worker-1".into()), Chosen::Deployment("nim".into())];
    let report = run(Request { chosen, selector: String::new(), ..request() }).await;
    assert!(causes(&report).contains(&("NO_WORKER_PODS", "deployment/nim")), "{:?}", causes(&report));
    assert!(
        report.probes.iter().any(|o| o.check == "workload.pods" && o.target == "pod/dask-worker-1, deployment/nim")
    );
    assert!(report.probes.iter().any(|o| o.check == probe::STORAGE_READ), "the pod that is there is looked at");
    assert_eq!(report.summary.exit_code, 1);
}

#[tokio::test]
async fn an_absent_secret_is_found_where_the_search_leads() {
    let world = World::new(&says(&observations())).await;
    world.workload(false).await;
    world.secret_in("other", "bundle-credentials").await;
    let at = |search_namespaces: &[&str]| {
        let search_namespaces = search_namespaces.iter().map(|n| (*n).to_owned()).collect();
        look(Command::DiagnoseAuth, Request { search_namespaces, ..request() }, world.services())
    };
    let found = at(&["nowhere", "other"]).await.report();
    let wrong = found.findings.iter().find(|f| f.cause_id == "SECRET_WRONG_NAMESPACE").expect("the namespace");
    assert!(wrong.message.contains("other"), "{}", wrong.message);
    assert!(found.findings.iter().all(|f| f.cause_id != "SECRET_MISSING"), "{:?}", causes(&found));
    let missing = at(&["nowhere"]).await.report();
    assert!(missing.findings.iter().any(|f| f.cause_id == "SECRET_MISSING"), "{:?}", causes(&missing));
}

/// A registry that takes one login by Basic, or any.
fn basic(anybody: bool) -> impl Fn(&Seen, Ports) -> Reply + Clone {
    move |seen, _| {
        let good = seen.call.header("authorization") == Some("Basic dTpw");
        match (seen.call.header("authorization"), seen.call.path.as_str()) {
            (Some(_), _) if !good && !anybody => refused(),
            (None, _) => refused(),
            (_, "/v2/") => Reply::json(200, &json!({})),
            (_, "/v2/team/bundle/tags/list") => Reply::json(200, &json!({"tags": ["1"]})),
            _ => Reply::json(404, &json!({"errors": [{"code": "NAME_UNKNOWN"}]})),
        }
    }
}

fn refused() -> Reply {
    Reply::json(401, &json!({"errors": [{"code": "UNAUTHORIZED"}]})).header("www-authenticate", "Basic realm=\"r\"")
}

#[tokio::test]
async fn a_bundle_is_fetched_with_the_workers_own_login_and_a_repository_is_looked_up_as_a_whole() {
    let web = Web::start(basic(false));
    let looked_up = async |bundle: &str| {
        let env = [(names::REGISTRY, HOST), (names::USERNAME, "u"), (names::PASSWORD, "p"), (names::BUNDLE, bundle)];
        let seen = checks::run(&Settings::from_env(&Env::of(env)), &web.http(), &web.clock.shared()).await;
        let pull = seen.into_iter().find(|o| o.check == probe::REGISTRY_PULL && o.variant == variant::ENV);
        pull.map(|o| (o.outcome, o.status, o.target))
    };
    let target = || format!("{HOST}/team/bundle");
    assert_eq!(looked_up("oci://reg.example/team/bundle").await, Some((Outcome::Ok, Some(200), target())));
    let image = format!("{HOST}/team/bundle:2");
    assert_eq!(looked_up(&image).await, Some((Outcome::Failed, Some(404), image)));
    assert_eq!(looked_up("").await, None);
}

/// Observations of the invented login and of the real one, and the logins that were sent.
async fn invented(anybody: bool, negative_probe: bool) -> (Option<String>, Option<String>, usize) {
    let web = Web::start(basic(anybody));
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    let arm = ArmView::Credentials { username: "u".into(), passwords: vec![Secret::from("p")] };
    let request = Request { registry: Some(HOST.into()), arm, negative_probe, ..request() };
    let services = Services { http: web.http(), ..world.services() };
    let report = look(Command::DiagnoseAuth, request, services).await.report();
    let code = |check: &str, variant: &str| {
        let found = report.probes.iter().find(|o| o.check == check && o.credential == variant);
        found.map(|o| format!("{:?} {}", o.status, o.code()))
    };
    let strange =
        web.seen().iter().filter(|s| s.call.header("authorization").is_some_and(|h| h != "Basic dTpw")).count();
    (code(probe::REGISTRY_INVENTED, variant::BROKEN), code(probe::REGISTRY_V2, variant::ARM), strange)
}

#[tokio::test]
async fn a_registry_that_takes_an_invented_login_gets_no_real_one() {
    let said = |text: &str| Some(text.to_owned());
    assert_eq!(invented(false, true).await, (said("Pass "), said("Pass "), 1), "one invented login, which is refused");
    let open = format!("Skip {}", code::OPEN);
    assert_eq!(invented(true, true).await, (said(&format!("Pass {}", code::OPEN)), Some(open), 1));
    assert_eq!(invented(false, false).await, (None, said("Pass "), 0), "--no-negative-probe");
}

#[test]
fn a_run_that_asks_nobody_reads_what_was_handed_over() {
    let sas = |text: &str| {
        [
            ("MODELOPS_BUNDLE_REGISTRY", HOST.to_owned()),
            (
                "AZURE_STORAGE_CONNECTION_STRING",
                format!("BlobEndpoint=https://a.blob.core.windows.net/;SharedAccessSignature={text}"),
            ),
        ]
    };
    let whole = "sv=2024-11-04&sr=c&sp=rl&se=2030-01-01T00:00:00Z&sig=canary";
    let rows = [
        (Some(Env::of(sas(whole))), 0, None),
        (Some(Env::of(sas("sv=2024-11-04&sr=c&sp=rl&sig=canary"))), 1, Some("storage.sas")),
        (Some(Env::of(sas(whole).into_iter().skip(1))), 1, Some("env")),
        (None, 3, None),
    ];
    let request = Request { containers: vec!["bundles".into()], ..request() };
    for (handed, exit, failed) in &rows {
        let report = offline(Command::DiagnoseAuth, &request, handed.as_ref()).report();
        assert_eq!(report.summary.exit_code, *exit, "{:?}", report.probes);
        let wrong = report.probes.iter().find(|o| o.status == mops_diagnose::observed::Status::Fail);
        assert_eq!(wrong.map(|o| o.check.as_str()), *failed);
        let left_out: Vec<_> =
            report.skipped.iter().filter(|s| s.why == "`--offline`").map(|s| s.what.as_str()).collect();
        assert_eq!(left_out, ["cluster", "registry and storage", "Azure"]);
        assert!(!mops_diagnose::report::json(&report).to_string().contains("canary"));
    }
    println!("targets offline={}", rows.len());
}
