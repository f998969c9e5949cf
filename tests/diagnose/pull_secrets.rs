//! A worker that names several pull secrets: its probe reads them as the kubelet does, and the one that a registry takes
//! is named.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, Secret};
use mops_diagnose::finding::classify;
use mops_diagnose::observed::{Status, Vantage};
use mops_diagnose::workload::Place;
use mops_diagnose::{Observed, Request, Words, probe_pod, report};
use mops_host::Env;
use mops_probe::checks;
use mops_probe::observation::{check, variant};
use mops_probe::settings::Settings;
use serde_json::{Value as Json, json};

use super::cluster::{HOST as AZURE, World, diagnose, observations, request, says};
use super::keys::{CURRENT, HOST, registry};
use crate::web::Web;

fn config(host: &str, password: &str) -> String {
    json!({"auths": {host: {"username": "robot", "password": password}}}).to_string()
}

fn place(secrets: &[&str]) -> Place {
    let named: Vec<Json> = secrets.iter().map(|name| json!({"name": name})).collect();
    let worker =
        json!({"metadata": {"name": "w"}, "spec": {"imagePullSecrets": named, "containers": [{"name": "worker"}]}});
    let (node, pool) = (Some("cpu-0".to_owned()), "cpu".to_owned());
    let worker: Pod = serde_json::from_value(worker).expect("a pod");
    Place { pool, node, label: None, taints: Vec::new(), worker, apart: None }
}

/// What the probe of a worker sees that names these secrets.
async fn probe(secrets: &[(&str, String)]) -> Vec<Observed> {
    let web = Web::start(registry);
    let mut request = Request::new("7f3a", "dev", "ns");
    request.registry = Some(HOST.into());
    let names: Vec<&str> = secrets.iter().map(|(name, _)| *name).collect();
    let pod = probe_pod::pod(&request, &place(&names));
    let held: BTreeMap<&str, &String> = secrets.iter().map(|(name, text)| (*name, text)).collect();
    let variables = pod.spec.expect("a spec").containers.remove(0).env.unwrap_or_default();
    let value = |v: k8s_openapi::api::core::v1::EnvVar| {
        let by_secret = v.value_from.and_then(|from| from.secret_key_ref);
        let value = v.value.or_else(|| held.get(by_secret?.name.as_str()).map(|text| (*text).clone()))?;
        Some((v.name, value))
    };
    let env = Env::of(variables.into_iter().filter_map(value));
    let seen = checks::run(&Settings::from_env(&env), &web.http(), &web.clock.shared()).await;
    let all: Vec<_> = seen.into_iter().map(|o| Observed::at(Vantage::P, o).on("cpu", "cpu-0")).collect();
    assert!(!serde_json::to_string(&all).expect("JSON").contains("canary"), "{all:?}");
    all
}

/// Ids and ends of the sign-ins with a pull secret.
fn sign_ins(seen: &[Observed]) -> Vec<(&str, Status)> {
    let all = seen.iter().filter(|o| o.check == check::REGISTRY_V2 && o.credential == variant::PULL_SECRET);
    all.map(|o| (o.id.as_str(), o.status)).collect()
}

fn causes(seen: &[Observed]) -> Vec<String> {
    let about = |id: &str| id.starts_with("REGISTRY_") || id.starts_with("PULL_SECRET") || id == "UNCLASSIFIED";
    let all = classify(seen, &Words::default()).into_iter().map(|f| f.cause_id);
    all.filter(|id| about(id)).collect()
}

#[tokio::test]
async fn the_secret_that_the_registry_takes_is_named_wherever_it_stands() {
    let stale = ("stale", config(HOST, "canary-old"));
    let good = ("good", config(HOST, CURRENT));
    let other = ("other", config("b.example", "canary-b"));
    let taken = [("P/cpu/registry.v2/pullsecret:good/reg.example", Status::Pass)];
    for order in [vec![&stale, &other, &good], vec![&other, &good, &stale], vec![&good, &stale]] {
        let secrets: Vec<_> = order.into_iter().cloned().collect();
        let seen = probe(&secrets).await;
        assert_eq!(sign_ins(&seen), taken, "{seen:#?}");
        assert_eq!(causes(&seen), [""; 0], "{seen:#?}");
    }
    let older = ("older", config(HOST, "canary-older"));
    let seen = probe(&[stale, other, older]).await;
    let refused = ["stale", "older"].map(|name| format!("P/cpu/registry.v2/pullsecret:{name}/reg.example"));
    assert_eq!(sign_ins(&seen), [(refused[0].as_str(), Status::Fail), (&refused[1], Status::Fail)], "{seen:#?}");
    assert!(causes(&seen).iter().all(|id| id == "REGISTRY_REFUSED") && !causes(&seen).is_empty(), "{seen:#?}");
}

/// The secret for another registry is no fault of a worker that has one for its own.
#[tokio::test]
async fn a_secret_for_another_registry_is_in_nobodys_way() {
    let ids = async |own: bool| {
        let world = World::new(&says(&observations())).await;
        world.workload(true).await;
        let secret = |name: &str, host: &str| {
            json!({"metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson",
                "stringData": {".dockerconfigjson": config(host, "canary-b")}})
        };
        world.make::<Secret>(secret("other", "b.example")).await;
        let mut named = vec![json!({"name": "other"})];
        if own {
            world.make::<Secret>(secret("own", AZURE)).await;
            named.push(json!({"name": "own"}));
        }
        world
            .make::<Pod>(json!({"metadata": {"name": "dask-worker-2", "labels": {"app": "dask-worker"}}, "spec": {
                "imagePullSecrets": named, "containers": [{"name": "worker", "image": "reg.azurecr.io/worker:1"}]}}))
            .await;
        let report = diagnose(
            Request { registry: Some(AZURE.into()), vantages: vec![Vantage::P], ..request() },
            world.services(),
        )
        .await;
        let text = report::text(&report, 80, false);
        assert!(!text.contains("canary"), "{text}");
        let about = report.findings.iter().filter(|f| f.cause_id.starts_with("PULL_SECRET"));
        about.map(|f| f.cause_id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(true).await, [""; 0]);
    assert_eq!(ids(false).await.len(), 1);
}
