//! Operations beside the 27 observed forms: the rules of the client that no single row shows, what is told of a poll,
//! and what ends a wait.

use std::time::Duration;

use mops_clients::ClientError;
use mops_clients::arm::{Action, Precondition, Started, Verb};
use mops_core::Class;
use mops_tests::http::Reply;
use serde_json::{Value, json};

use super::script::{API, Beat, GROUP, Script, lock, on};

pub(super) const THING: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.X/things/t";

/// How a row has to end.
pub(super) enum End {
    /// Success; the result has this `properties.provisioningState`.
    State(&'static str),
    /// Success without a result.
    Nothing,
    /// Success with this body.
    Body(Value),
    /// Failure with this code.
    Code(&'static str),
}

pub(super) fn thing(status: u16, state: &str) -> Reply {
    Reply::json(status, &json!({"id": THING, "properties": {"provisioningState": state}}))
}

pub(super) fn running(word: &str) -> Reply {
    Reply::json(200, &json!({"status": word}))
}

pub(super) trait Named {
    fn operation(self, path: &str) -> Reply;
    fn location(self, path: &str) -> Reply;
    fn retry(self, seconds: u32) -> Reply;
}

impl Named for Reply {
    fn operation(self, path: &str) -> Reply {
        self.header("azure-asyncoperation", format!("{{origin}}{path}"))
    }
    fn location(self, path: &str) -> Reply {
        self.header("location", format!("{{origin}}{path}"))
    }
    fn retry(self, seconds: u32) -> Reply {
        self.header("retry-after", seconds.to_string())
    }
}

async fn begin(script: &Script, verb: &str) -> Result<Started, ClientError> {
    let body = json!({});
    match verb {
        "PUT" => script.arm.put(THING, API, &body, Precondition::None).await,
        "PATCH" => script.arm.patch(THING, API, &body).await,
        "DELETE" => script.arm.delete(THING, API).await,
        _ => script.arm.action(THING, API, None, Action::Read).await,
    }
}

pub(super) async fn run(script: &Script, verb: &str) -> Result<Option<Value>, ClientError> {
    let started = begin(script, verb).await?;
    script.arm.wait(started, &script.context()).await
}

fn check(end: &End, result: Result<Option<Value>, ClientError>) {
    match (end, result) {
        (End::State(state), Ok(Some(body))) => assert_eq!(body["properties"]["provisioningState"], *state),
        (End::Nothing, Ok(body)) => assert!(body.is_none(), "{body:?}"),
        (End::Body(want), Ok(Some(body))) => assert_eq!(body, *want),
        (End::Code(code), Err(ClientError::Arm(error))) => assert_eq!(error.code, *code),
        (_, other) => unreachable!("{other:?}"),
    }
}

/// Plays the beats, follows the operation that `verb` begins, and looks at its end and at what all waits come to.
pub(super) async fn follow(verb: &str, beats: Vec<Beat>, end: End, waits: u64) {
    let script = Script::play(beats);
    let begin = mops_host::Clock::monotonic(&script.clock);
    let result = run(&script, verb).await;
    assert_eq!(script.complaints(), Vec::<String>::new());
    assert_eq!(mops_host::Clock::monotonic(&script.clock) - begin, Duration::from_secs(waits), "waits");
    check(&end, result);
}

const PUT: &str = "PUT /things/t";
const GET: &str = "GET /things/t?";

fn refused(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": "m"}}))
}

#[tokio::test]
async fn the_first_answer_may_be_an_error() {
    follow("PUT", vec![on(PUT, refused(400, "InvalidParameter"))], End::Code("InvalidParameter"), 0).await;
}

#[tokio::test]
async fn the_result_of_an_action_is_where_its_location_said() {
    let beats = vec![
        on("POST /things/t", Reply::empty(202).operation("/op").location("/loc")),
        on("GET /op", running("Succeeded")),
        on("GET /loc", Reply::json(200, &json!({"value": 7}))),
    ];
    follow("POST", beats, End::Body(json!({"value": 7})), 10).await;
}

#[tokio::test]
async fn a_failure_may_hide_in_the_state_of_what_was_made() {
    let beats = vec![on(PUT, Reply::empty(202).location("/loc")), on("GET /loc", thing(200, "Failed"))];
    follow("PUT", beats, End::Code("OperationFailed"), 10).await;
    let beats = vec![on(PUT, thing(201, "Creating")), on(GET, thing(200, "Failed"))];
    follow("PUT", beats, End::Code("OperationFailed"), 10).await;
}

#[tokio::test]
async fn a_deletion_without_any_address_ends_when_nothing_is_there() {
    let beats = vec![
        on("DELETE /things/t", Reply::empty(202)),
        on(GET, thing(200, "Deleting")),
        on(GET, refused(404, "ResourceNotFound")),
    ];
    follow("DELETE", beats, End::Nothing, 20).await;
}

#[tokio::test]
async fn a_relative_address_of_a_202_is_resolved_and_gets_our_api_version() {
    let beats = vec![
        on(PUT, Reply::empty(202).header("location", "/loc")),
        on(&format!("GET /loc?api-version={API}"), thing(200, "Succeeded")),
    ];
    follow("PUT", beats, End::State("Succeeded"), 10).await;
}

#[tokio::test]
async fn a_fresh_address_and_a_fresh_resource_may_be_unknown_for_a_while() {
    let beats = vec![
        on(PUT, thing(201, "Creating").operation("/op").retry(1)),
        on("GET /op", Reply::empty(404).retry(1)),
        on("GET /op", running("Succeeded")),
        on(GET, Reply::empty(404).retry(1)),
        on(GET, thing(200, "Succeeded")),
    ];
    follow("PUT", beats, End::State("Succeeded"), 3).await;
}

#[tokio::test]
async fn an_empty_200_means_running() {
    let beats = vec![
        on(PUT, thing(201, "Creating").operation("/op")),
        on("GET /op", Reply::empty(200)),
        on("GET /op", running("Succeeded")),
        on(GET, thing(200, "Succeeded")),
    ];
    follow("PUT", beats, End::State("Succeeded"), 20).await;
}

#[tokio::test]
async fn polls_are_reported_without_their_address() {
    let script = Script::play(vec![
        on("PUT /things/t", thing(201, "Creating").operation("/op?s=sig-canary")),
        on("GET /op", running("Creating")),
        on("GET /op", running("Succeeded")),
        on("GET /things/t?", thing(200, "Succeeded")),
    ]);
    run(&script, "PUT").await.expect("success");
    let heard = lock(&script.heard).join("\n");
    assert!(heard.contains("Creating, next poll in 10 s") && !heard.contains("canary"), "{heard}");
    assert!(!format!("{:?}", lock(&script.tokens)).contains("canary"));
}

#[tokio::test]
async fn an_interrupted_wait_is_resumed_by_its_token() {
    let script = Script::play(vec![
        on("PUT /things/t", thing(201, "Creating").operation("/op?s=1")),
        on("GET /op?s=1", running("Creating").operation("/op?s=2")),
        on("GET /op?s=2", running("Succeeded")),
        on("GET /things/t?", thing(200, "Succeeded")),
    ]);
    let mut context = script.context();
    let started = begin(&script, "PUT").await.expect("accepted");
    context.timeout = Duration::from_secs(15);
    let error = script.arm.wait(started, &context).await.expect_err("too long");
    assert!(matches!(error, ClientError::TimedOut { .. }) && error.class() == Class::Transient, "{error:?}");
    let token = lock(&script.tokens).last().cloned().expect("a token");
    assert!(script.arm.resume(Verb::Delete, THING, API, &token).is_none(), "another operation");
    assert!(script.arm.resume(Verb::Put, GROUP, API, &token).is_none(), "another resource");
    let resumed = script.arm.resume(Verb::Put, THING, API, &token).expect("the same operation");
    assert!(script.arm.wait(resumed, &script.context()).await.expect("success").is_some());
    assert_eq!(script.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn cancellation_ends_the_wait_at_once() {
    let script = Script::play(vec![on("PUT /things/t", thing(201, "Creating").operation("/op"))]);
    let context = script.context();
    let started = begin(&script, "PUT").await.expect("accepted");
    context.cancel.cancel();
    let error = script.arm.wait(started, &context).await.expect_err("interrupted");
    assert_eq!(error.class(), Class::Canceled);
    assert_eq!(script.seen().len(), 1, "no poll after the interruption");
}
