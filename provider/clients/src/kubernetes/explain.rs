//! Why a workload is not ready, in the words of its pods.

use super::client::{Kubernetes, Selection};
use super::object::{Json, ObjectRef};
use super::ready::waiting;

impl Kubernetes {
    /// The first reason that one of the workload's pods gives; `None` when it has no pods or they say
    /// nothing. An error on the way is no reason either: the caller has its own already.
    pub async fn explain(&self, workload: &Json) -> Option<String> {
        if workload["kind"] == "Pod" {
            return waiting(workload);
        }
        let labels = workload.pointer("/spec/selector/matchLabels")?.as_object()?;
        let terms: Vec<String> =
            labels.iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect();
        let namespace = ObjectRef::of(workload).namespace?;
        let pods = ObjectRef::namespaced("v1", "Pod", &namespace, "");
        let which = Selection { labels: terms.join(","), fields: String::new() };
        let pods = self.list(&pods, &which).await.ok()?;
        pods.iter().find_map(waiting)
    }
}
