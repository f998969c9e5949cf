//! What every object in a cluster does in the same way: mark, find, apply, delete.
//! Guarantees that nothing without the mark of this stack is deleted (`tests/kubernetes.rs`).

use std::time::Duration;

use mops_clients::kubernetes::{Apply, ClusterRef, Kubernetes, KubernetesError, ObjectRef, Readiness, Wait};
use mops_core::mark::names;
use mops_core::provider::{ChangedBy, Progress};
use mops_core::{Class, Error, Identity, Lane, Mark, Ownership};
use serde_json::{Value as Json, json};

use crate::resource::Cx;
use crate::silence;

/// Objects written at once in one cluster.
const LIMIT: usize = 16;
/// Our own field manager, as managed fields name it.
pub(crate) const MANAGER: &str = "mops";

/// One object, within one call.
pub(crate) struct Object<'a> {
    cx: &'a Cx<'a>,
    /// The client, ended by the call's cancellation.
    pub(crate) kube: Kubernetes,
    /// Where it is.
    pub(crate) place: ObjectRef,
    cluster: ClusterRef,
    id: String,
}

/// The id of an object: cluster, namespace, kind, name.
pub(crate) fn id(cluster: &ClusterRef, place: &ObjectRef) -> String {
    format!("{cluster}/{}", place.id())
}

pub(crate) fn identity(cluster: &ClusterRef, place: &ObjectRef) -> Identity {
    Identity::Name(id(cluster, place))
}

pub(crate) fn lanes(cluster: &ClusterRef) -> Vec<Lane> {
    vec![Lane::new(format!("kubernetes:{cluster}"), LIMIT)]
}

