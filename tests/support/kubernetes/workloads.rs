//! The controllers: namespaces, deployments, daemon sets and jobs make and remove pods and report.

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::apply::Writer;
use super::defaults::fill;
use super::event::Saying;
use super::store::{Store, key_of, text};
use super::write::{FOREGROUND, ORPHAN, finalizers};

/// Runs all controllers until nothing changes any more.
pub(super) fn settle(store: &mut Store, writer: &Writer) {
    for _ in 0..100 {
        let mut changed = namespaces(store, writer);
        changed |= dying(store);
        changed |= super::autoscale::autoscalers(store, writer);
        changed |= deployments(store, writer);
        changed |= super::batch::daemon_sets(store, writer);
        changed |= super::stateful::stateful_sets(store, writer);
        changed |= super::batch::jobs(store, writer);
        changed |= super::schedule::schedule(store, writer);
        changed |= super::node::devices(store);
        if !changed {
            return;
        }
    }
}

fn namespaces(store: &mut Store, writer: &Writer) -> bool {
    let mut changed = false;
    for space in store.list("Namespace", "") {
        let name = text(&space, "/metadata/name").to_owned();
        if space["metadata"]["deletionTimestamp"].is_string() {
            if store.deletions_held {
                continue;
            }
            changed |= emptied(store, &name, writer);
        } else if store.get("ServiceAccount", &name, "default").is_none() {
            store.put(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default",
                "namespace": name, "uid": uuid::Uuid::new_v4().to_string(), "creationTimestamp": writer.time}}));
            changed = true;
        }
    }
    changed
}

/// Takes the content of a namespace away, and the namespace once nothing in it is held.
fn emptied(store: &mut Store, name: &str, writer: &Writer) -> bool {
    let mut changed = false;
    for object in store.content(name) {
        if finalizers(&object).is_empty() {
            store.remove(&key_of(&object));
            changed = true;
        } else if object["metadata"]["deletionTimestamp"].is_null() {
            let mut dying = object;
            dying["metadata"]["deletionTimestamp"] = json!(writer.time);
            dying["metadata"]["deletionGracePeriodSeconds"] = json!(0);
            store.put(dying);
            changed = true;
        }
    }
    if store.content(name).is_empty() {
        store.remove(&("Namespace", String::new(), name.to_owned()));
        changed = true;
    }
    changed
}

/// Removes what was asked to go: pods, dependants of what is gone, objects that waited for their dependants.
fn dying(store: &mut Store) -> bool {
    let mut changed = false;
    let owners: Vec<Json> =
        ["Deployment", "DaemonSet", "StatefulSet", "Job"].iter().flat_map(|kind| store.list(kind, "")).collect();
    let stays = |o: &Json| o["metadata"]["deletionTimestamp"].is_null() || finalizers(o).contains(&ORPHAN.to_owned());
    let alive = |uid: &str| owners.iter().any(|o| text(o, "/metadata/uid") == uid && stays(o));
    for pod in store.list("Pod", "") {
        let uid = text(&pod, "/metadata/uid");
        let orphaned = store.made_by.get(uid).is_some_and(|owner| !alive(owner));
        let asked = pod["metadata"]["deletionTimestamp"].is_string() && finalizers(&pod).is_empty();
        if orphaned || asked {
            store.made_by.remove(uid);
            store.remove(&key_of(&pod));
            changed = true;
        }
    }
    for owner in owners.iter().filter(|o| o["metadata"]["deletionTimestamp"].is_string()) {
        match finalizers(owner).as_slice() {
            [one] if one == FOREGROUND => {}
            [one] if one == ORPHAN => disown(store, text(owner, "/metadata/uid")),
            _ => continue,
        }
        store.remove(&key_of(owner));
        changed = true;
    }
    changed
}

