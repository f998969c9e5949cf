//! `mops ngc mock` through the built program (N-16): a stand-in for a server answers in its form, and a Service that was
//! led to one is led back exactly.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use mops_tests::place::Place;
use mops_tests::program::Running;
use serde_json::{Value as Json, json};

use crate::desk::GOOD;
use crate::ngc_fix::printed;
use crate::ngc_stage::{NAMESPACE, Stage};

const ANNOTATION: &str = "modelops.io/mock-original-selector";

/// What people have declared of a Service.
fn declared(stage: &Stage, name: &str) -> Json {
    let object = stage.object("Service", name);
    let annotations = object["metadata"]["annotations"].as_object().filter(|all| !all.is_empty());
    json!([object["spec"], object["metadata"]["labels"], annotations, object["metadata"]["uid"]])
}

#[tokio::test]
async fn n_16_a_service_is_led_to_a_mock_and_back_exactly() {
    let stage = Stage::new().await;
    let labels = json!({"app": "reasoning-nim", "tier": "gpu"});
    stage.server("reasoning-nim", "docker.io/library/server:1", (json!({}), json!({}))).await;
    let spec =
        json!({"selector": {"app": "reasoning-nim"}, "ports": [{"name": "api", "port": 80, "targetPort": 8000}]});
    stage.service(json!({"metadata": {"name": "reasoning", "labels": labels}, "spec": spec})).await;
    let other = json!({"selector": {"app": "somebody"}, "ports": [{"port": 80}]});
    stage.service(json!({"metadata": {"name": "other"}, "spec": other})).await;
    let (before, others) = (declared(&stage, "reasoning"), declared(&stage, "other"));
    let (code, said) = stage.ngc("", "mock on --deployment reasoning-nim").await;
    assert!(code == 0 && said.contains("service reasoning leads to a mock"), "{said}");
    let on = stage.object("Service", "reasoning");
    assert_eq!(on["spec"]["selector"], json!({"app": "mops-mock-reasoning-nim"}));
    assert_eq!(on["metadata"]["annotations"][ANNOTATION], r#"{"app":"reasoning-nim"}"#);
    let container = &stage.object("Deployment", "mops-mock-reasoning-nim")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["ports"][0]["containerPort"], 8000);
    assert!(container["args"].as_array().is_some_and(|args| args.contains(&json!("reasoning"))), "{container}");
    let (code, said) = stage.ngc("", "mock on --deployment reasoning-nim").await;
    assert!(code == 0 && said.contains("is on already"), "{said}");
    let (_, said) = stage.ngc(GOOD, "check").await;
    assert!(said.contains("service `reasoning` leads to a mock of `reasoning-nim`"), "{said}");
    let (code, said) = stage.ngc("", "mock off --deployment reasoning-nim").await;
    assert!(code == 0 && said.contains("leads to reasoning-nim again"), "{said}");
    assert_eq!((declared(&stage, "reasoning"), declared(&stage, "other")), (before, others));
    assert!(stage.fake.object("Deployment", NAMESPACE, "mops-mock-reasoning-nim").is_none(), "the mock is gone");
    let (code, said) = stage.ngc("", "mock off --deployment reasoning-nim").await;
    assert!(code == 0 && said.contains("no mock"), "{said}");
    let (code, said) = stage.ngc("", "mock on --deployment absent").await;
    assert!(code != 0 && said.contains("absent"), "{said}");
}

#[tokio::test]
async fn m_17_the_printed_role_is_what_a_mock_uses() {
    let stage = Stage::new().await;
    stage.server("reasoning-nim", "docker.io/library/server:1", (json!({}), json!({}))).await;
    let spec = json!({"selector": {"app": "reasoning-nim"}, "ports": [{"port": 80}]});
    stage.service(json!({"metadata": {"name": "reasoning"}, "spec": spec})).await;
    stage.fake.asked();
    for way in ["on", "off"] {
        let (code, said) = stage.ngc("", &format!("mock {way} --deployment reasoning-nim")).await;
        assert_eq!(code, 0, "{said}");
    }
    assert_eq!(stage.fake.asked(), printed(&stage, "mock on --deployment reasoning-nim").await);
}

fn asked(address: &str, request: &str) -> (String, Json) {
    let mut stream = TcpStream::connect(address).expect("it answers");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("an answer");
    let (head, body) = said.split_once("\r\n\r\n").expect("a head");
    (head.lines().next().unwrap_or_default().to_owned(), serde_json::from_str(body).expect("json"))
}

#[test]
fn n_16_a_mock_answers_until_it_is_ended() {
    let words = ["ngc", "mock", "serve", "--kind", "embedding", "--port", "0", "--json"];
    let mut run = Running::start(&Place::new(), "mops", &words);
    let line = run.lines().recv_timeout(std::time::Duration::from_secs(30)).expect("where it answers");
    let line: Json = serde_json::from_str(&line).expect("json");
    let address = line["address"].as_str().expect("an address").trim_start_matches("http://").to_owned();
    let (status, said) = asked(&address, "GET /v1/health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(status.contains("200") && said["message"].is_string(), "{status} {said}");
    let body = r#"{"input": ["a"], "model": "m"}"#;
    let head = "POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length:";
    let (status, said) = asked(&address, &format!("{head} {}\r\n\r\n{body}", body.len()));
    assert!(status.contains("200"), "{status}");
    assert_eq!(said["data"][0]["embedding"].as_array().map(Vec::len), Some(1024));
    run.signal(rustix::process::Signal::TERM);
    assert!(run.wait().is_some(), "it ends by itself");
}
