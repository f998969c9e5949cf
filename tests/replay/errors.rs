//! Every recorded error answer and failed operation: code, class, and what may be done about it.

use http::{HeaderMap, HeaderName, HeaderValue};
use mops_clients::arm::{Answer, ArmError, Remedy};
use mops_core::Class;
use serde_json::Value;

use super::load;

const NOW: time::OffsetDateTime = time::macros::datetime!(2026-11-24 08:00 UTC);

/// Class and remedy of each recorded code.
const ERRORS: [(u16, &str, Class, Remedy); 24] = [
    (404, "ResourceGroupNotFound", Class::NotFound, Remedy::None),
    (404, "RoleAssignmentNotFound", Class::NotFound, Remedy::None),
    (400, "PrincipalNotFound", Class::User, Remedy::Consistency),
    (404, "RoleDefinitionDoesNotExist", Class::NotFound, Remedy::None),
    (404, "ResourceNotFound", Class::NotFound, Remedy::None),
    (409, "UpdateRunTargetingEmptyFleet", Class::Conflict, Remedy::None),
    (409, "EtagMismatch", Class::Conflict, Remedy::Serialise),
    (500, "GetVnetError", Class::Transient, Remedy::BackOff),
    (429, "429", Class::Throttled(Some(std::time::Duration::from_secs(2))), Remedy::BackOff),
    (409, "ContainerImmutabilityPolicyFailure", Class::Conflict, Remedy::None),
    (503, "ServiceUnavailable", Class::Transient, Remedy::BackOff),
    (404, "ContainerNotFound", Class::NotFound, Remedy::None),
    (404, "ParentResourceNotFound", Class::NotFound, Remedy::None),
    (400, "InvalidStorageAccountImmutabilityPolicy", Class::User, Remedy::None),
    (409, "StorageAccountIsNotProvisioned", Class::Transient, Remedy::BackOff),
    (400, "FailedIdentityOperation", Class::User, Remedy::None),
    (409, "FeatureNotSupportedForAccount", Class::Conflict, Remedy::None),
    (404, "OPERATION_UNKNOWN", Class::NotFound, Remedy::None),
    (400, "UnsatisfiableCondition", Class::User, Remedy::None),
    (404, "BlobNotFound", Class::NotFound, Remedy::None),
    (409, "BlobAlreadyExists", Class::Conflict, Remedy::None),
    (412, "ConditionNotMet", Class::Conflict, Remedy::None),
    (404, "", Class::NotFound, Remedy::None),
    (412, "PreconditionFailed", Class::Conflict, Remedy::None),
];

/// The recorded answer as our client reads it.
pub(super) fn answer(response: &Value) -> Answer {
    let mut headers = HeaderMap::new();
    for (name, value) in response["headers"].as_object().into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = value.as_str().and_then(|v| HeaderValue::from_str(v).ok());
        if let (Ok(name), Some(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
    let body = match &response["body"] {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        json => json.to_string().into_bytes(),
    };
    let status = response["status"].as_u64().and_then(|s| u16::try_from(s).ok()).expect("a status");
    Answer::read(status, &headers, &body, NOW)
}

#[test]
fn every_recorded_error_has_its_code_class_and_remedy() {
    let Some(recorded) = load("errors.json") else { return };
    let entries = recorded.as_array().expect("a list");
    assert!(entries.len() >= 35);
    for entry in entries {
        let error = ArmError::of(&answer(&entry["response"]));
        let row = ERRORS.iter().find(|(status, code, ..)| *status == error.status && *code == error.code);
        let (_, _, class, remedy) =
            row.unwrap_or_else(|| unreachable!("not in the table: {} {}", error.status, error.code));
        assert_eq!((error.class(), error.remedy()), (*class, *remedy), "{} {}", error.status, error.code);
        let told = entry["code"].as_str().unwrap_or_default();
        assert!(told.is_empty() || told == error.code, "{told} was read as {}", error.code);
        let shown = error.to_string();
        assert!(shown.contains(&error.code) && !shown.contains(['\n', '<']) && shown.len() < 700, "{shown}");
    }
}

#[test]
fn every_recorded_failure_of_an_operation_keeps_its_code() {
    let Some(recorded) = load("async-failures.json") else { return };
    let entries = recorded.as_array().expect("a list");
    assert!(entries.len() >= 10);
    for entry in entries {
        let answer = answer(&entry["response"]);
        let state = answer.json().and_then(|body| body["status"].as_str()).expect("a status").to_owned();
        let error = ArmError::of_operation(&answer, &state);
        assert_eq!(Some(error.code.as_str()), entry["code"].as_str());
        assert!(error.operation && !error.message.is_empty());
        assert!(error.to_string().starts_with("the operation at ARM ended with"), "{error}");
        assert!(matches!(error.class(), Class::User), "{error}: {:?}", error.class());
    }
}