/// The pods of a controller stay when it goes, without an owner.
fn disown(store: &mut Store, uid: &str) {
    let mine = |pod: &Json| store.made_by.get(text(pod, "/metadata/uid")).is_some_and(|owner| owner == uid);
    let left: Vec<Json> = store.list("Pod", "").into_iter().filter(mine).collect();
    store.made_by.retain(|_, owner| owner != uid);
    for mut pod in left {
        pod["metadata"]["ownerReferences"] = Json::Null;
        super::defaults::drop_nulls(&mut pod);
        store.put(pod);
    }
}

/// The pods that a controller made.
pub(super) fn pods_of(store: &Store, owner: &Json) -> Vec<Json> {
    let uid = text(owner, "/metadata/uid");
    let made = |p: &Json| store.made_by.get(text(p, "/metadata/uid")).is_some_and(|o| o == uid);
    store.list("Pod", text(owner, "/metadata/namespace")).into_iter().filter(made).collect()
}

pub(super) fn ready(pod: &Json) -> bool {
    let list = pod["status"]["conditions"].as_array();
    list.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True")
}

/// Nine characters that stand for a pod template.
pub(super) fn hash(template: &Json) -> String {
    Sha256::digest(template.to_string().as_bytes()).iter().take(5).map(|b| format!("{b:02x}")).collect()
}

/// What a new pod is called and who is named as its owner.
pub(super) struct Birth<'a> {
    pub(super) owner: &'a Json,
    pub(super) prefix: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) named_owner: Json,
    pub(super) node: Option<String>,
    /// A pod of a stateful set is called by its number.
    pub(super) number: Option<usize>,
}

impl Birth<'_> {
    /// Makes a pod from the owner's template, unless it is refused; whether it did.
    pub(super) fn pod(&self, store: &mut Store, writer: &Writer) -> bool {
        let template = &self.owner["spec"]["template"];
        let namespace = text(self.owner, "/metadata/namespace");
        let uid = uuid::Uuid::new_v4();
        let random = || uid.simple().to_string()[..5].to_owned();
        let name = format!("{}-{}", self.prefix, self.number.map_or_else(random, |number| number.to_string()));
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {
            "name": name, "namespace": namespace, "uid": uid.to_string(), "creationTimestamp": writer.time,
            "generateName": format!("{}-", self.prefix), "generation": 1,
            "labels": template["metadata"]["labels"], "annotations": template["metadata"]["annotations"],
            "ownerReferences": [self.named_owner]},
            "spec": template["spec"], "status": {"phase": "Pending"}});
        for (key, value) in &self.labels {
            pod["metadata"]["labels"][key.as_str()] = json!(value);
        }
        fill("Pod", &mut pod, 0);
        super::defaults::admitted("Pod", &mut pod);
        pod["status"]["qosClass"] = json!(super::defaults::quality(&pod["spec"]));
        let account = text(&pod, "/spec/serviceAccountName").to_owned();
        let account = store.get("ServiceAccount", namespace, &account).cloned().unwrap_or_default();
        if pod["spec"]["imagePullSecrets"].is_null() {
            pod["spec"]["imagePullSecrets"] = account["imagePullSecrets"].clone();
        }
        super::webhook::admit(store, &mut pod);
        if let Some(why) = super::security::refusal(store, namespace, &pod["spec"]) {
            let message = format!("Error creating: pods \"{name}\" is forbidden: {why}");
            self.say(store, ("Warning", "FailedCreate"), &message, writer);
            return false;
        }
        if let Some(node) = &self.node {
            pod["spec"]["nodeName"] = json!(node);
            pod["status"]["conditions"] =
                json!([{"type": "PodScheduled", "status": "True", "lastTransitionTime": writer.time}]);
        }
        super::defaults::drop_nulls(&mut pod);
        store.made_by.insert(uid.to_string(), text(self.owner, "/metadata/uid").to_owned());
        store.put(pod);
        self.say(store, ("Normal", "SuccessfulCreate"), &format!("Created pod: {name}"), writer);
        true
    }

    /// Once, where the real controllers try a refused pod again and say that with each other name.
    fn say(&self, store: &mut Store, (kind, reason): (&str, &str), message: &str, writer: &Writer) {
        let said = store
            .list("Event", text(self.owner, "/metadata/namespace"))
            .into_iter()
            .any(|event| event["reason"] == reason && event["involvedObject"]["uid"] == self.owner["metadata"]["uid"]);
        if reason != "FailedCreate" || !said {
            let source = "replicaset-controller";
            Saying { source, kind, reason, message, now: &writer.time }.about(store, self.owner);
        }
    }
}

