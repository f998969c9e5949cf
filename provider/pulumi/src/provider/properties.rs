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

/// The bag of something that is not made yet: an output is known later, unless an input of its name says it.
pub(super) fn of_creation(schema: &ResourceSchema, inputs: &Value) -> Value {
    let unsaid = declared(schema).filter(|(name, secret)| !is_said(schema, inputs, name, *secret));
    bag::merged(inputs, &Value::Map(unsaid.map(|(name, secret)| (name.clone(), later(secret))).collect()))
}

/// The bag of something that is not changed yet: outputs that an update may change are known later.
pub(super) fn of_change(schema: &ResourceSchema, inputs: &Value, old: &Value) -> Value {
    let of = |(name, secret): (&String, bool)| {
        let changes = schema.changed_by_update.contains(&name.as_str());
        let value = if changes { later(secret) } else { old.get(name).cloned().unwrap_or_default() };
        (name.clone(), value)
    };
    let unsaid = declared(schema).filter(|(name, secret)| !is_said(schema, inputs, name, *secret)).map(of);
    bag::merged(inputs, &Value::Map(unsaid.filter(|(_, value)| *value != Value::Null).collect()))
}

/// Whether an input says what an output of the same name will be: not where the service has a word of its own in it, as
/// in the version of a cluster.
fn is_said(schema: &ResourceSchema, inputs: &Value, name: &str, secret: bool) -> bool {
    let input = inputs.get(name).filter(|value| **value != Value::Null && value.has_secret() == secret);
    input.is_some() && !schema.changed_by_update.contains(&name)
}

fn later(secret: bool) -> Value {
    if secret { Value::Secret(Secret::new(Box::new(Value::Unknown))) } else { Value::Unknown }
}
