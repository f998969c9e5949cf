//! One row a form of long-running operation; the numbers are those of the table of observed behaviour.

use std::time::Duration;

use mops_clients::ClientError;
use mops_clients::arm::{Action, Precondition, Started, Verb};
use mops_core::Class;
use mops_tests::http::Reply;
use serde_json::{Value, json};

use super::script::{API, Beat, GROUP, Script, breaks, lock, on};

const THING: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.X/things/t";

/// How a row has to end.
enum End {
    /// Success; the result has this `properties.provisioningState`.
    State(&'static str),
    /// Success without a result.
    Nothing,
    /// Success with this body.
    Body(Value),
    /// Failure with this code.
    Code(&'static str),
}

struct Row {
    name: &'static str,
    verb: &'static str,
    beats: Vec<Beat>,
    end: End,
    /// What all waits come to.
    waits: u64,
}

fn thing(status: u16, state: &str) -> Reply {
    Reply::json(status, &json!({"id": THING, "properties": {"provisioningState": state}}))
}

fn running(word: &str) -> Reply {
    Reply::json(200, &json!({"status": word}))
}

trait Named {
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

fn puts() -> Vec<Row> {
    let row = |name, beats, end, waits| Row { name, verb: "PUT", beats, end, waits };
    let put = || "PUT /things/t";
    let get = || "GET /things/t?";
    vec![
        row("3 at once", vec![on(put(), thing(200, "Succeeded"))], End::State("Succeeded"), 0),
        row(
            "4 a new address at every poll, words of its own",
            vec![
                on(put(), thing(201, "Creating").operation("/op?t=1&c=MIIH%2B")),
                on("GET /op?t=1&c=MIIH%2B", running("Creating").operation("/op?t=2&c=x")),
                on("GET /op?t=2&c=x", running("Updating")),
                on("GET /op?t=2&c=x", running("Succeeded").operation("/op?t=3")),
                on(get(), thing(200, "Succeeded")),
            ],
            End::State("Succeeded"),
            30,
        ),
        row(
            "10 to 12 a 200 that is not finished, another API version, words",
            vec![
                on(put(), thing(200, "Updating").operation("/op?api-version=2017-08-31")),
                on("GET /op?api-version=2017-08-31", running("CreatingAgentPool: 0/1 nodes completed").retry(3)),
                on("GET /op?api-version=2017-08-31", running("Succeeded")),
                on(get(), thing(200, "Succeeded")),
            ],
            End::State("Succeeded"),
            13,
        ),
        row(
            "13 succeeded beside NotLatestOperation: the resource says what is true",
            vec![
                on(put(), thing(200, "Updating").operation("/op")),
                on(
                    "GET /op",
                    Reply::json(200, &json!({"status": "Succeeded", "error": {"code": "NotLatestOperation"}})),
                ),
                on(get(), thing(200, "Scaling")),
                on(get(), thing(200, "Succeeded")),
            ],
            End::State("Succeeded"),
            20,
        ),
        row(
            "15 no header: the state of the resource",
            vec![
                on(put(), thing(201, "Creating")),
                on(get(), thing(200, "Scaling")),
                on(get(), thing(200, "Succeeded")),
            ],
            End::State("Succeeded"),
            20,
        ),
        row(
            "19 an accepted PUT with an empty body, then the resource at Location",
            vec![
                on(put(), Reply::body(202, "text/plain", "").location("/loc").retry(17)),
                on("GET /loc", Reply::empty(202).retry(17)),
                on("GET /loc", thing(200, "Succeeded")),
            ],
            End::State("Succeeded"),
            34,
        ),
        row(
            "21 a relative Location that is the resource itself",
            vec![
                on(put(), Reply::json(201, &json!({"id": THING})).header("location", THING)),
                on(get(), Reply::json(200, &json!({"id": THING}))),
            ],
            End::Body(json!({"id": THING})),
            0,
        ),
        row(
            "a relative Location of a 202 is resolved and gets our API version",
            vec![
                on(put(), Reply::empty(202).header("location", "/loc")),
                on(&format!("GET /loc?api-version={API}"), thing(200, "Succeeded")),
            ],
            End::State("Succeeded"),
            10,
        ),
        row(
            "404 of a fresh poll address and of a fresh resource",
            vec![
                on(put(), thing(201, "Creating").operation("/op").retry(1)),
                on("GET /op", Reply::empty(404).retry(1)),
                on("GET /op", running("Succeeded")),
                on(get(), Reply::empty(404).retry(1)),
                on(get(), thing(200, "Succeeded")),
            ],
            End::State("Succeeded"),
            3,
        ),
        row(
            "an empty 200 is running",
            vec![
                on(put(), thing(201, "Creating").operation("/op")),
                on("GET /op", Reply::empty(200)),
                on("GET /op", running("Succeeded")),
                on(get(), thing(200, "Succeeded")),
            ],
            End::State("Succeeded"),
            20,
        ),
    ]
}

fn others() -> Vec<Row> {
    let row = |name, verb, beats, end, waits| Row { name, verb, beats, end, waits };
    let get = || "GET /things/t?";
    let gone = |code: &str| Reply::json(404, &json!({"error": {"code": code, "message": "m"}}));
    vec![
        row(
            "1 a group goes by Location; a 202 in between lacks it",
            "DELETE",
            vec![
                on("DELETE /things/t", Reply::empty(202).location("/loc?a").retry(15)),
                on("GET /loc?a", Reply::empty(202).location("/loc?b").retry(15)),
                on("GET /loc?b", Reply::empty(202).retry(15)),
                on("GET /loc?b", Reply::empty(200)),
            ],
            End::Nothing,
            45,
        ),
        row(
            "5 a PATCH at once",
            "PATCH",
            vec![on("PATCH /things/t", thing(200, "Succeeded"))],
            End::State("Succeeded"),
            0,
        ),
        row(
            "5 a PATCH that takes time",
            "PATCH",
            vec![
                on("PATCH /things/t", thing(201, "Updating").operation("/op")),
                on("GET /op", running("Succeeded")),
                on(get(), thing(200, "Succeeded")),
            ],
            End::State("Succeeded"),
            10,
        ),
        row(
            "6 gone at once",
            "DELETE",
            vec![on("DELETE /things/t", Reply::empty(200)), on(get(), gone("ResourceNotFound"))],
            End::Nothing,
            0,
        ),
        row(
            "6 going by Location with a body",
            "DELETE",
            vec![
                on("DELETE /things/t", thing(202, "Deleting").location("/loc").retry(10)),
                on("GET /loc", Reply::empty(202)),
                on("GET /loc", Reply::empty(200)),
            ],
            End::Nothing,
            20,
        ),
        row(
            "16 both headers: the operation wins",
            "DELETE",
            vec![
                on("DELETE /things/t", Reply::empty(202).operation("/op").location("/loc")),
                on("GET /op", running("InProgress")),
                on("GET /op", running("Succeeded")),
            ],
            End::Nothing,
            20,
        ),
        row("24 gone before", "DELETE", vec![on("DELETE /things/t", Reply::empty(204))], End::Nothing, 0),
        row("24 no resource", "DELETE", vec![on("DELETE /things/t", gone("ResourceNotFound"))], End::Nothing, 0),
        row("24 no group", "DELETE", vec![on("DELETE /things/t", gone("ResourceGroupNotFound"))], End::Nothing, 0),
        row("24 no parent", "DELETE", vec![on("DELETE /things/t", gone("ParentResourceNotFound"))], End::Nothing, 0),
        row(
            "5. of the rules: no header at all, until it is not there",
            "DELETE",
            vec![
                on("DELETE /things/t", Reply::empty(202)),
                on(get(), thing(200, "Deleting")),
                on(get(), gone("ResourceNotFound")),
            ],
            End::Nothing,
            20,
        ),
        row(
            "9 an action by Location, with a body while it runs",
            "POST",
            vec![
                on("POST /things/t", Reply::empty(202).location("/loc")),
                on("GET /loc", Reply::json(202, &json!({"status": "Running"}))),
                on("GET /loc", Reply::json(200, &json!({"value": 7}))),
            ],
            End::Body(json!({"value": 7})),
            20,
        ),
        row(
            "2. of the rules: an action by operation, its result at Location",
            "POST",
            vec![
                on("POST /things/t", Reply::empty(202).operation("/op").location("/loc")),
                on("GET /op", running("Succeeded")),
                on("GET /loc", Reply::json(200, &json!({"value": 7}))),
            ],
            End::Body(json!({"value": 7})),
            10,
        ),
    ]
}

fn failures() -> Vec<Row> {
    let row = |name, beats, end, waits| Row { name, verb: "PUT", beats, end, waits };
    let accepted = || on("PUT /things/t", thing(201, "Creating").operation("/op"));
    let failed = |status: &str, error: Value| Reply::json(200, &json!({"status": status, "error": error}));
    let nested = json!({"code": "ProvisioningFailed", "message": "see details",
        "details": [{"code": "QuotaExceeded", "message": "no cores"}]});
    let texted = json!({"code": "BadRequest", "message": "Operation failed: {\"error\":{\"code\":\"AllocationFailed\",\"message\":\"no room\"}}"});
    vec![
        row("25 failed", vec![accepted(), on("GET /op", failed("Failed", nested))], End::Code("QuotaExceeded"), 10),
        row(
            "25 JSON in a message",
            vec![accepted(), on("GET /op", failed("failed", texted))],
            End::Code("AllocationFailed"),
            10,
        ),
        row(
            "25 canceled",
            vec![
                accepted(),
                on("GET /op", failed("Canceled", json!({"code": "OperationCancelled", "message": "by user"}))),
            ],
            End::Code("OperationCancelled"),
            10,
        ),
        row(
            "25 failed without a word",
            vec![accepted(), on("GET /op", running("Failed"))],
            End::Code("OperationFailed"),
            10,
        ),
        row(
            "3. of the rules: a failure hides in the body at Location",
            vec![on("PUT /things/t", Reply::empty(202).location("/loc")), on("GET /loc", thing(200, "Failed"))],
            End::Code("OperationFailed"),
            10,
        ),
        row(
            "4. of the rules: the resource itself has failed",
            vec![on("PUT /things/t", thing(201, "Creating")), on("GET /things/t?", thing(200, "Failed"))],
            End::Code("OperationFailed"),
            10,
        ),
        row(
            "1. of the rules: the first answer is an error",
            vec![on(
                "PUT /things/t",
                Reply::json(400, &json!({"error": {"code": "InvalidParameter", "message": "m"}})),
            )],
            End::Code("InvalidParameter"),
            0,
        ),
    ]
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

async fn run(script: &Script, verb: &str) -> Result<Option<Value>, ClientError> {
    let started = begin(script, verb).await?;
    script.arm.wait(started, &script.context()).await
}

fn check(row: &Row, result: Result<Option<Value>, ClientError>) {
    let name = row.name;
    match (&row.end, result) {
        (End::State(state), Ok(Some(body))) => assert_eq!(body["properties"]["provisioningState"], *state, "{name}"),
        (End::Nothing, Ok(body)) => assert!(body.is_none(), "{name}"),
        (End::Body(want), Ok(Some(body))) => assert_eq!(body, *want, "{name}"),
        (End::Code(code), Err(ClientError::Arm(error))) => assert_eq!(error.code, *code, "{name}"),
        (_, other) => unreachable!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn every_form_of_operation_is_followed_to_its_end() {
    for mut row in puts().into_iter().chain(others()).chain(failures()) {
        let script = Script::play(std::mem::take(&mut row.beats));
        let begin = mops_host::Clock::monotonic(&script.clock);
        let result = run(&script, row.verb).await;
        assert_eq!(script.complaints(), Vec::<String>::new(), "{}", row.name);
        let waited = mops_host::Clock::monotonic(&script.clock) - begin;
        assert_eq!(waited, Duration::from_secs(row.waits), "{}: waits", row.name);
        check(&row, result);
    }
}

#[tokio::test]
async fn row_26_trouble_while_polling_is_borne() {
    let script = Script::play(vec![
        on("PUT /things/t", thing(201, "Creating").operation("/op").retry(0)),
        on("GET /op", Reply::empty(504)),
        on("GET /op", Reply::empty(503).retry(30)),
        breaks("GET /op"),
        on("GET /op", Reply::empty(429).retry(7)),
        on("GET /op", running("Succeeded").retry(0)),
        on("GET /things/t?", thing(200, "Succeeded")),
    ]);
    assert!(run(&script, "PUT").await.expect("success").is_some());
    assert_eq!(script.complaints(), Vec::<String>::new());
    let waited = mops_host::Clock::monotonic(&script.clock);
    assert!(waited >= Duration::from_secs(38), "the pauses that were asked for are kept: {waited:?}");
}

#[tokio::test]
async fn row_27_another_host_never_sees_the_token() {
    let other = Script::play(vec![on("GET /op", running("Succeeded"))]);
    let address = format!("{}/op?t=1", other.origin);
    for header in ["azure-asyncoperation", "location"] {
        let reply = Reply::empty(202).header(header, address.clone());
        let script = Script::play(vec![on("PUT /things/t", reply)]);
        let error = run(&script, "PUT").await.expect_err("a foreign host");
        assert!(matches!(&error, ClientError::ForeignOperation { host } if host == "127.0.0.1"), "{error:?}");
    }
    let script = Script::play(vec![
        on("PUT /things/t", thing(201, "Creating").operation("/op")),
        on("GET /op", running("Creating").header("azure-asyncoperation", address)),
    ]);
    assert!(matches!(run(&script, "PUT").await, Err(ClientError::ForeignOperation { .. })));
    assert!(other.seen().is_empty(), "nothing was asked there");
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
