//! A mock in place of a server: its Service leads to a small Deployment of our own, and keeps in an annotation where it led
//! before, so that it can be led back exactly (`tests/ngc_mock.rs`, N-16).

use std::time::Duration;

use mops_core::{Class, Error};
use serde_json::{Map, Value as Json, json};

use super::failed;
use crate::cluster::{Cluster, Trouble};
use crate::fix::keeper;
use crate::fix::write::whole;
use crate::observed::code;
use crate::request::Services;

/// Where a Service led before: its selector as JSON.
const ORIGINAL: &str = "modelops.io/mock-original-selector";
/// The server that is replaced.
const FOR: &str = "modelops.io/mock-for";
const PAUSE: Duration = Duration::from_secs(1);
/// How long the mock may take to come up.
const LIMIT: Duration = Duration::from_secs(120);
/// Where NIM listens when nobody says otherwise.
const USUAL: i64 = 8000;

/// What is switched.
#[derive(Clone, Debug)]
pub struct Mock<'a> {
    /// The server.
    pub deployment: &'a str,
    /// `reasoning` or `embedding`.
    pub kind: &'a str,
    /// An image that holds `mops`.
    pub image: &'a str,
}

/// A Service that leads to a mock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    /// The Service.
    pub service: String,
    /// The server that is replaced.
    pub deployment: String,
}

fn mock_name(deployment: &str) -> String {
    format!("mops-mock-{deployment}")
}

fn wrote(what: &str, trouble: &Trouble) -> Error {
    Error::new(Class::Conflict, format!("{what} was not written: {}", trouble.detail)).hint("run this again")
}

/// The Services of a namespace that lead to mocks.
///
/// # Errors
/// When they may not be read.
pub async fn active(namespace: &str, services: &Services) -> Result<Vec<Active>, Error> {
    let cluster = Cluster::new(services.kube.clone(), namespace);
    let all = cluster.all("Service").await.map_err(|trouble| failed("the services", &trouble))?;
    Ok(all.iter().filter_map(told).collect())
}

fn told(service: &Json) -> Option<Active> {
    let deployment = service["metadata"]["annotations"][FOR].as_str()?.to_owned();
    Some(Active { service: service["metadata"]["name"].as_str()?.to_owned(), deployment })
}

/// Leads the Services of a server to a mock; the names of those that were switched.
///
/// # Errors
/// When the server has no Service, somebody else keeps it, or the mock does not come up.
pub async fn on(namespace: &str, mock: &Mock<'_>, services: &Services) -> Result<Vec<String>, Error> {
    let cluster = Cluster::new(services.kube.clone(), namespace);
    let what = format!("deployment `{}`", mock.deployment);
    let deployment = cluster.object("Deployment", mock.deployment).await.map_err(|trouble| failed(&what, &trouble))?;
    let all = cluster.all("Service").await.map_err(|trouble| failed("the services", &trouble))?;
    if all.iter().filter_map(told).any(|one| one.deployment == mock.deployment) {
        return Ok(Vec::new());
    }
    let own: Vec<&Json> = all.iter().filter(|service| leads_to(service, &deployment)).collect();
    let Some(first) = own.first() else {
        let text = format!("no service of namespace `{namespace}` leads to {what}");
        return Err(Error::new(Class::User, text).hint("nothing was changed"));
    };
    if let Some((service, who)) = own.iter().find_map(|service| Some((service, keeper::of(service)?))) {
        let text = format!("service `{}` is kept by {who}, which would lead it back", service["metadata"]["name"]);
        return Err(Error::new(Class::User, text).hint("switch it there; nothing was changed"));
    }
    let ports = ports(first, &deployment);
    cluster.apply(&object(namespace, mock, &ports), true).await.map_err(|trouble| wrote("the mock", &trouble))?;
    up(&cluster, mock.deployment, services).await?;
    let mut switched = Vec::new();
    for service in own {
        let name = service["metadata"]["name"].as_str().unwrap_or_default();
        let before = &service["spec"]["selector"];
        let patch = patch(
            service,
            before,
            &json!({"app": mock_name(mock.deployment)}),
            &json!({
            ORIGINAL: before.to_string(), FOR: mock.deployment}),
        );
        cluster
            .merge("Service", name, &patch)
            .await
            .map_err(|trouble| wrote(&format!("service `{name}`"), &trouble))?;
        switched.push(name.to_owned());
    }
    Ok(switched)
}

