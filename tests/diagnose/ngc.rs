//! NGC in a whole run: a server of a model in the cluster, its two secrets, this machine's key and the fake service. What
//! NGC refuses alike must come out as different causes, and each gate under its own name.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::path::Path;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Pod, Secret as KubeSecret};
use kube::api::{Api, PostParams};
use mops_core::Secret;
use mops_diagnose::observed::Vantage::{P, W};
use mops_diagnose::{Command, Report, Request, Services, look, report};
use mops_host::{Env, fsx};
use mops_probe::checks;
use mops_probe::settings::{Settings, names};
use mops_tests::ngc::{Access, Key, Ngc};
use mops_wire::Http;
use serde_json::json;

use super::cluster::{World, says};
use crate::web::Web;

const NAMESPACE: &str = "research-ops";
const KEY: &str = "nvapi-canary-good";
const OLD: &str = "nvapi-canary-old";
const ACME: &str = "acme";
/// Where the seed looked for it, and where it is.
const WRONG: &str = "nvcr.io/nim/meta/llama-3.1-nemotron-nano-8b-instruct:1.0.0";
const RIGHT: &str = "nvcr.io/nim/nvidia/llama-3.1-nemotron-nano-8b-v1:1.0.0";
const REPOSITORY: &str = "nim/nvidia/llama-3.1-nemotron-nano-8b-v1";
const MODEL: &str = "nim/nvidia/llama-3.1-nemotron-nano-8b-v1:hf-1.2";

/// What a server of a model has.
#[derive(Clone, Copy)]
pub(super) struct Server {
    image: &'static str,
    pull: &'static str,
    env: &'static str,
    local: Option<&'static str>,
    /// A key in the docker config of this machine, which is read first.
    docker: Option<&'static str>,
}

pub(super) const SERVER: Server = Server { image: RIGHT, pull: KEY, env: KEY, local: Some(KEY), docker: None };

/// NGC with the images that everybody may see, and a key of an organisation.
pub(super) fn ngc() -> Arc<Ngc> {
    let ngc = Ngc::default();
    ngc.key(Key::new(KEY, ACME));
    ngc.organisation(ACME, "Acme Research");
    ngc.image("nvidia/cuda", Access::Everybody, true);
    ngc.image("nim/meta/llama-3.1-8b-instruct", Access::Licensed(vec![ACME.into()]), true);
    ngc.image(REPOSITORY, Access::Licensed(vec![ACME.into()]), true);
    ngc.model(MODEL, Access::Organisation(ACME.into()));
    Arc::new(ngc)
}

pub(super) fn web(ngc: &Arc<Ngc>) -> Web {
    let ngc = Arc::clone(ngc);
    Web::start(move |seen, _| ngc.answer(&seen.call))
}

fn config(key: &str) -> String {
    json!({"auths": {"nvcr.io": {"username": "$oauthtoken", "password": key}}}).to_string()
}

/// What the probe beside this server sees.
pub(super) async fn probe(server: Server, http: &Http, web: &Web) -> Vec<mops_probe::Observation> {
    let pull = config(server.pull);
    let env = [
        (names::IMAGES, server.image),
        (names::MODELS, MODEL),
        (names::PULL_SECRET, pull.as_str()),
        ("NGC_API_KEY", server.env),
    ];
    let env = Env::of(env.into_iter().filter(|(_, value)| !value.is_empty()));
    checks::run(&Settings::from_env(&env), http, &web.clock.shared()).await
}

async fn cluster(server: Server, probe: &[mops_probe::Observation]) -> World {
    let world = World::new(&says(probe)).await;
    let space = json!({"metadata": {"name": NAMESPACE}});
    let space: Namespace = serde_json::from_value(space).expect("an object");
    let client = world.services().kube;
    Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &space).await.expect("made");
    let make = |object: serde_json::Value| {
        let secret: KubeSecret = serde_json::from_value(object).expect("an object");
        let api: Api<KubeSecret> = Api::namespaced(client.clone(), NAMESPACE);
        async move { api.create(&PostParams::default(), &secret).await.expect("made") }
    };
    make(json!({
        "metadata": {"name": "ngc-secret"}, "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": config(server.pull)}
    }))
    .await;
    make(json!({"metadata": {"name": "nvidia-ngc-secret"}, "stringData": {"NGC_API_KEY": server.env}})).await;
    let key = json!({"secretKeyRef": {"name": "nvidia-ngc-secret", "key": "NGC_API_KEY"}});
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "reasoning-nim-0", "labels": {"app": "reasoning-nim"}},
        "spec": {
            "nodeSelector": {"agentpool": "gpu"},
            "tolerations": [{"key": "sku", "operator": "Exists"}],
            "imagePullSecrets": [{"name": "ngc-secret"}],
            "containers": [{"name": "nim", "image": server.image, "env": [{"name": "NGC_API_KEY", "valueFrom": key}]}]
        }
    }))
    .expect("an object");
    Api::<Pod>::namespaced(client, NAMESPACE).create(&PostParams::default(), &pod).await.expect("made");
    world.settled(NAMESPACE).await;
    world
}

