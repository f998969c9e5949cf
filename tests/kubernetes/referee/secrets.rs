//! What is asked of Secrets by type, of their size and of what may not change.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use super::seat::{MERGE, SPACE, Seat};

fn secret(name: &str, kind: &str, data: &Json) -> Json {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": kind, "data": data})
}

pub(crate) async fn run(seat: &mut Seat) {
    let path = format!("{SPACE}/secrets");
    let docker = "kubernetes.io/dockerconfigjson";
    let encoded = |text: &str| STANDARD.encode(text);
    seat.chapter("secrets by type");
    let rows = [
        ("a login without its file", secret("s", docker, &json!({}))),
        ("a login that is no JSON", secret("s", docker, &json!({".dockerconfigjson": encoded("{")}))),
        ("a login that is no JSON at all", secret("s", docker, &json!({".dockerconfigjson": encoded("x")}))),
        ("a certificate without its key", secret("s", "kubernetes.io/tls", &json!({"tls.crt": ""}))),
        ("neither name nor password", secret("s", "kubernetes.io/basic-auth", &json!({}))),
        ("no private key", secret("s", "kubernetes.io/ssh-auth", &json!({}))),
        ("an account that is not named", secret("s", "kubernetes.io/service-account-token", &json!({}))),
        ("a key with a blank", secret("s", "Opaque", &json!({"a b": ""}))),
        ("a key that is empty", secret("s", "Opaque", &json!({"": ""}))),
        ("too large", secret("s", "Opaque", &json!({"A": STANDARD.encode(vec![b'x'; (1 << 20) + 1])}))),
        ("too large for a request", secret("s", "Opaque", &json!({"A": "eHh4".repeat(1 << 20)}))),
    ];
    for (what, body) in rows {
        seat.see(what, "POST", &path, &body).await;
    }
    seat.see("a login", "POST", &path, &secret("login", docker, &json!({".dockerconfigjson": encoded("{}")}))).await;
    let text = json!({"metadata": {"name": "text"}, "stringData": {"A": "text"}, "data": {"B": "Yg=="}});
    seat.see("plain text", "POST", &format!("{path}?fieldManager=maker"), &text).await;

    seat.chapter("what may not change of a secret");
    let one = format!("{path}/text");
    let kind = json!({"type": "kubernetes.io/basic-auth", "data": {"username": "dQ=="}});
    seat.see_as("its type", "PATCH", &one, (MERGE, &kind)).await;
    seat.see_as("it is sealed", "PATCH", &format!("{one}?fieldManager=maker"), (MERGE, &json!({"immutable": true})))
        .await;
    seat.see_as("its content then", "PATCH", &one, (MERGE, &json!({"data": {"A": "eA=="}}))).await;
    seat.see_as("the seal", "PATCH", &one, (MERGE, &json!({"immutable": false}))).await;
    seat.see_as(
        "its labels",
        "PATCH",
        &format!("{one}?fieldManager=maker"),
        (MERGE, &json!({"metadata": {"labels": {"a": "b"}}})),
    )
    .await;
}
