//! The recorded scenarios, each write driven to its recorded end by the real client: success, or a refusal with the
//! recorded code.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mops_clients::ClientError;
use mops_clients::arm::{Action, LroContext, Precondition};
use mops_core::Cancel;
use mops_host::fsx;
use mops_tests::recordings::{Interaction, Recordings, Scenario};
use serde_json::{Value, json};

use super::log::Log;
use super::recording::Replay;
use crate::arm::script::TOKEN;

const API: &str = "2025-10-01";

fn context() -> LroContext {
    let timeout = Duration::from_secs(7200);
    LroContext { cancel: Cancel::new(), progress: Arc::new(|_| {}), timeout }
}

/// Sends a recorded request again and waits for what it began.
pub(crate) async fn drive(replay: &Replay, interaction: &Interaction) -> Result<Option<Value>, ClientError> {
    let (arm, path, body) = (&replay.arm, &interaction.target(), &interaction.body);
    let started = match interaction.method.as_str() {
        "GET" => return arm.get(path, API).await,
        "PUT" => arm.put(path, API, body, Precondition::None).await?,
        "PATCH" => arm.patch(path, API, body).await?,
        "DELETE" => arm.delete(path, API).await?,
        _ => {
            let reveals = path.to_lowercase().contains("credential") || path.to_lowercase().contains("key");
            let action = if reveals { Action::Reveal } else { Action::Read };
            arm.action(path, API, Some(body).filter(|b| b.is_object()), action).await?
        }
    };
    arm.wait(started, &context()).await
}

/// Every text in an answer that nobody may log.
fn secrets(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let names = ["value", "password", "token", "key"];
                match member.as_str() {
                    Some(text) if text.len() >= 16 && names.contains(&name.as_str()) => found.push(text.to_owned()),
                    _ => secrets(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| secrets(item, found)),
        _ => {}
    }
}

/// The code with which a write was refused, at once or at the end of what it began.
fn recorded_refusal(interactions: &[Interaction], write: usize) -> Option<String> {
    let after = interactions[write + 1..].iter().take_while(|next| !next.is_write());
    let ends = after.filter(|next| next.is_poll() || next.path.eq_ignore_ascii_case(&interactions[write].path));
    let own = interactions[write].refusal();
    own.or_else(|| ends.filter(|end| end.status < 400).find_map(Interaction::refusal))
}

/// Holds the end of one write to the recorded one; what it answered.
fn check(at: &str, write: &Interaction, refused: Option<String>, result: Result<Option<Value>, ClientError>) -> Value {
    match (refused, result) {
        (Some(code), Err(error)) => {
            let known = error.arm().is_some_and(|arm| code.is_empty() || arm.is(&code));
            assert!(known, "{at}: {error} instead of {code}");
            Value::Null
        }
        (Some(code), Ok(body)) => unreachable!("{at}: {body:?} instead of {code}"),
        (None, result) => {
            let body = result.unwrap_or_else(|error| unreachable!("{at}: {error}")).unwrap_or_default();
            if write.method == "PUT" {
                let state = body.pointer("/properties/provisioningState").and_then(Value::as_str);
                assert!(matches!(state, None | Some("Succeeded")), "{at}: {state:?}");
                assert!(body["id"].is_string(), "{at}: a typed value at the end");
            }
            body
        }
    }
}

/// Drives one scenario; how many writes it has, and how many of them end refused.
async fn driven(scenario: &Scenario) -> (usize, usize) {
    let Scenario { name, interactions } = scenario;
    let log = Log::default();
    let guard = log.catch();
    let replay = Replay::start(interactions.clone());
    let mut hidden = vec![TOKEN.to_owned()];
    hidden.extend(interactions.iter().flat_map(Interaction::signatures));
    let (mut writes, mut refused) = (0, 0);
    for (index, write) in interactions.iter().enumerate().filter(|(_, interaction)| interaction.is_write()) {
        let code = recorded_refusal(interactions, index);
        (writes, refused) = (writes + 1, refused + usize::from(code.is_some()));
        let at = format!("{name}: {} {}", write.method, write.path);
        secrets(&check(&at, write, code, drive(&replay, write).await), &mut hidden);
    }
    drop(guard);
    let (unknown, sent) = replay.result();
    assert_eq!(unknown, Vec::<String>::new(), "{name}");
    assert_eq!(sent, writes, "{name}: no write is sent twice");
    let text = log.text();
    assert!(writes == 0 || text.contains("/subscriptions/"), "the log was caught");
    assert!(hidden.iter().all(|secret| !text.contains(secret)), "{name}: a secret of an answer is in the log");
    (writes, refused)
}

