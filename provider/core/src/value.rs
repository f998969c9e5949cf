//! Property values as they travel between stack file, engine, provider and state.

use std::collections::BTreeMap;
use std::fmt;

use crate::secret::{MASK, Secret, masked};

/// One property value. Maps are sorted, so that equal values have equal text.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    /// Absent or null; the two are the same to us, and maps drop it.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number; kept apart from `Number` so that 64-bit counts survive.
    Integer(i64),
    /// A number with a fraction.
    Number(f64),
    /// Text.
    String(String),
    /// A sequence.
    List(Vec<Value>),
    /// Named values.
    Map(BTreeMap<String, Value>),
    /// A secret in clear inside this process; everything below it is secret as well.
    Secret(Secret<Box<Value>>),
    /// A secret as it stands in state, still encrypted. Only the engine makes and opens it; a
    /// provider never sees one. Equal ciphertext means unchanged.
    Sealed(String),
    /// Known only after something else has been done (previews).
    Unknown,
}

impl Value {
    /// An empty map.
    #[must_use]
    pub const fn map() -> Self {
        Self::Map(BTreeMap::new())
    }

    /// Marks a value as secret; already secret values stay as they are.
    #[must_use]
    pub fn into_secret(self) -> Self {
        match self {
            Self::Secret(_) | Self::Sealed(_) | Self::Unknown => self,
            other => Self::Secret(Secret::new(Box::new(other))),
        }
    }

    /// The text of a plain string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number of an integer.
    #[must_use]
    pub const fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(n) => Some(*n),
            _ => None,
        }
    }

    /// The members of a map.
    #[must_use]
    pub const fn as_map(&self) -> Option<&BTreeMap<String, Value>> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// A member of a map by name; `None` for other kinds and absent names.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map().and_then(|map| map.get(key))
    }

    /// Follows a path of map keys and list indices. Going through a secret gives a secret,
    /// through an unknown gives an unknown.
    #[must_use]
    pub fn at(&self, path: &[String]) -> Option<Value> {
        let Some((head, rest)) = path.split_first() else { return Some(self.clone()) };
        match self {
            Self::Map(map) => map.get(head)?.at(rest),
            Self::List(list) => list.get(head.parse::<usize>().ok()?)?.at(rest),
            Self::Secret(inner) => inner.expose().at(path).map(Value::into_secret),
            Self::Unknown => Some(Self::Unknown),
            _ => None,
        }
    }

    /// Whether `test` holds for this value or anything in it (secrets are looked into).
    pub fn any(&self, test: &mut dyn FnMut(&Value) -> bool) -> bool {
        test(self)
            || match self {
                Self::List(list) => list.iter().any(|v| v.any(test)),
                Self::Map(map) => map.values().any(|v| v.any(test)),
                Self::Secret(inner) => inner.expose().any(test),
                _ => false,
            }
    }

    /// Whether any part is not known yet.
    #[must_use]
    pub fn has_unknown(&self) -> bool {
        self.any(&mut |v| matches!(v, Self::Unknown))
    }

    /// Whether any part is secret, opened or sealed.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.any(&mut |v| matches!(v, Self::Secret(_) | Self::Sealed(_)))
    }

    /// A copy in which every sealed secret is an opened one that holds its ciphertext, so that typed
    /// code can walk over it and unchanged secrets still compare equal. For comparisons only.
    #[must_use]
    pub fn sealed_as_secret(&self) -> Value {
        match self {
            Self::Sealed(ciphertext) => Self::String(ciphertext.clone()).into_secret(),
            Self::List(list) => Self::List(list.iter().map(Value::sealed_as_secret).collect()),
            Self::Map(map) => Self::Map(map.iter().map(|(k, v)| (k.clone(), v.sealed_as_secret())).collect()),
            other => other.clone(),
        }
    }

    /// Plain JSON with every secret replaced by the mask and every unknown by `[unknown]`:
    /// what may be shown or logged.
    #[must_use]
    pub fn masked_json(&self) -> serde_json::Value {
        self.json(&|inner| if masked() { serde_json::Value::String(MASK.into()) } else { inner.exposed_json() })
    }

    /// Plain JSON with secrets **in clear**: for requests that carry them, and for sealing.
    #[must_use]
    pub fn exposed_json(&self) -> serde_json::Value {
        self.json(&|inner| inner.exposed_json())
    }

    fn json(&self, secret: &dyn Fn(&Value) -> serde_json::Value) -> serde_json::Value {
        use serde_json::Value as J;
        match self {
            Self::Null => J::Null,
            Self::Bool(b) => J::Bool(*b),
            Self::Integer(n) => J::from(*n),
            Self::Number(n) => J::from(*n),
            Self::String(s) => J::String(s.clone()),
            Self::List(list) => J::Array(list.iter().map(|v| v.json(secret)).collect()),
            Self::Map(map) => J::Object(map.iter().map(|(k, v)| (k.clone(), v.json(secret))).collect()),
            Self::Secret(inner) => secret(inner.expose()),
            Self::Sealed(_) => J::String(MASK.into()),
            Self::Unknown => J::String("[unknown]".into()),
        }
    }

    /// Compact JSON of the exposed value with sorted keys; equal values give equal text.
    #[must_use]
    pub fn canonical_json(&self) -> String {
        self.exposed_json().to_string()
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        use serde_json::Value as J;
        match json {
            J::Null => Self::Null,
            J::Bool(b) => Self::Bool(b),
            J::Number(n) => n.as_i64().map_or_else(|| Self::Number(n.as_f64().unwrap_or(f64::NAN)), Self::Integer),
            J::String(s) => Self::String(s),
            J::Array(list) => Self::List(list.into_iter().map(Into::into).collect()),
            J::Object(map) => {
                Self::Map(map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, v.into())).collect())
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}
impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}
impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Integer(n)
    }
}

/// Where in a value something is: `nodePools[1].taints`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(pub Vec<String>);

impl Path {
    /// The path with one more step.
    #[must_use]
    pub fn child(&self, step: impl Into<String>) -> Self {
        let mut steps = self.0.clone();
        steps.push(step.into());
        Self(steps)
    }

    /// The first step: the property that a replacement names.
    #[must_use]
    pub fn property(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            if step.parse::<usize>().is_ok() {
                write!(f, "[{step}]")?;
            } else if i == 0 {
                f.write_str(step)?;
            } else {
                write!(f, ".{step}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_through_a_secret_stays_secret() {
        let value = Value::Map([("a".into(), Value::from("x"))].into()).into_secret();
        assert!(matches!(value.at(&["a".into()]), Some(Value::Secret(_))));
        assert_eq!(value.masked_json(), serde_json::json!(MASK));
    }

    #[test]
    fn nulls_in_maps_are_dropped() {
        assert_eq!(Value::from(serde_json::json!({"a": null})), Value::map());
    }

    #[test]
    fn paths_read_as_people_write_them() {
        assert_eq!(Path(vec!["pools".into(), "1".into(), "name".into()]).to_string(), "pools[1].name");
    }
}
