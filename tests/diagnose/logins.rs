//! The logins of this machine and of a worker, in whole runs: none at all, one whose end is missing, one that is an
//! identity token; and that each place is read once.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use k8s_openapi::api::core::v1::{Pod, Secret};
use mops_diagnose::finding::classify;
use mops_diagnose::observed::Vantage;
use mops_diagnose::{Command, Observed, Report, Request, Services, Words, look, report};
use mops_host::{Env, fsx};
use mops_probe::checks;
use mops_probe::settings::{Settings, names};
use mops_tests::http::Reply;
use serde_json::json;

use super::cluster::{NAMESPACE, World, observations, request, says};
use crate::web::{Ports, Seen, Web};

const HOST: &str = "reg.example";

/// A registry that gives tokens to nobody; or everything to everybody.
fn registry(open: bool) -> impl Fn(&Seen, Ports) -> Reply + Clone {
    move |seen, _| {
        let path = seen.call.path.as_str();
        match (open, path) {
            (true, "/v2/") => Reply::json(401, &json!({}))
                .header("www-authenticate", format!("Bearer realm=\"https://{HOST}/token\",service=\"{HOST}\"")),
            (true, "/token") => Reply::json(200, &json!({"token": "for-all", "expires_in": 300})),
            (true, _) => Reply::body(200, "application/vnd.oci.image.manifest.v1+json", "{}"),
            (false, "/token") => Reply::json(401, &json!({"errors": [{"code": "UNAUTHORIZED"}]})),
            (false, _) => Reply::json(401, &json!({"errors": [{"code": "UNAUTHORIZED"}]}))
                .header("www-authenticate", format!("Bearer realm=\"https://{HOST}/token\",service=\"{HOST}\"")),
        }
    }
}

/// A run of a worker whose image is there, and which has no secret, on a machine with this environment.
async fn run(open: bool, env: &[(&str, &str)]) -> Report {
    let web = Web::start(registry(open));
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    let pod = json!({"metadata": {"name": "bare", "labels": {"app": "bare"}},
        "spec": {"containers": [{"name": "worker", "image": format!("{HOST}/team/worker:1")}]}});
    world.make::<Pod>(pod).await;
    let env = Env::of(env.iter().copied());
    let services = Services { http: web.http(), env, ..world.services() };
    let vantages = vec![Vantage::W];
    let asked =
        Request { registry: Some(HOST.into()), selector: "app=bare".into(), env_secret: None, vantages, ..request() };
    let report = look(Command::DiagnoseAuth, asked, services).await.report();
    let all = report::text(&report, 80, false) + &report::json(&report).to_string();
    assert!(!all.contains("canary"), "{all}");
    report
}

fn ids(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|f| f.cause_id.as_str()).collect()
}

#[tokio::test]
async fn a_registry_for_which_nobody_has_a_login_is_told_from_a_public_one() {
    let closed = run(false, &[]).await;
    assert!(ids(&closed).contains(&"NOT_LOGGED_IN"), "{}", report::text(&closed, 80, false));
    let public = run(true, &[]).await;
    assert!(!ids(&public).contains(&"NOT_LOGGED_IN"), "{}", report::text(&public, 80, false));
    let config = json!({"auths": {HOST: {"username": "u", "password": "canary"}}}).to_string();
    let known = run(false, &[("DOCKER_AUTH_CONFIG", &config)]).await;
    assert!(!ids(&known).contains(&"NOT_LOGGED_IN"), "{}", report::text(&known, 80, false));
}

/// A credential program in a folder of its own, which writes down what it is asked for.
fn program(folder: &Path, secret: &str) -> String {
    let path = folder.join("docker-credential-kept");
    let log = folder.join("asked");
    let answer = json!({"ServerURL": "", "Username": "u", "Secret": secret});
    let script = format!("#!/bin/sh\ncat >>'{log}'; echo >>'{log}'\necho '{answer}'\n", log = log.display());
    fsx::replace(&path, script.as_bytes()).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("executable");
    format!("{}:/usr/bin:/bin", folder.display())
}

