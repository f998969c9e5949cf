//! The real server's own store, for the one thing that only it can be told.

use axum::body::Body;
use http::{Request, header};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mops_host::Env;
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;

/// Everything up to now is history, and forgotten.
pub(super) async fn compact() {
    let revision = ask("range", &json!({"key": "AA=="})).await["header"]["revision"].clone();
    ask("compaction", &json!({"revision": revision, "physical": true})).await;
}

async fn ask(what: &str, body: &Json) -> Json {
    let address = Env::process().get("MOPS_REFEREE_ETCD").expect("HOST:PORT of the server's etcd").to_owned();
    let stream = TcpStream::connect(&address).await.expect("etcd");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection);
    let request = Request::post(format!("/v3/kv/{what}")).header(header::HOST, address);
    let answer = sender.send_request(request.body(Body::from(body.to_string())).expect("a request")).await;
    let answer = answer.expect("an answer");
    assert!(answer.status().is_success(), "{what}: {}", answer.status());
    serde_json::from_slice(&answer.into_body().collect().await.expect("a body").to_bytes()).expect("JSON")
}
