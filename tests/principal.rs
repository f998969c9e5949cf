//! Promise: a pull secret of a service principal is written once directory and registry take it. A right that the
//! registry learns of late is waited for by trying; one that never comes, and a secret that the directory refuses, are
//! told with their cause.

use std::time::Duration;

use mops_core::provider::{Done, Provider as _};
use mops_core::{Error, Value};
use mops_tests::fault::{Fault, Rule};
use mops_tests::principal::Principal;
use serde_json::json;

use crate::stand::{CLUSTER, SUBSCRIPTION, Stand};

const CLIENT: &str = "00000000-0000-0000-0000-0000000000c1";
const OBJECT: &str = "00000000-0000-0000-0000-0000000000d1";
const SECRET: &str = "puller-secret-canary-0123456789";

/// A registry and a cluster, and an application in the directory.
async fn ground() -> Stand {
    let stand = Stand::new();
    for token in ["ResourceGroup", "ContainerRegistry", "ManagedCluster"] {
        let token = format!("modelops:azure:{token}");
        let entry = mops_resources::entries().into_iter().find(|e| e.schema().token == token).expect("listed");
        make(&stand, &token, entry.samples().remove(0)).await.expect("ground");
    }
    register(&stand, false);
    stand
}

fn register(stand: &Stand, expired: bool) {
    let principal = Principal::new([CLIENT, OBJECT, SECRET], expired);
    stand.sandbox.arm().state().register(principal);
}

async fn make(stand: &Stand, token: &str, inputs: Value) -> Result<Done, Error> {
    let urn = stand.urn(token, "x");
    let checked = stand.provider().check(&urn, &inputs, false);
    assert!(checked.failures.is_empty(), "{:?}", checked.failures);
    stand.create(&urn, &checked.inputs).await
}

async fn give_right(stand: &Stand) {
    let scope = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/sample-rg/providers/Microsoft.ContainerRegistry/registries/sampleacr"
    );
    let inputs = json!({"scope": scope, "principalId": OBJECT, "role": "AcrPull"});
    make(stand, "modelops:azure:RoleAssignment", inputs.into()).await.expect("a right");
}

/// Writes the pull secret; with how long that took.
async fn write(stand: &Stand) -> (Result<Done, Error>, Duration) {
    let mut inputs = Value::from(json!({
        "cluster": {"clusterId": CLUSTER}, "namespace": "default", "name": "registry-pull",
        "registry": "sampleacr.azurecr.io", "username": CLIENT, "servicePrincipal": true,
    }));
    if let Value::Map(map) = &mut inputs {
        map.insert("password".into(), Value::from(SECRET).into_secret());
    }
    let begin = stand.clock.monotonic();
    let done = make(stand, "modelops:kubernetes:ImagePullSecret", inputs).await;
    (done, stand.clock.monotonic() - begin)
}

fn told(error: &Error) -> String {
    format!("{} {}", error.summary(), error.hint_text().unwrap_or_default())
}

#[tokio::test]
async fn a_right_that_the_registry_learns_of_late_is_waited_for() {
    let stand = ground().await;
    give_right(&stand).await;
    let unknown = Fault::Status { status: 401, code: "UNAUTHORIZED".into(), retry_after: None };
    let matches = vec!["registry GET".into(), "/oauth2/token".into()];
    stand.sandbox.faults().add(Rule { matches, skip: 0, times: 3, fault: unknown });
    let (done, took) = write(&stand).await;
    done.expect("taken at last");
    assert_eq!(stand.sandbox.faults().met().len(), 3);
    assert_eq!(took, Duration::from_millis(500 + 1000 + 2000));
}

#[tokio::test]
async fn a_right_that_never_comes_is_given_up_with_what_to_compare() {
    let stand = ground().await;
    let (done, took) = write(&stand).await;
    let error = done.expect_err("nobody gave the right");
    assert!(took >= Duration::from_secs(600) && took < Duration::from_secs(620), "{took:?}");
    assert!(
        told(&error).contains("although its secret is good") && told(&error).contains("az ad sp show"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_secret_that_has_expired_is_told_at_once() {
    let stand = ground().await;
    give_right(&stand).await;
    register(&stand, true);
    let (done, took) = write(&stand).await;
    let error = done.expect_err("the directory refuses it");
    assert!(took < Duration::from_secs(5), "{took:?}");
    for part in ["has expired (AADSTS7000222)", "az ad app credential reset --id"] {
        assert!(told(&error).contains(part), "{error:?}");
    }
    assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
}
