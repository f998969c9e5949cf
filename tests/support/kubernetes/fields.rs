//! Sets of leaf paths: which fields an object has, as `managedFields` write them.
//!
//! Guarantees: a set survives the way into `fieldsV1` and back (`tests::sets_survive`), and list
//! items are named by the keys of one table.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

/// Steps as `fieldsV1` spells them: `f:name`, `k:{"name":"main"}`, `v:"x"`.
pub(super) type FieldPath = Vec<String>;
/// Leaves, and list items themselves.
pub(super) type FieldSet = BTreeSet<FieldPath>;

/// How a list is merged.
pub(super) enum ListKind {
    Atomic,
    Set,
    Keyed(&'static [&'static str]),
}

/// The keyed lists of the kinds that the fake knows; everything else is replaced as a whole.
pub(super) fn list_kind(schema: &[String]) -> ListKind {
    let last = schema.last().map_or("", String::as_str);
    let parent = schema.len().checked_sub(2).map_or("", |i| schema[i].as_str());
    match (parent, last) {
        (_, "containers" | "initContainers" | "ephemeralContainers" | "env" | "volumes") => ListKind::Keyed(&["name"]),
        ("spec", "imagePullSecrets") | ("", "secrets") => ListKind::Keyed(&["name"]),
        (_, "volumeMounts") => ListKind::Keyed(&["mountPath"]),
        ("containers" | "initContainers", "ports") => ListKind::Keyed(&["containerPort", "protocol"]),
        ("spec", "ports") => ListKind::Keyed(&["port", "protocol"]),
        (_, "conditions" | "addresses") => ListKind::Keyed(&["type"]),
        (_, "ownerReferences") => ListKind::Keyed(&["uid"]),
        (_, "finalizers") => ListKind::Set,
        _ => ListKind::Atomic,
    }
}

/// Maps that are one value.
pub(super) fn atomic_map(schema: &[String]) -> bool {
    let last = schema.last().map_or("", String::as_str);
    matches!(last, "selector" | "labelSelector" | "nodeSelector" | "secretKeyRef" | "fieldRef" | "configMapKeyRef")
}

/// The key of a list item as a step.
pub(super) fn item_key(item: &Json, keys: &[&str]) -> String {
    let mut map = Map::new();
    for key in keys {
        let fallback = if *key == "protocol" { json!("TCP") } else { Json::Null };
        map.insert((*key).to_owned(), item.get(*key).cloned().unwrap_or(fallback));
    }
    format!("k:{}", Json::Object(map))
}

/// All leaves of an object.
pub(super) fn leaves(object: &Json) -> FieldSet {
    let mut out = FieldSet::new();
    walk(object, &mut Vec::new(), &mut Vec::new(), &mut out);
    out
}

fn walk(value: &Json, path: &mut FieldPath, schema: &mut Vec<String>, out: &mut FieldSet) {
    match value {
        Json::Object(map) if !map.is_empty() && !(atomic_map(schema)) => {
            for (key, below) in map {
                path.push(format!("f:{key}"));
                schema.push(key.clone());
                walk(below, path, schema, out);
                schema.pop();
                path.pop();
            }
        }
        Json::Array(list) => match list_kind(schema) {
            ListKind::Keyed(keys) => list.iter().for_each(|item| {
                path.push(item_key(item, keys));
                out.insert(path.clone());
                walk(item, path, schema, out);
                path.pop();
            }),
            ListKind::Set => list.iter().for_each(|item| {
                path.push(format!("v:{item}"));
                out.insert(path.clone());
                path.pop();
            }),
            ListKind::Atomic => {
                out.insert(path.clone());
            }
        },
        _ => {
            out.insert(path.clone());
        }
    }
}

/// Two items of one list with the same key, in the server's words.
pub(super) fn duplicate(object: &Json) -> Option<String> {
    twice(object, &mut Vec::new(), &mut Vec::new())
}

fn twice(value: &Json, path: &mut FieldPath, schema: &mut Vec<String>) -> Option<String> {
    match value {
        Json::Object(map) => map.iter().find_map(|(key, below)| {
            path.push(format!("f:{key}"));
            schema.push(key.clone());
            let found = twice(below, path, schema);
            schema.pop();
            path.pop();
            found
        }),
        Json::Array(list) => {
            let ListKind::Keyed(keys) = list_kind(schema) else { return None };
            let mut seen = BTreeSet::new();
            list.iter().find_map(|item| {
                let step = item_key(item, keys);
                if !seen.insert(step.clone()) {
                    let key = text(std::slice::from_ref(&step));
                    return Some(format!("{}: duplicate entries for key {key}", text(path)));
                }
                path.push(step);
                let found = twice(item, path, schema);
                path.pop();
                found
            })
        }
        _ => None,
    }
}

