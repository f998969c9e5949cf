//! Sealed secrets as a provider may see them where nothing is called: a secret whose text is made from the ciphertext.
//! Equal ciphertext gives an equal stand-in, so an unchanged secret needs no passphrase.

use mops_core::{Secret, Value};

const PREFIX: &str = "mops-sealed-";

/// A copy with each sealed value as its stand-in.
pub(crate) fn standin(value: &Value) -> Value {
    match value {
        Value::Sealed(ciphertext) => Value::String(format!("{PREFIX}{ciphertext}")).into_secret(),
        Value::List(list) => Value::List(list.iter().map(standin).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(k, v)| (k.clone(), standin(v))).collect()),
        other => other.clone(),
    }
}

/// Undoes [`standin`], in place.
pub(crate) fn back(value: &mut Value) {
    match value {
        Value::Secret(inner) => {
            if let Some(ciphertext) = sealed(inner) {
                *value = Value::Sealed(ciphertext);
            }
        }
        Value::List(list) => list.iter_mut().for_each(back),
        Value::Map(map) => map.values_mut().for_each(back),
        _ => {}
    }
}

/// Where `wanted` has a secret in clear and `known` has it sealed, takes the wanted one for the known one: without a
/// passphrase nobody can tell them apart. Says whether there was any.
pub(crate) fn assume(known: &mut Value, wanted: &Value) -> bool {
    match (known, wanted) {
        (known @ Value::Sealed(_), Value::Secret(_)) => {
            known.clone_from(wanted);
            true
        }
        (Value::List(known), Value::List(wanted)) => {
            known.iter_mut().zip(wanted).fold(false, |any, (k, w)| assume(k, w) | any)
        }
        (Value::Map(known), Value::Map(wanted)) => {
            known.iter_mut().fold(false, |any, (key, k)| wanted.get(key).is_some_and(|w| assume(k, w)) | any)
        }
        _ => false,
    }
}

fn sealed(inner: &Secret<Box<Value>>) -> Option<String> {
    inner.expose().as_str()?.strip_prefix(PREFIX).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_compared_is_assumed() {
        let clear = || Value::from("clear").into_secret();
        let map = |a: Value, b: Value| Value::Map([("a".to_owned(), a), ("b".to_owned(), b)].into());
        let mut known = map(Value::Sealed("v1:x:y".into()), Value::from("old"));
        assert!(assume(&mut known, &map(clear(), Value::from("new"))));
        assert_eq!(known, map(clear(), Value::from("old")));
        assert!(!assume(&mut known, &map(Value::Sealed("v1:x:y".into()), Value::Null)));
    }

    #[test]
    fn stand_ins_come_back() {
        let value = Value::Map([("a".to_owned(), Value::List(vec![Value::Sealed("v1:x:y".into())]))].into());
        let mut there = standin(&value);
        assert!(!there.any(&mut |v| matches!(v, Value::Sealed(_))));
        back(&mut there);
        assert_eq!(there, value);
    }
}
