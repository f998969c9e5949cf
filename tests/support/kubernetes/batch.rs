//! The controllers of daemon sets and jobs.

use serde_json::{Value as Json, json};

use super::apply::Writer;
use super::schedule::misfit;
use super::store::{Store, key_of, text};
use super::workloads::{Birth, hash, pods_of, ready};

/// One pod a fitting node.
pub(super) fn daemon_sets(store: &mut Store, writer: &Writer) -> bool {
    let mut changed = false;
    for object in store.list("DaemonSet", "").iter().filter(|d| d["metadata"]["deletionTimestamp"].is_null()) {
        changed |= daemon_set(store, object, writer);
    }
    changed
}

pub(super) fn owner_of(object: &Json) -> Json {
    json!({"apiVersion": object["apiVersion"], "kind": object["kind"], "name": object["metadata"]["name"],
        "uid": object["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true})
}

fn daemon_set(store: &mut Store, object: &Json, writer: &Writer) -> bool {
    let hash = hash(&object["spec"]["template"]);
    let sample = json!({"spec": object["spec"]["template"]["spec"]});
    let nodes = store.list("Node", "");
    let fitting: Vec<&str> =
        nodes.iter().filter(|n| misfit(&sample, n, &[]).is_none()).map(|n| text(n, "/metadata/name")).collect();
    let pods = pods_of(store, object);
    let mut changed = false;
    for pod in &pods {
        let node = text(pod, "/spec/nodeName");
        if !fitting.contains(&node) || text(pod, "/metadata/labels/controller-revision-hash") != hash {
            store.remove(&key_of(pod));
            changed = true;
        }
    }
    let here = pods_of(store, object);
    for node in fitting.iter().filter(|n| here.iter().all(|p| text(p, "/spec/nodeName") != **n)) {
        let labels = vec![("controller-revision-hash".to_owned(), hash.clone())];
        let prefix = text(object, "/metadata/name").to_owned();
        let named_owner = owner_of(object);
        changed |= Birth { owner: object, prefix, labels, named_owner, node: Some((*node).to_owned()), number: None }
            .pod(store, writer);
    }
    let pods = pods_of(store, object);
    let able = pods.iter().filter(|p| ready(p)).count();
    let wanted = fitting.len();
    let reported = store.amend(&key_of(object), writer, |d| {
        d["status"] = json!({"observedGeneration": d["metadata"]["generation"], "desiredNumberScheduled": wanted,
            "currentNumberScheduled": pods.len(), "updatedNumberScheduled": pods.len(), "numberMisscheduled": 0,
            "numberReady": able, "numberAvailable": able, "numberUnavailable": wanted.saturating_sub(able)});
    });
    changed || reported
}

/// Pods until enough have succeeded or too many have failed.
pub(super) fn jobs(store: &mut Store, writer: &Writer) -> bool {
    let mut changed = false;
    for object in store.list("Job", "").iter().filter(|d| d["metadata"]["deletionTimestamp"].is_null()) {
        changed |= job(store, object, writer);
    }
    changed
}

fn job(store: &mut Store, object: &Json, writer: &Writer) -> bool {
    let list = object["status"]["conditions"].as_array();
    let over = list.into_iter().flatten().any(|c| matches!(text(c, "/type"), "Complete" | "Failed"));
    if over || object["spec"]["suspend"] == true {
        return false;
    }
    let number = |field: &str| object["spec"][field].as_u64().unwrap_or(1) as usize;
    let pods = pods_of(store, object);
    let phase = |name: &str| pods.iter().filter(|p| text(p, "/status/phase") == name).count();
    let (succeeded, failed) = (phase("Succeeded"), phase("Failed"));
    let active = pods.len() - succeeded - failed;
    let (done, broken) = (succeeded >= number("completions"), failed > number("backoffLimit"));
    let mut changed = false;
    if !done && !broken && active < number("parallelism").min(number("completions") - succeeded) {
        let name = text(object, "/metadata/name").to_owned();
        let uid = text(object, "/metadata/uid").to_owned();
        let labels = vec![
            ("job-name".to_owned(), name.clone()),
            ("batch.kubernetes.io/job-name".to_owned(), name.clone()),
            ("controller-uid".to_owned(), uid.clone()),
            ("batch.kubernetes.io/controller-uid".to_owned(), uid),
        ];
        changed =
            Birth { owner: object, prefix: name, labels, named_owner: owner_of(object), node: None, number: None }
                .pod(store, writer);
    }
    let reported = store.amend(&key_of(object), writer, |j| {
        let start = j["status"]["startTime"].as_str().unwrap_or(&writer.time).to_owned();
        let count = |n: usize| if n == 0 { Json::Null } else { json!(n) };
        j["status"] = json!({"startTime": start, "active": count(pods_of_active(done || broken, active, changed)),
            "succeeded": count(succeeded), "failed": count(failed), "ready": 0, "terminating": 0,
            "uncountedTerminatedPods": {}});
        let end = |kind: &str, reason: &str, message: &str| {
            json!([{"type": kind, "status": "True", "reason": reason, "message": message,
                "lastProbeTime": writer.time, "lastTransitionTime": writer.time}])
        };
        if done {
            j["status"]["completionTime"] = json!(writer.time);
            j["status"]["conditions"] =
                end("Complete", "CompletionsReached", "Reached expected number of succeeded pods");
        } else if broken {
            let message = "Job has reached the specified backoff limit";
            j["status"]["conditions"] = end("Failed", "BackoffLimitExceeded", message);
        }
    });
    changed || reported
}

fn pods_of_active(over: bool, active: usize, made_one: bool) -> usize {
    if over { 0 } else { active + usize::from(made_one) }
}
