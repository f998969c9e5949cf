//! Inputs with their references answered.

use mops_core::{Urn, Value};

use crate::program::Expr;
use crate::state::Sealer;

/// The outputs of a resource as far as they are known after the step that was planned for it.
#[derive(Clone, Debug)]
pub(crate) enum Outputs<'a> {
    /// As they are.
    Known(std::borrow::Cow<'a, Value>),
    /// These will be known later.
    Except(std::borrow::Cow<'a, Value>, &'static [&'static str]),
    /// None is known yet.
    Unknown,
}

impl Outputs<'_> {
    pub(crate) fn at(&self, path: &[String], sealer: Option<&Sealer>) -> Value {
        let value = match self {
            Self::Unknown => return Value::Unknown,
            Self::Except(_, changing) if path.first().is_none_or(|p| changing.contains(&p.as_str())) => {
                return Value::Unknown;
            }
            Self::Known(value) | Self::Except(value, _) => value,
        };
        walk(value, path, sealer)
    }
}

/// As [`Value::at`], but goes through sealed values where they can be opened.
pub(crate) fn walk(value: &Value, path: &[String], sealer: Option<&Sealer>) -> Value {
    let (mut value, mut path) = (value, path);
    loop {
        match (value, path.split_first()) {
            (_, None) => return value.clone(),
            (Value::Sealed(ciphertext), Some(_)) => {
                let opened = sealer.and_then(|s| s.open(ciphertext).ok());
                return opened.map_or(Value::Unknown, |v| v.into_secret().at(path).unwrap_or_default());
            }
            (Value::Map(map), Some((head, rest))) => match map.get(head) {
                Some(next) => (value, path) = (next, rest),
                None => return Value::Null,
            },
            _ => return value.at(path).unwrap_or_default(),
        }
    }
}

/// Resolves; a text that is put together from a sealed value needs it opened, everything else keeps it sealed.
pub(crate) fn resolve(expr: &Expr, lookup: &dyn Fn(&Urn, &[String]) -> Value, sealer: Option<&Sealer>) -> Value {
    if !joins(expr) {
        return expr.resolve(lookup);
    }
    expr.resolve(&|urn, path| {
        let mut value = lookup(urn, path);
        if value.any(&mut |v| matches!(v, Value::Sealed(_))) {
            // Without a passphrase it stays sealed, and the text is unknown.
            let _ = sealer.map(|s| s.open_in(&mut value));
        }
        value
    })
}

fn joins(expr: &Expr) -> bool {
    match expr {
        Expr::Format(parts) => parts.iter().any(|p| !matches!(p, Expr::Value(_))),
        Expr::List(parts) => parts.iter().any(joins),
        Expr::Map(members) => members.values().any(joins),
        Expr::Value(_) | Expr::Ref { .. } => false,
    }
}
