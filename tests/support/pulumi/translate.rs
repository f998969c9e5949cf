//! What the engine of ours and Pulumi's protocol say of the same thing.

use std::collections::BTreeMap;

use mops_core::diff::{Change, PropertyDiff};
use mops_core::provider::{CheckFailure, Difference, Known};
use mops_core::schema::ResourceSchema;
use mops_core::value::Path;
use mops_core::{Class, Error, Value};
use mops_pulumi::value::{decode, encode};
use prost::Message;
use prost_types::{Any, Struct};
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use rpc::property_diff::Kind;
use tonic::{Code, Status};

/// `google.rpc.Status`, the form in which details travel.
#[derive(Clone, PartialEq, Message)]
struct Detailed {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// The detail of that name that travels with a status, read as a client reads it.
///
/// # Panics
/// When the detail says another code than the status.
#[must_use]
pub fn detail<T: Message + Default>(status: &Status, name: &str) -> Option<T> {
    let detailed = Detailed::decode(status.details()).ok()?;
    let found = detailed.details.first()?;
    assert_eq!(detailed.code, i32::from(status.code()), "one status, two codes");
    let is = found.type_url == format!("type.googleapis.com/pulumirpc.{name}");
    is.then(|| T::decode(found.value.as_slice()).ok())?
}

pub(super) fn bag(value: &Value) -> Option<Struct> {
    Some(encode(value).expect("properties that can travel"))
}

pub(super) fn value(wire: Option<&Struct>) -> Value {
    wire.map(|wire| decode(wire).expect("properties that can be read")).unwrap_or_default()
}

/// Inputs and, over them, outputs: the one bag that Pulumi keeps of a resource.
pub(super) fn merged(inputs: &Value, outputs: &Value) -> Value {
    let mut bag: BTreeMap<String, Value> = inputs.as_map().cloned().unwrap_or_default();
    bag.extend(outputs.as_map().cloned().unwrap_or_default().into_iter().filter(|(name, _)| name != "id"));
    Value::Map(bag)
}

/// The outputs in a bag: what the type declares as such; the id has a place of its own on the wire.
pub(super) fn outputs(schema: Option<&ResourceSchema>, id: &str, bag: &Value) -> Value {
    let declared = schema.and_then(|schema| schema.outputs["properties"].as_object()).into_iter().flatten();
    let of = |(name, _): (&String, _)| {
        let value = if name == "id" { Value::from(id) } else { bag.get(name)?.clone() };
        Some((name.clone(), value))
    };
    Value::Map(declared.filter_map(of).collect())
}

/// A place as Pulumi spells it, `a.b[0]["key.with.dots"]`.
pub(super) fn path(spelled: &str) -> Path {
    let (mut steps, mut rest) = (Vec::new(), spelled);
    while !rest.is_empty() {
        let (step, after) = step(rest);
        steps.push(step);
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    Path(steps)
}

fn step(text: &str) -> (String, &str) {
    if let Some(quoted) = text.strip_prefix("[\"") {
        let end = quoted.find("\"]").expect("a closed key");
        return (quoted[..end].replace("\\\"", "\"").replace("\\\\", "\\"), &quoted[end + 2..]);
    }
    if let Some(index) = text.strip_prefix('[') {
        let (index, after) = index.split_once(']').expect("a closed index");
        return (index.to_owned(), after);
    }
    let end = text.find(['.', '[']).unwrap_or(text.len());
    (text[..end].to_owned(), &text[end..])
}

pub(super) fn failure(found: &rpc::CheckFailure) -> CheckFailure {
    CheckFailure { path: path(&found.property), reason: found.reason.clone(), hint: None }
}

/// An answer to Diff, with the values that it is about.
pub(super) fn difference(answer: &rpc::DiffResponse, old: &Value, new: &Value) -> Difference {
    let of = |(spelled, detail): (&String, &rpc::PropertyDiff)| {
        let path = path(spelled);
        let change = match detail.kind() {
            Kind::Add | Kind::AddReplace => Change::Add,
            Kind::Delete | Kind::DeleteReplace => Change::Delete,
            Kind::Update | Kind::UpdateReplace => Change::Update,
        };
        let shown = |value: &Value| value.at(&path.0).unwrap_or_default().masked_json();
        PropertyDiff { change, before: shown(old), after: shown(new), path }
    };
    let of_inputs: BTreeMap<_, _> = answer.detailed_diff.iter().filter(|(_, detail)| detail.input_diff).collect();
    let unseen = of_inputs.len() < answer.detailed_diff.len();
    Difference {
        changes: of_inputs.into_iter().map(of).collect(),
        replace: answer.replaces.clone(),
        reason: unseen.then(|| "the provider says so".to_owned()),
        impossible: None,
    }
}

/// No answer to Diff: nobody knows what to do, so nothing can be done.
pub(super) fn undecided(status: &Status, old: &Known, new: &Value) -> Difference {
    let why = CheckFailure { path: Path::default(), reason: status.message().to_owned(), hint: None };
    Difference { changes: mops_core::diff::diff(&old.inputs, new), impossible: Some(why), ..Difference::default() }
}

/// A refusal in the words of the engine; what exists in spite of it goes along.
pub(super) fn error(schema: Option<&ResourceSchema>, status: &Status, canceled: bool) -> Error {
    let class = match status.code() {
        Code::InvalidArgument => Class::User,
        Code::PermissionDenied | Code::Unauthenticated => Class::Auth,
        Code::NotFound => Class::NotFound,
        Code::FailedPrecondition | Code::AlreadyExists => Class::Conflict,
        Code::ResourceExhausted => Class::Throttled(None),
        Code::Aborted | Code::Cancelled => Class::Canceled,
        Code::Unavailable if canceled => Class::Canceled,
        Code::Unavailable | Code::DeadlineExceeded => Class::Transient,
        _ => Class::Bug,
    };
    let error = Error::new(class, status.message());
    match detail::<rpc::ErrorResourceInitFailed>(status, "ErrorResourceInitFailed") {
        Some(failed) => {
            let outputs = outputs(schema, &failed.id, &value(failed.properties.as_ref()));
            error.with_partial(failed.id, outputs)
        }
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spelled_place_is_read_step_by_step() {
        let of = |text: &str| path(text).0.join("|");
        assert_eq!(of("pools[1].name"), "pools|1|name");
        assert_eq!(of(r#"data["key.with.dots"].x"#), "data|key.with.dots|x");
        assert_eq!(of(r#"data["a\"b\\"]"#), r#"data|a"b\"#);
        assert_eq!(of(""), "");
    }
}
