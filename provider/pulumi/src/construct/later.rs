//! Values that a stack file cannot hold: what is known later, and what is secret. A mark stands for each while the file is
//! read, and in what is declared the value takes its place again. So no message about the file can quote a secret.

use std::collections::BTreeMap;

use mops_core::{Secret, Value};
use mops_engine::program::Expr;
use serde_json::Value as Json;

/// The values that marks stand for, in the order of their numbers.
#[derive(Default)]
pub(super) struct Later(Vec<Value>);

impl Later {
    /// The value as text can hold it.
    pub(super) fn marked(&mut self, key: &str, value: &Value) -> Json {
        match value {
            Value::Unknown | Value::Secret(_) => {
                self.0.push(value.clone());
                Json::String(mark(self.0.len() - 1, key))
            }
            Value::Map(map) => map.iter().map(|(key, inner)| (key.clone(), self.marked(key, inner))).collect(),
            Value::List(list) => list.iter().map(|inner| self.marked(key, inner)).collect(),
            other => other.exposed_json(),
        }
    }

    /// The declared value with the true ones in it again.
    pub(super) fn restored(&self, expr: Expr) -> Expr {
        match expr {
            Expr::Value(value) => Expr::Value(self.value(value)),
            Expr::List(list) => Expr::List(list.into_iter().map(|inner| self.restored(inner)).collect()),
            Expr::Format(parts) => Expr::Format(parts.into_iter().map(|part| self.restored(part)).collect()),
            Expr::Map(map) => Expr::Map(map.into_iter().map(|(key, inner)| (key, self.restored(inner))).collect()),
            reference @ Expr::Ref { .. } => reference,
        }
    }

    fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.text(text),
            Value::List(list) => Value::List(list.into_iter().map(|inner| self.value(inner)).collect()),
            Value::Map(map) => {
                Value::Map(map.into_iter().map(|(key, inner)| (key, self.value(inner))).collect::<BTreeMap<_, _>>())
            }
            other => other,
        }
    }

    /// A mark alone is its value; among other text it makes all of it unknown, or secret.
    fn text(&self, text: String) -> Value {
        let (mut whole, mut secret, mut unknown) = (text, false, false);
        for (number, value) in self.0.iter().enumerate() {
            for mark in [mark(number, ""), mark(number, "_id")] {
                if whole == mark {
                    return value.clone();
                }
                if whole.contains(&mark) {
                    secret |= value.has_secret();
                    unknown |= value.has_unknown();
                    whole = whole.replace(&mark, &plain(value));
                }
            }
        }
        let value = if unknown { Value::Unknown } else { Value::String(whole) };
        if secret { Value::Secret(Secret::new(Box::new(value))) } else { value }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Secret(inner) => plain(inner.expose()),
        Value::String(text) => text.clone(),
        _ => String::new(),
    }
}

/// A text that may stand for a name anywhere, or for an identifier where the key says that it is one.
fn mark(number: usize, key: &str) -> String {
    if key.ends_with("_id") { format!("00000000-0000-4000-8000-{number:012}") } else { format!("later{number:04}z") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(value: &Value) -> Expr {
        let mut later = Later::default();
        let json = later.marked("name", value);
        assert!(!json.to_string().contains("canary"), "{json}");
        later.restored(Expr::Value(Value::from(json)))
    }

    #[test]
    fn unknown_and_secret_values_come_back_where_they_were() {
        let value = Value::Map(
            [
                ("image".to_owned(), Value::from("canary").into_secret()),
                ("subscription_id".to_owned(), Value::Unknown),
                ("list".to_owned(), Value::List(vec![Value::from("plain"), Value::Unknown])),
            ]
            .into(),
        );
        assert_eq!(through(&value), Expr::Value(value));
    }

    #[test]
    fn what_is_put_together_from_them_is_unknown_or_secret_too() {
        let mut later = Later::default();
        let secret = later.marked("name", &Value::from("canary").into_secret());
        let unknown = later.marked("name", &Value::Unknown);
        let text = |mark: &Json| Expr::Value(Value::from(format!("a/{}:1", mark.as_str().unwrap())));
        assert_eq!(later.restored(text(&secret)), Expr::Value(Value::from("a/canary:1").into_secret()));
        assert_eq!(later.restored(text(&unknown)), Expr::Value(Value::Unknown));
    }
}
