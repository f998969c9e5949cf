//! What running workers have against what their secrets give now, over the API server's real streams.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, Patch, PatchParams, PostParams};
use mops_clients::kubernetes::Kubernetes;
use mops_diagnose::observed::{Status, Vantage, check, code};
use mops_diagnose::{Report, Request, report};
use mops_tests::tls::Server;
use mops_wire::HttpConfig;
use serde_json::{Value as Json, json};

use super::cluster::{NAMESPACE, TOKEN, World, causes, diagnose, observations, request, says};
use crate::kubernetes::serve;

const IMAGE: &str = "reg.azurecr.io/worker:1";
pub(super) const SECRET: &str = "bundle-credentials";

/// A world whose API server is reached by connections, which alone become streams.
pub(super) async fn served(probe: &str) -> (World, Server) {
    let mut world = World::new(probe).await;
    let (access, server) = serve(&world.fake, TOKEN);
    let config = HttpConfig { this_machine_only: true, ..HttpConfig::new() };
    world.client = Kubernetes::over(&access, &config).expect("a client").client();
    (world, server)
}

/// What a run asks when nobody says from where.
fn usual() -> Request {
    Request { vantages: Request::new("r", "dev", NAMESPACE).vantages, ..request() }
}

/// Two workers of a deployment, with what the secret holds and what their container has of its own.
pub(super) async fn deployed(world: &World, own: &Json) {
    let space: Namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}})).expect("an object");
    Api::<Namespace>::all(world.client.clone()).create(&PostParams::default(), &space).await.expect("made");
    let data = json!({"REGISTRY_USERNAME": "reg", "REGISTRY_PASSWORD": "canary-old"});
    world.make::<Secret>(json!({"metadata": {"name": SECRET}, "stringData": data})).await;
    let labels = json!({"app": "dask-worker"});
    let mut container = json!({"name": "worker", "image": IMAGE, "envFrom": [{"secretRef": {"name": SECRET}}]});
    container.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
    world
        .make::<Deployment>(json!({"metadata": {"name": "dask-workers"}, "spec": {
            "replicas": 2, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
                "spec": {"nodeSelector": {"agentpool": "cpu"}, "containers": [container]}}}}))
        .await;
    running(world).await;
}

async fn running(world: &World) {
    let runs = |pod: &Json| pod["status"]["phase"] == "Running" && pod["metadata"]["deletionTimestamp"].is_null();
    while world.fake.objects("Pod", NAMESPACE).iter().filter(|pod| runs(pod)).count() != 2 {
        world.fake.changed().await;
    }
}

pub(super) async fn patched<K>(world: &World, name: &str, patch: Json)
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>
        + serde::de::DeserializeOwned
        + Clone
        + std::fmt::Debug,
    K::DynamicType: Default,
{
    let api: Api<K> = Api::namespaced(world.client.clone(), NAMESPACE);
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.expect("patched");
}

pub(super) fn live(report: &Report) -> Vec<(&str, Status, &str)> {
    let seen = report.probes.iter().filter(|o| o.check == check::ENV_LIVE);
    seen.map(|o| (o.target.as_str(), o.status, o.reason.as_str())).collect()
}

/// The certain finding of old values, when there is one.
pub(super) fn stale(report: &Report) -> Option<&mops_diagnose::Finding> {
    report
        .findings
        .iter()
        .find(|f| f.cause_id == "ENV_STALE" && f.confidence == Some(mops_diagnose::rule::Confidence::Certain))
}

