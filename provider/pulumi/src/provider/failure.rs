//! Errors as the engine reads them. Internal and Unknown mean "nobody knows what happened" to it, everything else that
//! nothing did; what exists in spite of an error goes along with it, or it would be forgotten.

use mops_core::{Class, Error, Value, bag};
use prost::Message as _;
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use tonic::{Code, Status};

use crate::value::{CodecError, encode};

/// The longest text of an error, in characters: it may travel in a header, whose size others limit, and somebody reads it.
const LONGEST: usize = 4000;

/// The begin of a text that is too long.
pub(super) fn clipped(text: &str) -> Option<String> {
    let (end, _) = text.char_indices().nth(LONGEST)?;
    Some(format!("{}…", &text[..end]))
}

/// `google.rpc.Status`, the form in which details travel.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Detailed {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// A status with one detail of the protocol.
pub(super) fn detailed(code: Code, message: String, name: &str, detail: &impl prost::Message) -> Status {
    let type_url = format!("type.googleapis.com/pulumirpc.{name}");
    let details = vec![prost_types::Any { type_url, value: detail.encode_to_vec() }];
    let bytes = Detailed { code: code.into(), message: message.clone(), details }.encode_to_vec();
    Status::with_details(code, message, bytes.into())
}

/// An error of a call that made nothing that is not known already.
pub(super) fn plain(error: &Error) -> Status {
    Status::new(code(error.class()), text(error))
}

/// An error of a write: what exists is told with it, under the inputs of the call.
pub(super) fn of_write(error: &Error, inputs: &Value) -> Status {
    unfinished(error, inputs, None)
}

/// The same for a read, which says the inputs as well.
pub(super) fn of_read(error: &Error, inputs: &Value) -> Status {
    unfinished(error, inputs, encode(inputs).ok())
}

fn unfinished(error: &Error, inputs: &Value, found: Option<prost_types::Struct>) -> Status {
    let Some(partial) = error.partial() else { return plain(error) };
    match encode(&bag::merged(inputs, &partial.outputs)) {
        Ok(known) => {
            let failed = rpc::ErrorResourceInitFailed {
                id: partial.id.clone(),
                properties: Some(known),
                reasons: reasons(error),
                inputs: found,
                refresh_before_update: false,
            };
            detailed(Code::Unknown, text(error), "ErrorResourceInitFailed", &failed)
        }
        Err(codec) => unsayable(&codec),
    }
}

/// Properties that arrived in a form that nobody can read.
pub(super) fn unreadable(error: &CodecError) -> Status {
    Status::invalid_argument(format!("the properties cannot be read: {error}"))
}

/// Properties of ours that cannot travel.
pub(super) fn unsayable(error: &CodecError) -> Status {
    Status::internal(format!("this is a fault in the provider `modelops`: a result cannot be sent: {error}"))
}

const fn code(class: Class) -> Code {
    match class {
        Class::User => Code::InvalidArgument,
        Class::Auth => Code::PermissionDenied,
        Class::NotFound => Code::NotFound,
        Class::Conflict => Code::FailedPrecondition,
        Class::Throttled(_) => Code::ResourceExhausted,
        Class::Transient => Code::Unavailable,
        Class::Canceled => Code::Aborted,
        Class::Partial | Class::Bug => Code::Internal,
    }
}

/// What failed, the evidence, and the next step, as one text.
pub(super) fn text(error: &Error) -> String {
    let mut text = error.summary().to_owned();
    if !error.notes().is_empty() {
        text += &format!(": {}", error.notes().join("; "));
    }
    if let Some(hint) = error.hint_text() {
        text += &format!("; {hint}");
    }
    text
}

fn reasons(error: &Error) -> Vec<String> {
    let lines = std::iter::once(error.summary().to_owned()).chain(error.notes().iter().cloned());
    lines.chain(error.hint_text().map(str::to_owned)).map(|line| line.replace('\n', " ")).collect()
}
