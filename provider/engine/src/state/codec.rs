//! Values as they stand in files: plain JSON, secrets as Pulumi's sealed objects.
//!
//! Guarantees that a secret in clear is never written (`tests::a_clear_secret_is_refused`).

use std::collections::BTreeMap;
use std::fmt;

use mops_core::Value;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};

/// The key that marks an object with a meaning of its own.
pub(super) const SIGNATURE: &str = "4dabf18193072939515e22adb298388d";
pub(super) const SECRET: &str = "1b47061264138c4ac30d75fd1eb44270";
/// Pulumi's text for a value that is not known; never in a state of ours, but met in imported ones.
const UNKNOWN: &str = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/// Serialises a sealed value by reference.
pub(crate) struct AsJson<'a>(pub(crate) &'a Value);

impl Serialize for AsJson<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => s.serialize_unit(),
            Value::Bool(b) => s.serialize_bool(*b),
            Value::Integer(n) => s.serialize_i64(*n),
            Value::Number(n) => s.serialize_f64(*n),
            Value::String(text) => s.serialize_str(text),
            Value::List(list) => s.collect_seq(list.iter().map(AsJson)),
            Value::Map(map) => s.collect_map(map.iter().map(|(k, v)| (k, AsJson(v)))),
            Value::Sealed(ciphertext) => {
                let mut map = s.serialize_map(Some(2))?;
                map.serialize_entry(SIGNATURE, SECRET)?;
                map.serialize_entry("ciphertext", ciphertext)?;
                map.end()
            }
            Value::Unknown => s.serialize_str(UNKNOWN),
            Value::Secret(_) => Err(S::Error::custom("a secret was about to be written in clear")),
        }
    }
}

/// Deserialises straight into a value.
pub(crate) struct FromJson(pub(crate) Value);

impl<'de> Deserialize<'de> for FromJson {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(ValueVisitor).map(FromJson)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }
    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(Value::Integer(n))
    }
    fn visit_u64<E>(self, n: u64) -> Result<Value, E> {
        #[expect(clippy::cast_precision_loss, reason = "above 2^63 JSON numbers are floats anyway")]
        Ok(i64::try_from(n).map_or(Value::Number(n as f64), Value::Integer))
    }
    fn visit_f64<E>(self, n: f64) -> Result<Value, E> {
        Ok(Value::Number(n))
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }
    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(FromJson(value)) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, FromJson(value))) = access.next_entry::<String, FromJson>()? {
            if value != Value::Null {
                map.insert(key, value);
            }
        }
        if map.get(SIGNATURE).and_then(Value::as_str) == Some(SECRET) {
            return match map.remove("ciphertext") {
                Some(Value::String(ciphertext)) => Ok(Value::Sealed(ciphertext)),
                _ => Err(serde::de::Error::custom("a sealed value without its ciphertext")),
            };
        }
        Ok(Value::Map(map))
    }
}

/// For `#[serde(with = …)]` on a field of type [`Value`].
pub(crate) mod field {
    use super::{AsJson, Deserialize, Deserializer, FromJson, Serialize, Serializer, Value};

    pub(crate) fn serialize<S: Serializer>(value: &Value, s: S) -> Result<S::Ok, S::Error> {
        AsJson(value).serialize(s)
    }
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Value, D::Error> {
        FromJson::deserialize(d).map(|v| v.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_secret_is_refused() {
        let value = Value::List(vec![Value::from("canary").into_secret()]);
        assert!(serde_json::to_string(&AsJson(&value)).is_err());
    }

    #[test]
    fn values_come_back() {
        let value = Value::Map(
            [
                ("s".to_owned(), Value::Sealed("v1:a:b".into())),
                ("n".to_owned(), Value::Integer(i64::MAX)),
                ("f".to_owned(), Value::Number(0.5)),
                ("l".to_owned(), Value::List(vec![Value::Bool(true), Value::from("x")])),
            ]
            .into(),
        );
        let text = serde_json::to_string(&AsJson(&value)).unwrap();
        assert!(text.contains("1b47061264138c4ac30d75fd1eb44270"), "{text}");
        assert_eq!(serde_json::from_str::<FromJson>(&text).unwrap().0, value);
    }
}
