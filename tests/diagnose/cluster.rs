//! A run against the Kubernetes fake, in process, with a canned probe: places, clean-up, verdicts.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use futures::future::BoxFuture;
use http::{HeaderValue, Request as HttpRequest, Response, header};
use kube::api::{Api, Patch, PatchParams, PostParams};
use mops_core::{Cancel, Secret};
use mops_diagnose::observed::Vantage;
use mops_diagnose::permissions::{self, Purpose, Right};
use mops_diagnose::{Command, KnownPool, Report, Request, Services, look, report};
use mops_host::clock::{ManualClock, SystemClock};
use mops_host::{Env, fsx};
use mops_probe::observation::{check, lines, variant};
use mops_probe::{HeldKey, Observation};
use mops_tests::kubernetes::{AlwaysPulled, ImagePuller, KubernetesFake, NodePool, Options, router};
use mops_tests::ledger::Ledger;
use mops_wire::{Http, HttpConfig};
use serde_json::{Value as Json, json};
use tower::Service;

pub(super) const TOKEN: &str = "canary-token";
pub(super) const NAMESPACE: &str = "modelops-dask-dev";
pub(super) const HOST: &str = "reg.azurecr.io";
const CANARY: &str = "canary-password";

pub(super) async fn diagnose(request: Request, services: Services) -> Report {
    look(Command::DiagnoseAuth, request, services).await.report()
}

async fn smoke_test(request: Request, services: Services) -> Report {
    look(Command::SmokeTest, request, services).await.report()
}

/// Methods and addresses of requests.
type Asked = Arc<Mutex<Vec<(String, String)>>>;

/// How many writes of a fix may still be made before somebody interrupts.
type Patience = Arc<Mutex<Option<usize>>>;

/// What somebody else changes right before a write: the end of the object's address, and a merge patch of it.
type Meddling = Arc<Mutex<Option<(String, Json)>>>;

/// The fake's router with a token on each request; each is remembered.
#[derive(Clone)]
struct Authorized(Router, Asked, (Patience, Cancel), Meddling);

/// A request of somebody else.
fn meddled(path: &str, patch: &Json) -> HttpRequest<kube::client::Body> {
    let request = HttpRequest::patch(path)
        .header(header::CONTENT_TYPE, "application/merge-patch+json")
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
    request.body(kube::client::Body::from(patch.to_string().into_bytes())).expect("a request")
}

/// Whether it changes the workload.
fn writes<B>(request: &HttpRequest<B>) -> bool {
    ["PATCH", "DELETE"].contains(&request.method().as_str()) && !request.uri().path().contains("/jobs/")
}

impl Service<HttpRequest<kube::client::Body>> for Authorized {
    type Response = Response<axum::body::Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: HttpRequest<kube::client::Body>) -> Self::Future {
        let asked = (request.method().to_string(), request.uri().to_string());
        self.1.lock().expect("requests").push(asked);
        let token = HeaderValue::from_str(&format!("Bearer {TOKEN}")).expect("a header");
        request.headers_mut().insert(header::AUTHORIZATION, token);
        let mut router = self.0.clone();
        let (patience, cancel) = self.2.clone();
        if writes(&request)
            && let Some(left) = patience.lock().expect("patience").as_mut()
        {
            *left = left.saturating_sub(1);
            if *left == 0 {
                cancel.cancel();
            }
        }
        // An apply that makes the object needs the right to create it, too.
        let (applied, asked) = (request.method() == "PATCH", Arc::clone(&self.1));
        let path = request.uri().path().to_owned();
        let own = self.3.lock().expect("meddling").take_if(|(end, _)| writes(&request) && path.ends_with(&*end));
        Box::pin(async move {
            if let Some((_, patch)) = own {
                let changed = Service::call(&mut router, meddled(&path, &patch)).await;
                assert!(changed.is_ok_and(|answer| answer.status() == 200), "{path} was not changed");
            }
            let response = Service::call(&mut router, request).await;
            if applied && response.as_ref().is_ok_and(|r| r.status() == 201) {
                asked.lock().expect("requests").push(("POST".to_owned(), path));
            }
            response
        })
    }
}

pub(super) struct World {
    pub(super) fake: Arc<KubernetesFake>,
    pub(super) client: kube::Client,
    asked: Asked,
    steps: Arc<Mutex<Vec<String>>>,
    cancel: Cancel,
    patience: Patience,
    meddling: Meddling,
    _dir: tempfile::TempDir,
}

