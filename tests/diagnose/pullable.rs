//! L-10 and L-11: whether images can be pulled with the logins of this machine, before NGC's fake and registries that ask
//! for a login, for none, or for a token. No login goes to another host, and none at all where nobody may be asked with one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_diagnose::pullable::{self, Asked, Pull, Pullable};
use mops_diagnose::{Here, Request};
use mops_host::Env;
use mops_tests::http::Reply;
use mops_tests::ngc::{Access, Key};
use mops_wire::registry::Digest;
use serde_json::json;

use super::ngc;
use crate::web::{Ports, Seen, Web};

/// It asks for user and password, but for `open/…`.
const LOGIN: &str = "a.example";
const KEY: &str = "nvapi-canary-good";
const BAD: &str = "nvapi-canary-revoked";
const CONFIG: &str = r#"{"architecture": "amd64", "os": "linux"}"#;
const LAYER: &[u8] = b"a layer";

fn manifest() -> String {
    json!({"config": {"digest": Digest::of(CONFIG.as_bytes()).as_str(), "size": CONFIG.len()},
        "layers": [{"digest": Digest::of(LAYER).as_str(), "size": LAYER.len()}]})
    .to_string()
}

fn registry(seen: &Seen, _: Ports) -> Reply {
    let want = format!("Basic {}", STANDARD.encode("robot:canary-good"));
    let (path, sent) = (seen.call.path.as_str(), seen.call.header("authorization"));
    let open = path.starts_with("/v2/open/") && sent.is_none();
    if !open && sent != Some(want.as_str()) {
        return Reply::json(401, &json!({})).header("www-authenticate", "Basic realm=\"reg\"");
    }
    match path {
        "/v2/" => Reply::json(200, &json!({})),
        path if path.ends_with(Digest::of(CONFIG.as_bytes()).as_str()) => Reply::body(200, "application/json", CONFIG),
        path if path.contains("/blobs/") => Reply::body(200, "application/octet-stream", LAYER),
        path if path.contains("/worker/manifests/") => {
            Reply::body(200, "application/vnd.oci.image.manifest.v1+json", manifest())
        }
        _ => Reply::json(404, &json!({"errors": [{"code": "NAME_UNKNOWN"}]})),
    }
}

fn config(host: &str, password: &str) -> String {
    json!({"auths": {host: {"username": "robot", "password": password}}}).to_string()
}

async fn look(web: &Web, env: &[(&str, &str)], images: &[&str], anonymous: bool) -> Vec<Pullable> {
    let env = env.iter().chain(&[("PATH", "/nowhere")]).copied();
    let here = Here { http: web.http(), env: Env::of(env), clock: web.clock.shared() };
    let images = images.iter().map(|image| image.parse().expect("a reference")).collect();
    let asked = Asked { images, models: Vec::new(), anonymous };
    let looked = pullable::look(&Request::new("", "", ""), &here, &asked).await;
    let text: String = looked.iter().map(|image| image.text(80)).collect();
    assert!(!text.contains("canary") && !format!("{looked:?}").contains("canary"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80 || line.starts_with("  run:") || line.contains("@sha256:")),
        "{text}"
    );
    looked
}

/// Result and deciding cause.
fn said(image: &Pullable) -> (Pull, &str) {
    (image.pull, image.findings.first().map_or("", |finding| finding.cause_id.as_str()))
}

