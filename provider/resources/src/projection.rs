//! A live object seen through the declared one: what the server filled in, spelled differently or
//! leaves to others is left out, so that a difference is a difference.
//!
//! Guarantees that an object which was just applied shows no difference (`tests`).

use serde_json::{Map, Value as Json};

/// Keys by which items of a list are told apart, the first one that all items have.
const KEYS: [&str; 7] = ["name", "mountPath", "containerPort", "port", "ip", "topologyKey", "type"];

/// Maps whose values are amounts: `1000m` is `1`.
const AMOUNTS: [&str; 6] = ["limits", "requests", "hard", "averageValue", "sizeLimit", "capacity"];

/// What `live` has in the places that `wanted` names, in the spelling of `wanted` where it means the same.
pub(crate) fn project(live: &Json, wanted: &Json) -> Json {
    view(Some(live), wanted, false).unwrap_or_default()
}

fn view(live: Option<&Json>, wanted: &Json, amount: bool) -> Option<Json> {
    let Some(live) = live else { return is_zero(wanted).then(|| wanted.clone()) };
    Some(match (live, wanted) {
        (Json::Object(live), Json::Object(wanted)) => Json::Object(map(live, wanted, amount)),
        (Json::Array(live), Json::Array(wanted)) => Json::Array(list(live, wanted)),
        (live, wanted) if live == wanted => wanted.clone(),
        (live, wanted) if amount && same_amount(live, wanted) => wanted.clone(),
        (live, wanted) if is_zero(live) && is_zero(wanted) => wanted.clone(),
        _ => live.clone(),
    })
}

fn map(live: &Map<String, Json>, wanted: &Map<String, Json>, amount: bool) -> Map<String, Json> {
    let below = |key: &String| amount || AMOUNTS.contains(&key.as_str());
    wanted.iter().filter_map(|(key, want)| Some((key.clone(), view(live.get(key), want, below(key))?))).collect()
}

fn list(live: &[Json], wanted: &[Json]) -> Vec<Json> {
    if let Some(key) = key_of(wanted) {
        let find = |want: &Json| live.iter().find(|item| item[key] == want[key]);
        return wanted.iter().filter_map(|want| view(Some(find(want)?), want, false)).collect();
    }
    if live.len() != wanted.len() {
        return live.to_vec();
    }
    live.iter().zip(wanted).filter_map(|(live, want)| view(Some(live), want, false)).collect()
}

/// A key that every item has, each with another value.
fn key_of(items: &[Json]) -> Option<&'static str> {
    KEYS.into_iter().find(|key| {
        let values: Vec<&Json> = items.iter().filter_map(|item| item.get(*key)).collect();
        let distinct = values.iter().enumerate().all(|(i, v)| !values[..i].contains(v));
        !items.is_empty() && values.len() == items.len() && distinct
    })
}

/// What the server does not store: absent means the same.
fn is_zero(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(b) => !b,
        Json::Number(n) => n.as_f64() == Some(0.0),
        Json::String(s) => s.is_empty(),
        Json::Array(list) => list.is_empty(),
        Json::Object(map) => map.values().all(is_zero),
    }
}

fn same_amount(a: &Json, b: &Json) -> bool {
    match (amount(a), amount(b)) {
        (Some(a), Some(b)) => (a - b).abs() <= f64::EPSILON * a.abs().max(b.abs()),
        _ => false,
    }
}

fn amount(value: &Json) -> Option<f64> {
    let text = match value {
        Json::Number(n) => return n.as_f64(),
        Json::String(text) => text,
        _ => return None,
    };
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().ok()?;
    let factor = match &text[digits.len()..] {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "Ki" => 1024.0,
        "Mi" => 1024.0_f64.powi(2),
        "Gi" => 1024.0_f64.powi(3),
        "Ti" => 1024.0_f64.powi(4),
        "Pi" => 1024.0_f64.powi(5),
        _ => return None,
    };
    Some(number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_means_the_same_is_the_same() {
        let rows = [
            (json!({"a": 1, "extra": 2}), json!({"a": 1})),
            (json!({}), json!({"hostNetwork": false, "env": [], "x": ""})),
            (json!({"limits": {"cpu": "1", "memory": "1Gi"}}), json!({"limits": {"cpu": "1000m", "memory": "1024Mi"}})),
            (json!({"limits": {"nvidia.com/gpu": "1"}}), json!({"limits": {"nvidia.com/gpu": 1}})),
            (
                json!({"containers": [{"name": "sidecar"}, {"name": "main", "image": "i", "terminationMessagePath": "/x"}]}),
                json!({"containers": [{"name": "main", "image": "i"}]}),
            ),
            (
                json!({"tolerations": [{"key": "a", "operator": "Exists"}]}),
                json!({"tolerations": [{"key": "a", "operator": "Exists"}]}),
            ),
        ];
        for (live, wanted) in rows {
            assert_eq!(project(&live, &wanted), wanted, "{live}");
        }
    }

    #[test]
    fn what_differs_is_seen() {
        let rows = [
            (json!({"a": 2}), json!({"a": 1}), json!({"a": 2})),
            (json!({}), json!({"a": 1}), json!({})),
            (json!({"name": "1"}), json!({"name": "1000m"}), json!({"name": "1"})),
            (json!({"args": ["a", "b"]}), json!({"args": ["a"]}), json!({"args": ["a", "b"]})),
            (
                json!({"c": [{"name": "m", "image": "j"}]}),
                json!({"c": [{"name": "m", "image": "i"}, {"name": "n"}]}),
                json!({"c": [{"name": "m", "image": "j"}]}),
            ),
        ];
        for (live, wanted, seen) in rows {
            assert_eq!(project(&live, &wanted), seen, "{live}");
        }
    }
}