pub(super) fn observations() -> Vec<Observation> {
    vec![
        Observation::ok(check::REGISTRY_V2, variant::ENV, HOST).status(200),
        Observation::ok(check::STORAGE_READ, variant::SAS, "bundles").status(200),
        Observation::ok(check::STORAGE_WRITE_REFUSED, variant::SAS, "bundles").status(403),
    ]
}

fn script(dir: &Path, body: &str) -> std::path::PathBuf {
    let path = dir.join("mops-probe");
    fsx::replace(&path, format!("#!/bin/sh\n{body}\n").as_bytes()).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("executable");
    path
}

pub(super) fn says(observations: &[Observation]) -> String {
    told(observations, &[])
}

/// A probe that prints these lines.
pub(super) fn told(observations: &[Observation], keys: &[HeldKey]) -> String {
    let lines: Vec<String> =
        lines(observations, keys).iter().map(|l| serde_json::to_string(l).expect("a line")).collect();
    format!("cat <<'LOG'\n{}\nLOG", lines.join("\n"))
}

impl World {
    pub(super) async fn new(probe: &str) -> Self {
        Self::pulled_by(probe, Arc::new(AlwaysPulled)).await
    }

    /// A world whose nodes pull in this way.
    pub(super) async fn pulled_by(probe: &str, puller: Arc<dyn ImagePuller>) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let fake = KubernetesFake::new(Options {
            token: Secret::from(TOKEN),
            probe: Some(script(dir.path(), probe)),
            probe_env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            puller,
            clock: SystemClock::shared(),
            ledger: Ledger::default(),
            ledger_prefix: "kubernetes/test".into(),
        });
        let asked = Asked::default();
        let (patience, cancel) = (Patience::default(), Cancel::new());
        let (meddling, patient) = (Meddling::default(), (Arc::clone(&patience), cancel.clone()));
        let service = Authorized(router(Arc::clone(&fake)), Arc::clone(&asked), patient, Arc::clone(&meddling));
        let client = kube::Client::new(service, NAMESPACE);
        let world = Self { fake, client, asked, steps: Arc::default(), cancel, patience, meddling, _dir: dir };
        world.pool("cpu", &[]);
        world.pool("gpu", &["sku=gpu:NoSchedule"]);
        world
    }

    fn pool(&self, name: &str, taints: &[&str]) {
        let taints = taints.iter().map(|t| (*t).to_owned()).collect();
        self.fake.add_pool(&NodePool { name: name.into(), count: 1, taints, ..NodePool::default() });
    }

    /// What pods of the namespace must satisfy from now on.
    pub(super) async fn secure(&self, level: &str) {
        use k8s_openapi::api::core::v1::Namespace;
        let label = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": level}}});
        let spaces: Api<Namespace> = Api::all(self.client.clone());
        spaces.patch(NAMESPACE, &PatchParams::default(), &Patch::Merge(label)).await.expect("labelled");
    }

    pub(super) async fn make<K>(&self, object: Json)
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>
            + serde::Serialize
            + serde::de::DeserializeOwned
            + Clone
            + std::fmt::Debug,
        K::DynamicType: Default,
    {
        let object: K = serde_json::from_value(object).expect("an object");
        let api: Api<K> = Api::namespaced(self.client.clone(), NAMESPACE);
        api.create(&PostParams::default(), &object).await.expect("made");
    }

    /// A secret of another namespace.
    pub(super) async fn secret_in(&self, namespace: &str, name: &str) {
        use k8s_openapi::api::core::v1::{Namespace, Secret};
        let space: Namespace = serde_json::from_value(json!({"metadata": {"name": namespace}})).expect("an object");
        Api::<Namespace>::all(self.client.clone()).create(&PostParams::default(), &space).await.expect("made");
        let secret: Secret = serde_json::from_value(json!({"metadata": {"name": name}})).expect("an object");
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        api.create(&PostParams::default(), &secret).await.expect("made");
    }

    pub(super) async fn workload(&self, secrets: bool) {
        use k8s_openapi::api::core::v1::{Namespace, Pod, Secret};
        let space: Namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}})).expect("an object");
        Api::<Namespace>::all(self.client.clone()).create(&PostParams::default(), &space).await.expect("made");
        if secrets {
            let data = json!({"REGISTRY_USERNAME": "reg", "REGISTRY_PASSWORD": CANARY});
            self.make::<Secret>(json!({"metadata": {"name": "bundle-credentials"}, "stringData": data})).await;
        }
        let source = json!([{"secretRef": {"name": "bundle-credentials"}}]);
        self.make::<Pod>(json!({
            "metadata": {"name": "dask-worker-1", "labels": {"app": "dask-worker"}},
            "spec": {
                "nodeSelector": {"agentpool": "cpu"},
                "containers": [{"name": "worker", "image": "reg.azurecr.io/worker:1", "envFrom": source}]
            }
        }))
        .await;
        self.settled(NAMESPACE).await;
    }

    pub(super) async fn settled(&self, namespace: &str) {
        for _ in 0..200 {
            let pods = self.fake.objects("Pod", namespace);
            if pods.iter().all(|p| p["status"]["containerStatuses"].is_array()) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn services(&self) -> Services {
        let steps = Arc::clone(&self.steps);
        Services {
            kube: self.client.clone(),
            http: Http::new(HttpConfig::new()).expect("a client"),
            env: Env::default(),
            clock: SystemClock::shared(),
            cancel: self.cancel.clone(),
            progress: Arc::new(move |step| steps.lock().expect("steps").push(step.to_owned())),
        }
    }

    /// What runs have told while they went on.
    pub(super) fn steps(&self) -> Vec<String> {
        self.steps.lock().expect("steps").clone()
    }

    /// What has been asked so far inside a namespace, as rights.
    pub(super) fn used(&self) -> BTreeSet<String> {
        let asked = self.asked.lock().expect("requests").clone();
        asked.iter().filter_map(right).filter(|(_, space)| !space.is_empty()).map(|(right, _)| right).collect()
    }

    /// Forgets what has been asked.
    pub(super) fn forget_asked(&self) {
        self.asked.lock().expect("requests").clear();
    }

    /// Interrupts the run at its n-th write to the workload, at once for none.
    pub(super) fn cancel_after_writes(&self, writes: usize) {
        match writes {
            0 => self.cancel.cancel(),
            _ => *self.patience.lock().expect("patience") = Some(writes),
        }
    }

    /// Somebody else changes an object between the last read of it and the next write.
    pub(super) fn meddle(&self, end: &str, patch: Json) {
        *self.meddling.lock().expect("meddling") = Some((end.to_owned(), patch));
    }

    /// Whether that has happened.
    pub(super) fn was_meddled(&self) -> bool {
        self.meddling.lock().expect("meddling").is_none()
    }

    /// How often each secret was read.
    pub(super) fn secret_reads(&self) -> BTreeMap<String, usize> {
        let asked = self.asked.lock().expect("requests");
        let reads = asked.iter().filter(|(method, _)| method == "GET").filter_map(|(_, uri)| {
            let path = uri.split('?').next().unwrap_or_default();
            path.split_once("/secrets").map(|(_, name)| name.to_owned())
        });
        reads.fold(BTreeMap::new(), |mut all, name| {
            *all.entry(name).or_default() += 1;
            all
        })
    }

    /// Jobs and pods of runs.
    pub(super) fn probes_left(&self) -> usize {
        let name = |o: &Json| o["metadata"]["name"].as_str().unwrap_or_default().starts_with("mops-probe");
        ["Job", "Pod"].iter().flat_map(|kind| self.fake.objects(kind, "")).filter(name).count()
    }
}

pub(super) fn request() -> Request {
    let mut request = Request::new("7f3a", "dev", NAMESPACE);
    request.env_secret = Some("bundle-credentials".into());
    // That of the worker's image is nowhere.
    request.named_registries_only = true;
    request.vantages = vec![Vantage::W, Vantage::P];
    request.pools = vec![KnownPool { name: "gpuspot".into(), autoscale: Some((0, 2)), ..KnownPool::default() }];
    request
}

pub(super) fn causes(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|f| f.cause_id.as_str()).collect()
}

