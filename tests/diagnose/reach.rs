//! The way to a registry: the layer that fails first is the finding, once, and nothing is asked behind it.

use mops_diagnose::finding::{Finding, classify};
use mops_diagnose::observed::Vantage;
use mops_diagnose::{Observed, Request, Words, report};
use mops_host::Env;
use mops_probe::checks::Ways;
use mops_probe::observation::{check, code, variant};
use mops_probe::settings::{Settings, names};
use mops_probe::{Observation, Outcome, checks};
use mops_tests::http::Reply;
use mops_tests::tls::bind;
use mops_wire::registry::Auth;
use mops_wire::{ConnectMap, Http, HttpConfig, ProxySettings};
use serde_json::json;

use super::cluster::{World, diagnose, request, says};
use crate::proxy::proxy;
use crate::web::{Ports, Seen, Web};

const HOST: &str = "reg.example";

fn bearer(_: &Seen, _: Ports) -> Reply {
    Reply::json(401, &json!({"errors": [{"code": "UNAUTHORIZED"}]}))
        .header("www-authenticate", "Bearer realm=\"https://reg.example/token\",service=\"reg.example\"")
}

/// What a worker with both credentials sees.
async fn probe(host: &str, http: &Http, web: &Web) -> Vec<Observation> {
    let config = json!({"auths": {host: {"username": "u", "password": "canary-pull"}}}).to_string();
    let env = [
        (names::BUNDLE_REGISTRY, host),
        (names::USERNAME, "u"),
        (names::PASSWORD, "canary-env"),
        (names::PULL_SECRET, &config),
    ];
    checks::run(&Settings::from_env(&Env::of(env)), http, &web.clock.shared()).await
}

fn causes(seen: &[Observation]) -> Vec<Finding> {
    let here = seen.iter().cloned().map(|o| Observed::at(Vantage::P, o).on("gpu", "node-1"));
    classify(&here.collect::<Vec<_>>(), &Words::default())
}

fn to_port(web: &Web, port: u16) -> HttpConfig {
    let to = ([127, 0, 0, 1], port).into();
    HttpConfig { connect: ConnectMap::new([("*.example".to_owned(), to)]).expect("loopback"), ..web.config() }
}

/// The failed layer, what was reached before it, and that no credential was tried.
fn stops_at(seen: &[Observation], layer: &str, with: &str, passed: &[&str]) {
    let of = |outcome| seen.iter().filter(move |o| o.outcome == outcome && o.check != check::PULL_SECRET);
    let failed: Vec<_> = of(Outcome::Failed).map(|o| (o.check.as_str(), o.variant.as_str())).collect();
    assert_eq!(failed, [(layer, ""), (check::REGISTRY_V2, variant::ANON)], "{seen:?}");
    assert!(of(Outcome::Failed).all(|o| o.has_code(with)), "{seen:?}");
    let good: Vec<_> = of(Outcome::Ok).filter(|o| o.check != check::ENV).map(|o| o.check.as_str()).collect();
    assert_eq!(good, passed, "{seen:?}");
    let skipped: Vec<_> = of(Outcome::Skipped).map(|o| (o.variant.as_str(), o.has_code(with))).collect();
    assert_eq!(skipped, [(variant::ENV, true), (variant::PULL_SECRET, true)], "{seen:?}");
}

#[tokio::test]
async fn each_layer_stops_what_is_behind_it() {
    let web = Web::start(bearer);
    let closed = bind().expect("a port").local_addr().expect("an address").port();
    let plain = plain_http();
    let trusts_nobody = HttpConfig { roots: Vec::new(), only_roots: false, bundled_roots: true, ..web.config() };
    let rows = [
        ("reg.invalid", web.config(), check::NET_DNS, code::NAME_NOT_RESOLVED, &[][..], "DNS_FAILURE"),
        (
            HOST,
            to_port(&web, closed),
            check::NET_TCP,
            code::CONNECTION_REFUSED,
            &[check::NET_DNS],
            "SERVICE_UNREACHABLE",
        ),
        (
            HOST,
            trusts_nobody,
            check::NET_TLS,
            code::UNTRUSTED_CERTIFICATE,
            &[check::NET_DNS, check::NET_TCP],
            "TLS_UNTRUSTED",
        ),
        (
            HOST,
            to_port(&web, plain),
            check::NET_TLS,
            code::PLAIN_HTTP,
            &[check::NET_DNS, check::NET_TCP],
            "REGISTRY_PLAIN_HTTP",
        ),
    ];
    for (host, config, layer, with, passed, cause) in rows {
        let seen = probe(host, &Http::new(config).expect("a pipeline"), &web).await;
        stops_at(&seen, layer, with, passed);
        let found: Vec<_> = causes(&seen).into_iter().map(|f| f.cause_id).filter(|id| id != "ENV_MISSING").collect();
        assert!(found.iter().all(|id| id == cause), "{layer}: {found:?}");
    }
    assert_eq!(web.seen().len(), 0, "nothing was asked behind a layer that failed");
}

