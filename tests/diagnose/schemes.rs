//! B-07 and B-08 through a run: registries with Basic, with ACR's Bearer and with the `proxy_auth` of NGC all pass; a page
//! where JSON is due is told with its type and its beginning, redacted, and with what it means there. Prints `B-07 B-08 …`.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use mops_core::Secret;
use mops_diagnose::{ArmView, Command, Report, Request, Services, look};
use mops_host::Env;
use mops_probe::observation::{check, variant};
use mops_tests::http::Reply;
use mops_wire::registry::Digest;
use serde_json::json;

use super::cluster::{World, observations, request, says};
use crate::web::{Ports, Seen, Web};

const HOST: &str = "reg.example";
const NGC: &str = "nvcr.io";
/// `u` and `p`.
const LOGIN: &str = "Basic dTpw";
/// The one user that NGC knows, and `p`.
const NGC_LOGIN: &str = "Basic JG9hdXRodG9rZW46cA==";
const TOKEN: &str = "canary-token";
const LAYER: &[u8] = b"a layer";

/// What a registry does with somebody who is signed in.
fn content(seen: &Seen) -> Reply {
    let path = seen.call.path.as_str();
    if path == "/v2/" {
        return Reply::json(200, &json!({}));
    }
    if path.contains("/blobs/") {
        return Reply::body(200, "application/octet-stream", LAYER);
    }
    let layer = json!({"digest": Digest::of(LAYER).as_str(), "size": LAYER.len()});
    let manifest = json!({"layers": [layer]}).to_string();
    Reply::body(200, "application/vnd.oci.image.manifest.v1+json", manifest)
}

fn refused(challenge: &str) -> Reply {
    Reply::json(401, &json!({"errors": [{"code": "UNAUTHORIZED"}]})).header("www-authenticate", challenge)
}

fn basic(seen: &Seen, _: Ports) -> Reply {
    if seen.call.header("authorization") == Some(LOGIN) { content(seen) } else { refused("Basic realm=\"reg\"") }
}

/// A token under `access_token`, for a login, by a realm of the registry's own.
fn acr(seen: &Seen, _: Ports) -> Reply {
    let signed = seen.call.header("authorization") == Some(LOGIN);
    match seen.call.path.as_str() {
        "/oauth2/token" if signed && seen.call.query("service") == Some(HOST) => {
            Reply::json(200, &json!({"access_token": TOKEN}))
        }
        "/oauth2/token" => Reply::json(401, &json!({"errors": [{"code": "UNAUTHORIZED"}]})),
        _ if seen.call.bearer() == Some(TOKEN) => content(seen),
        _ => refused(&format!("Bearer realm=\"https://{HOST}/oauth2/token\",service=\"{HOST}\"")),
    }
}

/// The scope stands in the realm, there is no service, and Basic at `/v2/` is refused by design.
fn proxy_auth(seen: &Seen, _: Ports) -> Reply {
    let signed = seen.call.header("authorization") == Some(NGC_LOGIN);
    match seen.call.path.as_str() {
        "/proxy_auth" if signed && seen.call.query("scope").is_some() && seen.call.query("service").is_none() => {
            Reply::json(200, &json!({"token": TOKEN}))
        }
        "/proxy_auth" => Reply::json(401, &json!({"errors": [{"code": "UNAUTHORIZED"}]})),
        _ if seen.call.bearer() == Some(TOKEN) => content(seen),
        _ => refused(&format!("Bearer realm=\"https://{NGC}/proxy_auth?scope=repository:nim/x:pull\"")),
    }
}

async fn run(host: &str, web: &Web) -> Report {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    let arm = ArmView::Credentials { username: "u".into(), passwords: vec![Secret::from("p")] };
    let request = Request { registry: Some(host.into()), arm, images: vec![format!("{host}/nim/x:1")], ..request() };
    let env = Env::of([("NGC_API_KEY", "p")]);
    let services = Services { http: web.http(), env, ..world.services() };
    look(Command::DiagnoseAuth, request, services).await.report()
}

fn about<'a>(report: &'a Report, host: &str) -> Vec<&'a str> {
    let here = report.findings.iter().filter(|f| f.target.starts_with(host));
    here.map(|f| f.cause_id.as_str()).collect()
}

#[tokio::test]
async fn registries_with_each_way_to_sign_in_pass() {
    type Answer = fn(&Seen, Ports) -> Reply;
    let rows: [(&str, &str, Answer); 3] = [("Basic", HOST, basic), ("ACR", HOST, acr), ("NGC", NGC, proxy_auth)];
    for (name, host, answer) in &rows {
        // A login says nothing at NGC; the token for the image does.
        let (credential, signed_in) = match *host {
            NGC => (variant::LOCAL, check::NGC_TOKEN),
            _ => (variant::ARM, check::REGISTRY_V2),
        };
        let web = Web::start(*answer);
        let report = run(host, &web).await;
        assert_eq!(about(&report, host), [] as [&str; 0], "{name}: {:?}", report.findings);
        for check in [signed_in, check::REGISTRY_PULL, check::REGISTRY_MANIFEST, check::REGISTRY_BLOB] {
            let seen = report.probes.iter().find(|o| o.check == check && o.credential == credential);
            let status = seen.map(|o| (o.status.word(), o.http_status));
            assert_eq!(status, Some(("ok", Some(200))), "{name} {check}: {:?}", report.probes);
        }
        assert!(web.seen().iter().all(|s| s.call.host == *host), "{name}");
        assert!(!mops_diagnose::report::json(&report).to_string().contains("canary"), "{name}");
    }
    println!("B-07 schemes={}", rows.len());
}

fn page(status: u16) -> Reply {
    Reply::body(status, "text/html; charset=utf-8", "<html><title>Sign in</title>token=canary-page</html>")
}

#[tokio::test]
async fn a_page_is_told_with_its_type_its_beginning_and_what_it_means() {
    type Answer = fn(&Seen, Ports) -> Reply;
    let rows: [(&str, Answer, &str); 3] = [
        ("200", |_, _| page(200), "REGISTRY_URL_WRONG"),
        ("401 to everybody", |_, _| page(401), "REGISTRY_URL_WRONG"),
        (
            "401 to the login",
            |seen, _| match seen.call.header("authorization") {
                Some(_) => page(401).header("www-authenticate", "Basic realm=\"reg\""),
                None => refused("Basic realm=\"reg\""),
            },
            "REGISTRY_REFUSED",
        ),
    ];
    for (name, answer, second) in &rows {
        let web = Web::start(*answer);
        let report = run(HOST, &web).await;
        let mut found = about(&report, HOST);
        found.sort_unstable();
        assert_eq!(found, ["HTML_INSTEAD_OF_JSON", *second], "{name}: {:?}", report.probes);
        // What answers a login may repeat it, so that its body is not shown.
        if *second == "REGISTRY_URL_WRONG" {
            let shown = report.probes.iter().find(|o| o.body_excerpt.is_some() && o.check == check::REGISTRY_V2);
            let shown = shown.unwrap_or_else(|| panic!("{name}: {:?}", report.probes));
            let (kind, excerpt) = (shown.content_type.as_deref(), shown.body_excerpt.as_deref().unwrap_or_default());
            assert!(
                kind.is_some_and(|kind| kind.starts_with("text/html")) && excerpt.starts_with("<html>"),
                "{shown:?}"
            );
        }
        let all = mops_diagnose::report::text(&report, 80, false) + &mops_diagnose::report::json(&report).to_string();
        assert!(all.contains("text/html") && !all.contains("canary"), "{name}: {all}");
    }
    println!("B-08 pages={}", rows.len());
}