fn nothing_leaks(report: &Report) {
    let all = report::text(report, 80, false) + &report::json(report).to_string();
    assert!(!all.contains("canary"), "{all}");
}

#[tokio::test]
async fn every_pool_is_probed_and_nothing_is_left() {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    let report = smoke_test(request(), world.services()).await;
    let text = report::text(&report, 80, false);
    assert_eq!(report.summary.exit_code, 0, "{text}");
    assert_eq!(causes(&report), ["POOL_EMPTY"], "{text}");
    let pools: Vec<&str> =
        report.probes.iter().filter(|o| o.check == check::STORAGE_READ).map(|o| o.pool.as_str()).collect();
    assert_eq!(pools, ["cpu", "gpu"], "{text}");
    assert!(report.cleanup.complete);
    assert_eq!(world.probes_left(), 0);
    assert!(text.contains("gpuspot  -"), "{text}");
    assert!(text.contains("skipped: 0 nodes (autoscale 0-2)"), "{text}");
    assert!(!report.skipped.is_empty(), "what was not looked at is told");
    nothing_leaks(&report);
}

#[tokio::test]
async fn a_missing_secret_is_named_by_the_static_reads() {
    let world = World::new(&says(&observations())).await;
    world.workload(false).await;
    let report = diagnose(request(), world.services()).await;
    let text = report::text(&report, 80, false);
    assert_eq!(causes(&report)[..2], ["SECRET_MISSING", "WORKER_NOT_RUNNING"], "{text}");
    assert_eq!(report.summary.exit_code, 1);
    // The probe's own references are optional, so it runs where the worker cannot.
    assert!(report.probes.iter().any(|o| o.check == check::REGISTRY_V2), "{text}");
    let other = Request { env_secret: Some("another".into()), ..request() };
    let report = diagnose(other, world.services()).await;
    assert!(report.findings.iter().any(|f| f.cause_id == "SECRET_MISSING" && f.target == "another"));
}