/// The value at a path.
pub(super) fn lookup<'a>(object: &'a Json, path: &[String]) -> Option<&'a Json> {
    let Some((head, rest)) = path.split_first() else { return Some(object) };
    let below = match head.split_at(2) {
        ("f:", name) => object.get(name)?,
        ("k:", _) => object.as_array()?.iter().find(|item| is_item(item, head))?,
        (_, text) => object.as_array()?.iter().find(|item| is_value(item, text))?,
    };
    lookup(below, rest)
}

fn is_value(item: &Json, text: &str) -> bool {
    serde_json::from_str::<Json>(text).is_ok_and(|value| value == *item)
}

fn is_item(item: &Json, step: &str) -> bool {
    let Ok(Json::Object(keys)) = serde_json::from_str::<Json>(&step[2..]) else { return false };
    let names: Vec<&str> = keys.keys().map(String::as_str).collect();
    item_key(item, &names) == step
}

/// Takes away what is at a path; containers that become empty on the way go as well.
pub(super) fn remove(object: &mut Json, path: &[String]) {
    let Some((head, rest)) = path.split_first() else { return };
    match (object, head.split_at(2)) {
        (Json::Object(map), ("f:", name)) => {
            if let Some(below) = map.get_mut(name) {
                remove(below, rest);
                if rest.is_empty() || is_empty(below) {
                    map.shift_remove(name);
                }
            }
        }
        (Json::Array(list), (mark, text)) => {
            let found = list.iter().position(|i| if mark == "k:" { is_item(i, head) } else { is_value(i, text) });
            if let Some(i) = found {
                if rest.is_empty() {
                    list.remove(i);
                } else {
                    remove(&mut list[i], rest);
                }
            }
        }
        _ => {}
    }
}

fn is_empty(value: &Json) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

/// `.spec.template.spec.containers[name="main"].image`
pub(super) fn text(path: &[String]) -> String {
    let mut out = String::new();
    for step in path {
        match step.split_at(2) {
            ("f:", name) => out.push_str(&format!(".{name}")),
            ("k:", keys) => {
                let keys: Map<String, Json> = serde_json::from_str(keys).unwrap_or_default();
                let parts: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
                out.push_str(&format!("[{}]", parts.join(",")));
            }
            (_, value) => out.push_str(&format!("[={value}]")),
        }
    }
    out
}

/// The set as `fieldsV1`.
pub(super) fn to_fields_v1(set: &FieldSet) -> Json {
    let mut root = Map::new();
    set.iter().for_each(|path| add(&mut root, path, path));
    Json::Object(root)
}

fn add(at: &mut Map<String, Json>, rest: &[String], whole: &[String]) {
    let Some((step, rest)) = rest.split_first() else {
        if whole.last().is_some_and(|s| s.starts_with("k:")) {
            at.insert(".".into(), json!({}));
        }
        return;
    };
    if let Json::Object(below) = at.entry(step.clone()).or_insert_with(|| json!({})) {
        add(below, rest, whole);
    }
}

/// The set behind `fieldsV1`.
pub(super) fn from_fields_v1(fields: &Json) -> FieldSet {
    let mut out = FieldSet::new();
    collect(fields, &mut Vec::new(), &mut out);
    out
}

fn collect(fields: &Json, path: &mut FieldPath, out: &mut FieldSet) {
    let Some(map) = fields.as_object() else { return };
    if (map.is_empty() || map.contains_key(".")) && !path.is_empty() {
        out.insert(path.clone());
    }
    for (step, below) in map.iter().filter(|(s, _)| s.len() > 2) {
        path.push(step.clone());
        collect(below, path, out);
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_survive() {
        let object = json!({"data": {"a": "1"}, "spec": {"replicas": 1, "template": {"spec": {"containers": [
            {"name": "main", "image": "i", "args": ["x"]}]}}}});
        let set = leaves(&object);
        assert_eq!(from_fields_v1(&to_fields_v1(&set)), set);
        let texts: Vec<String> = set.iter().map(|p| text(p)).collect();
        assert!(texts.contains(&".spec.template.spec.containers[name=\"main\"].image".to_owned()), "{texts:?}");
    }

    #[test]
    fn removing_the_last_field_removes_its_map() {
        let mut object = json!({"data": {"a": "1"}, "kind": "Secret"});
        remove(&mut object, &["f:data".into(), "f:a".into()]);
        assert_eq!(object, json!({"kind": "Secret"}));
    }
}