#[tokio::test]
async fn a_token_that_its_store_cut_off_is_told_from_a_whole_one() {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let whole = format!(
        "{}.{}.canarysignature",
        part(r#"{"alg":"RS256"}"#),
        part(r#"{"sub":"canary-somebody-of-the-registry"}"#)
    );
    for (token, cut) in [(&whole[..45], true), (whole.as_str(), false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = program(folder.path(), token);
        let report = run(false, &[("DOCKER_AUTH_CONFIG", r#"{"credsStore": "kept"}"#), ("PATH", &path)]).await;
        let text = report::text(&report, 80, false);
        assert_eq!(ids(&report).contains(&"CREDSTORE_TRUNCATED"), cut, "{text}");
        assert!(!text.contains(token), "{text}");
    }
}

/// From here it is traded, and refused; a kubelet sends its user without a password.
#[tokio::test]
async fn an_identity_token_in_place_of_a_password_is_named_here_and_in_a_secret() {
    let auth = STANDARD.encode("00000000-0000-0000-0000-000000000000:");
    let config = json!({"auths": {HOST: {"auth": auth, "identitytoken": "canary-token"}}}).to_string();
    let report = run(false, &[("DOCKER_AUTH_CONFIG", &config)]).await;
    let text = report::text(&report, 80, false);
    assert!(ids(&report).contains(&"DOCKER_IDENTITYTOKEN_UNSUPPORTED"), "{text}");
    assert!(!text.contains("kubelets do not trade"), "{text}");

    let web = Web::start(registry(false));
    let env = [(names::REGISTRY, HOST), (names::PULL_SECRET, &config)];
    let seen = checks::run(&Settings::from_env(&Env::of(env)), &web.http(), &web.clock.shared()).await;
    let seen: Vec<_> = seen.into_iter().map(|o| Observed::at(Vantage::P, o).on("cpu", "cpu-0")).collect();
    let found = classify(&seen, &Words::default());
    let one = found.iter().find(|f| f.cause_id == "DOCKER_IDENTITYTOKEN_UNSUPPORTED").expect("the cause");
    assert!(one.message.contains("kubelets do not trade"), "{}", one.message);
    assert!(!format!("{seen:?}").contains("canary"));
}

/// Each secret of the cluster once, and the credential program once a host.
#[tokio::test]
async fn every_key_is_read_once_in_a_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = program(folder.path(), "canary");
    let web = Web::start(registry(false));
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    for name in ["one", "two"] {
        let config = json!({"auths": {HOST: {"username": "u", "password": "canary"}}}).to_string();
        world
            .make::<Secret>(json!({"metadata": {"name": name, "namespace": NAMESPACE},
                "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": config}}))
            .await;
    }
    for number in 0..3 {
        let pod = json!({"metadata": {"name": format!("many-{number}"), "labels": {"app": "dask-worker"}}, "spec": {
            "imagePullSecrets": [{"name": "one"}, {"name": "two"}],
            "containers": [{"name": "worker", "image": format!("{HOST}/team/worker:{number}"),
                "envFrom": [{"secretRef": {"name": "bundle-credentials"}}]}]}});
        world.make::<Pod>(pod).await;
    }
    let env = Env::of([("DOCKER_AUTH_CONFIG", r#"{"credsStore": "kept"}"#), ("PATH", &path)]);
    let services = Services { http: web.http(), env, ..world.services() };
    let request = Request {
        registry: Some(HOST.into()),
        pull_secret: Some("one".into()),
        images: vec!["nvcr.io/nim/x/y:1".into()],
        vantages: vec![Vantage::W, Vantage::P, Vantage::N],
        ..request()
    };
    let report = look(Command::DiagnoseAuth, request, services).await.report();
    assert!(report.probes.len() > 10, "{}", report::text(&report, 80, false));
    let reads = world.secret_reads();
    let names: Vec<&str> = reads.keys().map(String::as_str).collect();
    assert_eq!(names, ["/bundle-credentials", "/one", "/two"], "no list, and nothing else");
    assert!(reads.values().all(|count| *count == 1), "{reads:?}");
    let asked = fsx::read_text(&folder.path().join("asked")).expect("the program was asked");
    let mut hosts: Vec<&str> = asked.split_whitespace().collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["nvcr.io", HOST], "each host once");
}