#[tokio::test]
async fn no_worker_and_no_namespace_are_two_causes() {
    let world = World::new(&says(&observations())).await;
    let report = diagnose(request(), world.services()).await;
    assert_eq!(causes(&report), ["NAMESPACE_NOT_FOUND"]);
    assert_eq!(report.summary.exit_code, 1);
    world.workload(true).await;
    let report = diagnose(Request { selector: "app=none".into(), ..request() }, world.services()).await;
    assert_eq!(causes(&report).first(), Some(&"NO_WORKER_PODS"));
    assert_eq!(report.summary.exit_code, 1);
}

#[tokio::test]
async fn a_missing_right_is_a_note_and_the_run_is_incomplete() {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    world.fake.deny("create", "jobs");
    world.fake.deny("get", "secrets");
    let report = diagnose(request(), world.services()).await;
    let text = report::text(&report, 80, false);
    assert_eq!(report.summary.exit_code, 3, "{text}");
    assert!(causes(&report).contains(&"RBAC_DENIED"), "{text}");
    assert!(causes(&report).contains(&"SECRET_UNREADABLE"), "{text}");
    assert!(report.findings.iter().all(|f| f.severity != mops_diagnose::rule::Severity::Error), "{text}");
}

#[tokio::test]
async fn a_probe_that_dies_is_not_a_pass() {
    let world = World::new("echo '{\"type\":\"observation\"'; exit 3").await;
    world.workload(true).await;
    let report = diagnose(request(), world.services()).await;
    assert_eq!(report.summary.exit_code, 3, "{}", report::text(&report, 80, false));
    assert!(report.probes.iter().any(|o| o.check == "probe.run" && o.code() == "LOG_CUT"));
    assert_eq!(world.probes_left(), 0);
}

