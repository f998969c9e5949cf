//! What becomes of an image behind a sign-in that works: token, manifest and layer each by its own check, refusals told
//! apart by a repository that nobody has, and never more requests than a target may cost.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use mops_diagnose::finding::classify;
use mops_diagnose::observed::Vantage;
use mops_diagnose::rule::Confidence;
use mops_diagnose::{Observed, Words};
use mops_host::Env;
use mops_probe::observation::{check, code, variant};
use mops_probe::settings::{Settings, names};
use mops_probe::{Observation, Outcome, checks};
use mops_tests::http::Reply;
use mops_wire::registry::Digest;
use serde_json::{Value as Json, json};

use crate::web::{Ports, Seen, Web};

const PASSWORD: &str = "canary-password-5f1c";
const TOKEN: &str = "canary-token-9d2e";
const LAYER: &[u8] = b"a layer";
const HOST: &str = "reg.example";
/// A registry that hides what exists.
const NGC: &str = "nvcr.io";
const IMAGE: &str = "reg.example/team/worker:1";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Requests that one image may cost at its registry, by the order of checks.
const MOST: usize = 12;

#[derive(Clone, Copy)]
enum Blob {
    Here,
    Status(u16),
    Bytes(&'static [u8]),
    At(&'static str),
}

#[derive(Clone, Copy)]
struct World {
    /// Of the index, when the tag is one.
    platforms: &'static [&'static str],
    blob: Blob,
    /// Status for the image, and for any other repository but `team/known`.
    image: u16,
    other: u16,
}

const GOOD: World = World { platforms: &[], blob: Blob::Here, image: 200, other: 403 };

fn manifest() -> String {
    json!({"config": {"digest": Digest::of(b"config").as_str(), "size": 6000}, "layers": [{
        "digest": Digest::of(LAYER).as_str(), "size": LAYER.len()}]})
    .to_string()
}

fn index(platforms: &[&str]) -> String {
    let entry = |name: &&str| {
        let (os, architecture) = name.split_once('/').expect("two words");
        let digest = Digest::of(manifest().as_bytes());
        json!({"digest": digest.as_str(), "platform": {"os": os, "architecture": architecture}})
    };
    json!({"manifests": platforms.iter().map(entry).collect::<Vec<Json>>()}).to_string()
}

fn refusal(status: u16) -> Reply {
    let code = if status == 404 { "NAME_UNKNOWN" } else { "DENIED" };
    Reply::json(status, &json!({"errors": [{"code": code}]}))
}

fn answer(world: World, seen: &Seen) -> Reply {
    let path = seen.call.path.as_str();
    match seen.call.host.as_str() {
        HOST | NGC if path == "/token" => return Reply::json(200, &json!({"token": TOKEN, "expires_in": 300})),
        host @ (HOST | NGC) if seen.call.bearer() != Some(TOKEN) => {
            return Reply::json(401, &json!({"errors": [{"code": "UNAUTHORIZED"}]}))
                .header("www-authenticate", format!("Bearer realm=\"https://{host}/token\",service=\"{host}\""));
        }
        HOST | NGC => {}
        _ => return Reply::body(200, "application/octet-stream", LAYER),
    }
    let Some((repository, what)) = path.trim_start_matches("/v2/").rsplit_once("/manifests/") else {
        return match world.blob {
            _ if !path.contains("/blobs/") => Reply::json(200, &json!({})),
            Blob::Here => Reply::body(200, "application/octet-stream", LAYER),
            Blob::Status(status) => Reply::json(status, &json!({"errors": [{"code": "BLOB_UNKNOWN"}]})),
            Blob::Bytes(bytes) => Reply::body(200, "application/octet-stream", bytes),
            Blob::At(to) => Reply::empty(307).header("location", to),
        };
    };
    match (repository, what) {
        ("team/worker", _) if world.image != 200 => refusal(world.image),
        ("team/worker", "1") if !world.platforms.is_empty() => Reply::body(200, INDEX, index(world.platforms)),
        ("team/worker" | "team/known", _) => Reply::body(200, "application/vnd.oci.image.manifest.v1+json", manifest()),
        _ => refusal(world.other),
    }
}

async fn probe(world: World, images: &str) -> (Vec<Observation>, Web) {
    let web = Web::start(move |seen: &Seen, _: Ports| answer(world, seen));
    let host = images.split('/').next().unwrap_or_default();
    let config = json!({"auths": {host: {"username": "u", "password": PASSWORD}}}).to_string();
    let env = [(names::REGISTRY, host), (names::PULL_SECRET, &config), (names::IMAGES, images)];
    let seen = checks::run(&Settings::from_env(&Env::of(env)), &web.http(), &web.clock.shared()).await;
    let strange = web.seen().into_iter().filter(|s| s.call.host != host);
    for request in strange {
        assert_eq!(request.call.header("authorization"), None, "the login went to {}", request.call.host);
    }
    assert_eq!(web.plain(), "", "something was said without TLS");
    assert!(!serde_json::to_string(&seen).expect("lines").contains("canary"), "{seen:?}");
    (seen, web)
}

fn of<'a>(seen: &'a [Observation], check: &str) -> &'a Observation {
    let found = seen.iter().find(|o| o.check == check && o.variant == variant::PULL_SECRET);
    found.unwrap_or_else(|| panic!("no {check} in {seen:?}"))
}

fn causes(seen: &[Observation]) -> Vec<(String, Option<Confidence>)> {
    let here = seen.iter().filter(|o| o.check != check::ENV);
    let here: Vec<_> = here.map(|o| Observed::at(Vantage::P, o.clone()).on("gpu", "node-1")).collect();
    classify(&here, &Words::default()).into_iter().map(|f| (f.cause_id, f.confidence)).collect()
}

