//! Ways to sign in: what reaches the sign-in host, and what is said when something is missing.

use mops_core::Class;
use mops_core::cloud::{AuthKind, AzureAuth};
use mops_host::Env;
use mops_tests::http::Reply;
use serde_json::json;

use super::script::{API, GROUP, Script, on};

const TENANT: (&str, &str) = ("AZURE_TENANT_ID", "00000000-0000-0000-0000-00000000000a");
const CLIENT: (&str, &str) = ("AZURE_CLIENT_ID", "00000000-0000-0000-0000-00000000000b");

fn group() -> Reply {
    Reply::json(200, &json!({"id": GROUP}))
}

#[tokio::test]
async fn a_workflow_signs_in_by_its_own_token() {
    let script = Script::play(vec![
        on(
            "GET /idtoken?v=1&audience=api%3A%2F%2FAzureADTokenExchange",
            Reply::json(200, &json!({"value": "assertion"})),
        ),
        on("GET /resourceGroups/g", group()),
    ]);
    let url = format!("{}/idtoken?v=1", script.origin);
    let env = Env::of([
        TENANT,
        CLIENT,
        ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-token"),
    ]);
    let arm = script.signed_in_by(&AzureAuth::default(), &env).expect("an identity");
    arm.get(GROUP, API).await.expect("an answer");
    assert_eq!(script.complaints(), Vec::<String>::new());
    assert_eq!(script.seen()[0].header("authorization"), Some("Bearer request-token"));
    let sign_in = &script.sign_ins()[0];
    let form = sign_in.form();
    let field = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    assert_eq!(field("client_assertion"), Some("assertion"));
    assert_eq!(field("client_id"), Some(CLIENT.1));
    assert_eq!(sign_in.header("authorization"), None, "no token goes to the sign-in host");
}

#[tokio::test]
async fn one_sign_in_serves_a_whole_run() {
    let script = Script::play(vec![on("GET /resourceGroups/g", group()), on("GET /resourceGroups/g", group())]);
    let (first, second) = futures::join!(script.arm.get(GROUP, API), script.arm.get(GROUP, API));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(script.sign_ins().len(), 1);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let refused = || Reply::json(401, &json!({"error": {"code": "ExpiredAuthenticationToken", "message": "m"}}));
    let script = Script::play(vec![on("GET /resourceGroups/g", refused()), on("GET /resourceGroups/g", group())]);
    assert!(script.arm.get(GROUP, API).await.is_ok());
    let script = Script::play(vec![on("GET /resourceGroups/g", refused()), on("GET /resourceGroups/g", refused())]);
    let error = script.arm.get(GROUP, API).await.expect_err("refused twice");
    assert_eq!((error.class(), script.complaints().len()), (Class::Auth, 0));
}

#[tokio::test]
async fn what_is_missing_is_said_at_once() {
    let script = Script::play(Vec::new());
    let rows = [
        (AuthKind::ServicePrincipal, vec![CLIENT], "AZURE_TENANT_ID"),
        (AuthKind::ServicePrincipal, vec![TENANT, CLIENT], "AZURE_CLIENT_SECRET"),
        (AuthKind::WorkloadIdentity, vec![TENANT, CLIENT], "AZURE_FEDERATED_TOKEN_FILE"),
        (AuthKind::Oidc, vec![TENANT, CLIENT], "ACTIONS_ID_TOKEN_REQUEST_URL"),
        (AuthKind::Certificate, vec![TENANT, CLIENT], "certificate_file"),
    ];
    for (kind, variables, missing) in rows {
        let auth = AzureAuth { kind, ..AzureAuth::default() };
        let error = script.signed_in_by(&auth, &Env::of(variables)).err().expect("something is missing");
        let error = mops_core::Error::from(error);
        let text = format!("{error} {}", error.hint_text().unwrap_or_default());
        assert!(error.class() == Class::User && text.contains(missing), "{kind:?}: {text}");
    }
    assert!(script.sign_ins().is_empty());
}
