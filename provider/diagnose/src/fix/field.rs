//! Parts of objects: the leaves of a partial object, what stands there now, and one laid over another. Lists whose items
//! have names are lists of those; every other list is one value, as the API server holds it (`tests`).

use mops_core::{Nonce, Secret};
use serde_json::{Map, Value as Json, json};

/// A step into an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A field.
    Key(String),
    /// The item of a list with this name.
    Named(String),
}

/// Where a value stands.
pub(crate) type Path = Vec<Step>;

/// `.spec.template.spec.imagePullSecrets[pull]`
pub(crate) fn text(path: &[Step]) -> String {
    let one = |step: &Step| match step {
        Step::Key(key) if key.contains(['.', '/']) => format!("['{key}']"),
        Step::Key(key) => format!(".{key}"),
        Step::Named(name) => format!("[{name}]"),
    };
    path.iter().map(one).collect()
}

/// A field that tells less of the way to it, for lines of a screen.
pub(crate) fn short(path: &[Step]) -> String {
    text(path).replace(".spec.template.", ".template.").replace(".template.spec.", ".template.")
}

/// A partial object with one value in it.
pub(crate) fn at(keys: &[&str], value: Json) -> Json {
    keys.iter().rev().fold(value, |below, key| json!({ *key: below }))
}

fn name_of(item: &Json) -> Option<&str> {
    item.get("name")?.as_str()
}

/// The items of a list by name; `None` for every other list.
fn named(list: &[Json]) -> Option<Vec<(&str, &Json)>> {
    let all: Option<Vec<_>> = list.iter().map(|item| Some((name_of(item)?, item))).collect();
    all.filter(|items| !items.is_empty())
}

/// The leaves of a partial object; a named item without any other field is one.
pub(crate) fn leaves(patch: &Json) -> Vec<Path> {
    let mut found = Vec::new();
    walk(patch, &mut Vec::new(), &mut found);
    found
}

fn walk(value: &Json, path: &mut Path, found: &mut Vec<Path>) {
    let items = value.as_array().and_then(|list| named(list));
    match (value, items) {
        (Json::Object(map), _) if !map.is_empty() => {
            for (key, below) in map {
                path.push(Step::Key(key.clone()));
                walk(below, path, found);
                path.pop();
            }
        }
        (_, Some(items)) => {
            for (name, item) in items {
                path.push(Step::Named(name.to_owned()));
                let mut rest = item.clone();
                let others = rest.as_object_mut().map(|map| map.remove("name")).is_some();
                match rest.as_object().is_some_and(Map::is_empty) || !others {
                    true => found.push(path.clone()),
                    false => walk(&rest, path, found),
                }
                path.pop();
            }
        }
        _ => found.push(path.clone()),
    }
}

/// What stands at a path.
pub(crate) fn lookup<'a>(object: &'a Json, path: &[Step]) -> Option<&'a Json> {
    path.iter().try_fold(object, |at, step| match step {
        Step::Key(key) => at.get(key).filter(|value| !value.is_null()),
        Step::Named(name) => at.as_array()?.iter().find(|item| name_of(item) == Some(name)),
    })
}

/// Lays one partial object over another.
pub(crate) fn merge(into: &mut Json, patch: &Json) {
    match (into, patch) {
        (Json::Object(into), Json::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key.clone()).or_insert(Json::Null), value);
            }
        }
        (Json::Array(into), Json::Array(patch)) if named(patch).is_some() => {
            for item in patch {
                match into.iter_mut().find(|known| name_of(known) == name_of(item)) {
                    Some(known) => merge(known, item),
                    None => into.push(item.clone()),
                }
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

/// What an object has where a partial object has something; nothing where it has none of it.
pub(crate) fn shaped(live: &Json, patch: &Json) -> Option<Json> {
    match (live, patch) {
        (Json::Null, _) => None,
        (Json::Object(live), Json::Object(patch)) if !patch.is_empty() => {
            let one = |(key, below): (&String, &Json)| Some((key.clone(), shaped(live.get(key)?, below)?));
            let found: Map<String, Json> = patch.iter().filter_map(one).collect();
            (!found.is_empty()).then_some(Json::Object(found))
        }
        (Json::Array(live), Json::Array(patch)) if named(patch).is_some() => {
            let of = |item: &Json| live.iter().find(|known| name_of(known) == name_of(item));
            let found: Vec<Json> = patch.iter().filter_map(|item| shaped(of(item)?, item)).collect();
            (!found.is_empty()).then_some(Json::Array(found))
        }
        (live, _) => Some(live.clone()),
    }
}

/// The beginning of a value's hash under the nonce of the run; empty for nothing. Tells two values apart, and says
/// nothing of either.
pub(crate) fn hash(nonce: &Nonce, value: Option<&Json>) -> String {
    value.map(|value| nonce.hash(&Secret::new(value.to_string())).short()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_named_and_looked_up() {
        let patch = json!({"spec": {"template": {"spec": {
            "imagePullSecrets": [{"name": "pull"}],
            "containers": [{"name": "worker", "envFrom": [{"secretRef": {"name": "env"}}]}]
        }}}});
        let mut paths = leaves(&patch);
        paths.sort_by_key(|path| text(path));
        let fields: Vec<String> = paths.iter().map(|path| short(path)).collect();
        assert_eq!(fields, [".template.containers[worker].envFrom", ".template.imagePullSecrets[pull]"]);
        let live = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "side"}, {"name": "worker", "image": "i", "envFrom": []}]}}}});
        let found: Vec<Option<&Json>> = paths.iter().map(|path| lookup(&live, path)).collect();
        assert_eq!(found, [Some(&json!([])), None]);
        let before = shaped(&live, &patch);
        assert_eq!(
            before,
            Some(json!({"spec": {"template": {"spec": {"containers": [{"envFrom": [], "name": "worker"}]}}}}))
        );
        let mut merged = live.clone();
        merge(&mut merged, &patch);
        let spec = &merged["spec"]["template"]["spec"];
        assert_eq!(
            (spec["containers"][1]["image"].as_str(), spec["containers"].as_array().map(Vec::len)),
            (Some("i"), Some(2))
        );
        assert_eq!(
            text(&leaves(&at(&["metadata", "annotations"], json!({"a.b/c": "x"})))[0]),
            ".metadata.annotations['a.b/c']"
        );
    }
}
