//! The writes of a fix, and the way back. What was begun is brought to an end whatever happens: either all of a step is
//! there, or what was there before.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::edit::{Edit, place};
use crate::cluster::{Cluster, Trouble};
use crate::observed::{Object, code};
use crate::request::Services;

/// Longest wait for the pods of a Deployment to be made again.
const ROLLOUT: Duration = Duration::from_secs(300);
/// The same for one that was not whole before.
const UNHEALTHY: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);
/// How often a write is tried when the object changes in between without a change of what is written, such as its status.
const TRIES: usize = 5;
/// What the copy of an object is called that is made again.
pub(crate) const KEPT: &str = "mops-kept-";

/// What was written, in the order of the writes.
#[derive(Default)]
pub(crate) struct Written(Vec<Edit>);

impl Written {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Writes each edit; with an error comes what was written before it.
pub(crate) async fn all(cluster: &Cluster, edits: &[Edit]) -> Result<Written, (Written, Trouble)> {
    let mut written = Written::default();
    for edit in edits {
        match one(cluster, edit).await {
            Ok(done) => written.0.push(done),
            Err(trouble) => return Err((written, trouble)),
        }
    }
    Ok(written)
}

/// One edit on the newest version of its object; gives back what it was made on.
async fn one(cluster: &Cluster, edit: &Edit) -> Result<Edit, Trouble> {
    match edit {
        Edit::Create(object) => {
            cluster.apply(object, false).await?;
            Ok(edit.clone())
        }
        Edit::Set { live, patch } => set(cluster, live, patch).await,
        Edit::Recreate { live, new } => recreate(cluster, live, new).await,
    }
}

/// A new resource version alone is no change of what was read.
async fn set(cluster: &Cluster, planned: &Json, patch: &Json) -> Result<Edit, Trouble> {
    let mut live = planned.clone();
    for _ in 0..TRIES {
        let mut config = Edit::config(&live, patch);
        config["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        config["metadata"]["uid"] = live["metadata"]["uid"].clone();
        match cluster.apply(&config, true).await {
            Ok(_) => return Ok(Edit::Set { live, patch: patch.clone() }),
            Err(trouble) if trouble.code == code::CONFLICT => {
                let now = cluster.object(&place(planned).kind, &place(planned).name).await?;
                if content(&now) != content(planned) {
                    return Err(trouble);
                }
                live = now;
            }
            Err(trouble) => return Err(trouble),
        }
    }
    Err(Trouble { code: code::CONFLICT, detail: "it changes too often to be written".to_owned() })
}

/// All that is not counted and measured by the cluster itself.
fn content(object: &Json) -> Json {
    let meta = &object["metadata"];
    json!([meta["uid"], meta["labels"], meta["ownerReferences"], object["spec"], object["data"], object["type"]])
}

/// A copy first, so that nothing is lost when the program is killed in between.
async fn recreate(cluster: &Cluster, live: &Json, new: &Json) -> Result<Edit, Trouble> {
    cluster.apply(&kept(live), false).await?;
    if let Err(trouble) = cluster.remove(live).await {
        // It is there as it was, and changed since perhaps.
        forget(cluster, live).await?;
        return Err(trouble);
    }
    match cluster.apply(new, false).await {
        Ok(_) => Ok(Edit::Recreate { live: live.clone(), new: new.clone() }),
        Err(trouble) => {
            cluster.apply(&fresh(live), false).await?;
            forget(cluster, live).await?;
            Err(trouble)
        }
    }
}

/// The same object without what the server has given it.
fn fresh(live: &Json) -> Json {
    let mut object = named(live, &place(live).name);
    for part in ["labels", "annotations"] {
        if let Some(given) = live["metadata"].get(part) {
            object["metadata"][part] = given.clone();
        }
    }
    object
}

/// Its content under a name.
fn named(live: &Json, name: &str) -> Json {
    let mut object = json!({"apiVersion": live["apiVersion"], "kind": live["kind"],
        "metadata": {"name": name, "namespace": live["metadata"]["namespace"]}});
    for part in ["type", "data"] {
        if let Some(given) = live.get(part) {
            object[part] = given.clone();
        }
    }
    object
}

fn kept(live: &Json) -> Json {
    named(live, &format!("{KEPT}{}", place(live).name))
}

async fn forget(cluster: &Cluster, live: &Json) -> Result<(), Trouble> {
    let name = format!("{KEPT}{}", place(live).name);
    match cluster.object(&place(live).kind, &name).await {
        Ok(copy) => cluster.remove(&copy).await,
        Err(trouble) if trouble.code == code::NOT_FOUND => Ok(()),
        Err(trouble) => Err(trouble),
    }
}

/// Takes away what was kept for the way back.
pub(crate) async fn settle(cluster: &Cluster, written: &Written) {
    for edit in &written.0 {
        if let Edit::Recreate { live, .. } = edit {
            // What stays is named by its annotation, and harms nobody.
            let _ = forget(cluster, live).await;
        }
    }
}

/// Takes everything back, the last first; the words of what could not be.
pub(crate) async fn back(cluster: &Cluster, written: &Written) -> Vec<String> {
    let mut stuck = Vec::new();
    for edit in written.0.iter().rev() {
        if let Err(trouble) = undo(cluster, edit).await {
            let object = place(edit.object());
            stuck.push(format!("{} {}: {}", object.kind, object.name, trouble.detail));
        }
    }
    stuck
}

async fn undo(cluster: &Cluster, edit: &Edit) -> Result<(), Trouble> {
    let object = place(edit.object());
    match edit {
        Edit::Create(_) => cluster.remove(&cluster.object(&object.kind, &object.name).await?).await,
        Edit::Set { live, patch } => cluster.apply(&Edit::undo(live, patch), true).await.map(drop),
        Edit::Recreate { live, .. } => {
            cluster.remove(&cluster.object(&object.kind, &object.name).await?).await?;
            cluster.apply(&fresh(live), false).await?;
            forget(cluster, live).await
        }
    }
}

/// Waits until the pods of what was changed are made again. An error says what was whole before, and is not any more.
pub(crate) async fn rolled_out(cluster: &Cluster, services: &Services, written: &Written) -> Result<(), String> {
    for edit in written.0.iter().filter(|edit| edit.restarts()) {
        let (object, before) = (place(edit.object()), whole(edit.object()));
        // Pods that lacked something else may never come up; what was seen of them will tell.
        let limit = if before { ROLLOUT } else { UNHEALTHY };
        if !came_back(cluster, services, &object, limit).await? && before {
            let Object { kind, name, .. } = object;
            return Err(format!("{kind} `{name}` was whole before, and has not come back in {limit:?}"));
        }
    }
    Ok(())
}

async fn came_back(cluster: &Cluster, services: &Services, object: &Object, limit: Duration) -> Result<bool, String> {
    let end = services.clock.monotonic() + limit;
    while !services.cancel.is_canceled() {
        let now = cluster.object(&object.kind, &object.name).await.map_err(|trouble| trouble.detail)?;
        if whole(&now) {
            return Ok(true);
        }
        if services.clock.monotonic() >= end {
            return Ok(false);
        }
        services.clock.sleep(PAUSE).await;
    }
    Ok(true)
}

/// Whether all pods of a Deployment or StatefulSet are of its present template and available. A StatefulSet that is through
/// counts no updated pods any more, and has one revision.
pub(crate) fn whole(maker: &Json) -> bool {
    let number = |pointer: &str| maker.pointer(pointer).and_then(Json::as_i64).unwrap_or(0);
    let wanted = maker["spec"]["replicas"].as_i64().unwrap_or(1);
    let status = &maker["status"];
    let through = maker["kind"] == "StatefulSet" && status["currentRevision"] == status["updateRevision"];
    number("/status/observedGeneration") >= number("/metadata/generation")
        && (through || number("/status/updatedReplicas") >= wanted)
        && number("/status/availableReplicas") >= wanted
        && number("/status/replicas") <= wanted
}