#[expect(clippy::print_stdout, reason = "how much was driven belongs into the log")]
async fn drive_all(recordings: &Recordings) -> (usize, usize, usize) {
    let (mut scenarios, mut writes, mut refused) = (0, 0, 0);
    for scenario in recordings.scenarios() {
        let (of_it, no) = driven(&scenario).await;
        (scenarios, writes, refused) = (scenarios + 1, writes + of_it, refused + no);
    }
    println!("recordings scenarios={scenarios} writes={writes} refused={refused}");
    (scenarios, writes, refused)
}

#[tokio::test]
async fn every_recorded_scenario_is_driven_to_its_end() {
    let Some(recordings) = Recordings::here("recorded scenarios") else { return };
    let (_, writes, _) = drive_all(&recordings).await;
    assert!(writes > 0);
}

fn interaction(method: &str, path: &str, body: &Value, status: u16, headers: &Value, answer: &Value) -> Value {
    json!({
        "request": {"method": method, "host": "management.azure.com", "path": path, "query": "api-version=2025-01-01", "body": body},
        "response": {"status": status, "headers": headers, "body": answer},
    })
}

/// A folder as a user attaches it, with a write that fails at its end and one that is refused at once.
fn own_folder(folder: &Path) {
    let below = "/subscriptions/00000000-0000-0000-0000-000000000000";
    let thing = format!("{below}/resourceGroups/g/providers/Own.Things/things/one");
    let poll = format!("{below}/providers/Own.Things/locations/here/operationStatuses/7");
    let header = json!({"azure-asyncoperation": format!("https://management.azure.com{poll}?api-version=2025-01-01")});
    let body = json!({"location": "here", "properties": {}});
    let coming = json!({"id": thing, "properties": {"provisioningState": "Creating"}});
    let ends = json!({"status": "Failed", "error": {"code": "Conflict", "message": "m", "details": [
        {"code": "NoRoomLeft", "message": "There is no room left."},
    ]}});
    let refusal = json!({"error": {"code": "ScopeLocked", "message": "The scope is locked."}});
    let interactions = [
        interaction("PUT", &thing, &body, 201, &header, &coming),
        interaction("GET", &poll, &Value::Null, 200, &json!({}), &json!({"status": "Running"})),
        interaction("GET", &poll, &Value::Null, 200, &json!({}), &ends),
        interaction("DELETE", &thing, &Value::Null, 409, &json!({}), &refusal),
    ];
    let recordings = folder.join("recordings");
    fsx::create_dir_all(&recordings).expect("a folder");
    let write = |name: &str, value: &Value| fsx::replace(&recordings.join(name), value.to_string().as_bytes());
    write("index.json", &json!([{"file": "own.json"}])).expect("the index");
    write("own.json", &json!({"interactions": interactions})).expect("a recording");
}

#[tokio::test]
async fn a_folder_of_the_users_own_is_driven_to_its_recorded_failures() {
    let place = tempfile::tempdir().expect("a folder");
    own_folder(place.path());
    let recordings = Recordings::at(place.path());
    assert_eq!(drive_all(&recordings).await, (1, 2, 2));
    let own = &recordings.scenarios()[0].interactions;
    let error = drive(&Replay::start(own.clone()), &own[0]).await.expect_err("a failure");
    assert_eq!(error.arm().map(|arm| (arm.code.as_str(), arm.operation)), Some(("NoRoomLeft", true)));
}
