//! Promise M-05: what a diagnosis can mend is gone after one run and a second run is clean for it; what is only possible
//! is never mended, and what does not help is taken back. Prints `M-05`.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret as KubeSecret};
use kube::api::{Api, Patch, PatchParams, PostParams};
use mops_diagnose::fix::{Allowed, Repair, State, mendable};
use mops_diagnose::observed::Vantage;
use mops_diagnose::{Capture, Command, Report, Request, look, report};
use serde_json::{Value as Json, json};

use super::cluster::{HOST, NAMESPACE, World, causes, request};

#[path = "fix/broken.rs"]
mod broken;
#[path = "fix/careful.rs"]
mod careful;
#[path = "fix/makers.rs"]
mod makers;

const PASSWORD: &str = "canary-password";
const DEPLOYMENT: &str = "dask-workers";

/// Lines that a probe prints when the shell's condition holds, and others when it does not.
fn one_of(condition: &str, then: &str, otherwise: &str) -> String {
    format!("if {condition}; then\n{then}\nelse\n{otherwise}\nfi")
}

/// A Deployment of workers; `more` is laid over its pods' spec.
fn workers(container: Json, more: Json) -> Json {
    let mut spec = json!({"containers": [{"name": "worker", "image": format!("{HOST}/worker:1")}]});
    let extend = |into: &mut Json, from: &Json| {
        into.as_object_mut().expect("a map").extend(from.as_object().expect("a map").clone());
    };
    extend(&mut spec["containers"][0], &container);
    extend(&mut spec, &more);
    json!({"metadata": {"name": DEPLOYMENT}, "spec": {
        "replicas": 1, "selector": {"matchLabels": {"app": "dask-worker"}},
        "template": {"metadata": {"labels": {"app": "dask-worker"}}, "spec": spec}}})
}

fn env_from(name: &str) -> Json {
    json!({"envFrom": [{"secretRef": {"name": name}}]})
}

fn credentials() -> Json {
    json!({"metadata": {"name": "bundle-credentials"},
        "stringData": {"REGISTRY_USERNAME": "reg", "REGISTRY_PASSWORD": PASSWORD}})
}

fn pull_secret(kind: &str, config: &str) -> Json {
    json!({"metadata": {"name": "pull"}, "type": kind, "stringData": {".dockerconfigjson": config}})
}

fn config(host: &str, entry: &Json) -> String {
    json!({"auths": { host: entry }}).to_string()
}

/// A world with these objects in it.
async fn world(probe: &str, objects: Vec<Json>) -> World {
    let world = World::new(probe).await;
    let space: Namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}})).expect("an object");
    Api::<Namespace>::all(world.client.clone()).create(&PostParams::default(), &space).await.expect("made");
    for object in objects {
        match object["spec"].as_object() {
            None => world.make::<KubeSecret>(object).await,
            Some(spec) if spec.contains_key("containers") => world.make::<Pod>(object).await,
            Some(spec) if spec.contains_key("updateStrategy") => world.make::<StatefulSet>(object).await,
            Some(_) => world.make::<Deployment>(object).await,
        }
    }
    world.settled(NAMESPACE).await;
    world
}

fn asked() -> Request {
    Request {
        registry: Some(HOST.into()),
        pools: Vec::new(),
        only_pools: vec!["cpu".into()],
        vantages: vec![Vantage::P],
        ..request()
    }
}

async fn seen(world: &World, request: &Request) -> Capture {
    look(Command::DiagnoseAuth, request.clone(), world.services()).await
}

/// Plans, and carries out what may be.
async fn fixed(world: &World, request: &Request, allowed: &Allowed) -> Report {
    let first = seen(world, request).await;
    fixed_from(world, first, request, allowed).await
}

async fn fixed_from(world: &World, first: Capture, request: &Request, allowed: &Allowed) -> Report {
    let findings = first.clone().report().findings;
    let repair = Repair::plan(&findings, &first, request, &world.services(), allowed).await;
    repair.carry_out(first, &world.services()).await.report()
}

fn everything() -> Allowed {
    Allowed { restart: true, only: Vec::new() }
}

fn states(report: &Report) -> Vec<State> {
    report.fixing.iter().flat_map(|fixing| &fixing.changes).map(|change| change.state).collect()
}

fn text(report: &Report) -> String {
    let all = report::text(report, 80, false);
    let leak = all.clone() + &report::json(report).to_string();
    assert!(!leak.contains("canary") && !leak.contains(&STANDARD.encode(PASSWORD)), "{leak}");
    all
}

/// The objects that a fix may touch, without what the server counts.
fn stored(world: &World) -> Vec<Json> {
    let part = |o: Json| {
        let mut template = o["spec"]["template"].clone();
        if template["metadata"]["annotations"].as_object().is_some_and(|a| a.is_empty()) {
            template["metadata"]["annotations"] = Json::Null;
        }
        json!([o["kind"], o["metadata"]["name"], o["type"], o["data"], template, o["imagePullSecrets"]])
    };
    ["Secret", "Deployment", "StatefulSet", "ServiceAccount"]
        .iter()
        .flat_map(|kind| world.fake.objects(kind, NAMESPACE))
        .map(part)
        .collect()
}

fn set_of<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.collect()
}