#[tokio::test]
async fn l_10_a_registry_with_a_login_an_open_part_and_nothing_else() {
    let web = Web::start(registry);
    let closed = format!("{LOGIN}/team/worker:1");
    let open = format!("{LOGIN}/open/worker@{}", Digest::of(manifest().as_bytes()));
    let absent = format!("{LOGIN}/team/other:1");
    let images = [closed.as_str(), open.as_str(), absent.as_str()];

    let good = config(LOGIN, "canary-good");
    let looked = look(&web, &[("DOCKER_AUTH_CONFIG", &good)], &images, false).await;
    assert_eq!(said(&looked[0]), (Pull::WithLogin, ""));
    assert_eq!(looked[0].login.as_deref(), Some("DOCKER_AUTH_CONFIG"));
    let anatomy = looked[0].anatomy.as_ref().expect("it is given");
    assert_eq!((anatomy.platforms.as_slice(), anatomy.compressed), (["linux/amd64".to_owned()].as_slice(), Some(7)));
    assert_eq!(said(&looked[1]).0, Pull::Public);
    assert_eq!(said(&looked[2]), (Pull::Refused, "REPOSITORY_NOT_FOUND"));

    let bad = config(LOGIN, "canary-old");
    let looked = look(&web, &[("DOCKER_AUTH_CONFIG", &bad)], &images[..2], false).await;
    assert_eq!(
        looked.iter().map(said).collect::<Vec<_>>(),
        [(Pull::Refused, "REGISTRY_CREDENTIAL_REFUSED"), (Pull::HarmfulLogin, "REGISTRY_CREDENTIAL_REFUSED"),]
    );

    let looked = look(&web, &[], &images[..2], false).await;
    assert_eq!(
        looked.iter().map(said).collect::<Vec<_>>(),
        [(Pull::LoginRequired, "NOT_LOGGED_IN"), (Pull::Public, "")]
    );
}

#[tokio::test]
async fn l_10_nothing_is_sent_for_one_who_asks_as_anybody() {
    let web = Web::start(registry);
    let (closed, open) = (format!("{LOGIN}/team/worker:1"), format!("{LOGIN}/open/worker:1"));
    let good = config(LOGIN, "canary-good");
    let env = [("DOCKER_AUTH_CONFIG", good.as_str()), ("NGC_API_KEY", KEY)];
    let looked = look(&web, &env, &[&closed, &open, "nvcr.io/nvidia/cuda:1"], true).await;
    assert_eq!(looked.iter().map(|image| image.pull).collect::<Vec<_>>()[..2], [Pull::Refused, Pull::Public]);
    assert!(web.seen().iter().all(|seen| seen.call.header("authorization").is_none()), "a login was sent");
}

/// By asking, never by path: `nvidia/` may be closed, and `nim/` may be open.
#[tokio::test]
async fn l_10_l_11_ngc_gives_and_refuses_in_its_own_ways() {
    let fake = ngc::ngc();
    fake.image("nvidia/closed", Access::Organisation("other".into()), true);
    fake.image("nim/open", Access::Everybody, true);
    fake.key(Key::new("nvapi-canary-other", "other"));
    let web = ngc::web(&fake);
    let images = ["nvcr.io/nvidia/cuda:1", "nvcr.io/nim/open:1", "nvcr.io/nvidia/closed:1"];

    let looked = look(&web, &[("NGC_API_KEY", "nvapi-canary-other")], &images, false).await;
    assert_eq!(
        looked.iter().map(said).collect::<Vec<_>>(),
        [(Pull::Public, ""), (Pull::Public, ""), (Pull::WithLogin, "")]
    );
    assert_eq!(looked[2].login.as_deref(), Some("NGC_API_KEY"));

    let looked = look(&web, &[("NGC_API_KEY", KEY)], &images[2..], false).await;
    assert_eq!(said(&looked[0]), (Pull::Refused, "NGC_NOT_ENTITLED"));

    let looked = look(&web, &[("NGC_API_KEY", BAD)], &images, false).await;
    assert_eq!(said(&looked[2]), (Pull::Refused, "NGC_KEY_INVALID_OR_EXPIRED"));

    let wrong = "nvcr.io/nvidia/cudda:1";
    let looked = look(&web, &[], &[images[2], wrong], false).await;
    let results: Vec<_> = looked.iter().map(said).collect();
    assert_eq!(results, [(Pull::LoginRequired, "NOT_LOGGED_IN"), (Pull::Refused, "NGC_IMAGE_NOT_FOUND")]);
    assert!(looked[1].text(80).contains("nvidia/cuda"), "the nearest name: {}", looked[1].text(80));
}

#[tokio::test]
async fn a_registry_that_gives_no_answer_says_nothing_of_its_images() {
    let web = Web::start(|_, _| Reply::json(500, &json!({})));
    let looked = look(&web, &[], &["a.example/team/worker:1"], false).await;
    assert_eq!(looked[0].pull, Pull::Unknown, "{:?}", looked[0]);
    assert!(!looked[0].findings.is_empty(), "it says why");
}