/// The text at a pointer; empty when absent.
pub(crate) fn text(object: &Json, pointer: &str) -> String {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// The object with our marks on it; everything else on it stays.
pub(crate) fn marked(mut object: Json, mark: &Mark) -> Json {
    let labels = [
        ("app.kubernetes.io/managed-by", "mops".to_owned()),
        (names::LABEL_STACK, mark.stack.to_string()),
        (names::LABEL_LINEAGE, mark.lineage.to_string()),
    ];
    for (name, value) in labels {
        object["metadata"]["labels"][name] = json!(value);
    }
    object["metadata"]["annotations"][names::ANNOTATION_URN] = json!(mark.urn.as_str());
    object
}

/// Whose an object is.
pub(crate) fn owner(mark: &Mark, object: &Json) -> Ownership {
    let label = |name: &str| object["metadata"]["labels"][name].as_str();
    let urn = object["metadata"]["annotations"][names::ANNOTATION_URN].as_str();
    Ownership::judge(mark, label(names::LABEL_STACK), urn, label(names::LABEL_LINEAGE))
}

/// The manager of the last change that was not ours; what controllers report below `status` is no change. Times are
/// whole seconds: of two in one second it is not ours.
pub(crate) fn changed_by(object: &Json) -> Option<ChangedBy> {
    let list = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    let when = |entry: &Json| (entry["time"].as_str().unwrap_or_default().to_owned(), entry["manager"] != MANAGER);
    let last = list.filter(|e| e["subresource"].is_null()).max_by_key(|e| when(e))?;
    let who = last["manager"].as_str().filter(|who| *who != MANAGER)?.to_owned();
    Some(ChangedBy { who, at: last["time"].as_str().map(str::to_owned) })
}

impl<'a> Object<'a> {
    pub(crate) async fn new(cx: &'a Cx<'a>, cluster: &ClusterRef, place: ObjectRef) -> Result<Self, Error> {
        let kube = cx.services.kubernetes(cluster).await?.with_cancel(&cx.call.cancel);
        let id = id(cluster, &place);
        Ok(Self { cx, kube, place, cluster: cluster.clone(), id })
    }

    /// See [`id`].
    pub(crate) fn id(&self) -> String {
        self.id.clone()
    }

    /// What is there now; an object on its way out counts as gone only when it is.
    pub(crate) async fn get(&self) -> Result<Option<Json>, Error> {
        match self.kube.get(&self.place).await {
            Ok(found) => Ok(found),
            Err(error) => Err(self.explained(error).await),
        }
    }

    /// Why a cluster does not answer at all; other errors speak for themselves.
    async fn explained(&self, error: KubernetesError) -> Error {
        let silent = matches!(error, KubernetesError::Wire(_));
        let error = error.into_core();
        if silent && error.class() == Class::Transient {
            silence::explained(self.cx, &self.cluster, error).await
        } else {
            error
        }
    }

    /// Applies the object with our marks; fields of other managers are refused.
    pub(crate) async fn apply(&self, object: Json) -> Result<Json, Error> {
        Ok(self.kube.apply(&marked(object, &self.cx.call.mark), Apply::Respect).await?)
    }

    /// Waits, telling the engine what for; as long as the call may take when nothing is said.
    pub(crate) async fn wait(
        &self,
        limit: Option<Duration>,
        judge: &(dyn Fn(Option<&Json>) -> Readiness + Send + Sync),
    ) -> Result<Option<Json>, KubernetesError> {
        let progress = |words: &str| (self.cx.call.progress)(Progress::Waiting(words.to_owned()));
        let limit = limit.unwrap_or(self.cx.call.timeout).min(self.cx.call.timeout);
        let wait = Wait { limit, clock: self.cx.services.clock(), cancel: &self.cx.call.cancel, progress: &progress };
        self.kube.wait(&self.place, &wait, judge).await
    }

    /// Deletes it when it carries our mark, and waits until it is gone.
    pub(crate) async fn delete(&self) -> Result<(), Error> {
        let Some(live) = self.get().await? else { return Ok(()) };
        let ownership = owner(&self.cx.call.mark, &live);
        if !matches!(ownership, Ownership::Ours { .. }) {
            return Err(Error::new(
                Class::Conflict,
                format!("{} no longer carries the mark of this stack", self.place),
            )
            .note("nothing that another one may have made is deleted")
            .hint("delete it by hand, or take it out of the state"));
        }
        if !self.kube.delete(&self.place, &text(&live, "/metadata/uid")).await? {
            return Ok(());
        }
        self.gone().await
    }

    /// Waits until it is not there any more.
    pub(crate) async fn gone(&self) -> Result<(), Error> {
        let gone = |object: Option<&Json>| match object {
            None => Readiness::Ready,
            Some(object) => Readiness::Waiting(lingering(object)),
        };
        self.wait(None, &gone).await?;
        Ok(())
    }
}

/// Why an object is still there.
fn lingering(object: &Json) -> String {
    let list = object["metadata"]["finalizers"].as_array();
    let names: Vec<&str> = list.into_iter().flatten().filter_map(Json::as_str).collect();
    if names.is_empty() { "being deleted".into() } else { format!("being deleted, waits for {}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::{Lineage, StackId, Urn};

    #[test]
    fn the_last_change_of_somebody_else_is_named() {
        let entry = |manager: &str, time: &str| json!({"manager": manager, "operation": "Apply", "time": time});
        let mut status = entry("kubelet", "2026-01-09T00:00:00Z");
        status["subresource"] = json!("status");
        let live = |entries: Vec<Json>| json!({"metadata": {"managedFields": entries}});
        let ours = entry(MANAGER, "2026-01-01T00:00:00Z");
        let edited = live(vec![entry("kubectl-edit", "2026-01-02T00:00:00Z"), ours.clone(), status.clone()]);
        let by = changed_by(&edited).unwrap();
        assert_eq!((by.who.as_str(), by.at.as_deref()), ("kubectl-edit", Some("2026-01-02T00:00:00Z")));
        let mended = live(vec![entry("kubectl-edit", "2025-12-31T00:00:00Z"), ours, status]);
        assert_eq!(changed_by(&mended), None);
        assert_eq!(changed_by(&json!({})), None);
    }

    #[test]
    fn marks_join_what_is_there_and_are_recognised() {
        let stack = StackId { project: "modelops".into(), stack: "dev".into() };
        let urn = Urn::new(&stack, "modelops:kubernetes:Namespace", "namespace");
        let mark = Mark { stack, urn, lineage: Lineage("l".into()) };
        let object = marked(json!({"metadata": {"name": "n", "labels": {"app": "dask"}}}), &mark);
        assert_eq!(object["metadata"]["labels"]["app"], "dask");
        assert_eq!(owner(&mark, &object), Ownership::Ours { lineage: Lineage("l".into()) });
        assert_eq!(owner(&mark, &json!({"metadata": {}})), Ownership::Unmarked);
        assert!(object.to_string().len() < 600);
    }
}
