//! The autoscaler: without metrics it only keeps the count of its Deployment within its bounds, and
//! owns that field from then on.

use serde_json::{Value as Json, json};

use super::apply::Writer;
use super::store::{Key, Store, key_of, text};

/// Keeps every target within the bounds of its autoscaler.
pub(super) fn autoscalers(store: &mut Store, writer: &Writer) -> bool {
    let scaler = Writer { subresource: "scale".into(), api_version: "apps/v1".into(), ..writer.clone() };
    let mut changed = false;
    for object in store.list("HorizontalPodAutoscaler", "") {
        changed |= one(store, &object, &scaler, writer);
    }
    changed
}

fn one(store: &mut Store, object: &Json, scaler: &Writer, writer: &Writer) -> bool {
    let namespace = text(object, "/metadata/namespace").to_owned();
    let name = text(object, "/spec/scaleTargetRef/name").to_owned();
    let key: Key = ("Deployment", namespace, name);
    let Some(target) = store.get(key.0, &key.1, &key.2).cloned() else { return false };
    let count = |value: &Json| value.as_u64().unwrap_or(1);
    let now = count(&target["spec"]["replicas"]);
    let (least, most) = (count(&object["spec"]["minReplicas"]), count(&object["spec"]["maxReplicas"]));
    // a count of zero switches an autoscaler off
    let wanted = if now == 0 { 0 } else { now.clamp(least, most.max(least)) };
    let scaled = wanted != now
        && store.amend(&key, scaler, |d| {
            d["spec"]["replicas"] = json!(wanted);
            d["metadata"]["generation"] = json!(count(&d["metadata"]["generation"]) + 1);
        });
    let reported = store.amend(&key_of(object), writer, |h| {
        h["status"] = json!({"currentReplicas": count(&target["spec"]["replicas"]), "desiredReplicas": wanted});
    });
    scaled || reported
}
