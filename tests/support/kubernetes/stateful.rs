//! The controller of stateful sets: numbered pods, made and replaced one after another. One that does not get ready holds up
//! all that comes behind it, a rollout too, until somebody deletes it.

use serde_json::{Value as Json, json};

use super::apply::Writer;
use super::batch::owner_of;
use super::store::{Store, key_of, text};
use super::workloads::{Birth, hash, pods_of, ready};

const REVISION: &str = "/metadata/labels/controller-revision-hash";

pub(super) fn stateful_sets(store: &mut Store, writer: &Writer) -> bool {
    let mut changed = false;
    for object in store.list("StatefulSet", "").iter().filter(|d| d["metadata"]["deletionTimestamp"].is_null()) {
        let revision = format!("{}-{}", text(object, "/metadata/name"), hash(&object["spec"]["template"]));
        changed |= step(store, object, &revision, writer);
        changed |= report(store, object, &revision, writer);
    }
    changed
}

fn wanted(object: &Json) -> usize {
    object["spec"]["replicas"].as_u64().unwrap_or(1) as usize
}

fn numbered(store: &Store, object: &Json, number: usize) -> Option<Json> {
    let name = format!("{}-{number}", text(object, "/metadata/name"));
    pods_of(store, object).into_iter().find(|pod| text(pod, "/metadata/name") == name)
}

/// The next thing that has to be done; whether there was one.
fn step(store: &mut Store, object: &Json, revision: &str, writer: &Writer) -> bool {
    let ordered = object["spec"]["podManagementPolicy"] != "Parallel";
    for number in 0..wanted(object) {
        match numbered(store, object, number) {
            None => return made(store, object, (number, revision), writer),
            Some(pod) if ordered && !ready(&pod) => return false,
            Some(_) => {}
        }
    }
    if let Some(surplus) = numbered(store, object, wanted(object)) {
        store.remove(&key_of(&surplus));
        return true;
    }
    let strategy = &object["spec"]["updateStrategy"];
    let first = strategy["rollingUpdate"]["partition"].as_u64().unwrap_or(0) as usize;
    for number in (first..wanted(object)).rev().filter(|_| strategy["type"] == "RollingUpdate") {
        match numbered(store, object, number) {
            Some(pod) if text(&pod, REVISION) != revision => {
                store.remove(&key_of(&pod));
                return true;
            }
            Some(pod) if !ready(&pod) => return false,
            _ => {}
        }
    }
    false
}

fn made(store: &mut Store, object: &Json, (number, revision): (usize, &str), writer: &Writer) -> bool {
    let name = text(object, "/metadata/name").to_owned();
    let labels = vec![
        ("controller-revision-hash".to_owned(), revision.to_owned()),
        ("statefulset.kubernetes.io/pod-name".to_owned(), format!("{name}-{number}")),
        ("apps.kubernetes.io/pod-index".to_owned(), number.to_string()),
    ];
    let named_owner = owner_of(object);
    Birth { owner: object, prefix: name, labels, named_owner, node: None, number: Some(number) }.pod(store, writer)
}

fn report(store: &mut Store, object: &Json, revision: &str, writer: &Writer) -> bool {
    let pods = pods_of(store, object);
    let able = pods.iter().filter(|pod| ready(pod)).count();
    let updated = pods.iter().filter(|pod| text(pod, REVISION) == revision).count();
    let through = updated == wanted(object) && able == updated && pods.len() == updated;
    store.amend(&key_of(object), writer, |d| {
        let before = d["status"]["currentRevision"].as_str().map(str::to_owned);
        let current = before.filter(|_| !through).unwrap_or_else(|| revision.to_owned());
        d["status"] = json!({"observedGeneration": d["metadata"]["generation"], "replicas": pods.len(),
            "readyReplicas": able, "availableReplicas": able, "updatedReplicas": updated, "collisionCount": 0,
            "currentReplicas": if through { updated } else { pods.len() - updated },
            "currentRevision": current, "updateRevision": revision});
    })
}
