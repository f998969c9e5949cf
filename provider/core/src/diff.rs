//! What differs between two values, property by property, secrets masked.

use schemars::JsonSchema;
use serde::Serialize;

use crate::value::{Path, Value};

/// How one property changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Was not there before.
    Add,
    /// Has another value.
    Update,
    /// Is no longer there.
    Delete,
}

/// One property that differs; values are masked and fit for the screen.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PropertyDiff {
    /// Where.
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String")]
    pub path: Path,
    /// How.
    pub change: Change,
    /// Before; `[secret]` when secret.
    pub before: serde_json::Value,
    /// After; `[secret]` when secret, `[unknown]` when only known later.
    pub after: serde_json::Value,
}

fn as_text<S: serde::Serializer>(path: &Path, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(path)
}

/// All differences in path order. An unknown differs from everything: what it will be is not known.
#[must_use]
pub fn diff(old: &Value, new: &Value) -> Vec<PropertyDiff> {
    let mut found = Vec::new();
    walk(old, new, &mut Path::default(), &mut found);
    found
}

/// Whether there is any difference, without building the list.
#[must_use]
pub fn differs(old: &Value, new: &Value) -> bool {
    new.has_unknown() || old != new
}

fn walk(old: &Value, new: &Value, path: &mut Path, found: &mut Vec<PropertyDiff>) {
    match (old, new) {
        (Value::Map(a), Value::Map(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys().filter(|k| !a.contains_key(*k))).collect();
            keys.sort();
            for key in keys {
                path.0.push(key.clone());
                walk(a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), path, found);
                path.0.pop();
            }
        }
        (Value::List(a), Value::List(b)) => {
            for i in 0..a.len().max(b.len()) {
                path.0.push(i.to_string());
                walk(a.get(i).unwrap_or(&Value::Null), b.get(i).unwrap_or(&Value::Null), path, found);
                path.0.pop();
            }
        }
        (a, b) if !matches!(b, Value::Unknown) && a == b => {}
        (a, b) => found.push(PropertyDiff {
            path: path.clone(),
            change: match (a, b) {
                (Value::Null, _) => Change::Add,
                (_, Value::Null) => Change::Delete,
                _ => Change::Update,
            },
            before: a.masked_json(),
            after: b.masked_json(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(json: serde_json::Value) -> Value {
        json.into()
    }

    #[test]
    fn names_each_property_that_differs() {
        let old = v(serde_json::json!({"a": 1, "b": [1, 2], "gone": true}));
        let new = v(serde_json::json!({"a": 2, "b": [1, 3, 4], "new": "x"}));
        let got: Vec<_> = diff(&old, &new).into_iter().map(|d| format!("{:?} {}", d.change, d.path)).collect();
        assert_eq!(got, ["Update a", "Update b[1]", "Add b[2]", "Delete gone", "Add new"]);
        assert!(diff(&old, &old).is_empty() && !differs(&old, &old));
    }

    #[test]
    fn secrets_are_masked_and_unknowns_differ() {
        let old = Value::from("old-canary").into_secret();
        let new = Value::from("new-canary").into_secret();
        let text = serde_json::to_string(&diff(&old, &new)).unwrap();
        assert!(!text.contains("canary"));
        assert_eq!(diff(&Value::Unknown, &Value::Unknown).len(), 1);
        assert!(differs(&Value::from(1), &Value::Unknown));
    }
}
