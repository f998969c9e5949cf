//! Events, as `kubectl describe` shows them; an equal one is counted, not repeated.

use serde_json::{Value as Json, json};

use super::store::{Store, text};

/// Says something about an object.
pub(super) struct Saying<'a> {
    pub(super) source: &'a str,
    pub(super) kind: &'a str,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
    pub(super) now: &'a str,
}

impl Saying<'_> {
    /// Writes the event, or counts it up.
    pub(super) fn about(&self, store: &mut Store, object: &Json) {
        let namespace = text(object, "/metadata/namespace");
        let space = if namespace.is_empty() { "default" } else { namespace };
        let uid = text(object, "/metadata/uid");
        let same = |e: &Json| {
            text(e, "/involvedObject/uid") == uid && e["reason"] == self.reason && e["message"] == self.message
        };
        if let Some(mut known) = store.list("Event", space).into_iter().find(same) {
            known["count"] = json!(known["count"].as_u64().unwrap_or(1) + 1);
            known["lastTimestamp"] = json!(self.now);
            store.put(known);
            return;
        }
        if !namespace.is_empty() && store.get("Namespace", "", namespace).is_none() {
            return;
        }
        let name = text(object, "/metadata/name");
        let suffix = &uuid::Uuid::new_v4().simple().to_string()[..16];
        store.put(json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": format!("{name}.{suffix}"), "namespace": space,
                "uid": uuid::Uuid::new_v4().to_string(), "creationTimestamp": self.now},
            "involvedObject": {"apiVersion": object["apiVersion"], "kind": object["kind"], "name": name,
                "namespace": namespace, "uid": uid},
            "type": self.kind, "reason": self.reason, "message": self.message, "count": 1,
            "firstTimestamp": self.now, "lastTimestamp": self.now, "eventTime": null,
            "source": {"component": self.source}, "reportingComponent": self.source, "reportingInstance": "",
        }));
    }
}