/// Leads them back and takes the mock away; the names of those that were led back.
///
/// # Errors
/// When something may not be read or written.
pub async fn off(namespace: &str, deployment: &str, services: &Services) -> Result<Vec<String>, Error> {
    let cluster = Cluster::new(services.kube.clone(), namespace);
    let all = cluster.all("Service").await.map_err(|trouble| failed("the services", &trouble))?;
    let mut back = Vec::new();
    for service in all.iter().filter(|one| told(one).is_some_and(|one| one.deployment == deployment)) {
        let name = service["metadata"]["name"].as_str().unwrap_or_default();
        let kept = service["metadata"]["annotations"][ORIGINAL].as_str().unwrap_or_default();
        let Ok(before @ Json::Object(_)) = serde_json::from_str::<Json>(kept) else {
            let text = format!("the annotation {ORIGINAL} of service `{name}` does not say where it led");
            return Err(
                Error::new(Class::Conflict, text).hint("set its selector by hand, then remove both annotations")
            );
        };
        let patch = patch(service, &service["spec"]["selector"], &before, &json!({ORIGINAL: null, FOR: null}));
        cluster
            .merge("Service", name, &patch)
            .await
            .map_err(|trouble| wrote(&format!("service `{name}`"), &trouble))?;
        back.push(name.to_owned());
    }
    match cluster.object("Deployment", &mock_name(deployment)).await {
        Ok(mock) => {
            let address = json!({"kind": "Deployment", "metadata": {"name": mock_name(deployment), "uid": mock["metadata"]["uid"]}});
            cluster.remove(&address).await.map_err(|trouble| wrote("the end of the mock", &trouble))?;
        }
        Err(trouble) if trouble.code == code::NOT_FOUND => {}
        Err(trouble) => return Err(failed("the mock", &trouble)),
    }
    Ok(back)
}

/// One selector in place of another, on the version that was read.
fn patch(service: &Json, before: &Json, after: &Json, annotations: &Json) -> Json {
    let gone = before.as_object().into_iter().flatten().map(|(key, _)| (key.clone(), Json::Null));
    let mut selector: Map<String, Json> = gone.collect();
    selector.extend(after.as_object().cloned().unwrap_or_default());
    let version = &service["metadata"]["resourceVersion"];
    json!({"metadata": {"resourceVersion": version, "annotations": annotations}, "spec": {"selector": selector}})
}

fn leads_to(service: &Json, deployment: &Json) -> bool {
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    let selector = service["spec"]["selector"].as_object();
    selector.is_some_and(|wanted| !wanted.is_empty() && wanted.iter().all(|(key, value)| labels[key] == *value))
}

/// The port on which the Service expects its pods, under the name by which it does.
fn ports(service: &Json, deployment: &Json) -> (i64, Option<String>) {
    let target = &service["spec"]["ports"][0]["targetPort"];
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array().into_iter().flatten();
    let mut declared = containers.flat_map(|c| c["ports"].as_array().into_iter().flatten());
    match target.as_str() {
        Some(name) => {
            let found = declared.find(|port| port["name"] == name).and_then(|port| port["containerPort"].as_i64());
            (found.unwrap_or(USUAL), Some(name.to_owned()))
        }
        None => (target.as_i64().or_else(|| service["spec"]["ports"][0]["port"].as_i64()).unwrap_or(USUAL), None),
    }
}

fn object(namespace: &str, mock: &Mock<'_>, (port, port_name): &(i64, Option<String>)) -> Json {
    let name = mock_name(mock.deployment);
    let labels = json!({"app": name, "app.kubernetes.io/managed-by": "mops"});
    let mut exposed = json!({"containerPort": port});
    if let Some(name) = port_name {
        exposed["name"] = json!(name);
    }
    let args = ["ngc", "mock", "serve", "--kind", mock.kind, "--address", "0.0.0.0", "--port", &port.to_string()];
    let ready = json!({"httpGet": {"path": "/v1/health/ready", "port": port}, "periodSeconds": 2});
    let security =
        json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true});
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "annotations": {FOR: mock.deployment}},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": {
                "automountServiceAccountToken": false,
                "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{"name": "mock", "image": mock.image, "command": ["mops"], "args": args,
                    "ports": [exposed], "readinessProbe": ready, "securityContext": security}]}}}})
}

/// Waits until the mock answers: nobody is led to something that does not.
async fn up(cluster: &Cluster, deployment: &str, services: &Services) -> Result<(), Error> {
    let name = mock_name(deployment);
    let end = services.clock.monotonic() + LIMIT;
    while !services.cancel.is_canceled() {
        let now = cluster.object("Deployment", &name).await.map_err(|trouble| failed("the mock", &trouble))?;
        if whole(&now) {
            return Ok(());
        }
        if services.clock.monotonic() >= end {
            let text = format!("the mock `{name}` does not come up in {LIMIT:?}; no service was switched");
            let hint = format!("`kubectl get pods -l app={name}` says why; `--image` names another image of `mops`");
            return Err(Error::new(Class::Transient, text).hint(hint));
        }
        services.clock.sleep(PAUSE).await;
    }
    Err(Error::new(Class::Canceled, "interrupted before a service was switched")
        .hint("`mops ngc mock off` removes the mock"))
}
