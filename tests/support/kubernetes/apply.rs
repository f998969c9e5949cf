//! Server-side apply and the field managers of every other write.
//!
//! Guarantees: a field that another manager holds with another value is refused with that
//! manager's name, and taken only by force (`tests`).

use serde_json::{Value as Json, json};

use super::fields::{
    FieldSet, ListKind, atomic_map, from_fields_v1, item_key, leaves, list_kind, lookup, remove, text, to_fields_v1,
};
use super::status::Refusal;

/// Who writes, how and when.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pub(super) manager: String,
    pub(super) api_version: String,
    pub(super) subresource: String,
    pub(super) time: String,
}

struct Entry {
    manager: String,
    operation: String,
    api_version: String,
    subresource: String,
    time: String,
    set: FieldSet,
}

impl Entry {
    fn is(&self, writer: &Writer, operation: &str) -> bool {
        self.manager == writer.manager && self.operation == operation && self.subresource == writer.subresource
    }

    fn name(&self) -> String {
        let mut text = format!("\"{}\"", self.manager);
        if !self.subresource.is_empty() {
            text.push_str(&format!(" with subresource \"{}\"", self.subresource));
        }
        if self.operation == "Update" {
            text.push_str(&format!(" using {}", self.api_version));
        }
        text
    }

    fn json(&self) -> Json {
        let mut entry = json!({"manager": self.manager, "operation": self.operation, "apiVersion": self.api_version,
            "time": self.time, "fieldsType": "FieldsV1", "fieldsV1": to_fields_v1(&self.set)});
        if !self.subresource.is_empty() {
            entry["subresource"] = json!(self.subresource);
        }
        entry
    }
}

fn entries(object: &Json) -> Vec<Entry> {
    let field = |e: &Json, name: &str| e[name].as_str().unwrap_or_default().to_owned();
    let list = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    list.iter()
        .map(|e| Entry {
            manager: field(e, "manager"),
            operation: field(e, "operation"),
            api_version: field(e, "apiVersion"),
            subresource: field(e, "subresource"),
            time: field(e, "time"),
            set: from_fields_v1(&e["fieldsV1"]),
        })
        .collect()
}

fn keep(object: &mut Json, mut entries: Vec<Entry>) {
    entries.retain(|e| !e.set.is_empty());
    entries.sort_by(|a, b| (&a.operation, &a.time, &a.manager).cmp(&(&b.operation, &b.time, &b.manager)));
    object["metadata"]["managedFields"] = entries.iter().map(Entry::json).collect();
}

/// What nobody owns.
fn owned(path: &[String]) -> bool {
    let step = |i: usize| path.get(i).map_or("", String::as_str);
    match step(0) {
        "f:apiVersion" | "f:kind" => false,
        "f:metadata" => {
            matches!(step(1), "f:labels" | "f:annotations" | "f:finalizers" | "f:ownerReferences" | "f:generateName")
        }
        // A namespace's own, which the server sets.
        "f:spec" => step(1) != "f:finalizers",
        _ => true,
    }
}

fn owned_leaves(object: &Json) -> FieldSet {
    leaves(object).into_iter().filter(|p| owned(p)).collect()
}

fn is_item(path: &[String]) -> bool {
    path.last().is_some_and(|s| s.starts_with("k:"))
}

/// Applies `config` over what is there.
pub(super) fn apply(live: Option<&Json>, config: &Json, writer: &Writer, force: bool) -> Result<Json, Refusal> {
    let set = owned_leaves(config);
    let mut object = live.cloned().unwrap_or_else(|| json!({"metadata": {}}));
    let mut managers = entries(&object);
    let differs = |path: &[String], object: &Json| {
        !is_item(path) && lookup(object, path).is_some_and(|v| lookup(config, path) != Some(v))
    };
    let mut conflicts: Vec<(String, String)> = Vec::new();
    for other in managers.iter_mut().filter(|e| !e.is(writer, "Apply")) {
        let taken: FieldSet = other.set.intersection(&set).filter(|p| differs(p, &object)).cloned().collect();
        conflicts.extend(taken.iter().map(|path| (other.name(), text(path))));
        other.set.retain(|path| !taken.contains(path));
    }
    if !conflicts.is_empty() && !force {
        return Err(refusal(&conflicts));
    }
    let before = managers.iter().position(|e| e.is(writer, "Apply")).map(|i| managers.remove(i));
    for path in before.iter().flat_map(|e| &e.set).filter(|p| !set.contains(*p)) {
        let below = |other: &Vec<String>| other.len() > path.len() && other.starts_with(path);
        let held = managers.iter().any(|e| e.set.contains(path) || (is_item(path) && e.set.iter().any(below)));
        if !held {
            remove(&mut object, path);
        }
    }
    merge(&mut object, config, &mut Vec::new());
    let unchanged = before.as_ref().is_some_and(|e| e.set == set);
    let time = before.filter(|_| unchanged).map_or_else(|| writer.time.clone(), |e| e.time);
    managers.push(Entry {
        manager: writer.manager.clone(),
        operation: "Apply".into(),
        api_version: writer.api_version.clone(),
        subresource: writer.subresource.clone(),
        time,
        set,
    });
    keep(&mut object, managers);
    Ok(object)
}