fn deployments(store: &mut Store, writer: &Writer) -> bool {
    let mut changed = false;
    for object in store.list("Deployment", "").iter().filter(|d| d["metadata"]["deletionTimestamp"].is_null()) {
        changed |= deployment(store, object, writer);
    }
    changed
}

fn deployment(store: &mut Store, object: &Json, writer: &Writer) -> bool {
    let wanted = object["spec"]["replicas"].as_u64().unwrap_or(1) as usize;
    let hash = hash(&object["spec"]["template"]);
    let (new, old): (Vec<Json>, Vec<Json>) =
        pods_of(store, object).into_iter().partition(|p| text(p, "/metadata/labels/pod-template-hash") == hash);
    let prefix = format!("{}-{hash}", text(object, "/metadata/name"));
    let recreate = object["spec"]["strategy"]["type"] == "Recreate" && !old.is_empty();
    let mut changed = false;
    for _ in new.len()..wanted {
        if recreate {
            break;
        }
        let named_owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": prefix,
            "uid": uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, prefix.as_bytes()).to_string(), "controller": true,
            "blockOwnerDeletion": true});
        let labels = vec![("pod-template-hash".to_owned(), hash.clone())];
        changed |= Birth { owner: object, prefix: prefix.clone(), labels, named_owner, node: None, number: None }
            .pod(store, writer);
    }
    let surplus = new.iter().skip(wanted);
    let enough = new.iter().filter(|p| ready(p)).count() >= wanted || recreate;
    for pod in surplus.chain(old.iter().filter(|_| enough)) {
        store.remove(&key_of(pod));
        changed = true;
    }
    report(store, object, &hash, writer) || changed
}

fn report(store: &mut Store, object: &Json, hash: &str, writer: &Writer) -> bool {
    let pods = pods_of(store, object);
    let wanted = object["spec"]["replicas"].as_u64().unwrap_or(1) as usize;
    let updated = pods.iter().filter(|p| text(p, "/metadata/labels/pod-template-hash") == hash).count();
    let available = pods.iter().filter(|p| ready(p)).count();
    let enough = available >= wanted - wanted / 4;
    let complete = updated == wanted && available == wanted && pods.len() == wanted;
    let generation = object["metadata"]["generation"].clone();
    let name = text(object, "/metadata/name").to_owned();
    store.amend(&key_of(object), writer, |d| {
        let (yes, why, words) = if enough {
            ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.".to_owned())
        } else {
            ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.".to_owned())
        };
        let (reason, message) = if complete {
            ("NewReplicaSetAvailable", format!("ReplicaSet \"{name}-{hash}\" has successfully progressed."))
        } else {
            ("ReplicaSetUpdated", format!("ReplicaSet \"{name}-{hash}\" is progressing."))
        };
        let count = |n: usize| if n == 0 { Json::Null } else { json!(n) };
        let since = |i: usize, status: &str| {
            let old = &d["status"]["conditions"][i];
            if old["status"] == status { old["lastTransitionTime"].clone() } else { json!(writer.time) }
        };
        let (t0, t1) = (since(0, yes), since(1, "True"));
        d["status"] = json!({"observedGeneration": generation, "replicas": count(pods.len()),
        "updatedReplicas": count(updated), "readyReplicas": count(available),
        "availableReplicas": count(available), "unavailableReplicas": count(wanted.saturating_sub(available)),
        "conditions": [
            {"type": "Available", "status": yes, "reason": why, "message": words, "lastTransitionTime": t0,
                "lastUpdateTime": t0},
            {"type": "Progressing", "status": "True", "reason": reason, "message": message, "lastTransitionTime": t1,
                "lastUpdateTime": t1},
        ]});
    })
}
