//! The probe's checks against the sandbox's registry and storage: what each world gives, and which
//! cause follows from it. No observation holds a password or a signature.

use mops_core::Secret;
use mops_diagnose::finding::{Finding, classify};
use mops_diagnose::observed::Vantage;
use mops_diagnose::rule::Confidence;
use mops_diagnose::{Observed, Words};
use mops_host::{Env, SystemClock};
use mops_probe::observation::{check, code, variant};
use mops_probe::settings::{Settings, names};
use mops_probe::{Observation, Outcome, checks};
use mops_tests::image::Image;
use mops_tests::push::{Login, push};
use mops_wire::registry::Auth;
use mops_wire::{ConnectMap, Http, HttpConfig};
use serde_json::json;

use crate::client::{API_REGISTRY, API_STORAGE, Bench};

const HOST: &str = "modelopsdevacr.azurecr.io";
const IMAGE: &str = "modelopsdevacr.azurecr.io/team/worker:1";
const ACR: &str = "Microsoft.ContainerRegistry/registries/modelopsdevacr";
const STORE: &str = "Microsoft.Storage/storageAccounts/modelopsdevstore";
const ENDPOINT: &str = "https://modelopsdevstore.blob.core.windows.net/";

/// A registry with one image, a container with a SAS, and a worker's environment for both.
struct World {
    bench: Bench,
    password: String,
    sas: String,
    env: Vec<(String, String)>,
}

impl World {
    async fn new(permissions: &str) -> Self {
        let bench = Bench::new().await.with_group("g").await;
        let password = registry(&bench).await;
        let sas = storage(&bench, permissions).await;
        let mut world = Self { bench, password, sas, env: Vec::new() };
        let login =
            Login { host: HOST.into(), username: "modelopsdevacr".into(), password: Secret::from(&*world.password) };
        let image = Image::tiny("team/worker:1", "hello").expect("in memory");
        push(&world.bench.http, &login, &image).await.expect("a push");
        let config = json!({"auths": {HOST: {"username": "modelopsdevacr", "password": world.password}}});
        let storage = format!("BlobEndpoint={ENDPOINT};SharedAccessSignature={}", world.sas);
        for (name, value) in [
            (names::BUNDLE_REGISTRY, HOST.to_owned()),
            (names::USERNAME, "modelopsdevacr".to_owned()),
            (names::PASSWORD, world.password.clone()),
            (names::PULL_SECRET, config.to_string()),
            (names::IMAGES, IMAGE.to_owned()),
            (names::STORAGE, storage),
            (names::CONTAINER, "results".to_owned()),
            (names::VERIFY_READONLY, "1".to_owned()),
        ] {
            world.set(name, &value);
        }
        world
    }

    fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    fn unset(&mut self, name: &str) {
        self.env.retain(|(n, _)| n != name);
    }

    async fn probe_by(&self, http: &Http) -> Seen {
        let settings = Settings::from_env(&Env::of(self.env.clone()));
        let all = checks::run(&settings, http, &SystemClock::shared()).await;
        let text = serde_json::to_string(&all).expect("lines");
        let signature = self.sas.split("sig=").nth(1).unwrap_or_default();
        for secret in [self.password.as_str(), signature] {
            assert!(!secret.is_empty() && !text.contains(secret), "a secret in {text}");
        }
        Seen(all)
    }

    async fn probe(&self) -> Seen {
        self.probe_by(&self.bench.http).await
    }

    /// The registry's current credential, from here.
    async fn arm(&self) -> Observed {
        let password = Secret::new(current_password(&self.bench).await);
        let auth = Auth::Basic { username: "modelopsdevacr".into(), password };
        let clock = SystemClock::shared();
        let reached = checks::reach(HOST, &self.bench.http, None, &clock).await;
        let greeting = &reached.greeting.expect("a greeting");
        let http = &self.bench.http;
        let registry = checks::Registry { host: HOST, greeting, images: &[], platform: None, http, clock: &clock };
        let (seen, _) = registry.sign_in(variant::ARM, auth).await;
        Observed::at(Vantage::W, seen.into_iter().next().expect("the sign-in"))
    }
}

async fn registry(bench: &Bench) -> String {
    let body = json!({"location": "eastus2", "sku": {"name": "Basic"}, "properties": {"adminUserEnabled": true}});
    bench.arm("PUT", &format!("{}/providers/{ACR}", bench.group("g")), API_REGISTRY, Some(body)).await;
    bench.pass(60);
    current_password(bench).await
}