/// A whole run; no form of its report holds a key or a signature.
async fn run(ngc: &Arc<Ngc>, server: Server) -> Report {
    run_at(ngc, server, None).await
}

/// The same with a home folder.
async fn run_at(ngc: &Arc<Ngc>, server: Server, home: Option<&Path>) -> Report {
    let web = web(ngc);
    let http = web.http();
    let seen = probe(server, &http, &web).await;
    let world = cluster(server, &seen).await;
    let mut request = Request::new("7f3a", "dev", NAMESPACE);
    request.selector = "app=reasoning-nim".into();
    // The canned probe says what a pod sees, and is no node.
    request.vantages = vec![W, P];
    request.only_pools = vec!["gpu".into()];
    request.models = vec![MODEL.into()];
    let docker = server.docker.map(|key| ("DOCKER_AUTH_CONFIG".to_owned(), config(key)));
    let local = server.local.map(|key| ("NGC_API_KEY".to_owned(), key.to_owned()));
    let env =
        Env::of(docker.into_iter().chain(local).chain(home.map(|at| ("HOME".to_owned(), at.display().to_string()))));
    let report = look(Command::DiagnoseAuth, request, Services { http, env, ..world.services() }).await.report();
    let all = format!("{}{}", report::text(&report, 100, false), report::json(&report));
    assert!(!all.contains("canary"), "{all}");
    assert!(web.seen().iter().all(|seen| !seen.call.raw_query.contains("canary")), "a key in an address");
    for seen in web.seen().iter().filter(|seen| seen.call.header("authorization").is_some()) {
        assert!(mops_tests::ngc::NAMES.contains(&seen.call.host.as_str()), "a key went to {}", seen.call.host);
    }
    report
}

/// Ids of what NGC is the cause of, with the sentence of each.
fn told(report: &Report) -> Vec<(&str, &str)> {
    let about =
        |id: &str| ["NGC_", "KEY_", "REGISTRY_", "UNCLASSIFIED", "NIM_"].iter().any(|start| id.starts_with(start));
    report.findings.iter().filter(|f| about(&f.cause_id)).map(|f| (f.cause_id.as_str(), f.message.as_str())).collect()
}

/// The causes; this machine and a pod may both show one.
fn ids(report: &Report) -> Vec<&str> {
    let mut all: Vec<&str> = told(report).into_iter().map(|(id, _)| id).collect();
    all.dedup();
    all
}

#[tokio::test]
async fn a_server_whose_keys_are_good_has_nothing_of_ngc() {
    let report = run(&ngc(), SERVER).await;
    assert_eq!(told(&report), [], "{}", report::text(&report, 100, false));
    let passed = |check: &str, vantage| {
        report.probes.iter().any(|o| o.check == check && o.vantage == vantage && o.http_status == Some(200))
    };
    for (check, vantage) in [
        ("ngc.token", P),
        ("registry.pull", P),
        ("ngc.model", P),
        ("ngc.token", W),
        ("registry.pull", W),
        ("ngc.model", W),
    ] {
        assert!(passed(check, vantage), "{check} from {vantage:?}");
    }
    assert!(report.probes.iter().all(|o| o.check != "registry.random" && o.check != "ngc.catalogue"));
}

/// The docker config of this machine has an old key, and the environment a good one: a tool would get there.
#[tokio::test]
async fn every_login_of_this_machine_is_tried_until_one_is_taken() {
    let report = run(&ngc(), Server { docker: Some(OLD), ..SERVER }).await;
    let text = report::text(&report, 100, false);
    assert_eq!(told(&report), [], "{text}");
    let here = |check: &str| {
        let all = report.probes.iter().filter(|o| o.check == check && o.vantage == W && o.credential == "local");
        all.map(|o| (o.http_status, o.source.as_str())).collect::<Vec<_>>()
    };
    for check in ["ngc.token", "registry.pull", "ngc.model"] {
        assert_eq!(here(check), [(Some(200), "NGC_API_KEY")], "{check} {text}");
    }
    let old = run(&ngc(), Server { docker: Some(OLD), local: None, ..SERVER }).await;
    assert!(ids(&old).contains(&"NGC_KEY_INVALID_OR_EXPIRED"), "{}", report::text(&old, 100, false));
}