#[tokio::test]
async fn an_interrupted_run_cleans_up() {
    let world = World::new("exec sleep 600").await;
    world.workload(true).await;
    let cancel = world.cancel.clone();
    let fake = Arc::clone(&world.fake);
    let interrupt = async {
        let running =
            |p: &Json| p["status"]["phase"] == "Running" && p["metadata"]["labels"]["modelops.io/run"] == "7f3a";
        while !fake.objects("Pod", NAMESPACE).iter().any(running) {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (report, ()) = tokio::join!(diagnose(request(), world.services()), interrupt);
    assert_eq!(report.summary.exit_code, 130);
    assert!(report.cleanup.complete, "{:?}", report.cleanup);
    assert_eq!(world.probes_left(), 0);
}

#[tokio::test]
async fn time_that_is_over_is_a_skip_and_not_a_cause() {
    let world = World::new("exec sleep 600").await;
    world.workload(true).await;
    let clock = ManualClock::stepped(time::macros::datetime!(2026-11-24 08:00 UTC));
    let services = Services { clock: clock.shared(), ..world.services() };
    let fake = Arc::clone(&world.fake);
    let later = async {
        let running =
            |p: &Json| p["status"]["phase"] == "Running" && p["metadata"]["labels"]["modelops.io/run"] == "7f3a";
        while fake.objects("Pod", NAMESPACE).iter().filter(|p| running(p)).count() < 2 {
            tokio::task::yield_now().await;
        }
        clock.advance(std::time::Duration::from_secs(120));
    };
    let (report, ()) = tokio::join!(diagnose(request(), services), later);
    let text = report::text(&report, 80, false);
    assert_eq!(report.summary.exit_code, 3, "{text}");
    assert_eq!(causes(&report), ["POOL_EMPTY"], "{text}");
    assert!(text.contains("skipped: time was over"), "{text}");
    assert_eq!(world.probes_left(), 0);
}

#[tokio::test]
async fn what_cannot_be_removed_is_named() {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    world.fake.deny("delete", "jobs");
    let report = diagnose(request(), world.services()).await;
    assert!(!report.cleanup.complete);
    let kinds: Vec<&str> = report.cleanup.left.iter().map(|left| left.object.kind.as_str()).collect();
    assert_eq!(kinds, ["Job", "Job", "Pod", "Pod"], "{:?}", report.cleanup);
    assert!(report::text(&report, 80, false).contains("clean-up: left: Job mops-probe-7f3a-0"));
}

/// The job is made and its pod is not, which only an event of the job tells.
#[tokio::test]
async fn a_probe_that_admission_refuses_is_named() {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    world.secure("restricted").await;
    let report = diagnose(request(), world.services()).await;
    assert_eq!(report.summary.exit_code, 0, "a probe satisfies it: {}", report::text(&report, 80, false));
    let few = json!({"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}});
    world.make::<k8s_openapi::api::core::v1::ResourceQuota>(few).await;
    let report = diagnose(request(), world.services()).await;
    let text = report::text(&report, 80, false);
    assert!(causes(&report).contains(&"PROBE_POD_DENIED"), "{text}");
    assert!(text.contains("exceeded quota: few"), "{text}");
    assert_eq!((report.summary.exit_code, world.probes_left()), (3, 0), "{text}");
}

/// A record on another machine gives what the run gave.
#[tokio::test]
async fn a_record_says_what_the_run_said() {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    let live = look(Command::DiagnoseAuth, request(), world.services()).await;
    let text = serde_json::to_string(&live).expect("JSON");
    let replayed: mops_diagnose::Capture = serde_json::from_str(&text).expect("its own form");
    assert!(!live.observations.is_empty() && !text.contains(CANARY) && !text.contains(TOKEN), "{text}");
    assert_eq!(report::json(&replayed.report()), report::json(&live.report()));
}

/// Verb and resource of a request, and the namespace that it was about: `pods/log get`.
fn right((method, uri): &(String, String)) -> Option<(String, String)> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let path = ["/api/v1/", "/apis/batch/v1/", "/apis/apps/v1/"].iter().find_map(|start| path.strip_prefix(start))?;
    let mut rest: Vec<&str> = path.split('/').collect();
    let mut space = "";
    if let ["namespaces", name, _, ..] = rest.as_slice() {
        space = name;
        rest.drain(..2);
    }
    let one = rest.len() > 1;
    if one {
        rest.remove(1);
    }
    let verb = match (method.as_str(), one) {
        ("GET", false) if query.contains("watch=") => "watch",
        ("GET", false) => "list",
        ("GET", true) => "get",
        ("POST", _) => "create",
        ("DELETE", _) => "delete",
        ("PATCH", _) => "patch",
        _ => method,
    };
    Some((format!("{} {verb}", rest.join("/")), space.to_owned()))
}

/// What the printed roles allow, in the same words.
pub(super) fn given(rights: &[Right]) -> BTreeSet<String> {
    rights.iter().flat_map(|r| r.verbs.iter().map(|verb| format!("{} {verb}", r.resource))).collect()
}

/// M-17: a run that meets everything a run can meet uses each right of the printed roles, and no other.
#[tokio::test]
async fn the_printed_roles_are_what_a_run_uses() {
    use k8s_openapi::api::core::v1::{Namespace, Pod, ResourceQuota};
    let world = World::new(&says(&observations())).await;
    let labels = [("node.kubernetes.io/instance-type".to_owned(), "Standard_NC4as_T4_v3".to_owned())].into();
    world.fake.add_pool(&NodePool { name: "t4".into(), count: 1, labels, gpus: 1, ..NodePool::default() });
    world.workload(true).await;
    world
        .make::<Pod>(json!({
            "metadata": {
                "name": "dask-worker-2", "labels": {"app": "dask-worker", "azure.workload.identity/use": "true"}
            },
            "spec": {"containers": [{
                "name": "worker", "image": "reg.azurecr.io/worker:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}
            }]}
        }))
        .await;
    // Of one that waits the events tell why.
    let gone = json!([{"secretRef": {"name": "gone"}}, {"configMapRef": {"name": "gone"}}]);
    for (name, user, from) in
        [("dask-worker-3", json!({"runAsUser": 1000}), json!([])), ("dask-worker-4", json!({}), gone)]
    {
        let worker = json!({"name": "worker", "image": "reg.azurecr.io/worker:1", "envFrom": from});
        let spec = json!({"nodeSelector": {"agentpool": "cpu"}, "securityContext": user, "containers": [worker]});
        let metadata = json!({"name": name, "labels": {"app": "dask-worker"}});
        world.make::<Pod>(json!({"metadata": metadata, "spec": spec})).await;
    }
    world.settled(NAMESPACE).await;
    let space: Namespace = serde_json::from_value(json!({"metadata": {"name": "probes"}})).expect("an object");
    Api::<Namespace>::all(world.client.clone()).create(&PostParams::default(), &space).await.expect("made");
    // One probe runs there, and the events tell why the others do not.
    let few: ResourceQuota =
        serde_json::from_value(json!({"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}})).expect("a quota");
    let quotas: Api<ResourceQuota> = Api::namespaced(world.client.clone(), "probes");
    quotas.create(&PostParams::default(), &few).await.expect("made");
    world.asked.lock().expect("requests").clear();
    let vantages = vec![Vantage::W, Vantage::P, Vantage::N, Vantage::C];
    let everywhere = Request { vantages, probe_namespace: Some("probes".into()), ..request() };
    let before = diagnose(everywhere, world.services()).await;
    let asked = world.asked.lock().expect("requests").clone();
    let used = |space: &str| -> BTreeSet<String> {
        asked.iter().filter_map(right).filter(|(_, here)| here == space).map(|(right, _)| right).collect()
    };
    // Newer servers want both for the one request that opens the stream.
    let mut own = used(NAMESPACE);
    assert!(own.contains("pods/exec get") && own.insert("pods/exec create".to_owned()));
    let both = [permissions::IN_NAMESPACE, permissions::IN_WORKERS].concat();
    assert_eq!(own, given(&both), "{:?}", causes(&before));
    assert_eq!(used("probes"), given(permissions::PROBES), "{:?}", causes(&before));
    assert_eq!(used(""), given(permissions::IN_CLUSTER), "{:?}", causes(&before));
    assert!(asked.iter().all(|a| right(a).is_some() || a.1.contains("selfsubjectaccessreviews")), "{asked:?}");
    let printed =
        permissions::kubernetes(Purpose { probes: Some("probes"), ..Purpose::new(Command::DiagnoseAuth, NAMESPACE) });
    let rules = |n: usize| printed[n]["rules"].as_array().map(Vec::len);
    assert_eq!(rules(1), Some(permissions::PROBES.len()), "{printed:?}");
}

/// A run that was killed leaves a job; the next one that is told to takes it, and nothing else.
#[tokio::test]
async fn what_earlier_runs_have_left_goes_and_nothing_else() {
    let world = World::new(&says(&observations())).await;
    world.workload(true).await;
    let job = |name: &str, labels: Json| {
        json!({"metadata": {"name": name, "labels": labels}, "spec": {"template": {
            "metadata": {"labels": labels}, "spec": {"restartPolicy": "Never",
            "containers": [{"name": "c", "image": "reg.azurecr.io/x:1"}]}}}})
    };
    let ours = json!({"app.kubernetes.io/managed-by": "mops", "modelops.io/run": "dead"});
    let kinds = [
        ("mops-probe-dead-0", ours),
        ("another", json!({"app.kubernetes.io/managed-by": "mops"})),
        ("plain", json!({})),
    ];
    for (name, labels) in kinds {
        world.make::<k8s_openapi::api::batch::v1::Job>(job(name, labels)).await;
    }
    world.settled(NAMESPACE).await;
    let removed = mops_diagnose::clean_up(&request(), &world.services()).await;
    let kinds: Vec<&str> = removed.objects.iter().map(|o| o.kind.as_str()).collect();
    assert_eq!(kinds, ["Job", "Pod"], "{removed:?}");
    assert!(removed.cleanup.complete && removed.objects.iter().all(|o| o.name.starts_with("mops-probe-dead-0")));
    let names = |kind: &str| -> Vec<String> {
        let all = world.fake.objects(kind, NAMESPACE).into_iter();
        all.filter_map(|o| o["metadata"]["name"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!((names("Job"), names("Pod").len()), (vec!["another".to_owned(), "plain".to_owned()], 3));
    assert!(mops_diagnose::clean_up(&request(), &world.services()).await.objects.is_empty());
}
