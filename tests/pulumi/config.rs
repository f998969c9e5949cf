//! The configuration over the wire: checked, compared, and refused with the names of what it lacks.

use std::sync::Arc;

use mops_core::Value;
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use serde_json::json;
use tonic::Code;

use super::errors::detail;
use super::wire::{Wire, bag, value};
use crate::stand::Stand;

async fn wire() -> (Stand, Wire) {
    let stand = Stand::new();
    let wire = Wire::unconfigured(Arc::new(stand.provider()), stand.clock.clone()).await;
    (stand, wire)
}

#[tokio::test]
async fn the_handshake_offers_what_the_engine_may_rely_on() {
    let (_stand, mut wire) = wire().await;
    let hands = wire.client.handshake(rpc::ProviderHandshakeRequest::default()).await.unwrap().into_inner();
    assert!(hands.accept_secrets && hands.accept_resources && hands.accept_outputs);
    assert!(hands.supports_autonaming_configuration);
    assert_eq!(wire.client.get_plugin_info(()).await.unwrap().into_inner().version, env!("CARGO_PKG_VERSION"));
    let early = rpc::CheckRequest { urn: "urn:pulumi:s::p::modelops:azure:NodePool::n".into(), ..Default::default() };
    assert_eq!(wire.client.check(early).await.unwrap_err().code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn check_fills_the_directory_and_finds_what_is_wrong() {
    let (_stand, mut wire) = wire().await;
    let mut check = async |news| {
        let request = rpc::CheckRequest { news: bag(&Value::from(news)), ..rpc::CheckRequest::default() };
        let answer = wire.client.check_config(request).await.unwrap().into_inner();
        (value(answer.inputs.as_ref()), answer.failures)
    };
    let (inputs, failures) = check(json!({"auth": "cli", "version": "0.1.0"})).await;
    assert_eq!((failures.len(), inputs.get("tenantId").and_then(Value::as_str)), (0, Some("tenant")));
    let rows = [
        (json!({"tenant": "x"}), vec!["tenant"]),
        (
            json!({"auth": "passkey", "cloud": "moon", "clientId": 7, "tenantId": "a"}),
            vec!["auth", "clientId", "cloud"],
        ),
        (json!({"cloudFile": "/nowhere/cloud.json", "auth": "cli"}), vec!["cloudFile"]),
    ];
    for (news, named) in rows {
        let (_, failures) = check(news).await;
        assert_eq!(failures.iter().map(|f| f.property.as_str()).collect::<Vec<_>>(), named, "{failures:?}");
        assert!(failures.iter().all(|failure| !failure.reason.is_empty()), "{failures:?}");
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let (_stand, mut wire) = wire().await;
    let auth = ("modelops:config:auth".to_owned(), "service_principal".to_owned());
    let by_variables = rpc::ConfigureRequest { variables: [auth].into(), ..rpc::ConfigureRequest::default() };
    let args = bag(&Value::from(json!({"auth": "service_principal"})));
    let by_args = rpc::ConfigureRequest { args, ..rpc::ConfigureRequest::default() };
    for request in [by_variables, by_args] {
        let status = wire.client.configure(request).await.unwrap_err();
        let missing: rpc::ConfigureErrorMissingKeys = detail(&status, "ConfigureErrorMissingKeys");
        let names: Vec<&str> = missing.missing_keys.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(names, ["modelops:clientId", "modelops:clientSecret"]);
    }
    let configured = wire.client.configure(rpc::ConfigureRequest::default()).await.unwrap().into_inner();
    assert!(configured.accept_secrets && configured.supports_preview && configured.accept_resources);
    assert!(configured.accept_outputs && configured.supports_autonaming_configuration);
}

#[tokio::test]
async fn only_another_place_replaces_the_provider() {
    let (_stand, mut wire) = wire().await;
    let mut diff = async |old, new| {
        let old_inputs = bag(&Value::from(old));
        let request = rpc::DiffRequest { old_inputs, news: bag(&Value::from(new)), ..rpc::DiffRequest::default() };
        let answer = wire.client.diff_config(request).await.unwrap().into_inner();
        (answer.changes, answer.replaces)
    };
    let here = json!({"tenantId": "a", "auth": "cli"});
    assert_eq!(diff(here.clone(), here.clone()).await, (1, Vec::new()));
    assert_eq!(diff(here.clone(), json!({"tenantId": "a", "auth": "oidc"})).await, (2, Vec::new()));
    assert_eq!(diff(here.clone(), json!({"tenantId": "b", "auth": "cli"})).await, (2, vec!["tenantId".to_owned()]));
    assert_eq!(diff(json!({}), here).await, (2, Vec::new()));
}
