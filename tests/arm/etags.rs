//! Writes under an eTag: what somebody else changed between our read and our write is read again and kept.

use mops_core::provider::{Done, Known, Provider};
use mops_core::{Class, Error, Value};
use mops_tests::http::Reply;
use serde_json::{Value as Json, json};

use super::resources::{context, group_id};
use super::script::{Script, on};

const POOL: &str = "/managedClusters/dev-aks/agentPools/work?";

fn pool_id() -> String {
    format!("{}/providers/Microsoft.ContainerService/managedClusters/dev-aks/agentPools/work", group_id())
}

/// The pool as the service shows it, with what somebody else wrote to it.
fn shown(tag: &str, theirs: u32) -> Reply {
    let properties = json!({"mode": "User", "vmSize": "Standard_DS2_v2", "count": 1, "eTag": tag,
        "enableAutoScaling": false, "provisioningState": "Succeeded", "theirs": theirs});
    Reply::json(200, &json!({"id": pool_id(), "name": "work", "properties": properties}))
}

/// Brings the pool from one node to two.
async fn scale(script: &Script) -> Result<Done, Error> {
    let cluster = pool_id().split("/agentPools").next().unwrap_or_default().to_owned();
    let inputs = |count: u32| -> Value {
        let inputs =
            json!({"clusterId": cluster, "name": "work", "mode": "User", "vmSize": "Standard_DS2_v2", "count": count});
        let checked = script.resources.check(&context("one", "NodePool", "work").urn, &Value::from(inputs), false);
        assert!(checked.failures.is_empty(), "{:?}", checked.failures);
        checked.inputs
    };
    let outputs = Value::from(json!({"id": pool_id(), "name": "work"}));
    let known = Known { id: pool_id(), inputs: inputs(1), outputs };
    script.resources.update(context("one", "NodePool", "work"), &known, &inputs(2)).await
}

fn outdated() -> [Reply; 2] {
    let flat = json!({"code": "EtagMismatch", "message": "Operation is not allowed"});
    let wrapped = json!({"error": {"code": "PreconditionFailed", "message": "m"}});
    [Reply::json(409, &flat), Reply::json(412, &wrapped)]
}

#[tokio::test]
async fn what_changed_meanwhile_is_read_again_and_merged() {
    let (get, put) = (format!("GET {POOL}"), format!("PUT {POOL}"));
    for refusal in outdated() {
        let beats =
            vec![on(&get, shown("e1", 1)), on(&put, refusal), on(&get, shown("e2", 2)), on(&put, shown("e3", 2))];
        let script = Script::play(beats);
        scale(&script).await.expect("written at last");
        assert_eq!(script.complaints(), Vec::<String>::new());
        let seen = script.seen();
        assert_eq!(
            [1, 3].map(|at| seen[at].header("if-match").map(str::to_owned)),
            [Some("e1".into()), Some("e2".into())]
        );
        let sent: Json = seen[3].json().expect("a pool");
        assert_eq!((&sent["properties"]["theirs"], &sent["properties"]["count"]), (&json!(2), &json!(2)));
    }
}

#[tokio::test]
async fn who_is_overtaken_again_and_again_says_so() {
    let (get, put) = (format!("GET {POOL}"), format!("PUT {POOL}"));
    let round = |tag: &str| [on(&get, shown(tag, 1)), on(&put, outdated()[1].clone())];
    let script = Script::play(["e1", "e2", "e3", "e4"].iter().flat_map(|tag| round(tag)).collect());
    let error = scale(&script).await.expect_err("somebody else writes all the time");
    assert_eq!(script.complaints(), Vec::<String>::new());
    assert_eq!(error.class(), Class::Conflict);
    assert!(error.summary().contains("`work` is being changed by somebody else"), "{error}");
}
