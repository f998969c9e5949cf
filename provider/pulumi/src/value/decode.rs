//! From the wire.

use std::collections::BTreeMap;

use mops_core::Secret;
use mops_core::value::{Path, Value};
use prost_types::value::Kind;
use prost_types::{Struct, Value as Wire};

use super::{CodecError, signature};

/// Numbers travel as 64-bit floats: whole ones up to here are exact.
pub(super) const EXACT: f64 = 9_007_199_254_740_992.0;

/// The properties of a message.
///
/// # Errors
/// For a signature that is not known, a file, a folder, and a number that is none.
pub fn decode(wire: &Struct) -> Result<Value, CodecError> {
    object(wire, &mut Path::default())
}

/// One value.
///
/// # Errors
/// As [`decode`].
pub fn decode_value(wire: &Wire) -> Result<Value, CodecError> {
    value(wire, &mut Path::default())
}

fn value(wire: &Wire, path: &mut Path) -> Result<Value, CodecError> {
    Ok(match &wire.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(b)) => Value::Bool(*b),
        Some(Kind::NumberValue(n)) => number(*n, path)?,
        Some(Kind::StringValue(text)) if signature::is_unknown(text) => Value::Unknown,
        Some(Kind::StringValue(text)) => Value::String(text.clone()),
        Some(Kind::ListValue(list)) => {
            let items = list.values.iter().enumerate();
            Value::List(items.map(|(i, item)| below(item, i.to_string(), path)).collect::<Result<_, _>>()?)
        }
        Some(Kind::StructValue(fields)) => object(fields, path)?,
    })
}

fn below(wire: &Wire, step: String, path: &mut Path) -> Result<Value, CodecError> {
    path.0.push(step);
    let found = value(wire, path);
    path.0.pop();
    found
}

#[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
fn number(n: f64, path: &Path) -> Result<Value, CodecError> {
    if !n.is_finite() {
        return Err(CodecError::new(path, "a number that is not finite"));
    }
    let whole = n.fract() == 0.0 && n.abs() <= EXACT && !(n == 0.0 && n.is_sign_negative());
    Ok(if whole { Value::Integer(n as i64) } else { Value::Number(n) })
}

fn object(wire: &Struct, path: &mut Path) -> Result<Value, CodecError> {
    if let Some(mark) = wire.fields.get(signature::KEY) {
        return marked(text(mark).unwrap_or_default(), wire, path);
    }
    let mut map = BTreeMap::new();
    for (key, item) in &wire.fields {
        let item = below(item, key.clone(), path)?;
        // unset properties of some languages are sent as null
        if item != Value::Null {
            map.insert(key.clone(), item);
        }
    }
    Ok(Value::Map(map))
}

fn marked(mark: &str, wire: &Struct, path: &mut Path) -> Result<Value, CodecError> {
    match mark {
        signature::SECRET => match wire.fields.get("value") {
            Some(inner) => value(inner, path).map(wrapped),
            None => Err(CodecError::new(path, "a secret without its value")),
        },
        signature::OUTPUT => {
            let inner = wire.fields.get("value").map_or(Ok(Value::Unknown), |inner| value(inner, path))?;
            let secret = matches!(wire.fields.get("secret"), Some(Wire { kind: Some(Kind::BoolValue(true)) }));
            Ok(if secret { wrapped(inner) } else { inner })
        }
        signature::RESOURCE => reference(wire, path),
        signature::ASSET | signature::ARCHIVE => Err(CodecError::new(path, "files and folders are not taken here")),
        signature::BYTES => Err(CodecError::new(path, "bytes are taken as base64 text only")),
        _ => Err(CodecError::new(path, "an object of a kind that this version does not know")),
    }
}

/// A resource stands for its id, a component for its URN: what the engine itself sends to those who take no references.
fn reference(wire: &Struct, path: &mut Path) -> Result<Value, CodecError> {
    match (wire.fields.get("id"), wire.fields.get("urn").and_then(text)) {
        (Some(id), Some(_)) if text(id) == Some("") => Ok(Value::Unknown),
        (Some(id), Some(_)) => value(id, path),
        (None, Some(urn)) => Ok(Value::from(urn)),
        (_, None) => Err(CodecError::new(path, "a reference without its URN")),
    }
}

fn text(wire: &Wire) -> Option<&str> {
    match &wire.kind {
        Some(Kind::StringValue(text)) => Some(text),
        _ => None,
    }
}

/// Everything below a secret is secret: marks further down say nothing more. A secret that is not known yet stays one.
fn wrapped(inner: Value) -> Value {
    Value::Secret(Secret::new(Box::new(bare(inner))))
}

/// The value without any mark of secrecy.
pub(super) fn bare(value: Value) -> Value {
    match value {
        Value::Secret(inner) => bare(*inner.into_exposed()),
        Value::List(list) => Value::List(list.into_iter().map(bare).collect()),
        Value::Map(map) => Value::Map(map.into_iter().map(|(k, v)| (k, bare(v))).collect()),
        other => other,
    }
}
