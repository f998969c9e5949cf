//! Every recorded error answer and failed operation: code, class, and what may be done about it.

use http::{HeaderMap, HeaderName, HeaderValue};
use mops_clients::ClientError;
use mops_clients::arm::{Answer, ArmError, Remedy};
use mops_core::{Class, Error};
use mops_tests::recordings::{ARM, Interaction, Recordings};
use serde_json::{Value, json};

use super::recording::Replay;
use super::scenarios::drive;

const NOW: time::OffsetDateTime = time::macros::datetime!(2026-11-24 08:00 UTC);

/// Class and remedy of codes whose status does not decide it, or was once read wrongly.
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

/// How often a request is sent at most when Azure says that it, or the resource, is busy.
const PATIENCE: usize = 8;

/// The recorded answer as our client reads it.
fn answer(recorded: &Interaction) -> Answer {
    let mut headers = HeaderMap::new();
    for (name, value) in recorded.headers.as_object().into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = value.as_str().and_then(|v| HeaderValue::from_str(v).ok());
        if let (Ok(name), Some(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
    let body = match &recorded.answer {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        json => json.to_string().into_bytes(),
    };
    Answer::read(recorded.status, &headers, &body, NOW)
}

/// A message for people: what Azure said, its code, the id for its support, and one thing to do.
fn check_message(error: ArmError, recorded: &Interaction) {
    let (code, message, id) = (error.code.clone(), error.message.clone(), error.ids.request.clone());
    assert_eq!(id.as_deref(), recorded.headers["x-ms-request-id"].as_str(), "{error}");
    let told: Error = ClientError::from(error).into();
    let shown = told.summary();
    for part in [Some(&code), Some(&message), id.as_ref()].into_iter().flatten() {
        assert!(shown.contains(part), "`{part}` is not in: {shown}");
    }
    assert!(!shown.contains(['\n', '<']) && shown.len() < 700, "{shown}");
    let hint = told.hint_text().unwrap_or_default();
    assert!(hint.len() > 20 && !hint.contains('\n'), "no next step: {shown}");
}

#[test]
#[expect(clippy::print_stdout, reason = "how much was read belongs into the log")]
fn every_recorded_error_becomes_a_message_with_code_ids_and_next_step() {
    let Some(recordings) = Recordings::here("recorded errors") else { return };
    let entries = recordings.answers("errors.json");
    let mut in_table = 0;
    for entry in &entries {
        let error = ArmError::of(&answer(entry));
        if let Some((.., class, remedy)) =
            ERRORS.iter().find(|(status, code, ..)| *status == error.status && *code == error.code)
        {
            assert_eq!((error.class(), error.remedy()), (*class, *remedy), "{error}");
            in_table += 1;
        }
        let told = entry.refusal().unwrap_or_default();
        assert!(told.is_empty() || error.is(&told), "{told} was read as {}", error.code);
        check_message(error, entry);
    }
    println!("errors={} of a known class={in_table}", entries.len());
    assert!(!entries.is_empty());
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "how much was asked belongs into the log")]
async fn no_recorded_error_is_answered_by_sending_the_same_again_blindly() {
    let Some(recordings) = Recordings::here("recorded errors before the client") else { return };
    let entries = recordings.answers("errors.json");
    let (mut driven, mut patient) = (0, 0);
    // The product never asks by HEAD.
    for entry in entries.iter().filter(|entry| entry.host == ARM && entry.method != "HEAD") {
        let replay = Replay::start(vec![entry.clone()]);
        let result = drive(&replay, entry).await;
        let busy = matches!(ArmError::of(&answer(entry)).remedy(), Remedy::BackOff | Remedy::Serialise);
        // What is not there is no error for who looks or deletes.
        let absent = entry.status == 404 && ["GET", "DELETE"].contains(&entry.method.as_str());
        assert_eq!(result.is_err(), !absent, "{} {}: {result:?}", entry.method, entry.path);
        let asked = replay.asked();
        assert!(asked == 1 || busy && asked <= PATIENCE, "{} {} was sent {asked} times", entry.method, entry.path);
        (driven, patient) = (driven + 1, patient + usize::from(busy));
    }
    println!("errors={} from ARM={driven} sent again={patient}", entries.len());
    assert!(driven > 0);
}

/// A write that ends as recorded.
fn ending(end: &Interaction) -> Vec<Interaction> {
    let path = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/A.B/c/d";
    let address = format!("https://{ARM}{}?{}", end.path, end.query);
    let begin = Interaction {
        method: "PUT".into(),
        path: path.into(),
        query: String::new(),
        body: json!({"properties": {}}),
        status: 201,
        headers: json!({"azure-asyncoperation": address}),
        answer: json!({"id": path, "properties": {"provisioningState": "Creating"}}),
        ..end.clone()
    };
    vec![begin, end.clone()]
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "how much was driven belongs into the log")]
async fn every_recorded_failure_of_an_operation_ends_the_write_with_its_code() {
    let Some(recordings) = Recordings::here("recorded failures of operations") else { return };
    let entries = recordings.answers("async-failures.json");
    for entry in &entries {
        let scenario = ending(entry);
        let replay = Replay::start(scenario.clone());
        let error = drive(&replay, &scenario[0]).await.expect_err("a failure");
        let arm = error.arm().expect("an answer of ARM").clone();
        assert!(arm.operation && arm.is(&entry.refusal().unwrap_or_default()), "{arm}");
        assert!(arm.to_string().starts_with("the operation at ARM ended with"), "{arm}");
        assert_eq!(replay.result().1, 1, "{arm}: the write is sent once");
        check_message(arm, entry);
    }
    println!("failed operations={}", entries.len());
    assert!(!entries.is_empty());
}
