//! What the user is told of a call quotes no secret of that call, whoever wrote the text.
//!
//! Guarantees that a secret of at least [`SHORTEST`] characters is masked wherever it stands (`tests`, `tests/pulumi/errors.rs`).

use mops_core::secret::MASK;
use mops_core::{Secret, Value};

/// A shorter one cannot be told from ordinary text, and masking it would leave nothing of a message.
const SHORTEST: usize = 4;

/// The secrets of a call.
#[derive(Default)]
pub(super) struct Redaction(Vec<Secret<String>>);

impl Redaction {
    /// Of a call that is about these values.
    pub(super) fn of(values: &[&Value]) -> Self {
        let mut found = Vec::new();
        values.iter().for_each(|value| collect(value, false, &mut found));
        // one that is a part of another goes last
        found.sort_by_key(|text| std::cmp::Reverse(text.expose().len()));
        Self(found)
    }

    /// The text with a mask in the place of each.
    pub(super) fn masked(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| text.replace(secret.expose().as_str(), MASK))
    }
}

fn collect(value: &Value, secret: bool, found: &mut Vec<Secret<String>>) {
    match value {
        Value::Secret(inner) => collect(inner.expose(), true, found),
        Value::String(text) if secret && text.chars().count() >= SHORTEST => found.push(Secret::from(text.as_str())),
        Value::Map(map) => map.values().for_each(|value| collect(value, secret, found)),
        Value::List(list) => list.iter().for_each(|value| collect(value, secret, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_at_any_depth_are_masked_and_nothing_else_is() {
        let inside = Value::Map([("key".to_owned(), Value::from("canary-long"))].into()).into_secret();
        let part = Value::List(vec![Value::from("canary").into_secret(), Value::from("plain")]);
        let redaction = Redaction::of(&[&inside, &part]);
        assert_eq!(redaction.masked("plain canary-long, canary".into()), format!("plain {MASK}, {MASK}"));
        assert_eq!(Redaction::of(&[&Value::from("abc").into_secret()]).masked("abc".into()), "abc");
    }
}
