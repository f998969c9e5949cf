//! Inputs that may depend on outputs of other resources.

use std::collections::{BTreeMap, BTreeSet};

use mops_core::{Urn, Value};

/// A value, or how to get one once other resources are done.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// Known from the start.
    Value(Value),
    /// An output of another resource.
    Ref {
        /// Which resource.
        urn: Urn,
        /// Which of its outputs, key by key.
        path: Vec<String>,
    },
    /// Text put together from parts; secret when one of them is.
    Format(Vec<Expr>),
    /// A sequence.
    List(Vec<Expr>),
    /// Named members; a member that resolves to null disappears.
    Map(BTreeMap<String, Expr>),
}

impl Expr {
    /// A reference to a top-level output of a resource.
    #[must_use]
    pub fn output(urn: &Urn, name: &str) -> Self {
        Self::Ref { urn: urn.clone(), path: vec![name.to_owned()] }
    }

    /// Every resource that must be done before this has a value.
    #[must_use]
    pub fn references(&self) -> BTreeSet<Urn> {
        let mut found = BTreeSet::new();
        self.collect(&mut found);
        found
    }

    fn collect(&self, found: &mut BTreeSet<Urn>) {
        match self {
            Self::Value(_) => {}
            Self::Ref { urn, .. } => {
                found.insert(urn.clone());
            }
            Self::Format(parts) | Self::List(parts) => parts.iter().for_each(|p| p.collect(found)),
            Self::Map(members) => members.values().for_each(|m| m.collect(found)),
        }
    }

    /// The value, with every reference answered by `lookup` (which gives [`Value::Unknown`] for what is not done yet
    /// and [`Value::Null`] for an output that does not exist).
    #[must_use]
    pub fn resolve(&self, lookup: &dyn Fn(&Urn, &[String]) -> Value) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::Ref { urn, path } => lookup(urn, path),
            Self::Format(parts) => join(parts.iter().map(|p| p.resolve(lookup))),
            Self::List(parts) => Value::List(parts.iter().map(|p| p.resolve(lookup)).collect()),
            Self::Map(members) => Value::Map(
                members
                    .iter()
                    .map(|(k, m)| (k.clone(), m.resolve(lookup)))
                    .filter(|(_, v)| *v != Value::Null)
                    .collect(),
            ),
        }
    }
}

impl<T: Into<Value>> From<T> for Expr {
    fn from(value: T) -> Self {
        Self::Value(value.into())
    }
}

/// Texts one after another. A secret part makes the whole secret; a part that is unknown or still sealed makes it
/// unknown, because its text cannot be built.
fn join(parts: impl Iterator<Item = Value>) -> Value {
    let (mut text, mut secret) = (String::new(), false);
    for part in parts {
        match part {
            Value::Unknown | Value::Sealed(_) => return Value::Unknown,
            Value::Secret(inner) => {
                secret = true;
                push(&mut text, inner.expose());
            }
            other => push(&mut text, &other),
        }
    }
    let whole = Value::String(text);
    if secret { whole.into_secret() } else { whole }
}

fn push(text: &mut String, part: &Value) {
    match part {
        Value::String(s) => text.push_str(s),
        Value::Null => {}
        other => text.push_str(&other.canonical_json()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::StackId;

    fn urn() -> Urn {
        Urn::new(&StackId { project: "p".into(), stack: "s".into() }, "modelops:t:T", "r")
    }

    #[test]
    fn text_from_a_secret_is_a_secret() {
        let expr = Expr::Format(vec!["key=".into(), Expr::output(&urn(), "key")]);
        assert_eq!(expr.references(), [urn()].into());
        let secret = expr.resolve(&|_, _| Value::from("canary").into_secret());
        assert_eq!(secret, Value::from("key=canary").into_secret());
        assert!(!format!("{secret:?}").contains("canary"));
    }

    #[test]
    fn text_from_an_unknown_is_unknown_and_nulls_vanish() {
        let expr = Expr::Format(vec!["a".into(), Expr::output(&urn(), "x")]);
        assert_eq!(expr.resolve(&|_, _| Value::Unknown), Value::Unknown);
        assert_eq!(expr.resolve(&|_, _| Value::Sealed("v1:..".into())), Value::Unknown);
        assert_eq!(expr.resolve(&|_, _| Value::from(3)), Value::from("a3"));
        let map = Expr::Map([("gone".to_owned(), Expr::output(&urn(), "x"))].into());
        assert_eq!(map.resolve(&|_, _| Value::Null), Value::map());
    }
}
