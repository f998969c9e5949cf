//! The keys of a worker against this machine's, in a whole run: a registry that takes one of two passwords, a worker
//! whose probe tells what it holds, and the logins of a home folder. Prints `keys worlds=…`.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::Nonce;
use mops_diagnose::{ArmView, Capture, Command, Request, Services, look, report};
use mops_host::Env;
use mops_probe::dockerconfig::Login;
use mops_probe::observation::{check, code, variant};
use mops_probe::{HeldKey, Observation};
use mops_tests::http::Reply;
use serde_json::json;

use super::cluster::{World, request, told};
use crate::web::{Ports, Seen, Web};

pub(super) const HOST: &str = "reg.example";
pub(super) const CURRENT: &str = "canary-current";

/// Takes one password for `robot`, and nothing else.
pub(super) fn registry(seen: &Seen, _: Ports) -> Reply {
    let want = format!("Basic {}", STANDARD.encode(format!("robot:{CURRENT}")));
    match seen.call.header("authorization") {
        Some(sent) if sent == want => Reply::json(200, &json!({})),
        _ => Reply::json(401, &json!({})).header("www-authenticate", "Basic realm=\"reg\""),
    }
}

fn login(user: &str, password: &str) -> Login {
    Login { username: user.into(), password: password.into() }
}

/// Takes whatever is sent, as some proxies do.
fn takes_all(seen: &Seen, _: Ports) -> Reply {
    match seen.call.header("authorization") {
        Some(_) => Reply::json(200, &json!({})),
        None => Reply::json(401, &json!({})).header("www-authenticate", "Basic realm=\"reg\""),
    }
}

/// A run with a docker config here, and a worker with a pull secret that holds `worker` for `robot`.
async fn run(here: Option<&Login>, worker: &str, arm: ArmView) -> Capture {
    at(registry, here, worker, arm).await
}

async fn at(answer: fn(&Seen, Ports) -> Reply, here: Option<&Login>, worker: &str, arm: ArmView) -> Capture {
    let web = Web::start(answer);
    let request = Request { registry: Some(HOST.into()), arm, ..request() };
    let held = HeldKey::of(&request.nonce, variant::PULL_SECRET, HOST, &login("robot", worker));
    let v2 = match worker == CURRENT {
        true => Observation::ok(check::REGISTRY_V2, variant::PULL_SECRET, HOST).status(200),
        false => Observation::failed(check::REGISTRY_V2, variant::PULL_SECRET, HOST, code::UNAUTHORIZED).status(401),
    };
    let world = World::new(&told(&[v2], &[held])).await;
    world.workload(true).await;
    let config = here.map(|login| {
        let entry = json!({"username": login.username, "password": login.password.expose()});
        ("DOCKER_AUTH_CONFIG".to_owned(), json!({"auths": {HOST: entry}}).to_string())
    });
    let services = Services { http: web.http(), env: Env::of(config), ..world.services() };
    let capture = look(Command::DiagnoseAuth, request.clone(), services).await;
    nothing_stays(&capture, &request.nonce, worker);
    for seen in web.seen() {
        assert_eq!(seen.call.host, HOST, "a login goes to its own host");
    }
    capture
}

/// Neither key, nor hash, nor nonce is in what is kept of a run.
fn nothing_stays(capture: &Capture, nonce: &Nonce, worker: &str) {
    let report = capture.clone().report();
    let kept = serde_json::to_string(capture).expect("a capture")
        + &report::json(&report).to_string()
        + &report::text(&report, 80, false);
    let hashes = [worker, CURRENT].map(|key| serde_json::to_string(&nonce.hash(&key.into())).expect("a hash"));
    for secret in hashes.iter().map(|hash| hash.trim_matches('"')).chain([nonce.text().as_str(), "canary"]) {
        assert!(!kept.contains(secret), "{secret} in {kept}");
    }
}

