//! The bag of properties that the engine keeps of a resource: its inputs and, over them, its outputs. The id has a
//! place of its own on the wire, so the output of that name stays at home.

use mops_core::provider::Known;
use mops_core::schema::ResourceSchema;
use mops_core::{Secret, Value, bag};
use prost_types::Struct;
use tonic::Status;

use super::failure;
use crate::value::{decode, encode};

const ID: &str = "id";

/// What arrived; absent is empty.
pub(super) fn arrived(wire: Option<&Struct>) -> Result<Value, Status> {
    wire.map_or(Ok(Value::map()), |wire| decode(wire).map_err(|e| failure::unreadable(&e)))
}

/// What leaves.
pub(super) fn leaving(value: &Value) -> Result<Option<Struct>, Status> {
    encode(value).map(Some).map_err(|e| failure::unsayable(&e))
}

/// The resource as the engine remembers it.
pub(super) fn known(schema: Option<&ResourceSchema>, id: &str, inputs: Value, bag: &Value) -> Known {
    Known { id: id.to_owned(), inputs, outputs: bag::outputs(schema, id, bag) }
}

/// Names of the outputs of a type, and whether each is secret.
fn declared(schema: &ResourceSchema) -> impl Iterator<Item = (&String, bool)> {
    let properties = schema.outputs["properties"].as_object();
    properties
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != ID)
        .map(|(name, of)| (name, crate::schema::is_secret(of)))
}

/// Whether every output is there that the type always has; not so when the engine was given the resource while it was
/// still being made.
pub(super) fn are_whole(schema: Option<&ResourceSchema>, outputs: &Value) -> bool {
    let mut required = schema.and_then(|schema| schema.outputs["required"].as_array()).into_iter().flatten();
    required.all(|name| name.as_str().and_then(|name| outputs.get(name)).is_some_and(|value| *value != Value::Null))
}

/// The bag of something that is not made yet: every output is known later.
pub(super) fn of_creation(schema: &ResourceSchema, inputs: &Value) -> Value {
    let later = declared(schema).map(|(name, secret)| (name.clone(), later(secret)));
    bag::merged(inputs, &Value::Map(later.collect()))
}

/// The bag of something that is not changed yet: outputs that an update may change are known later.
pub(super) fn of_change(schema: &ResourceSchema, inputs: &Value, old: &Value) -> Value {
    let of = |(name, secret): (&String, bool)| {
        let changes = schema.changed_by_update.contains(&name.as_str());
        let value = if changes { later(secret) } else { old.get(name).cloned().unwrap_or_default() };
        (name.clone(), value)
    };
    bag::merged(inputs, &Value::Map(declared(schema).map(of).filter(|(_, value)| *value != Value::Null).collect()))
}

fn later(secret: bool) -> Value {
    if secret { Value::Secret(Secret::new(Box::new(Value::Unknown))) } else { Value::Unknown }
}