/// The profile in use has an old key, and another one a good key.
#[tokio::test]
async fn the_keys_of_mlenvs_profiles_are_tried() {
    let home = tempfile::tempdir().expect("a folder");
    let write = |name: &str, key: &str| {
        let path = home.path().join(name);
        fsx::create_dir_all(path.parent().expect("a folder")).expect("made");
        fsx::replace(&path, format!("[CURRENT]\napikey = {key}\n").as_bytes()).expect("written");
    };
    write(".mlenv/config", OLD);
    let nobody = Server { local: None, ..SERVER };
    let old = run_at(&ngc(), nobody, Some(home.path())).await;
    assert!(ids(&old).contains(&"NGC_KEY_INVALID_OR_EXPIRED"), "{}", report::text(&old, 100, false));
    write(".mlenv/profiles/work", KEY);
    let report = run_at(&ngc(), nobody, Some(home.path())).await;
    let text = report::text(&report, 100, false);
    assert_eq!(told(&report), [], "{text}");
    let taken = report.probes.iter().find(|o| o.check == "ngc.model" && o.vantage == W).expect("asked from here");
    assert!(taken.source.ends_with(".mlenv/profiles/work"), "{taken:?}");
}

/// E-01: the sentence is the cause, and the same status without it never is.
#[tokio::test]
async fn only_the_sentence_about_a_licence_is_about_a_licence() {
    let ngc = ngc();
    ngc.image(REPOSITORY, Access::Licensed(Vec::new()), false);
    let report = run(&ngc, SERVER).await;
    assert_eq!(ids(&report), ["NGC_LICENSE_NOT_ACCEPTED"], "{}", report::text(&report, 100, false));
    let bare = self::ngc();
    bare.image(REPOSITORY, Access::Organisation("others".into()), false);
    let report = run(&bare, SERVER).await;
    assert!(!ids(&report).contains(&"NGC_LICENSE_NOT_ACCEPTED"), "{}", report::text(&report, 100, false));
    let text = format!("{:?}", told(&report));
    assert!(!text.contains("accept"), "{text}");
}

/// E-02, first half: the seed put 95 % on the licence.
#[tokio::test]
async fn a_wrong_path_is_found_with_the_right_one() {
    let report = run(&ngc(), Server { image: WRONG, ..SERVER }).await;
    assert_eq!(ids(&report), ["NGC_IMAGE_NOT_FOUND"], "{}", report::text(&report, 100, false));
    assert!(report.findings.iter().any(|f| f.pools == ["gpu"]), "also where the workers are");
    for (_, said) in told(&report) {
        assert!(said.contains("nearest: nim/nvidia/llama-3.1-nemotron-nano-8b-v1"), "{said}");
        assert!(said.contains("no licence is missing"), "{said}");
    }
}

/// E-03: what NGC refuses with 401, 402, 403, 403 and 451 is five causes.
#[tokio::test]
async fn what_ngc_refuses_is_five_causes_in_a_run() {
    type Change = fn(&Ngc);
    let rows: [(Change, Server, &str); 6] = [
        (|_| {}, Server { pull: OLD, env: OLD, local: None, ..SERVER }, "NGC_KEY_INVALID_OR_EXPIRED"),
        (|ngc| ngc.image(REPOSITORY, Access::Subscription, false), SERVER, "NGC_SUBSCRIPTION_REQUIRED"),
        (|_| {}, Server { image: WRONG, ..SERVER }, "NGC_IMAGE_NOT_FOUND"),
        (|ngc| ngc.image(REPOSITORY, Access::Organisation("x".into()), false), SERVER, "NGC_NOT_ENTITLED"),
        (|ngc| ngc.model(MODEL, Access::Withheld), SERVER, "NGC_LEGAL_RESTRICTION"),
        (|ngc| ngc.image(REPOSITORY, Access::Withheld, false), SERVER, "NGC_LEGAL_RESTRICTION"),
    ];
    for (change, server, cause) in rows {
        let ngc = ngc();
        change(&ngc);
        let report = run(&ngc, server).await;
        assert_eq!(ids(&report), [cause], "{}", report::text(&report, 100, false));
    }
    println!("E03 worlds={} causes=5", rows.len());
}