/// B-05, with each program by which a worker can be looked into.
#[tokio::test]
async fn a_worker_with_old_values_is_told_and_an_untouched_secret_is_not() {
    let mut ways = 0;
    for program in ["cat", "python3"] {
        if !["/usr/local/bin", "/usr/bin", "/bin"].iter().any(|at| std::path::Path::new(at).join(program).exists()) {
            continue;
        }
        ways += 1;
        let (world, _server) = served(&says(&observations())).await;
        deployed(&world, &json!({})).await;
        world.fake.install(IMAGE, program);
        let report = diagnose(usual(), world.services()).await;
        assert_eq!(live(&report).first().map(|(target, status, _)| (*target, *status)), Some(("worker", Status::Pass)));
        patched::<Secret>(&world, SECRET, json!({"metadata": {"labels": {"touched": "yes"}}})).await;
        let report = diagnose(usual(), world.services()).await;
        assert!(!causes(&report).contains(&"ENV_STALE"), "{program}: {:?}", causes(&report));

        patched::<Secret>(&world, SECRET, json!({"stringData": {"REGISTRY_PASSWORD": "canary-new"}})).await;
        let report = diagnose(usual(), world.services()).await;
        let text = report::text(&report, 80, false);
        let found = stale(&report).unwrap_or_else(|| panic!("{program}: {text}"));
        assert_eq!((found.target.as_str(), &found.vantage[..]), ("REGISTRY_PASSWORD", &[Vantage::C][..]), "{text}");
        let command = format!("kubectl -n {NAMESPACE} rollout restart deployment/dask-workers");
        assert_eq!(found.fixes[0].command.as_deref(), Some(command.as_str()), "{text}");
        assert_eq!(live(&report).len(), 1, "what is the same is not told beside it: {text}");
        assert!(!report::json(&report).to_string().contains("canary-"), "{text}");

        let stamp = json!({"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-27T00:00:00Z"}}});
        patched::<Deployment>(&world, "dask-workers", json!({"spec": {"template": stamp}})).await;
        running(&world).await;
        let report = diagnose(usual(), world.services()).await;
        assert!(!causes(&report).contains(&"ENV_STALE"), "{program}: {}", report::text(&report, 80, false));
    }
    assert!(ways > 0, "a machine has `cat`");
    println!("B-05 programs={ways}");
}

#[tokio::test]
async fn what_nobody_could_look_into_is_derived() {
    let (world, _server) = served(&says(&observations())).await;
    deployed(&world, &json!({})).await;
    let derived = |report: &Report, why: &str| {
        let text = report::text(report, 80, false);
        let words = "derived from the pod's spec: it began with what bundle-credentials gave then";
        assert_eq!(live(report), [("worker", Status::Skip, words)], "{text}");
        assert!(report.probes.iter().any(|o| o.check == check::ENV_LIVE && o.code() == code::DERIVED));
        let skip = report.skipped.iter().find(|s| s.what.starts_with("environment of dask-workers-")).expect("a skip");
        assert_eq!((skip.why.as_str(), skip.required), (format!("{why}; derived from the pod's spec").as_str(), false));
        assert_eq!(report.summary.exit_code, 0, "{text}");
    };
    let report = diagnose(usual(), world.services()).await;
    derived(&report, "its image has no `python3` and no `cat`");
    patched::<Secret>(&world, SECRET, json!({"stringData": {"REGISTRY_PASSWORD": "canary-new"}})).await;
    world.fake.install(IMAGE, "cat");
    world.fake.deny("create", "pods/exec");
    let report = diagnose(usual(), world.services()).await;
    derived(&report, "`get` and `create` of pods/exec are not allowed");
    let found = causes(&report);
    assert!(found.contains(&"RBAC_DENIED") && stale(&report).is_none(), "{found:?}");
}

/// Its pipes end neither by themselves nor by the client that is used.
#[tokio::test]
async fn a_command_whose_connection_breaks_is_given_up_at_once() {
    let (world, _server) = served(&says(&observations())).await;
    deployed(&world, &json!({})).await;
    world.fake.install(IMAGE, "cat");
    world.fake.break_commands();
    let begun = Instant::now();
    let report = diagnose(usual(), world.services()).await;
    let text = report::text(&report, 80, false);
    let skip = report.skipped.iter().find(|s| s.what.starts_with("environment of dask-workers-")).expect("a skip");
    assert_eq!(skip.why, "the connection broke before the command ended; derived from the pod's spec", "{text}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}\n{text}", begun.elapsed());
}

#[tokio::test]
async fn who_names_other_places_is_not_looked_into() {
    let (world, _server) = served(&says(&observations())).await;
    deployed(&world, &json!({})).await;
    world.fake.install(IMAGE, "cat");
    let report = diagnose(Request { vantages: vec![Vantage::P], ..request() }, world.services()).await;
    assert_eq!(live(&report), []);
    assert!(report.skipped.iter().any(|s| s.what == "running workers"), "{:?}", report.skipped);
    let report = diagnose(Request { vantages: vec![Vantage::C], ..request() }, world.services()).await;
    assert_eq!(live(&report).first().map(|(_, status, _)| *status), Some(Status::Pass));
}
