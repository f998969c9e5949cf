//! Where secrets stand in inputs. Programs mark whole objects as secret, our types single values: the mark goes down to
//! them. A secret in the place of a name or a size is refused, since those are shown in messages and ids.

use std::collections::BTreeMap;

use mops_core::provider::CheckFailure;
use mops_core::value::Path;
use mops_core::{Secret, Value};
use serde_json::Value as Json;

use super::kinds::{is_secret, target};

/// The inputs with each mark where the type has it, and what is marked although its place is none for secrets.
pub(crate) fn placed(schema: &Json, inputs: Value) -> (Value, Vec<CheckFailure>) {
    let mut walk = Walk { root: schema, path: Path::default(), misplaced: Vec::new() };
    let inputs = walk.go(schema, inputs, false);
    (inputs, walk.misplaced)
}

struct Walk<'a> {
    root: &'a Json,
    path: Path,
    misplaced: Vec<CheckFailure>,
}

impl Walk<'_> {
    fn go(&mut self, node: &Json, value: Value, marked: bool) -> Value {
        let node = self.resolved(node);
        let takes = is_secret(node) || alternatives(node).iter().any(is_secret);
        match value {
            Value::Secret(inner) if takes => Value::Secret(inner),
            Value::Secret(inner) => self.go(node, inner.into_exposed().as_ref().clone(), true),
            other if takes && marked => Value::Secret(Secret::new(Box::new(other))),
            Value::Map(map) => Value::Map(self.members(node, map, marked)),
            Value::List(list) => {
                let below = |(i, item)| self.below(&node["items"], &format!("{i}"), item, marked);
                Value::List(list.into_iter().enumerate().map(below).collect())
            }
            Value::Unknown if marked => Value::Secret(Secret::new(Box::new(Value::Unknown))),
            other => {
                if marked {
                    self.refuse();
                }
                other
            }
        }
    }

    fn members(&mut self, node: &Json, map: BTreeMap<String, Value>, marked: bool) -> BTreeMap<String, Value> {
        let of = |(name, value): (String, Value)| {
            let value = self.below(declared(node, &name), &name, value, marked);
            (name, value)
        };
        map.into_iter().map(of).collect()
    }

    fn below(&mut self, node: &Json, step: &str, value: Value, marked: bool) -> Value {
        self.path.0.push(step.to_owned());
        let found = self.go(node, value, marked);
        self.path.0.pop();
        found
    }

    fn refuse(&mut self) {
        self.misplaced.push(CheckFailure {
            path: self.path.clone(),
            reason: "a secret was given for a property that stands in ids and messages".to_owned(),
            hint: Some("give it in clear (`unsecret`)".to_owned()),
        });
    }

    fn resolved<'n>(&self, node: &'n Json) -> &'n Json
    where
        Self: 'n,
    {
        target(self.root, node).map_or(node, |(_, of)| of)
    }
}

/// The declaration of a member.
fn declared<'n>(node: &'n Json, name: &str) -> &'n Json {
    let found = alternatives(node).iter().find_map(|one| one["properties"].get(name));
    found.unwrap_or(&node["additionalProperties"])
}

/// What a value may be one of; usually one thing.
fn alternatives(node: &Json) -> &[Json] {
    node["anyOf"].as_array().or(node["oneOf"].as_array()).map_or(std::slice::from_ref(node), Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn marks_go_down_to_the_values_and_names_take_none() {
        let schema = json!({"properties": {
            "name": {"type": "string"},
            "data": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Input"}},
        }, "$defs": {"Input": {"anyOf": [{"type": "string", "secret": true}, {"type": "object"}]}}});
        let of = |name: &str, value: Value| Value::Map([(name.to_owned(), value)].into());
        let whole = of("data", of("key", Value::from("canary")).into_secret());
        let (inputs, misplaced) = placed(&schema, whole);
        assert_eq!(inputs, of("data", of("key", Value::from("canary").into_secret())));
        assert_eq!(misplaced, []);
        let (_, misplaced) = placed(&schema, of("name", Value::from("canary").into_secret()));
        assert_eq!(misplaced.iter().map(|f| f.path.to_string()).collect::<Vec<_>>(), ["name"]);
        assert!(!format!("{misplaced:?}").contains("canary"));
        let later = Value::Secret(Secret::new(Box::new(Value::Unknown)));
        let (inputs, misplaced) = placed(&schema, of("data", later.clone()));
        assert!(misplaced.is_empty() && inputs.has_secret() && inputs.has_unknown());
    }
}