#[tokio::test]
async fn what_is_no_registry_gets_no_login() {
    type Answer = fn(&Seen, Ports) -> Reply;
    let rows: [(Answer, &str, &str); 5] = [
        (|_, _| Reply::json(401, &json!({})), code::NO_CHALLENGE, "NO_CHALLENGE"),
        (
            |_, _| Reply::empty(401).header("www-authenticate", "Digest realm=\"x\""),
            code::CHALLENGE_UNUSABLE,
            "CHALLENGE_UNUSABLE",
        ),
        (
            |_, _| Reply::empty(401).header("www-authenticate", "Bearer realm=\"https://evil.example/token\""),
            code::REALM_UNTRUSTED,
            "REALM_UNTRUSTED",
        ),
        (|_, _| Reply::body(200, "text/html", "<html>sign in</html>"), code::HTML, "HTML_INSTEAD_OF_JSON"),
        (|_, _| Reply::empty(503), code::SERVER_ERROR, "REGISTRY_UNAVAILABLE"),
    ];
    for (answer, with, cause) in rows {
        let web = Web::start(answer);
        let seen = probe(HOST, &web.http(), &web).await;
        stops_at(&seen, check::REGISTRY_CHALLENGE, with, &[check::NET_DNS, check::NET_TCP, check::NET_TLS]);
        let found: Vec<_> = causes(&seen).into_iter().map(|f| f.cause_id).collect();
        // A page at `/v2/` is a cause by itself, and a sign of a wrong address.
        let also = |id: &&String| *id != "REGISTRY_URL_WRONG" || with != code::HTML;
        assert_eq!(found.iter().filter(also).collect::<Vec<_>>(), [cause]);
        assert!(web.seen().iter().all(|seen| !seen.text().contains("authorization")), "{with}: a login was sent");
        assert!(web.seen().len() <= 3, "{with}: {} requests", web.seen().len());
    }
}

/// A whole run of a worker whose proxy leads nowhere: the rest is asked without it, so that both faults are told.
#[tokio::test]
async fn behind_a_proxy_that_fails_the_rest_is_asked_without_it() {
    let web = Web::start(bearer);
    let closed = format!("127.0.0.1:{}", bind().expect("a port").local_addr().expect("an address").port());
    let env = Env::of([("HTTPS_PROXY", format!("http://{closed}"))]);
    let config = HttpConfig { connect: ConnectMap::default(), proxy: ProxySettings::from_env(&env), ..web.config() };
    let (worker, direct, clock) = (Http::new(config).expect("a pipeline"), web.http(), web.clock.shared());
    let reached = checks::reach_either(HOST, Ways { worker: &worker, direct: &direct, cluster: None }, &clock).await;
    let greeting = reached.greeting.as_ref().expect("an answer without the proxy");
    let images = [format!("{HOST}/team/worker:1")];
    let http = reached.way(&worker);
    let registry = checks::Registry { host: HOST, greeting, images: &images, platform: None, http, clock: &clock };
    let wrong = Auth::Basic { username: "u".into(), password: "canary-wrong".into() };
    let (asked, _) = registry.sign_in(variant::PULL_SECRET, wrong).await;
    let world = World::new(&says(&[reached.seen.clone(), asked].concat())).await;
    world.workload(true).await;
    let request = Request { vantages: vec![Vantage::P], ..request() };
    let report = diagnose(request, world.services()).await;
    let text = report::text(&report, 80, false);
    assert!(report.probes.iter().any(|o| o.check == check::REGISTRY_TOKEN && o.http_status.is_some()), "{text}");
    let ids: Vec<&str> = report.findings.iter().map(|f| f.cause_id.as_str()).collect();
    assert!(ids.contains(&"NO_PROXY_INCOMPLETE"), "{text}");
    assert!(ids.iter().any(|id| id.starts_with("REGISTRY_")), "the refused login is told as well: {text}");
    assert!(!text.contains("canary"), "{text}");
}

