//! Objects one at a time: made, read, replaced, merged, deleted; and every refusal with its body.

use serde_json::{Value as Json, json};

use super::seat::{MERGE, SPACE, Seat};

fn secret(name: &str) -> Json {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {"A": "YQ=="}})
}

pub(crate) async fn run(seat: &mut Seat) {
    let secrets = format!("{SPACE}/secrets");
    let one = format!("{secrets}/one");
    seat.chapter("made and read");
    let made = seat.see("a secret", "POST", &format!("{secrets}?fieldManager=maker"), &secret("one")).await;
    seat.see("it", "GET", &one, &Json::Null).await;
    seat.see("again", "POST", &secrets, &secret("one")).await;
    seat.see("tried only", "POST", &format!("{secrets}?dryRun=All&fieldManager=maker"), &secret("two")).await;
    seat.see("not made by that", "GET", &format!("{secrets}/two"), &Json::Null).await;

    seat.chapter("changed under a guard");
    let merge = json!({"metadata": {"labels": {"a": "b"}}, "data": {"B": "Yg==", "A": null}});
    seat.see_as("merged", "PATCH", &format!("{one}?fieldManager=merger"), (MERGE, &merge)).await;
    seat.see("replaced from an old version", "PUT", &one, &made).await;
    let mut fresh = secret("one");
    seat.see("replaced without a version", "PUT", &format!("{one}?fieldManager=maker"), &fresh).await;
    fresh["metadata"]["uid"] = json!("00000000-0000-0000-0000-000000000000");
    seat.see("replaced under another identity", "PUT", &one, &fresh).await;
    let old = json!({"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"C": "Yw=="}});
    seat.see_as("merged from an old version", "PATCH", &one, (MERGE, &old)).await;
    seat.see("replaced under another name", "PUT", &one, &secret("two")).await;

    refused(seat, &secrets).await;
    deleted(seat, &one).await;
}

async fn refused(seat: &mut Seat, secrets: &str) {
    seat.chapter("refused");
    seat.see("not there", "GET", &format!("{secrets}/gone"), &Json::Null).await;
    seat.see("not there, to delete", "DELETE", &format!("{secrets}/gone"), &Json::Null).await;
    seat.see("not there, to replace", "PUT", &format!("{secrets}/gone"), &secret("gone")).await;
    seat.see_as("not there, to merge", "PATCH", &format!("{secrets}/gone"), (MERGE, &json!({}))).await;
    let nowhere = "/api/v1/namespaces/referee-nowhere/secrets";
    seat.see("no namespace, to write", "POST", nowhere, &secret("one")).await;
    seat.see("no namespace, to read", "GET", &format!("{nowhere}/one"), &Json::Null).await;
    let deployments = "/apis/apps/v1/namespaces/referee/deployments";
    seat.see("of a group", "GET", &format!("{deployments}/gone"), &Json::Null).await;
    let rows = [
        ("without a name", json!({"metadata": {}})),
        ("a name in capitals", json!({"metadata": {"name": "Upper"}})),
        ("a long label", json!({"metadata": {"name": "x", "labels": {"a": "x".repeat(64)}}})),
        ("a bad label", json!({"metadata": {"name": "x", "labels": {"a": "-x"}}})),
        ("another namespace", json!({"metadata": {"name": "x", "namespace": "default"}})),
        ("another kind", json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})),
        ("another version", json!({"apiVersion": "v2", "kind": "Secret", "metadata": {"name": "x"}})),
        ("a broken value", json!({"metadata": {"name": "x"}, "data": {"A": "not base64!"}})),
        ("a field of another type", json!({"metadata": {"name": "x", "labels": "a"}})),
    ];
    for (what, body) in rows {
        seat.see(what, "POST", secrets, &body).await;
    }
    seat.see("a field selector that is none", "GET", &format!("{secrets}?fieldSelector=spec.x%3D1"), &Json::Null).await;
    seat.see_as("a media type that is none", "PATCH", &format!("{secrets}/one"), ("text/plain", &json!({}))).await;
}

async fn deleted(seat: &mut Seat, one: &str) {
    seat.chapter("deleted under a guard");
    let live = seat.see("it", "GET", one, &Json::Null).await;
    let only = |field: &str, value: &str| json!({"preconditions": {field: value}});
    let other = "00000000-0000-0000-0000-000000000000";
    seat.see("another identity", "DELETE", one, &only("uid", other)).await;
    seat.see("another version", "DELETE", one, &only("resourceVersion", "1")).await;
    let uid = live["metadata"]["uid"].as_str().unwrap_or_default();
    seat.see("tried only", "DELETE", &format!("{one}?dryRun=All"), &Json::Null).await;
    seat.see("that identity", "DELETE", one, &only("uid", uid)).await;
    seat.see("again", "DELETE", one, &only("uid", uid)).await;
}
