//! What the server says about Secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use super::bench::Bench;

const PATH: &str = "/api/v1/namespaces/n/secrets";

fn secret(kind: &str, data: &Json) -> Json {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": kind, "data": data})
}

#[tokio::test]
async fn content_is_checked_by_type() {
    let bench = Bench::start().await;
    let docker = "kubernetes.io/dockerconfigjson";
    let too_long = STANDARD.encode(vec![b'x'; (1 << 20) + 1]);
    let rows = [
        (secret(docker, &json!({})), 422, "data[.dockerconfigjson]: Required value"),
        (
            secret(docker, &json!({".dockerconfigjson": STANDARD.encode("{")})),
            422,
            "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": unexpected end of JSON input",
        ),
        (secret("kubernetes.io/tls", &json!({"tls.crt": ""})), 422, "data[tls.key]: Required value"),
        (secret("kubernetes.io/basic-auth", &json!({})), 422, "data[username]: Required value"),
        (secret("Opaque", &json!({"a b": ""})), 422, "a valid config key must consist of alphanumeric characters"),
        (secret("Opaque", &json!({"A": "not base64!"})), 400, "Secret in version \"v1\" cannot be handled as a Secret"),
        (secret("Opaque", &json!({"A": too_long})), 422, "data: Too long: may not be more than 1048576 bytes"),
    ];
    for (body, code, words) in rows {
        let (got, status) = bench.post(PATH, &body).await;
        let message = status["message"].as_str().unwrap_or_default();
        assert!(got == code && message.contains(words), "{got} {message}");
        assert!(message.len() < 600, "a body is not quoted back");
    }
    let (code, _) = bench.post(PATH, &json!({"metadata": {"name": "s"}, "data": {"A": "x".repeat(3 << 20)}})).await;
    assert_eq!(code, 413);
}

#[tokio::test]
async fn the_type_of_a_secret_stays() {
    let bench = Bench::start().await;
    bench.post(PATH, &secret("Opaque", &json!({"username": "dQ=="}))).await;
    let other = secret("kubernetes.io/basic-auth", &json!({"username": "dQ=="}));
    let (code, status) = bench.applied_by("mops", &format!("{PATH}/s"), &other).await;
    let message = "Secret \"s\" is invalid: type: Invalid value: \"kubernetes.io/basic-auth\": field is immutable";
    assert_eq!(code, 409, "its maker holds the type: {status}");
    let path = format!("{PATH}/s?fieldManager=mops&force=true");
    let (code, status) = bench.ask("PATCH", &path, "application/apply-patch+yaml", &other.to_string()).await;
    assert_eq!((code, status["message"].as_str()), (422, Some(message)));
}