#[tokio::test]
async fn a_proxy_that_leads_nowhere_is_told_from_a_dead_host() {
    let web = Web::start(bearer);
    let by = |proxy: &str| {
        let env = Env::of([("HTTPS_PROXY", format!("http://user:canary@{proxy}"))]);
        let config =
            HttpConfig { connect: ConnectMap::default(), proxy: ProxySettings::from_env(&env), ..web.config() };
        Http::new(config).expect("a pipeline")
    };
    let closed = format!("127.0.0.1:{}", bind().expect("a port").local_addr().expect("an address").port());
    let (open, _) = proxy(web.ports.first);
    let dead = Http::new(HttpConfig { connect: ConnectMap::default(), ..web.config() }).expect("a pipeline");
    let live = web.http();
    let rows = [
        (&open, &dead, Outcome::Ok, None),
        (&closed, &live, Outcome::Failed, Some(code::REACHED_DIRECT)),
        (&closed, &dead, Outcome::Skipped, Some(code::UNEXPECTED)),
    ];
    for (proxy, direct, outcome, with) in rows {
        let reached =
            checks::reach_either(HOST, Ways { worker: &by(proxy), direct, cluster: None }, &web.clock.shared()).await;
        let seen = reached.seen.iter().find(|o| o.check == check::NET_PROXY).expect("net.proxy");
        assert_eq!((seen.outcome, seen.code.as_deref()), (outcome, with), "{:?}", reached.seen);
        assert_eq!(reached.greeting.is_some(), outcome != Outcome::Skipped, "one of both ways is enough");
        let way = reached.way(&dead);
        assert_eq!(with == Some(code::REACHED_DIRECT), !std::ptr::eq(way, &dead), "the rest goes the same way");
        assert!(!format!("{:?}", reached.seen).contains("canary"));
        assert!(reached.seen.iter().all(|o| o.check != check::NET_DNS), "addresses from here mean nothing");
    }
}

/// The worker knows of no proxy, and the cluster has one.
#[tokio::test]
async fn a_host_that_only_the_clusters_proxy_reaches_is_told() {
    let web = Web::start(bearer);
    let dead = HttpConfig { connect: ConnectMap::default(), ..web.config() };
    let (open, _) = proxy(web.ports.first);
    let closed = format!("127.0.0.1:{}", bind().expect("a port").local_addr().expect("an address").port());
    let looked = async |proxy: &str, none: &str| {
        let env = [
            (names::REGISTRY, HOST.to_owned()),
            (names::PROXY, format!("http://{proxy}")),
            (names::NO_PROXY, none.to_owned()),
        ];
        let http = Http::new(dead.clone()).expect("a pipeline");
        let seen = checks::run(&Settings::from_env(&Env::of(env)), &http, &web.clock.shared()).await;
        causes(&seen).into_iter().map(|f| f.cause_id).filter(|id| id != "ENV_MISSING").collect::<Vec<_>>()
    };
    assert_eq!(looked(&open, "").await, ["PROXY_ENV_MISSING"]);
    for (proxy, none) in [(&closed, ""), (&open, HOST)] {
        let found = looked(proxy, none).await;
        assert!(!found.is_empty() && found.iter().all(|id| id != "PROXY_ENV_MISSING"), "{found:?}");
    }
}

#[tokio::test]
async fn the_host_of_tokens_is_resolved_too() {
    let web = Web::start(|_, _| {
        Reply::json(401, &json!({})).header("www-authenticate", "Bearer realm=\"https://auth.docker.io/token\"")
    });
    let ways = web.http();
    let reached = checks::reach("docker.io", &ways, None, &web.clock.shared()).await;
    let names: Vec<_> = reached.seen.iter().filter(|o| o.check == check::NET_DNS).map(|o| o.target.as_str()).collect();
    assert_eq!(names, ["docker.io", "auth.docker.io"]);
}

/// A port that answers a handshake with HTTP.
fn plain_http() -> u16 {
    use tokio::io::AsyncWriteExt as _;
    let listener = bind().expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    port
}
