//! What a provider promises, checked in one place: a broken promise is a fault of ours and never reaches state.

use mops_core::provider::Done;
use mops_core::{Class, Error, Urn, Value};

fn bug(urn: &Urn, what: &str) -> Error {
    Error::new(Class::Bug, format!("this is a fault in mops: `{}` {what}", urn.token()))
}

/// Checks the answer of a create or update; `old_id` for updates.
pub(crate) fn answer(urn: &Urn, old_id: Option<&str>, inputs: &Value, done: Done) -> Result<Done, Error> {
    if done.id.is_empty() {
        return Err(bug(urn, "gave no id"));
    }
    if old_id.is_some_and(|id| id != done.id) {
        return Err(bug(urn, "changed its id in an update"));
    }
    if done.outputs.has_unknown() {
        return Err(bug(urn, "gave outputs that are not known"));
    }
    if let (Value::Map(inputs), Value::Map(outputs)) = (inputs, &done.outputs) {
        for (key, value) in inputs {
            let shown = |out: &Value| !matches!(out, Value::Secret(_) | Value::Sealed(_) | Value::Null);
            if matches!(value, Value::Secret(_)) && outputs.get(key).is_some_and(shown) {
                return Err(bug(urn, &format!("showed its secret `{key}`")));
            }
        }
    }
    Ok(done)
}

/// Checks an error: "exists but is not ready" without saying what exists is no answer.
pub(crate) fn error(urn: &Urn, error: Error) -> Error {
    let lost = error.class() == Class::Partial && error.partial().is_none_or(|p| p.id.is_empty());
    if lost { bug(urn, "failed half way without saying what exists") } else { error }
}

/// Whether the class says that nothing happened at the service; otherwise the next run looks.
pub(crate) const fn nothing_happened(class: Class) -> bool {
    matches!(class, Class::User | Class::Auth | Class::NotFound | Class::Conflict | Class::Throttled(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::StackId;

    #[test]
    fn broken_promises_are_bugs() {
        let urn = Urn::new(&StackId { project: "p".into(), stack: "s".into() }, "t:t:T", "n");
        let done = |id: &str, outputs: Value| Done { id: id.into(), outputs, ..Done::default() };
        let secret = Value::Map([("k".to_owned(), Value::from("x").into_secret())].into());
        let plain = Value::Map([("k".to_owned(), Value::from("x"))].into());
        assert!(answer(&urn, None, &Value::map(), done("", Value::map())).is_err());
        assert!(answer(&urn, Some("a"), &Value::map(), done("b", Value::map())).is_err());
        assert!(answer(&urn, None, &Value::map(), done("a", Value::Unknown)).is_err());
        assert!(answer(&urn, None, &secret, done("a", plain.clone())).is_err());
        assert!(answer(&urn, Some("a"), &secret, done("a", secret.clone())).is_ok());
        assert!(answer(&urn, None, &plain, done("a", plain.clone())).is_ok());
        assert_eq!(error(&urn, Error::new(Class::Partial, "x")).class(), Class::Bug);
        let kept = error(&urn, Error::new(Class::User, "x").with_partial("id", Value::map()));
        assert_eq!(kept.class(), Class::Partial);
    }
}
