//! The fields of an object that we hold already. An apply that left them out would take them away, so that each apply
//! of a fix starts from them (`tests`).

use serde_json::{Map, Value as Json};

use super::field::{Step, lookup};

/// Our name as a field manager.
pub(crate) const MANAGER: &str = "mops";

/// What we have applied of a live object, without its address.
pub(crate) fn by_us(live: &Json) -> Json {
    let entries = live.pointer("/metadata/managedFields").and_then(Json::as_array).into_iter().flatten();
    let mut ours = entries.filter(|entry| is_ours(entry)).filter_map(|entry| entry["fieldsV1"].as_object());
    ours.next().map_or_else(|| Json::Object(Map::new()), |fields| picked(live, fields))
}

fn is_ours(entry: &Json) -> bool {
    entry["manager"] == MANAGER && entry["operation"] == "Apply" && entry.get("subresource").is_none()
}

/// The parts of a value that a set of fields names.
fn picked(live: &Json, fields: &Map<String, Json>) -> Json {
    let whole = fields.keys().all(|step| step == ".") && !fields.contains_key(".");
    match live {
        Json::Object(map) if !whole => {
            let below = fields.iter().filter_map(|(step, below)| Some((step.strip_prefix("f:")?, below.as_object()?)));
            below.filter_map(|(key, below)| Some((key.to_owned(), picked(map.get(key)?, below)))).collect()
        }
        Json::Array(list) if !whole => {
            let item = |(step, below): (&String, &Json)| {
                let (mark, text) = step.split_at_checked(2)?;
                let key: Json = serde_json::from_str(text).ok()?;
                match mark {
                    "k:" => keyed(list, key.as_object()?, below.as_object()?),
                    _ => list.iter().find(|item| **item == key).cloned(),
                }
            };
            Json::Array(fields.iter().filter_map(item).collect())
        }
        other => other.clone(),
    }
}

/// The item of a list with these keys, and of it what is named.
fn keyed(list: &[Json], keys: &Map<String, Json>, below: &Map<String, Json>) -> Option<Json> {
    let item = list.iter().find(|item| keys.iter().all(|(key, value)| item.get(key) == Some(value)))?;
    let mut found = keys.clone();
    if let Json::Object(more) = picked(item, below) {
        found.extend(more);
    }
    Some(Json::Object(found))
}

/// Who else holds a field, by name.
pub(crate) fn others(live: &Json, path: &[Step]) -> Vec<String> {
    let entries = live.pointer("/metadata/managedFields").and_then(Json::as_array).into_iter().flatten();
    let holds = |entry: &&Json| !is_ours(entry) && lookup(live, path).is_some() && has(&entry["fieldsV1"], path);
    let mut names: Vec<String> =
        entries.filter(holds).filter_map(|entry| Some(entry["manager"].as_str()?.to_owned())).collect();
    names.sort();
    names.dedup();
    names
}

fn has(fields: &Json, path: &[Step]) -> bool {
    let Some((step, rest)) = path.split_first() else { return true };
    let Some(map) = fields.as_object() else { return false };
    let next = match step {
        Step::Key(key) => map.get(&format!("f:{key}")),
        Step::Named(name) => {
            let is = |text: &str| serde_json::from_str::<Json>(text).is_ok_and(|key| key["name"] == name.as_str());
            map.iter().find(|(step, _)| step.strip_prefix("k:").is_some_and(is)).map(|(_, below)| below)
        }
    };
    next.is_some_and(|below| has(below, rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fix::field::leaves;

    fn live() -> Json {
        json!({
            "metadata": {"labels": {"a": "1", "b": "2"}, "managedFields": [
                {"manager": "mops", "operation": "Apply", "fieldsV1": {
                    "f:metadata": {"f:labels": {"f:a": {}}},
                    "f:data": {"f:K": {}},
                    "f:spec": {"f:containers": {"k:{\"name\":\"w\"}": {".": {}, "f:image": {}, "f:name": {}, "f:envFrom": {}}}}}},
                {"manager": "mops", "operation": "Update", "fieldsV1": {"f:data": {"f:U": {}}}},
                {"manager": "kubectl-create", "operation": "Update", "fieldsV1": {"f:data": {".": {}, "f:L": {}}}}]},
            "data": {"K": "1", "L": "2", "U": "3"},
            "spec": {"containers": [{"name": "x"}, {"name": "w", "image": "i", "tty": true, "envFrom": [{"prefix": "P"}]}]}
        })
    }

    #[test]
    fn only_what_we_have_applied_is_ours() {
        let want = json!({
            "metadata": {"labels": {"a": "1"}}, "data": {"K": "1"},
            "spec": {"containers": [{"name": "w", "image": "i", "envFrom": [{"prefix": "P"}]}]}
        });
        assert_eq!(by_us(&live()), want);
        assert_eq!(by_us(&json!({"data": {"K": "1"}})), json!({}));
    }

    #[test]
    fn another_holder_is_named() {
        let of = |patch: Json| others(&live(), &leaves(&patch)[0]);
        assert_eq!(of(json!({"data": {"L": "x"}})), ["kubectl-create"]);
        assert_eq!(of(json!({"data": {"U": "x"}})), ["mops"], "as a writer that does not apply");
        assert_eq!(of(json!({"data": {"K": "x"}})), [""; 0]);
        assert_eq!(of(json!({"data": {"NEW": "x"}})), [""; 0]);
    }
}