fn refusal(conflicts: &[(String, String)]) -> Refusal {
    let causes: Vec<(String, String)> =
        conflicts.iter().map(|(manager, field)| (format!("conflict with {manager}"), field.clone())).collect();
    let message = if let [(manager, field)] = conflicts {
        format!("Apply failed with 1 conflict: conflict with {manager}: {field}")
    } else {
        let mut names: Vec<&String> = conflicts.iter().map(|(m, _)| m).collect();
        names.sort();
        names.dedup();
        let mut lines = Vec::new();
        for name in names {
            lines.push(format!("conflicts with {name}:"));
            lines.extend(conflicts.iter().filter(|(m, _)| m == name).map(|(_, field)| format!("- {field}")));
        }
        format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
    };
    Refusal::apply_conflict(&message, &causes)
}

fn merge(live: &mut Json, config: &Json, schema: &mut Vec<String>) {
    match config {
        Json::Object(wanted) if !atomic_map(schema) => {
            if !live.is_object() {
                *live = json!({});
            }
            for (key, value) in wanted {
                schema.push(key.clone());
                merge(&mut live[key.as_str()], value, schema);
                schema.pop();
            }
        }
        Json::Array(wanted) => merge_list(live, wanted, schema),
        other => *live = other.clone(),
    }
}

fn merge_list(live: &mut Json, wanted: &[Json], schema: &mut Vec<String>) {
    let kind = list_kind(schema);
    let Some(list) = live.as_array_mut().filter(|_| !matches!(kind, ListKind::Atomic)) else {
        *live = Json::Array(wanted.to_vec());
        return;
    };
    for item in wanted {
        let place = match kind {
            ListKind::Keyed(keys) => list.iter().position(|i| item_key(i, keys) == item_key(item, keys)),
            _ => list.iter().position(|i| i == item),
        };
        match place {
            Some(i) => merge(&mut list[i], item, schema),
            None => list.push(item.clone()),
        }
    }
}

/// Books a write that is not an apply: what it changed is now its own, and nobody else's.
pub(super) fn track(before: Option<&Json>, after: &mut Json, writer: &Writer) {
    let old = before.map(leaves).unwrap_or_default();
    let now = owned_leaves(after);
    let is_status = |p: &[String]| p.first().is_some_and(|s| s == "f:status");
    let changed: FieldSet = now
        .iter()
        .filter(|p| is_status(p) == (writer.subresource == "status"))
        .filter(|p| {
            let was = before.and_then(|b| lookup(b, p));
            if is_item(p) { !old.contains(*p) } else { was != lookup(after, p) }
        })
        .cloned()
        .collect();
    let mut managers = entries(before.unwrap_or(&Json::Null));
    for entry in &mut managers {
        let own = entry.is(writer, "Update");
        entry.set.retain(|p| now.contains(p) && (own || !changed.contains(p)));
    }
    if !changed.is_empty() {
        match managers.iter_mut().find(|e| e.is(writer, "Update")) {
            Some(entry) => {
                entry.set.extend(changed);
                entry.time.clone_from(&writer.time);
            }
            None => managers.push(Entry {
                manager: writer.manager.clone(),
                operation: "Update".into(),
                api_version: writer.api_version.clone(),
                subresource: writer.subresource.clone(),
                time: writer.time.clone(),
                set: changed,
            }),
        }
    }
    keep(after, managers);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(manager: &str) -> Writer {
        Writer {
            manager: manager.into(),
            api_version: "v1".into(),
            subresource: String::new(),
            time: "2026-11-24T00:00:00Z".into(),
        }
    }

    fn message(result: Result<Json, Refusal>) -> String {
        result.expect_err("it is refused").body["message"].as_str().expect("a message").to_owned()
    }

    #[test]
    fn another_managers_field_is_refused_with_its_name() {
        let live = apply(None, &json!({"data": {"a": "1", "b": "1"}}), &writer("helm"), false).expect("new");
        let mine = json!({"data": {"a": "2"}});
        let text = message(apply(Some(&live), &mine, &writer("mops"), false));
        assert_eq!(text, "Apply failed with 1 conflict: conflict with \"helm\": .data.a");
        let two = json!({"data": {"a": "2", "b": "2"}});
        let text = message(apply(Some(&live), &two, &writer("mops"), false));
        assert_eq!(text, "Apply failed with 2 conflicts: conflicts with \"helm\":\n- .data.a\n- .data.b");
        let forced = apply(Some(&live), &mine, &writer("mops"), true).expect("by force");
        assert_eq!(forced["data"], json!({"a": "2", "b": "1"}));
    }

    #[test]
    fn what_is_no_longer_applied_goes_unless_somebody_else_holds_it() {
        let one = apply(None, &json!({"data": {"a": "1", "b": "1"}}), &writer("mops"), false).expect("new");
        let shared = apply(Some(&one), &json!({"data": {"b": "1"}}), &writer("other"), false).expect("same value");
        let less = apply(Some(&shared), &json!({"data": {}}), &writer("mops"), false).expect("less");
        assert_eq!(less["data"], json!({"b": "1"}));
    }

    #[test]
    fn an_update_takes_over_what_it_changes() {
        let live = apply(None, &json!({"spec": {"replicas": 1}}), &writer("mops"), false).expect("new");
        let mut scaled = live.clone();
        scaled["spec"]["replicas"] = json!(3);
        track(Some(&live), &mut scaled, &writer("kubectl"));
        let text = message(apply(Some(&scaled), &json!({"spec": {"replicas": 1}}), &writer("mops"), false));
        assert_eq!(text, "Apply failed with 1 conflict: conflict with \"kubectl\" using v1: .spec.replicas");
        assert!(apply(Some(&scaled), &json!({"spec": {"paused": true}}), &writer("mops"), false).is_ok());
    }
}
