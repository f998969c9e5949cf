//! Containers that are put into a pod that runs already: only added, never changed or taken away.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::KubernetesFake;
use super::kubelet::{amend, current, is_probe, probe_run, pull, pull_secrets, state_of, terminated};
use super::status::Cause;
use super::store::{Key, Store, key_of, text};

/// The part of a pod's address under which they are added.
pub(super) const PART: &str = "ephemeralcontainers";
const FIELD: &str = "spec.ephemeralContainers";

/// Takes over nothing but them.
pub(super) fn only(before: &Json, object: &mut Json) {
    let list = object["spec"]["ephemeralContainers"].take();
    *object = before.clone();
    object["spec"]["ephemeralContainers"] = list;
}

/// Why they may not be so.
pub(super) fn check(old: &Json, new: &Json) -> Vec<Cause> {
    let mut causes = Vec::new();
    let (before, after) = (list(old), list(new));
    for (at, container) in after.iter().enumerate() {
        let field = format!("{FIELD}[{at}]");
        let others = new["spec"]["containers"].as_array().into_iter().flatten().chain(&after[..at]);
        if others.into_iter().any(|other| other["name"] == container["name"]) {
            let message = format!("Duplicate value: {}", container["name"]);
            causes.push(Cause { reason: "FieldValueDuplicate", field: format!("{field}.name"), message });
        }
        if text(container, "/image").is_empty() {
            causes.push(Cause::required(&format!("{field}.image")));
        }
    }
    for container in &before {
        let name = text(container, "/name");
        match after.iter().find(|other| other["name"] == container["name"]) {
            None => causes.push(forbidden(name, "removed\n")),
            Some(other) if other != container => causes.push(forbidden(name, "changed")),
            Some(_) => {}
        }
    }
    causes
}

/// Those of running pods that nobody looks after yet; from now on somebody does.
pub(super) fn added(store: &mut Store) -> Vec<(Key, String, Json)> {
    let mut found = Vec::new();
    for pod in store.list("Pod", "").iter().filter(|pod| text(pod, "/status/phase") == "Running") {
        let uid = text(pod, "/metadata/uid");
        for container in list(pod) {
            if store.tended.insert(format!("{uid}/{}", text(&container, "/name"))) {
                found.push((key_of(pod), uid.to_owned(), container));
            }
        }
    }
    found
}

/// Pulls the image and runs the container: a probe to its end, everything else for as long as the pod lives.
pub(super) async fn start(fake: Arc<KubernetesFake>, key: Key, uid: String, container: Json) {
    let Some(pod) = current(&fake, &key, &uid) else { return };
    let configs = pull_secrets(&fake, &pod);
    if let Err(waiting) = pull(&fake, &pod, &container, &configs).await {
        let state = json!({"waiting": {"reason": waiting.reason, "message": waiting.message}});
        show(&fake, &key, &uid, &state_of(&container, false, &state));
        return;
    }
    let since = fake.now();
    show(&fake, &key, &uid, &state_of(&container, false, &json!({"running": {"startedAt": since}})));
    fake.settle();
    if is_probe(&container) {
        let (code, reason) = probe_run(&fake, &pod, &container).await;
        show(&fake, &key, &uid, &state_of(&container, false, &terminated(code, reason, &json!(since), &fake.now())));
        fake.settle();
    }
}

fn show(fake: &KubernetesFake, key: &Key, uid: &str, status: &Json) {
    amend(fake, key, uid, |pod| {
        let mut list = pod["status"]["ephemeralContainerStatuses"].as_array().cloned().unwrap_or_default();
        list.retain(|other| other["name"] != status["name"]);
        let mut status = status.clone();
        // Nobody asks whether they have started: they have no probes.
        status.as_object_mut().map(|map| map.shift_remove("started"));
        list.push(status);
        pod["status"]["ephemeralContainerStatuses"] = Json::Array(list);
    });
}

fn list(pod: &Json) -> Vec<Json> {
    pod["spec"]["ephemeralContainers"].as_array().cloned().unwrap_or_default()
}

fn forbidden(name: &str, what: &str) -> Cause {
    Cause::forbidden(FIELD, &format!("existing ephemeral containers \"{name}\" may not be {what}"))
}
