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

fn sealed(inner: &Secret<Box<Value>>) -> Option<String> {
    inner.expose().as_str()?.strip_prefix(PREFIX).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_come_back() {
        let value = Value::Map([("a".to_owned(), Value::List(vec![Value::Sealed("v1:x:y".into())]))].into());
        let mut there = standin(&value);
        assert!(!there.any(&mut |v| matches!(v, Value::Sealed(_))));
        back(&mut there);
        assert_eq!(there, value);
    }
}
