//! What every request carries, what is sent again and what never is.

use mops_clients::arm::{Action, Precondition};
use mops_tests::http::Reply;
use serde_json::json;

use super::script::{API, GROUP, Script, TOKEN, breaks, on};

const THING: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.X/things/t";

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message}}))
}

#[tokio::test]
async fn ids_agent_and_token_are_on_every_request() {
    let script = Script::play(vec![
        on("PUT /things/t", Reply::empty(202).header("location", "{origin}/loc")),
        on("GET /loc", Reply::json(200, &json!({"id": THING}))),
        on("POST /things/t", Reply::json(200, &json!({}))),
    ]);
    let started = script.arm.put(THING, API, &json!({"a": 1}), Precondition::Absent).await.expect("accepted");
    script.arm.wait(started, &script.context()).await.expect("success");
    script.arm.action(THING, API, None, Action::Read).await.expect("success");
    let seen = script.seen();
    let header = |at: usize, name: &str| seen[at].header(name).unwrap_or_default().to_owned();
    for at in 0..3 {
        assert_eq!(header(at, "authorization"), format!("Bearer {TOKEN}"));
        assert_eq!(header(at, "x-ms-correlation-request-id"), header(0, "x-ms-correlation-request-id"));
        assert!(header(at, "user-agent").starts_with("mops/"), "{}", header(at, "user-agent"));
        assert_eq!(header(at, "accept"), "application/json");
    }
    assert_eq!(header(0, "x-ms-client-request-id"), header(1, "x-ms-client-request-id"), "a poll belongs to its call");
    assert_ne!(header(0, "x-ms-client-request-id"), header(2, "x-ms-client-request-id"));
    assert_eq!((header(0, "if-none-match").as_str(), header(0, "content-type").as_str()), ("*", "application/json"));
    assert_eq!(header(2, "content-length"), "0");
}

#[tokio::test]
async fn what_makes_a_secret_is_not_repeated() {
    for trouble in [on("POST /things/t", Reply::empty(500)), breaks("POST /things/t")] {
        let script = Script::play(vec![trouble]);
        assert!(script.arm.action(THING, API, None, Action::MakeSecret).await.is_err());
        assert_eq!(script.seen().len(), 1);
    }
    let script = Script::play(vec![
        on("POST /things/t", Reply::empty(429).header("retry-after", "2")),
        on("POST /things/t", Reply::json(200, &json!({}))),
    ]);
    assert!(script.arm.action(THING, API, None, Action::MakeSecret).await.is_ok(), "a 429 did nothing");
}

#[tokio::test]
async fn what_is_repeatable_is_repeated() {
    let script = Script::play(vec![
        on("PUT /things/t", Reply::empty(503)),
        breaks("PUT /things/t"),
        on("PUT /things/t", refusal(409, "StorageAccountIsNotProvisioned", "m")),
        on("PUT /things/t", Reply::empty(429).header("retry-after", "40")),
        on("PUT /things/t", Reply::json(200, &json!({"id": THING}))),
    ]);
    assert!(script.arm.put(THING, API, &json!({}), Precondition::None).await.is_ok());
    assert_eq!(script.complaints(), Vec::<String>::new());
    assert!(mops_host::Clock::monotonic(&script.clock).as_secs() >= 40, "the pause that was asked for is kept");
}

#[tokio::test]
async fn a_busy_parent_is_waited_for() {
    let busy = || refusal(409, "OperationNotAllowed", "Another agentpool operation is in progress");
    let script = Script::play(vec![
        on("DELETE /things/t", busy()),
        on("DELETE /things/t", busy()),
        on("DELETE /things/t", Reply::empty(204)),
    ]);
    assert!(script.arm.delete(THING, API).await.is_ok());
    assert_eq!(mops_host::Clock::monotonic(&script.clock).as_secs(), 20 + 60);
    let quota = refusal(409, "OperationNotAllowed", "exceeding approved standardDSv3Family Cores quota");
    let script = Script::play(vec![on("PUT /things/t", quota)]);
    let error = script.arm.put(THING, API, &json!({}), Precondition::None).await.expect_err("quota");
    assert_eq!((error.class(), script.seen().len()), (mops_core::Class::User, 1), "quota is not waited for");
}

#[tokio::test]
async fn a_write_under_an_old_etag_comes_back_at_once() {
    let script =
        Script::play(vec![on("PUT /things/t", Reply::json(409, &json!({"code": "EtagMismatch", "message": "m"})))]);
    let error = script.arm.put(THING, API, &json!({}), Precondition::Unchanged("e1")).await.expect_err("outdated");
    assert!(error.arm().is_some_and(|e| e.is("EtagMismatch")));
    assert_eq!(script.seen()[0].header("if-match"), Some("e1"));
}

#[tokio::test]
async fn a_missing_registration_is_made_once() {
    let script = Script::play(vec![
        on("PUT /things/t", refusal(409, "MissingSubscriptionRegistration", "m")),
        on("POST /subscriptions/s/providers/Microsoft.X/register", Reply::json(200, &json!({}))),
        on(
            "GET /subscriptions/s/providers/Microsoft.X?",
            Reply::json(200, &json!({"registrationState": "Registering"})),
        ),
        on(
            "GET /subscriptions/s/providers/Microsoft.X?",
            Reply::json(200, &json!({"registrationState": "Registered"})),
        ),
        on("PUT /things/t", Reply::json(200, &json!({"id": THING}))),
    ]);
    assert!(script.arm.put(THING, API, &json!({}), Precondition::None).await.is_ok());
    assert_eq!(script.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn lists_are_read_page_by_page_at_our_host_only() {
    let script = Script::play(vec![
        on("GET /things?api", Reply::json(200, &json!({"value": [1, 2], "nextLink": "{origin}/things?$skipToken=x"}))),
        on("GET /things?$skipToken=x", Reply::json(200, &json!({"value": [3]}))),
        on("GET /things?api", Reply::json(200, &json!({"value": [], "nextLink": "https://evil.invalid/next"}))),
    ]);
    let all = script.arm.list("/subscriptions/s/things", API).await;
    assert_eq!(all.expect("a list").len(), 3);
    let error = script.arm.list("/subscriptions/s/things", API).await.expect_err("a foreign page");
    assert!(error.to_string().contains("evil.invalid"));
    assert!(script.arm.get(&format!("https://evil.invalid{GROUP}"), API).await.is_err(), "nor a foreign path");
}
