//! Errors as the user gets them: code, class, evidence, and never the body of a call about credentials.

use mops_clients::arm::{Action, Precondition, ResourceId};
use mops_core::{Class, Error};
use mops_tests::http::Reply;
use serde_json::json;

use super::script::{API, GROUP, Script, on};

#[tokio::test]
async fn an_error_names_code_message_and_request() {
    let body = json!({"error": {"code": "AuthorizationFailed", "message": "The client has no right."}});
    let reply = Reply::json(403, &body).header("x-ms-request-id", "r-1").header("x-ms-correlation-request-id", "c-1");
    let script = Script::play(vec![on("GET /resourceGroups/g", reply)]);
    let error = script.arm.get(GROUP, API).await.expect_err("refused").into_core("group `g` could not be read");
    assert_eq!((error.class(), error.summary()), (Class::Auth, "group `g` could not be read"));
    let note = &error.notes()[0];
    assert_eq!(note, "ARM answered 403 AuthorizationFailed: The client has no right. (request r-1, correlation c-1)");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("Contributor")));
}

#[tokio::test]
async fn a_version_that_the_cloud_does_not_know_is_told_and_not_tried_again() {
    let message = "No registered resource provider found for API version '2025-10-01' for type 'things'.";
    let body = json!({"error": {"code": "NoRegisteredProviderFound", "message": message}});
    let script = Script::play(vec![on("PUT /resourceGroups/g", Reply::json(400, &body))]);
    let error = script.arm.put(GROUP, API, &json!({}), Precondition::None).await.expect_err("refused");
    assert_eq!((error.class(), script.seen().len()), (Class::User, 1));
    assert_eq!(error.to_string(), format!("ARM answered 400 NoRegisteredProviderFound: {message}"));
}

#[tokio::test]
async fn calls_about_credentials_are_never_quoted() {
    let body = json!({"error": {"code": "Odd", "message": "the key is key-canary"}});
    let script = Script::play(vec![
        on("POST /listCredentials", Reply::json(400, &body)),
        on("POST /regenerate", Reply::json(400, &body)),
    ]);
    let id = ResourceId::resource("s", "g", "Microsoft.ContainerRegistry/registries", "r").expect("an id");
    let listed = script.arm.registry_credentials(&id).await.expect_err("refused");
    let path = format!("{id}/regenerate");
    let made = script.arm.action(&path, API, None, Action::MakeSecret).await.expect_err("refused");
    for error in [listed, made] {
        assert!(error.to_string().contains("Odd"));
        let core = Error::from(error);
        assert!(!format!("{core:?} {core}").contains("canary"));
    }
}

#[tokio::test]
async fn a_pause_above_five_minutes_ends_the_call() {
    let script = Script::play(vec![on("PUT /resourceGroups/g", Reply::empty(429).header("retry-after", "600"))]);
    let error = script.arm.put(GROUP, API, &json!({}), Precondition::None).await.expect_err("throttled");
    assert_eq!(error.class(), Class::Throttled(Some(std::time::Duration::from_secs(600))));
}

#[tokio::test]
async fn a_refused_sign_in_keeps_its_code_and_no_secret() {
    let sandbox = mops_tests::sandbox::Sandbox::start(mops_tests::sandbox::Options::default()).expect("a sandbox");
    let env = mops_host::Env::of(sandbox.env().iter().map(|(name, value)| {
        (
            name.to_owned(),
            if name == "AZURE_CLIENT_SECRET" { "wrong-secret-canary".to_owned() } else { value.to_owned() },
        )
    }));
    let mut config = mops_wire::HttpConfig::new();
    config.roots = vec![sandbox.world().ca_pem.as_bytes().to_vec()];
    let http = mops_wire::Http::new(config).expect("a pipeline");
    let (cloud, clock) = (sandbox.cloud(), mops_host::SystemClock::shared());
    let auth = mops_core::cloud::AzureAuth::default();
    let chosen = mops_clients::identity::credential(&cloud, &auth, &env, http.clone(), clock.clone()).expect("chosen");
    assert_eq!(chosen.why, "`AZURE_CLIENT_SECRET` is set");
    let arm = mops_clients::arm::ArmClient::new(&cloud, chosen.tokens, http, clock).expect("a client");
    let error = arm.get(GROUP, API).await.expect_err("refused");
    assert_eq!(error.class(), Class::Auth);
    assert!(error.to_string().contains("AADSTS7000215"), "{error}");
    assert!(!format!("{error:?} {error}").contains("canary"));
}
