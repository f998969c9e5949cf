//! Fields that are said once, when the object is made, and belong to somebody else from then on:
//! the replicas of a Deployment that an autoscaler scales.
//!
//! Guarantees that such a field is in no later apply and no difference (`tests`, `tests/kubernetes.rs`).

use serde_json::{Value as Json, json};

/// Annotation of the object that names such fields: `spec.replicas`, several with commas.
pub(crate) const ANNOTATION: &str = "modelops.io/create-only";

/// The manager under which they are said, so that leaving them out later does not reset them.
pub(crate) const MANAGER: &str = "mops-initial";

/// The fields that an object names.
pub(crate) fn paths(object: &Json) -> Vec<Vec<String>> {
    let text = object["metadata"]["annotations"][ANNOTATION].as_str().unwrap_or_default();
    let path = |p: &str| p.trim().split('.').map(str::to_owned).collect();
    text.split(',').filter(|p| !p.trim().is_empty()).map(path).collect()
}

fn pointer(path: &[String]) -> String {
    path.iter().map(|step| format!("/{step}")).collect()
}

/// The object without them.
pub(crate) fn without(object: &Json) -> Json {
    let mut object = object.clone();
    for path in paths(&object) {
        let Some((last, above)) = path.split_last() else { continue };
        if let Some(map) = object.pointer_mut(&pointer(above)).and_then(Json::as_object_mut) {
            map.remove(last);
        }
    }
    object
}

/// The object with these fields as `other` has them, so that they make no difference.
pub(crate) fn as_in(object: &Json, other: &Json) -> Json {
    let mut result = without(object);
    for path in paths(object) {
        if let Some(value) = other.pointer(&pointer(&path)) {
            set(&mut result, &path, value.clone());
        }
    }
    result
}

fn set(object: &mut Json, path: &[String], value: Json) {
    let Some((last, above)) = path.split_last() else { return };
    let at = above.iter().fold(object, |at, step| &mut at[step.as_str()]);
    at[last.as_str()] = value;
}

/// Nothing but name and these fields with their values in `source`; none when it has no such field.
pub(crate) fn alone(object: &Json, source: &Json) -> Option<Json> {
    let meta = &object["metadata"];
    let mut result = json!({"apiVersion": object["apiVersion"], "kind": object["kind"],
        "metadata": {"name": meta["name"]}});
    if meta["namespace"].is_string() {
        result["metadata"]["namespace"] = meta["namespace"].clone();
    }
    let mut any = false;
    for path in paths(object) {
        if let Some(value) = source.pointer(&pointer(&path)) {
            set(&mut result, &path, value.clone());
            any = true;
        }
    }
    any.then_some(result)
}

/// Whether we still hold one of them in a live object, so that leaving it out would reset it.
pub(crate) fn held_by(live: &Json, object: &Json, manager: &str) -> bool {
    let list = live["metadata"]["managedFields"].as_array();
    let ours = list.into_iter().flatten().filter(|e| e["manager"] == manager && e["operation"] == "Apply");
    let fields: Vec<&Json> = ours.map(|e| &e["fieldsV1"]).collect();
    let step = |path: &[String]| path.iter().map(|s| format!("/f:{s}")).collect::<String>();
    paths(object).iter().any(|path| fields.iter().any(|f| f.pointer(&step(path)).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(replicas: i64) -> Json {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "d", "namespace": "n", "annotations": {ANNOTATION: "spec.replicas"}},
            "spec": {"replicas": replicas, "paused": false}})
    }

    #[test]
    fn the_field_leaves_and_comes_back_as_it_is() {
        assert_eq!(without(&object(2))["spec"], json!({"paused": false}));
        assert_eq!(as_in(&object(2), &object(7)), object(7));
        assert_eq!(alone(&object(2), &object(7)).unwrap()["spec"], json!({"replicas": 7}));
        let plain = json!({"metadata": {"name": "d"}, "spec": {"replicas": 1}});
        assert_eq!((without(&plain), alone(&plain, &plain)), (plain.clone(), None));
    }

    #[test]
    fn holding_it_is_seen_in_the_managed_fields() {
        let held = |manager: &str| {
            json!({"metadata": {"managedFields": [{"manager": manager, "operation": "Apply",
                "fieldsV1": {"f:spec": {"f:replicas": {}}}}]}})
        };
        assert!(held_by(&held("mops"), &object(1), "mops"));
        assert!(!held_by(&held("other"), &object(1), "mops"));
    }
}