async fn current_password(bench: &Bench) -> String {
    let path = format!("{}/providers/{ACR}/listCredentials", bench.group("g"));
    let listed = bench.arm("POST", &path, API_REGISTRY, None).await;
    listed.body["passwords"][0]["value"].as_str().expect("a password").to_owned()
}

async fn storage(bench: &Bench, permissions: &str) -> String {
    let path = format!("{}/providers/{STORE}", bench.group("g"));
    let body = json!({"location": "eastus2", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"});
    bench.arm("PUT", &path, API_STORAGE, Some(body)).await;
    bench.pass(60);
    let container = format!("{path}/blobServices/default/containers/results");
    assert_eq!(bench.arm("PUT", &container, API_STORAGE, Some(json!({}))).await.status, 201);
    let body = json!({
        "canonicalizedResource": "/blob/modelopsdevstore/results", "signedResource": "c", "signedPermission": permissions,
        "signedProtocol": "https", "signedStart": "2026-11-24T07:45:00Z", "signedExpiry": "2026-11-25T08:00:00Z",
        "keyToSign": "key1",
    });
    let answer = bench.arm("POST", &format!("{path}/listServiceSas"), API_STORAGE, Some(body)).await;
    answer.body["serviceSasToken"].as_str().expect("a token").to_owned()
}

struct Seen(Vec<Observation>);

impl Seen {
    fn of(&self, check: &str, variant: &str) -> &Observation {
        let found = self.0.iter().find(|o| o.check == check && o.variant == variant);
        found.unwrap_or_else(|| panic!("no {check} by {variant} in {:?}", self.0))
    }

    fn failed(&self) -> Vec<(&str, &str)> {
        let failed = self.0.iter().filter(|o| o.outcome == Outcome::Failed);
        failed.map(|o| (o.check.as_str(), o.code.as_deref().unwrap_or_default())).collect()
    }

    fn causes(&self, more: Vec<Observed>) -> Vec<Finding> {
        let here = self.0.iter().cloned().map(|o| Observed::at(Vantage::P, o).on("gpu", "node-1"));
        classify(&here.chain(more).collect::<Vec<_>>(), &Words::default())
    }
}

fn ids(found: &[Finding]) -> Vec<(&str, Option<Confidence>)> {
    found.iter().map(|f| (f.cause_id.as_str(), f.confidence)).collect()
}

#[tokio::test]
async fn a_healthy_worker_passes_every_check() {
    let world = World::new("rl").await;
    let seen = world.probe().await;
    assert_eq!(seen.failed(), [], "{:?}", seen.0);
    assert!(seen.0.iter().all(|o| o.outcome == Outcome::Ok), "{:?}", seen.0);
    let refused = seen.of(check::STORAGE_WRITE_REFUSED, variant::SAS);
    assert_eq!((refused.status, refused.detail.as_str()), (Some(403), "AuthorizationPermissionMismatch"));
    assert!(seen.causes(Vec::new()).is_empty());
}

#[tokio::test]
async fn a_renewed_password_is_found_when_the_current_one_can_be_tried() {
    let world = World::new("rl").await;
    mops_tests::arm::registry::break_passwords(world.bench.sandbox.arm());
    let seen = world.probe().await;
    for variant in [variant::ENV, variant::PULL_SECRET] {
        let refused = seen.of(check::REGISTRY_V2, variant);
        assert_eq!((refused.status, refused.code.as_deref()), (Some(401), Some(code::UNAUTHORIZED)), "{refused:?}");
    }
    assert_eq!(seen.of(check::REGISTRY_PULL, variant::PULL_SECRET).outcome, Outcome::Skipped);
    let alone = seen.causes(Vec::new());
    assert!(ids(&alone).iter().all(|c| *c == ("REGISTRY_REFUSED", Some(Confidence::Medium))), "{:?}", ids(&alone));
    let arm = world.arm().await;
    let with = seen.causes(vec![arm]);
    assert!(ids(&with).iter().all(|c| *c == ("ACR_PASSWORD_ROTATED", Some(Confidence::High))), "{:?}", ids(&with));
}

#[tokio::test]
async fn what_is_missing_is_observed() {
    let mut world = World::new("rl").await;
    for name in [names::PASSWORD, names::PULL_SECRET, names::STORAGE] {
        world.unset(name);
    }
    let seen = world.probe().await;
    assert_eq!(seen.failed(), [(check::ENV, code::ENV_MISSING), (check::ENV, code::ENV_MISSING)]);
    assert_eq!(seen.of(check::REGISTRY_V2, variant::ENV).outcome, Outcome::Skipped);
    assert_eq!(seen.of(check::PULL_SECRET, variant::PULL_SECRET).code.as_deref(), Some(code::NOT_GIVEN));
    assert_eq!(seen.of(check::STORAGE_READ, variant::SAS).outcome, Outcome::Skipped);
    let found = seen.causes(Vec::new());
    assert!(ids(&found).iter().all(|c| *c == ("ENV_MISSING", Some(Confidence::High))), "{:?}", ids(&found));
}

#[tokio::test]
async fn a_missing_tag_and_a_missing_repository_are_told_apart() {
    let mut world = World::new("rl").await;
    let rows = [("team/worker:2", "TAG_NOT_FOUND"), ("team/other:1", "REPOSITORY_NOT_FOUND")];
    for (image, want) in rows {
        world.set(names::IMAGES, &format!("{HOST}/{image}"));
        let seen = world.probe().await;
        assert_eq!(seen.of(check::REGISTRY_PULL, variant::PULL_SECRET).status, Some(404));
        assert_eq!(ids(&seen.causes(Vec::new())), [(want, Some(Confidence::Certain))], "{:?}", seen.0);
    }
}

#[tokio::test]
async fn an_expired_sas_is_judged_by_the_storages_clock() {
    let world = World::new("rl").await;
    world.bench.pass(25 * 3600);
    let seen = world.probe().await;
    let read = seen.of(check::STORAGE_READ, variant::SAS);
    assert_eq!((read.status, read.code.as_deref()), (Some(403), Some("AuthenticationFailed")));
    assert_eq!(seen.of(check::STORAGE_SAS, variant::SAS).code.as_deref(), Some(code::EXPIRED));
    assert_eq!(seen.of(check::STORAGE_WRITE_REFUSED, variant::SAS).outcome, Outcome::Skipped);
    assert_eq!(ids(&seen.causes(Vec::new())), [("SAS_EXPIRED", Some(Confidence::Certain))]);
}

#[tokio::test]
async fn a_sas_by_a_renewed_key_is_not_called_expired() {
    let world = World::new("rl").await;
    mops_tests::arm::storage::break_keys(world.bench.sandbox.arm());
    let seen = world.probe().await;
    assert_eq!(ids(&seen.causes(Vec::new())), [("SAS_SIGNATURE", Some(Confidence::Medium))]);
}

#[tokio::test]
async fn a_write_that_goes_through_fails_the_check_and_is_removed() {
    let world = World::new("rwdl").await;
    let seen = world.probe().await;
    let write = seen.of(check::STORAGE_WRITE_REFUSED, variant::SAS);
    assert_eq!(write.code.as_deref(), Some(code::WRITE_ACCEPTED));
    assert_eq!(write.detail, "the blob was removed again");
    let url = format!("{ENDPOINT}results?restype=container&comp=list&{}", world.sas);
    assert!(!world.bench.blob("GET", &url, "").await.text.contains("<Name>"));
    let found = seen.causes(Vec::new());
    assert_eq!(ids(&found), [("SAS_TOO_BROAD", Some(Confidence::Certain))]);
}

#[tokio::test]
async fn an_account_key_is_refused_before_anything_is_sent() {
    let mut world = World::new("rl").await;
    world.set(names::STORAGE, "AccountName=modelopsdevstore;AccountKey=Y2FuYXJ5;BlobEndpoint=https://x/");
    let seen = world.probe().await;
    assert_eq!(ids(&seen.causes(Vec::new())), [("ACCOUNT_KEY_EXPOSED", Some(Confidence::Certain))]);
}

#[tokio::test]
async fn an_untrusted_certificate_is_named_and_no_credential_is_sent() {
    let world = World::new("rl").await;
    let http = Http::new(HttpConfig {
        connect: ConnectMap::new(world.bench.sandbox.connect()).expect("loopback"),
        bundled_roots: true,
        this_machine_only: true,
        ..HttpConfig::new()
    });
    let seen = world.probe_by(&http.expect("a pipeline")).await;
    for (check, variant) in
        [(check::REGISTRY_V2, variant::ANON), (check::REGISTRY_V2, variant::ENV), (check::STORAGE_READ, variant::SAS)]
    {
        assert_eq!(seen.of(check, variant).code.as_deref(), Some(code::UNTRUSTED_CERTIFICATE), "{check}");
    }
    let found = seen.causes(Vec::new());
    assert!(ids(&found).iter().all(|(id, _)| *id == "TLS_UNTRUSTED"), "{:?}", ids(&found));
}