#[tokio::test]
async fn a_good_image_passes_every_step_within_its_requests() {
    let (seen, web) = probe(World { blob: Blob::At("https://store.example/layer"), ..GOOD }, IMAGE).await;
    for check in [
        check::REGISTRY_TOKEN,
        check::REGISTRY_V2,
        check::REGISTRY_PULL,
        check::REGISTRY_MANIFEST,
        check::REGISTRY_BLOB,
    ] {
        let found = of(&seen, check);
        assert_eq!((found.outcome, found.status), (Outcome::Ok, Some(200)), "{found:?}");
    }
    assert_eq!(of(&seen, check::REGISTRY_BLOB).redirect_host.as_deref(), Some("store.example"));
    let host = seen.iter().find(|o| o.check == check::NET_DNS && o.target == "store.example");
    assert_eq!(
        host.map(|o| (o.outcome, o.detail.as_str())),
        Some((Outcome::Ok, "127.0.0.1")),
        "the data host's address"
    );
    assert!(seen.iter().all(|o| o.check != check::REGISTRY_RANDOM && o.check != check::REGISTRY_KNOWN));
    assert_eq!(causes(&seen), []);
    let here = web.seen().iter().filter(|s| s.call.host == HOST).count();
    assert_eq!(here, 6, "challenge, token, sign-in, HEAD, manifest, layer");
    println!("R3 requests={here} most={MOST}");
}

#[tokio::test]
async fn what_is_wrong_with_a_manifest_or_a_layer_is_named() {
    let host = |to| World { blob: Blob::At(to), ..GOOD };
    let rows = [
        (World { platforms: &["plan9/mips", "unknown/unknown"], ..GOOD }, code::PLATFORM_MISSING, "PLATFORM_MISSING"),
        (World { blob: Blob::Status(404), ..GOOD }, "BLOB_UNKNOWN", "BLOB_MISSING"),
        (World { blob: Blob::Bytes(b"changed"), ..GOOD }, code::DIGEST_MISMATCH, "DIGEST_MISMATCH"),
        (host("https://layers.invalid/layer"), code::REDIRECT_HOST, "BLOB_HOST_BLOCKED"),
        (host("https://169.254.169.254/metadata/identity/oauth2/token"), code::REDIRECT_REFUSED, "UNCLASSIFIED"),
        (host("http://169.254.169.254/metadata/identity/oauth2/token"), code::REDIRECT_REFUSED, "UNCLASSIFIED"),
        (host("http://store.example/layer"), code::REDIRECT_REFUSED, "UNCLASSIFIED"),
    ];
    for (world, with, cause) in rows {
        let (seen, web) = probe(world, IMAGE).await;
        let failed: Vec<_> = seen.iter().filter(|o| o.outcome == Outcome::Failed && o.check != check::ENV).collect();
        assert!(matches!(failed.as_slice(), [one] if one.has_code(with)), "{with}: {failed:?}");
        let found = causes(&seen);
        let sure = (cause != "UNCLASSIFIED").then_some(Confidence::Certain);
        assert_eq!(found, [(cause.to_owned(), sure)], "{with}");
        assert!(web.seen().len() <= MOST, "{with}: {} requests", web.seen().len());
    }
    let (seen, _) = probe(World { platforms: &["plan9/mips", "linux/amd64", "linux/arm64"], ..GOOD }, IMAGE).await;
    assert_eq!(causes(&seen), [], "the platform's own entry is followed");
    assert_eq!(of(&seen, check::REGISTRY_BLOB).outcome, Outcome::Ok);
}

#[tokio::test]
async fn a_refusal_is_compared_with_that_of_a_repository_that_nobody_has() {
    let alike = World { image: 403, ..GOOD };
    let differ = World { image: 403, other: 404, ..GOOD };
    let rows = [
        (NGC, alike, Outcome::Ok, Some(code::ALIKE), "REGISTRY_REFUSED"),
        (NGC, differ, Outcome::Ok, Some(code::ANSWERS_DIFFER), "NGC_NOT_ENTITLED"),
        (HOST, differ, Outcome::Ok, None, "REGISTRY_REFUSED"),
        (
            HOST,
            World { image: 403, other: 500, ..GOOD },
            Outcome::Skipped,
            Some(code::SERVER_ERROR),
            "REGISTRY_REFUSED",
        ),
    ];
    for (host, world, outcome, with, cause) in rows {
        let (image, good) = (format!("{host}/team/worker:1"), format!("{host}/team/known:1"));
        let (seen, web) = probe(world, &format!("{image},{good}")).await;
        let random = of(&seen, check::REGISTRY_RANDOM);
        assert_eq!((random.outcome, random.code.as_deref()), (outcome, with), "{random:?}");
        assert_eq!(random.target, image);
        let known = of(&seen, check::REGISTRY_KNOWN);
        assert_eq!((known.outcome, known.target.as_str()), (Outcome::Ok, good.as_str()));
        let found = causes(&seen);
        assert!(!found.is_empty() && found.iter().all(|(id, _)| id == cause), "{found:?}");
        assert!(web.seen().len() <= 2 * MOST, "{} requests", web.seen().len());
    }
    let (seen, _) = probe(World { image: 404, ..GOOD }, IMAGE).await;
    assert!(seen.iter().all(|o| o.check != check::REGISTRY_RANDOM), "a missing image is no refusal");
}
