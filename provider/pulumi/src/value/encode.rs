//! To the wire.

use mops_core::value::{Path, Value};
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value as Wire};

use super::decode::EXACT;
use super::{CodecError, signature};

/// The properties of a message. Null gives none; what is secret as a whole has only secret members.
///
/// # Errors
/// For anything but named values, a number that would not arrive as it is, an encrypted secret, and a key that has a
/// meaning of its own on the wire.
pub fn encode(value: &Value) -> Result<Struct, CodecError> {
    let mut path = Path::default();
    match value {
        Value::Null => Ok(Struct::default()),
        Value::Map(_) => object(value, Mode::Wrap, &mut path),
        Value::Secret(inner) if matches!(**inner.expose(), Value::Map(_)) => {
            object(inner.expose(), Mode::WrapEach, &mut path)
        }
        _ => Err(CodecError::new(&path, "not a set of properties")),
    }
}

/// One value.
///
/// # Errors
/// As [`encode`].
pub fn encode_value(value: &Value) -> Result<Wire, CodecError> {
    wire(value, Mode::Wrap, &mut Path::default())
}

/// What becomes of secrecy on the way down.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// A secret gets its wrapper.
    Wrap,
    /// There is a wrapper further up.
    Wrapped,
    /// Every member gets a wrapper, since the whole cannot have one.
    WrapEach,
}

fn wire(value: &Value, mode: Mode, path: &mut Path) -> Result<Wire, CodecError> {
    let kind = match value {
        Value::Secret(inner) if mode == Mode::Wrapped => return wire(inner.expose(), mode, path),
        Value::Secret(inner) => secret(wire(inner.expose(), Mode::Wrapped, path)?),
        other if mode == Mode::WrapEach => secret(wire(other, Mode::Wrapped, path)?),
        Value::Null => Kind::NullValue(0),
        Value::Bool(b) => Kind::BoolValue(*b),
        Value::Integer(n) => Kind::NumberValue(exact(*n, path)?),
        Value::Number(n) if n.is_finite() => Kind::NumberValue(*n),
        Value::Number(_) => return Err(CodecError::new(path, "a number that is not finite")),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Unknown => Kind::StringValue(signature::UNKNOWN.to_owned()),
        Value::List(list) => {
            let items = list.iter().enumerate();
            let values = items.map(|(i, item)| below(item, i.to_string(), mode, path)).collect::<Result<_, _>>()?;
            Kind::ListValue(ListValue { values })
        }
        Value::Map(_) => Kind::StructValue(object(value, mode, path)?),
        Value::Sealed(_) => return Err(CodecError::new(path, "a secret that is still encrypted")),
    };
    Ok(Wire { kind: Some(kind) })
}

fn below(value: &Value, step: String, mode: Mode, path: &mut Path) -> Result<Wire, CodecError> {
    path.0.push(step);
    let made = wire(value, mode, path);
    path.0.pop();
    made
}

fn object(value: &Value, mode: Mode, path: &mut Path) -> Result<Struct, CodecError> {
    let mut made = Struct::default();
    for (key, item) in value.as_map().into_iter().flatten().filter(|(_, item)| **item != Value::Null) {
        if key == signature::KEY {
            return Err(CodecError::new(path, "a key that has a meaning of its own on the wire"));
        }
        made.fields.insert(key.clone(), below(item, key.clone(), mode, path)?);
    }
    Ok(made)
}

#[expect(clippy::cast_precision_loss, reason = "what would lose any is refused")]
fn exact(n: i64, path: &Path) -> Result<f64, CodecError> {
    let float = n as f64;
    if float.abs() > EXACT || n.unsigned_abs() > EXACT as u64 {
        return Err(CodecError::new(path, "a whole number beyond 2^53 cannot travel: give it as text"));
    }
    Ok(float)
}

fn secret(inner: Wire) -> Kind {
    let mark = Wire { kind: Some(Kind::StringValue(signature::SECRET.to_owned())) };
    Kind::StructValue(Struct { fields: [(signature::KEY.to_owned(), mark), ("value".to_owned(), inner)].into() })
}