/// A key without the registry among its services gets not even what everybody gets.
#[tokio::test]
async fn a_key_without_the_registry_is_told_from_a_missing_right() {
    let ngc = ngc();
    ngc.key(Key { registry: false, ..Key::new("nvapi-canary-models", ACME) });
    let key = "nvapi-canary-models";
    let report = run(&ngc, Server { pull: key, env: key, local: Some(key), ..SERVER }).await;
    assert_eq!(ids(&report), ["NGC_KEY_SERVICES"], "{}", report::text(&report, 100, false));
}

/// E-04: the image is for everybody, and the login spoils it.
#[tokio::test]
async fn a_login_that_spoils_a_public_image_is_named() {
    let ngc = ngc();
    ngc.image(REPOSITORY, Access::Anonymous(Vec::new()), false);
    let report = run(&ngc, SERVER).await;
    assert_eq!(ids(&report), ["NGC_LOGIN_HARMFUL"], "{}", report::text(&report, 100, false));
    let public = self::ngc();
    public.image(REPOSITORY, Access::Everybody, false);
    let report = run(&public, Server { pull: OLD, env: OLD, local: None, ..SERVER }).await;
    assert!(ids(&report).contains(&"NGC_LOGIN_HARMFUL"), "{}", report::text(&report, 100, false));
}

/// E-05: the image is given and the model is not, and the reverse.
#[tokio::test]
async fn a_shut_gate_is_named_and_the_open_one_is_not() {
    let report = run(&ngc(), Server { env: OLD, ..SERVER }).await;
    assert_eq!(ids(&report), ["NGC_MODEL_KEY_REFUSED"], "{}", report::text(&report, 100, false));
    let scope = ngc();
    scope.key(Key { models: false, ..Key::new("nvapi-canary-images", ACME) });
    let report = run(&scope, Server { env: "nvapi-canary-images", ..SERVER }).await;
    assert_eq!(ids(&report), ["NGC_MODEL_SCOPE"], "{}", report::text(&report, 100, false));
    let report = run(&ngc(), Server { pull: OLD, ..SERVER }).await;
    let told = format!("{:?}", told(&report));
    assert!(ids(&report).iter().all(|id| !id.starts_with("NGC_MODEL")), "{told}");
    assert!(
        ids(&report).iter().any(|id| *id == "NGC_KEY_INVALID_OR_EXPIRED" || *id == "KEY_DIFFERS_LOCAL_CLUSTER"),
        "{told}"
    );
}

/// Both ways of sending a key to the second gate are known.
#[tokio::test]
async fn a_gate_that_knows_passwords_only_is_passed() {
    let ngc = ngc();
    ngc.takes_passwords();
    let web = web(&ngc);
    let seen = probe(SERVER, &web.http(), &web).await;
    let model = seen.iter().find(|o| o.check == "ngc.model").expect("the gate");
    assert_eq!((model.status, model.redirect_host.as_deref()), (Some(200), Some("xfiles.ngc.nvidia.com")), "{model:?}");
    assert!(web.seen().iter().all(|s| s.call.host != "xfiles.ngc.nvidia.com"), "nothing is fetched");
}

/// The organisation stands in the path as pages show it.
#[tokio::test]
async fn a_displayed_name_in_a_path_is_named() {
    let ngc = ngc();
    ngc.image("acme/own-server", Access::Organisation(ACME.into()), false);
    let image = "nvcr.io/acme-research/own-server:2";
    let report = run(&ngc, Server { image, ..SERVER }).await;
    assert_eq!(ids(&report), ["NGC_ORG_DISPLAY_NAME"], "{}", report::text(&report, 100, false));
    let report = run(&ngc, Server { image: "nvcr.io/acme/own-server:2", ..SERVER }).await;
    assert_eq!(ids(&report), [""; 0], "its name in paths");
}

/// The sandbox has an NGC of its own under the real names, with its faults in front.
#[tokio::test]
async fn the_sandbox_has_an_ngc() {
    let bench = crate::client::Bench::new().await;
    bench.sandbox.ngc().key(Key::new(KEY, ACME));
    bench.sandbox.ngc().model(MODEL, Access::Organisation(ACME.into()));
    let key = checks::ngc::Key::new("local", &Secret::from(KEY));
    let models = [MODEL.to_owned()];
    let clock = mops_host::SystemClock::shared();
    let ask = || checks::ngc::gate_of_models(&models, "local", std::slice::from_ref(&key), &bench.http, &clock);
    assert_eq!(ask().await[0].status, Some(200));
    bench.sandbox.faults().once(&["registry HEAD", "/zip"], mops_tests::fault::Fault::Page);
    assert!(ask().await[0].has_code("HTML"), "a page in front");
}