fn causes(capture: &Capture) -> Vec<(String, Option<&'static str>)> {
    let found = capture.clone().report().findings;
    let about = found.into_iter().filter(|f| f.target == HOST);
    about.map(|f| (f.cause_id, f.confidence.map(mops_diagnose::rule::Confidence::word))).collect()
}

#[tokio::test]
async fn n_06_a_key_that_was_renewed_here_and_not_in_the_cluster_is_named() {
    let robot = login("robot", CURRENT);
    let certain = |id: &str| vec![(id.to_owned(), Some("certain"))];
    let possible = |id: &str| vec![(id.to_owned(), Some("possible"))];
    let seen = run(Some(&robot), "canary-old", ArmView::NotAsked).await;
    assert_eq!(causes(&seen), certain("KEY_DIFFERS_LOCAL_CLUSTER"), "{:#?}", seen.observations);
    assert_eq!(seen.clone().report().summary.exit_code, 1);
    let worlds = [
        ("both work", Some(&robot), CURRENT, vec![]),
        ("nobody has a login here", None, "canary-old", possible("REGISTRY_REFUSED")),
        ("another user", Some(&login("me", CURRENT)), "canary-old", possible("REGISTRY_REFUSED")),
        ("the same refused key", Some(&login("robot", "canary-old")), "canary-old", possible("REGISTRY_REFUSED")),
    ];
    for (name, here, worker, want) in &worlds {
        let mut found = causes(&run(*here, worker, ArmView::NotAsked).await);
        found.dedup();
        assert_eq!(found, *want, "{name}");
    }
    println!("keys worlds={} certain=1", worlds.len() + 1);
}

/// What ARM lists is the nearer proof, and one cause is enough.
#[tokio::test]
async fn a_password_that_arm_lists_is_not_also_a_matter_of_this_machine() {
    let arm = ArmView::Credentials { username: "robot".into(), passwords: vec![CURRENT.into()] };
    let seen = run(Some(&login("robot", CURRENT)), "canary-old", arm).await;
    assert!(seen.observations.iter().any(|o| o.check == "key.compare"), "{:#?}", seen.observations);
    assert_eq!(causes(&seen).len(), 1, "{:?}", causes(&seen));
}

/// A login of this machine that is refused is told, and no worker fails by it.
#[tokio::test]
async fn a_refused_login_of_this_machine_is_a_warning() {
    let seen = run(Some(&login("robot", "canary-stale")), CURRENT, ArmView::NotAsked).await;
    let report = seen.clone().report();
    let about: Vec<_> = report.findings.iter().filter(|f| f.target == HOST).collect();
    assert!(matches!(about.as_slice(), [one] if one.cause_id == "REGISTRY_REFUSED"), "{about:?}");
    assert_eq!((about[0].severity, about[0].credential.as_str()), (mops_diagnose::rule::Severity::Warning, "local"));
    assert!(!report.findings.iter().any(|f| f.severity == mops_diagnose::rule::Severity::Error), "{report:#?}");
    assert_eq!(report.summary.counts.failed, 0);
}

/// Where a login that nobody has is taken, no comparison of logins proves anything.
#[tokio::test]
async fn a_registry_that_takes_any_login_proves_nothing() {
    let robot = login("robot", CURRENT);
    let seen = at(takes_all, Some(&robot), "canary-old", ArmView::NotAsked).await;
    let nobody = seen.observations.iter().find(|o| o.check == check::REGISTRY_INVENTED).expect("asked");
    assert_eq!((nobody.code(), nobody.credential.as_str()), (code::OPEN, variant::BROKEN));
    assert_eq!(causes(&seen), [("REGISTRY_REFUSED".to_owned(), Some("possible"))]);
    let refuses = run(Some(&robot), "canary-old", ArmView::NotAsked).await;
    let nobody = refuses.observations.iter().find(|o| o.check == check::REGISTRY_INVENTED).expect("asked");
    assert_eq!((nobody.code(), nobody.http_status), ("", Some(401)));
}
