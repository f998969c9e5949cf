//! A workload of several registries: each is asked with its own login alone, and each image is looked up where it is.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::Pod;
use mops_diagnose::observed::{Status, Vantage};
use mops_diagnose::{Command, Request, Services, look, report};
use mops_host::Env;
use mops_probe::observation::{check, code, variant};
use mops_probe::settings::{Settings, names};
use mops_probe::{Observation, Outcome, checks};
use mops_tests::http::Reply;
use mops_wire::registry::Digest;
use serde_json::json;

use super::cluster::{World, observations, request, says};
use crate::web::{Ports, Seen, Web};

const OWN: &str = "a.example";
const OTHER: &str = "b.example";
const PUBLIC: &str = "paired.example";
const LAYER: &[u8] = b"a layer";
/// Requests that one target may cost at its registry.
const MOST: usize = 12;

fn manifest() -> String {
    json!({"config": {"digest": Digest::of(b"config").as_str(), "size": 6000}, "layers": [{
        "digest": Digest::of(LAYER).as_str(), "size": LAYER.len()}]})
    .to_string()
}

/// Each registry takes `robot` with a password of its own; one asks nobody.
fn registry(seen: &Seen, _: Ports) -> Reply {
    let host = seen.call.host.as_str();
    let want = format!("Basic {}", STANDARD.encode(format!("robot:canary-{host}")));
    if host != PUBLIC && seen.call.header("authorization") != Some(want.as_str()) {
        return Reply::json(401, &json!({})).header("www-authenticate", "Basic realm=\"reg\"");
    }
    match seen.call.path.as_str() {
        "/v2/" => Reply::json(200, &json!({})),
        path if path.contains("/blobs/") => Reply::body(200, "application/octet-stream", LAYER),
        path if path.ends_with("/team/worker/manifests/1") => {
            Reply::body(200, "application/vnd.oci.image.manifest.v1+json", manifest())
        }
        _ => Reply::json(404, &json!({"errors": [{"code": "NAME_UNKNOWN"}]})),
    }
}

fn image(host: &str) -> String {
    format!("{host}/team/worker:1")
}

fn config(hosts: &[&str]) -> String {
    let entry = |host: &&str| ((*host).to_owned(), json!({"username": "robot", "password": format!("canary-{host}")}));
    json!({"auths": hosts.iter().map(entry).collect::<serde_json::Map<_, _>>()}).to_string()
}

/// Each login went to its own host, and no target cost more than it may.
fn within_limits(web: &Web) {
    let mut asked: BTreeMap<(String, String), usize> = BTreeMap::new();
    for seen in web.seen() {
        let host = seen.call.host.clone();
        if let Some(sent) = seen.call.header("authorization").and_then(|h| h.strip_prefix("Basic ")) {
            let login = String::from_utf8(STANDARD.decode(sent).expect("base64")).expect("text");
            let invented = login.starts_with("mops-probe-");
            assert!(invented || login == format!("robot:canary-{host}"), "a login of another host at {host}");
        }
        *asked.entry((host, seen.call.path.split("/manifests/").next().unwrap_or_default().to_owned())).or_default() +=
            1;
    }
    assert!(asked.values().all(|count| *count <= MOST), "{asked:?}");
}

async fn probe(secrets: &[&str]) -> (Vec<Observation>, Web) {
    let web = Web::start(registry);
    let images = [OWN, OTHER, PUBLIC].map(image).join(",");
    let others = [OTHER, PUBLIC].join(",");
    let (config, password) = (config(secrets), format!("canary-{OWN}"));
    let env = [
        (names::REGISTRY, OWN),
        (names::OTHER_REGISTRIES, &others),
        (names::IMAGES, &images),
        (names::PULL_SECRET, &config),
        (names::USERNAME, "robot"),
        (names::PASSWORD, &password),
    ];
    let seen = checks::run(&Settings::from_env(&Env::of(env)), &web.http(), &web.clock.shared()).await;
    assert!(!serde_json::to_string(&seen).expect("lines").contains("canary"), "{seen:?}");
    within_limits(&web);
    (seen, web)
}

/// Credential and end of the pull of each image.
fn pulls(seen: &[Observation]) -> Vec<(&str, &str, Outcome)> {
    let all = seen.iter().filter(|o| o.check == check::REGISTRY_PULL);
    all.map(|o| (o.target.as_str(), o.variant.as_str(), o.outcome)).collect()
}

#[tokio::test]
async fn each_image_is_looked_up_at_its_own_registry_with_its_own_login() {
    let (seen, _) = probe(&[OWN, OTHER]).await;
    let images = [OWN, OTHER, PUBLIC].map(image);
    let by = |n: usize, variant| (images[n].as_str(), variant, Outcome::Ok);
    let want = [by(0, variant::PULL_SECRET), by(1, variant::PULL_SECRET), by(2, variant::ANON)];
    assert_eq!(pulls(&seen), want, "{seen:#?}");
    let refused = seen.iter().find(|o| o.check.starts_with("registry.") && o.outcome == Outcome::Failed);
    assert_eq!(refused, None);
}

#[tokio::test]
async fn a_registry_for_which_the_worker_has_no_secret_is_named() {
    let (seen, _) = probe(&[OWN]).await;
    let missing = seen.iter().find(|o| o.check == check::PULL_SECRET && o.target == OTHER).expect("looked for");
    assert_eq!((missing.outcome, missing.code.as_deref()), (Outcome::Failed, Some(code::NO_ENTRY)), "{seen:#?}");
    let other = image(OTHER);
    assert!(pulls(&seen).contains(&(&other, variant::PULL_SECRET, Outcome::Skipped)), "{seen:#?}");
    assert!(seen.iter().all(|o| o.check != check::PULL_SECRET || o.target != PUBLIC), "{seen:#?}");
}

/// A whole run: the registries of the workers' images are asked from here too, unless one is named.
#[tokio::test]
async fn a_run_asks_the_registries_of_all_images_and_shows_them() {
    for named_registries_only in [false, true] {
        let web = Web::start(registry);
        let world = World::new(&says(&observations())).await;
        world.workload(true).await;
        for (number, host) in [OWN, OTHER].into_iter().enumerate() {
            let name = format!("dask-worker-1{number}");
            let pod = json!({"metadata": {"name": name, "labels": {"app": "images"}},
                "spec": {"containers": [{"name": "worker", "image": image(host)}]}});
            world.make::<Pod>(pod).await;
        }
        let services = Services {
            http: web.http(),
            env: Env::of([("DOCKER_AUTH_CONFIG", config(&[OWN, OTHER]))]),
            ..world.services()
        };
        let request = Request {
            registry: Some(OWN.into()),
            selector: "app=images".into(),
            env_secret: None,
            named_registries_only,
            ..request()
        };
        let report = look(Command::DiagnoseAuth, request, services).await.report();
        let text = report::text(&report, 80, false);
        let here = report.probes.iter().filter(|o| o.vantage == Vantage::W && o.check == check::REGISTRY_PULL);
        let mut here: Vec<_> = here.map(|o| (o.target.clone(), o.status)).collect();
        here.sort_unstable();
        let want = [OWN, OTHER].map(|host| (image(host), Status::Pass));
        let count = if named_registries_only { 1 } else { 2 };
        assert_eq!(here, want[..count], "{text}");
        assert_eq!(report.run.other_registries.len(), count - 1, "{text}");
        let html = report::html(&report);
        assert_eq!(html.contains("a.example, b.example"), !named_registries_only);
        assert!(!(text + &report::json(&report).to_string()).contains("canary"));
        within_limits(&web);
    }
}
