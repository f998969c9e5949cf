//! Registries that lie, move, talk without end or not at all, seen by a whole run: each is one finding in every form of
//! the report, in time, and no credential leaves for them.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::time::{Duration, Instant};

use mops_core::Secret;
use mops_diagnose::{ArmView, Command, Report, Request, Services, look, report};
use mops_tests::http::Reply;
use mops_tests::tls::bind;
use mops_wire::{ConnectMap, Http, HttpConfig};
use serde_json::json;

use super::cluster::{World, observations, request, says};
use crate::web::{Ports, Seen, Web};

const HOST: &str = "reg.example";
const PASSWORD: &str = "canary-password";

async fn run(http: Http, timeout: Duration) -> (Report, String) {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    let arm = ArmView::Credentials { username: "reg".into(), passwords: vec![Secret::from(PASSWORD)] };
    let request = Request { registry: Some(HOST.into()), arm, timeout, ..request() };
    let services = Services { http, ..world.services() };
    let report = look(Command::DiagnoseAuth, request, services).await.report();
    let text = report::text(&report, 80, false);
    let all = format!("{text}{}", report::json(&report));
    assert!(!all.contains("canary"), "{all}");
    (report, text)
}

#[tokio::test]
async fn a_hostile_registry_is_one_finding_and_gets_no_login() {
    type Answer = fn(&Seen, Ports) -> Reply;
    let rows: [(&str, Answer, &str, &str); 7] = [
        (
            "a page",
            |_, _| Reply::body(200, "text/html", "<html>sign in, token=canary</html>"),
            "HTML_INSTEAD_OF_JSON",
            "",
        ),
        ("endless", |_, _| Reply::body(200, "application/json", vec![b'a'; 1 << 20]), "UNCLASSIFIED", "longer than"),
        (
            "moved to metadata",
            |_, _| moved("http://169.254.169.254/metadata/identity/oauth2/token"),
            "UNCLASSIFIED",
            "302",
        ),
        ("moved to a stranger", |_, _| moved("https://evil.example/v2/"), "UNCLASSIFIED", "302"),
        ("a realm elsewhere", |_, _| realm("https://evil.example/token"), "REALM_UNTRUSTED", ""),
        ("a realm in the clear", |_, _| realm("http://reg.example/token"), "REALM_UNTRUSTED", ""),
        ("no sense", |_, _| Reply::body(418, "text/plain", "a teapot, password=canary"), "UNCLASSIFIED", "418"),
    ];
    for (name, answer, cause, said) in &rows {
        let web = Web::start(*answer);
        let (report, text) = run(web.http(), Duration::from_secs(60)).await;
        // A page at `/v2/` is a cause by itself, and a sign of a wrong address.
        let also = |id: &str| id == "REGISTRY_URL_WRONG" && *name == "a page";
        let about = report.findings.iter().filter(|f| f.target == HOST && !also(&f.cause_id));
        let about: Vec<_> = about.collect();
        assert!(matches!(about.as_slice(), [one] if one.cause_id == *cause), "{name}: {about:?}");
        assert!(text.contains(cause) && text.contains(said), "{name}: {text}");
        assert!(web.seen().iter().all(|s| s.call.host == HOST && s.call.header("authorization").is_none()), "{name}");
        assert!(web.plain().is_empty() && web.seen().len() <= 3, "{name}: {} requests", web.seen().len());
    }
    let web = Web::start(rows[6].1);
    let (report, _) = run(web.http(), Duration::from_secs(60)).await;
    let odd = report.probes.iter().find(|o| o.check == "registry.challenge").expect("the challenge");
    assert_eq!(odd.content_type.as_deref(), Some("text/plain"));
    assert_eq!(odd.body_excerpt.as_deref(), Some("a teapot, password=[masked]"));
    println!("M13 hostile={} findings={} leaked=0", rows.len(), rows.len());
}

/// The limit that was asked for holds, whoever does not answer.
#[tokio::test]
async fn a_registry_that_never_answers_ends_with_the_run() {
    let web = Web::start(|_, _| Reply::empty(200));
    // Accepts connections by its queue, and reads nothing.
    let silent = bind().expect("a port");
    let to = silent.local_addr().expect("an address");
    let connect = ConnectMap::new([(HOST.to_owned(), to)]).expect("loopback");
    let http = Http::new(HttpConfig { connect, ..web.config() }).expect("a pipeline");
    let began = Instant::now();
    let (report, text) = run(http, Duration::from_secs(1)).await;
    let took = began.elapsed();
    assert_eq!(report.summary.exit_code, 3, "{text}");
    assert!(report.skipped.iter().any(|s| s.why == "time" && s.required), "{text}");
    assert!(took < Duration::from_secs(6), "promised: 1 s and the clean-up; took {took:?}");
    println!("B22 limit=1s took={took:?}");
}

fn moved(to: &str) -> Reply {
    Reply::empty(302).header("location", to)
}

fn realm(realm: &str) -> Reply {
    Reply::json(401, &json!({})).header("www-authenticate", format!("Bearer realm=\"{realm}\",service=\"{HOST}\""))
}
