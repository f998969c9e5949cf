//! What containers have said.

use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::Value as Json;

use super::KubernetesFake;
use super::kinds::named;
use super::kubelet::is_probe;
use super::serve::{Ask, plain};
use super::status::Refusal;
use super::store::text;

/// The container of a pod that a request means; the first when it names none.
pub(super) fn container(pod: &Json, wanted: &str) -> Result<Json, Refusal> {
    let lists = ["containers", "initContainers", "ephemeralContainers"].map(|list| pod["spec"][list].as_array());
    let found =
        lists.into_iter().flatten().flatten().find(|container| wanted.is_empty() || container["name"] == wanted);
    found.cloned().ok_or_else(|| {
        let pod = text(pod, "/metadata/name");
        Refusal::bad_request(&format!("container {wanted} is not valid for pod {pod}"))
    })
}

/// Answers with the log; a follower waits until the probe has ended.
pub(super) async fn log(
    fake: &Arc<KubernetesFake>,
    ask: &Ask,
    find: impl Fn() -> Result<Json, Refusal>,
) -> Result<Response<Body>, Refusal> {
    let mut changes = fake.changes();
    let mut pod = find()?;
    while ask.flag("follow") && text(&pod, "/status/phase") == "Running" && is_our_probe(&pod) {
        if changes.changed().await.is_err() {
            break;
        }
        pod = find()?;
    }
    let container = container(&pod, ask.query("container"))?;
    let name = text(&container, "/name");
    if text(&pod, "/spec/nodeName").is_empty() {
        let mut nothing = plain(String::new());
        *nothing.status_mut() = StatusCode::NO_CONTENT;
        return Ok(nothing);
    }
    // Of a container that has ended there is the log of its last run.
    let crashed = waiting(&pod, name) == Some("CrashLoopBackOff");
    if let Some(reason) = waiting(&pod, name).filter(|_| !crashed) {
        let why = match reason {
            "ImagePullBackOff" | "ErrImagePull" => "trying and failing to pull image",
            other => other,
        };
        let pod = text(&pod, "/metadata/name");
        return Err(Refusal::bad_request(&format!("container \"{name}\" in pod \"{pod}\" is waiting to start: {why}")));
    }
    let kept = if crashed || ask.flag("previous") {
        let of = text(&pod, "/metadata/name");
        let why = format!("previous terminated container \"{name}\" in pod \"{of}\" not found");
        let kept = fake.store().logs.get(&kept_as(&pod, &ended(name))).cloned();
        kept.ok_or_else(|| Refusal::bad_request(&why))?
    } else {
        fake.store().logs.get(&kept_as(&pod, name)).cloned().unwrap_or_default()
    };
    let kept = match ask.query("tailLines").parse::<usize>() {
        Ok(n) => {
            let lines: Vec<&str> = kept.lines().collect();
            lines[lines.len().saturating_sub(n)..].iter().map(|l| format!("{l}\n")).collect()
        }
        Err(_) => kept,
    };
    Ok(plain(kept))
}

/// The name of the container that was there before one.
pub(super) fn ended(container: &str) -> String {
    format!("{container} before")
}

impl KubernetesFake {
    /// What a container of a pod says from now on. With `before`, it has started a second time, and that was said before.
    pub fn say(&self, (namespace, pod): (&str, &str), container: &str, now: &str, before: Option<&str>) {
        let mut store = self.store();
        let Some(mut pod) = store.get(named("Pod").kind, namespace, pod).cloned() else { return };
        store.logs.insert(kept_as(&pod, container), now.to_owned());
        if let Some(before) = before {
            store.logs.insert(kept_as(&pod, &ended(container)), before.to_owned());
            let statuses = pod["status"]["containerStatuses"].as_array_mut();
            for status in statuses.into_iter().flatten().filter(|status| status["name"] == container) {
                status["restartCount"] = 1.into();
            }
            store.put(pod);
        }
    }
}

/// Under what the log of a container is kept.
pub(super) fn kept_as(pod: &Json, container: &str) -> (String, String) {
    (text(pod, "/metadata/uid").to_owned(), container.to_owned())
}

fn waiting<'a>(pod: &'a Json, container: &str) -> Option<&'a str> {
    let statuses = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
    let statuses = statuses.map(|list| pod["status"][list].as_array()).into_iter().flatten().flatten();
    statuses.filter(|status| status["name"] == container).find_map(|s| s["state"]["waiting"]["reason"].as_str())
}

fn is_our_probe(pod: &Json) -> bool {
    let list = pod["spec"]["containers"].as_array();
    list.into_iter().flatten().any(is_probe)
}
