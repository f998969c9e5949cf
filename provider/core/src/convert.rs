//! Between typed structures and [`Value`]: secrets stay secret in both directions.
//!
//! Guarantees: a `Secret` field becomes `Value::Secret` and back, and a secret value is refused
//! where the type has a plain field (`tests::secret_into_plain_field_is_refused`).

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer, Visitor};
use serde::{Deserializer, Serialize, forward_to_deserialize_any};

use crate::secret;
use crate::value::Value;

mod ser;

/// Why a value does not fit a type; the text never quotes a value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConvertError(String);

impl serde::de::Error for ConvertError {
    fn custom<T: std::fmt::Display>(msg: T) -> Self {
        Self(msg.to_string())
    }
}
impl serde::ser::Error for ConvertError {
    fn custom<T: std::fmt::Display>(msg: T) -> Self {
        Self(msg.to_string())
    }
}

/// Turns a typed structure into a value; `None` and null members of maps disappear.
///
/// # Errors
/// When the structure has no form as a value, for example a map with keys that are not text.
pub fn to_value<T: Serialize + ?Sized>(typed: &T) -> Result<Value, ConvertError> {
    secret::with_handover(|| typed.serialize(ser::ValueSerializer))
}

/// Turns a value into a typed structure.
///
/// # Errors
/// When a field is missing, unknown, of another kind, not known yet, or secret where the type is plain.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, ConvertError> {
    T::deserialize(ValueDeserializer(value))
}

struct ValueDeserializer(Value);

impl<'de> IntoDeserializer<'de, ConvertError> for Value {
    type Deserializer = ValueDeserializerPub;
    fn into_deserializer(self) -> Self::Deserializer {
        ValueDeserializerPub(ValueDeserializer(self))
    }
}

/// The deserialiser of a [`Value`]; made by [`from_value`] and the containers it walks.
pub struct ValueDeserializerPub(ValueDeserializer);

macro_rules! delegate {
    () => {
        fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConvertError> {
            self.0.deserialize_any(visitor)
        }
        fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConvertError> {
            self.0.deserialize_option(visitor)
        }
        fn deserialize_newtype_struct<V: Visitor<'de>>(
            self,
            name: &'static str,
            visitor: V,
        ) -> Result<V::Value, ConvertError> {
            self.0.deserialize_newtype_struct(name, visitor)
        }
        fn deserialize_enum<V: Visitor<'de>>(
            self,
            name: &'static str,
            variants: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, ConvertError> {
            self.0.deserialize_enum(name, variants, visitor)
        }
    };
}

impl<'de> Deserializer<'de> for ValueDeserializerPub {
    type Error = ConvertError;
    delegate!();
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> Deserializer<'de> for ValueDeserializer {
    type Error = ConvertError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConvertError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(b),
            Value::Integer(n) => visitor.visit_i64(n),
            Value::Number(n) => visitor.visit_f64(n),
            Value::String(s) => visitor.visit_string(s),
            Value::List(list) => visitor.visit_seq(SeqDeserializer::new(list.into_iter())),
            Value::Map(map) => visitor.visit_map(MapDeserializer::new(map.into_iter())),
            Value::Secret(_) | Value::Sealed(_) => Err(ConvertError("a secret was given for a plain property".into())),
            Value::Unknown => Err(ConvertError("the value is not known yet".into())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConvertError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConvertError> {
        match self.0 {
            Value::Secret(inner) if name == secret::MARK => {
                visitor.visit_newtype_struct(ValueDeserializer(*inner.into_exposed()))
            }
            other => visitor.visit_newtype_struct(ValueDeserializer(other)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConvertError> {
        if self.0.has_secret() {
            return Err(ConvertError("a secret was given for a plain property".into()));
        }
        self.0
            .masked_json()
            .deserialize_enum(name, variants, visitor)
            .map_err(|_| ConvertError(format!("not one of {}", variants.join(", "))))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Secret, SecretInput, Source};
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Sample {
        name: String,
        count: u32,
        ratio: Option<f64>,
        password: Secret<String>,
        data: std::collections::BTreeMap<String, SecretInput>,
    }

    fn sample() -> Sample {
        Sample {
            name: "n".into(),
            count: 3,
            ratio: None,
            password: Secret::from("pw-canary"),
            data: [
                ("a".to_owned(), SecretInput::Value(Secret::from("v-canary"))),
                ("b".to_owned(), SecretInput::Source(Source::FromEnv("TOKEN".into()))),
            ]
            .into(),
        }
    }

    #[test]
    fn round_trip_keeps_secrets_secret() {
        let value = to_value(&sample()).unwrap();
        assert!(!format!("{value:?}").contains("canary"));
        assert!(matches!(value.get("password"), Some(Value::Secret(_))));
        assert!(value.get("ratio").is_none());
        assert_eq!(from_value::<Sample>(value).unwrap(), sample());
    }

    #[test]
    fn secret_into_plain_field_is_refused() {
        let mut value = to_value(&sample()).unwrap();
        if let Value::Map(map) = &mut value {
            map.insert("name".into(), Value::from("x").into_secret());
        }
        let error = from_value::<Sample>(value).unwrap_err().to_string();
        assert!(error.contains("plain property"), "{error}");
    }
}
