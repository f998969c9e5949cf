//! Why a body cannot be read as the kind of its address, in the server's words.

use base64::DecodeError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::kinds::Kind;
use super::store::text;

/// What is wrong with kind, version or encoding; `None` when the body may be read.
pub(super) fn fault(kind: &Kind, body: &Json) -> Option<String> {
    let (given, api) = (text(body, "/kind"), text(body, "/apiVersion"));
    let version = api.rsplit('/').next().filter(|v| !v.is_empty()).unwrap_or(kind.version);
    let wanted = kind.kind;
    let name = if given.is_empty() { wanted } else { given };
    let why = if !api.is_empty() && api != kind.api_version() {
        format!("no kind \"{name}\" is registered for version \"{api}\" in scheme \"pkg/runtime/scheme.go:110\"")
    } else if name != wanted {
        let group = if kind.group.is_empty() { "core" } else { kind.group };
        format!("converting ({version}.{name}) to ({group}.{wanted}): unknown conversion")
    } else {
        not_base64(body)?
    };
    Some(format!("{name} in version \"{version}\" cannot be handled as a {wanted}: {why}"))
}

fn not_base64(body: &Json) -> Option<String> {
    let values = body["data"].as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str());
    let at = values.filter_map(|value| match STANDARD.decode(value).err()? {
        DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => Some(at),
        DecodeError::InvalidLength(length) => Some(length / 4 * 4),
        DecodeError::InvalidPadding => Some(value.len()),
    });
    at.min().map(|at| format!("illegal base64 data at input byte {at}"))
}
