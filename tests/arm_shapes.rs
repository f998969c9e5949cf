//! Promise: the ARM fake refuses what the recorded service refuses, in its codes: wrong bodies, names, versions and
//! tokens, stale eTags, and writes to what is going. How its operations go: `arm::rows`.

use serde_json::json;

use crate::arm::rows::sandbox::{account, cluster, registry};
use crate::client::{API_AKS, API_GROUP, API_REGISTRY, API_STORAGE, Bench};

const ACR: &str = "Microsoft.ContainerRegistry/registries";
const STORE: &str = "Microsoft.Storage/storageAccounts";
const AKS: &str = "Microsoft.ContainerService/managedClusters";

#[tokio::test]
async fn what_azure_refuses_is_refused() {
    let bench = Bench::new().await.with_group("g").await;
    let acr = bench.of("g", ACR, "modelopsdevacr");
    let elsewhere = bench.of("nowhere", ACR, "modelopsdevacr");
    let rows = [
        ("no location", acr.clone(), API_REGISTRY, json!({"sku": {"name": "Basic"}}), 400, "LocationRequired"),
        ("no sku", acr.clone(), API_REGISTRY, json!({"location": "eastus2"}), 400, "InvalidSku"),
        ("short name", bench.of("g", ACR, "a"), API_REGISTRY, registry("Basic"), 400, "InvalidResourceName"),
        ("no group", elsewhere, API_REGISTRY, registry("Basic"), 404, "ResourceGroupNotFound"),
        ("old version", acr, "2001-01-01", registry("Basic"), 400, "NoRegisteredProviderFound"),
        ("account name", bench.of("g", STORE, "No-Good"), API_STORAGE, account(), 400, "AccountNameInvalid"),
        (
            "no kind",
            bench.of("g", STORE, "good"),
            API_STORAGE,
            json!({"location": "eastus2"}),
            400,
            "InvalidValuesForRequestParameters",
        ),
        (
            "cluster without pools",
            bench.of("g", AKS, "c"),
            API_AKS,
            json!({"location": "eastus2", "identity": {"type": "SystemAssigned"}, "properties": {"dnsPrefix": "x"}}),
            400,
            "InvalidParameter",
        ),
        (
            "no identity",
            bench.of("g", AKS, "c"),
            API_AKS,
            json!({"location": "eastus2", "properties": {"dnsPrefix": "x"}}),
            400,
            "InvalidParameter",
        ),
        ("a group without a place", bench.group("h"), API_GROUP, json!({}), 400, "LocationRequired"),
        (
            "a group that moves",
            bench.group("g"),
            API_GROUP,
            json!({"location": "westus"}),
            409,
            "InvalidResourceGroupLocation",
        ),
    ];
    for (what, path, api, body, status, code) in rows {
        let answer = bench.arm("PUT", &path, api, Some(body)).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{what}: {}", answer.text);
    }
    let bare = format!("{}{}", bench.sandbox.world().arm_origin(), bench.group("g"));
    assert_eq!(bench.call("GET", &bare, None).await.code(), "MissingApiVersionParameter");
}

#[tokio::test]
async fn names_are_taken_across_groups() {
    let bench = Bench::new().await.with_group("g").await.with_group("h").await;
    bench.arm("PUT", &bench.of("g", ACR, "modelopsdevacr"), API_REGISTRY, Some(registry("Basic"))).await;
    bench.arm("PUT", &bench.of("g", STORE, "modelopsdevstore"), API_STORAGE, Some(account())).await;
    let taken = bench.arm("PUT", &bench.of("h", ACR, "modelopsdevacr"), API_REGISTRY, Some(registry("Basic"))).await;
    assert_eq!((taken.status, taken.code()), (409, "AlreadyInUse"));
    let taken = bench.arm("PUT", &bench.of("h", STORE, "modelopsdevstore"), API_STORAGE, Some(account())).await;
    assert_eq!((taken.status, taken.code()), (409, "StorageAccountAlreadyTaken"));
}

#[tokio::test]
async fn tokens_are_checked() {
    let mut bench = Bench::new().await;
    let path = bench.group("g");
    let wrong = bench.sign_in_as("not the secret", "https://management.azure.com/.default").await;
    assert_eq!((wrong.status, wrong.body["error"].as_str()), (401, Some("invalid_client")));
    assert!(wrong.body["error_description"].as_str().is_some_and(|d| d.starts_with("AADSTS7000215")));
    bench.token = bench.sign_in("https://containerregistry.azure.net/.default").await;
    let other = bench.arm("GET", &path, API_GROUP, None).await;
    assert_eq!((other.status, other.code()), (401, "InvalidAuthenticationTokenAudience"));
    bench.token = "x.y.z".into();
    assert_eq!(bench.arm("GET", &path, API_GROUP, None).await.code(), "InvalidAuthenticationToken");
    bench.token = bench.sign_in(&format!("{}/.default", bench.sandbox.world().arm_origin())).await;
    bench.pass(3600);
    let late = bench.arm("GET", &path, API_GROUP, None).await;
    assert_eq!((late.status, late.code()), (401, "ExpiredAuthenticationToken"));
}

#[tokio::test]
async fn a_group_takes_everything_with_it() {
    let bench = Bench::new().await.with_group("g").await;
    bench.arm("PUT", &bench.of("g", ACR, "modelopsdevacr"), API_REGISTRY, Some(registry("Basic"))).await;
    bench.arm("PUT", &bench.of("g", AKS, "dev"), API_AKS, Some(cluster())).await;
    bench.pass(600);
    assert_eq!(bench.sandbox.ledger().existing().iter().filter(|id| id.starts_with("/subscriptions")).count(), 4);
    let listed = bench.arm("GET", &format!("{}/resources", bench.group("g")), API_GROUP, None).await;
    assert_eq!(listed.body["value"].as_array().map(Vec::len), Some(2), "pools are no resources of their own");
    bench.arm("DELETE", &bench.group("g"), API_GROUP, None).await;
    let late = bench.arm("PUT", &bench.of("g", ACR, "another"), API_REGISTRY, Some(registry("Basic"))).await;
    assert_eq!((late.status, late.code()), (409, "ResourceGroupBeingDeleted"));
    bench.pass(600);
    assert_eq!(bench.sandbox.ledger().existing(), Vec::<String>::new());
    assert_eq!(bench.sandbox.ledger().doubled(), Vec::<String>::new());
}

#[tokio::test]
async fn a_namespace_that_is_not_registered_refuses_writes_until_it_is() {
    let bench = Bench::new().await.with_group("g").await;
    bench.sandbox.arm().state().figures.unregistered.insert("microsoft.containerregistry".into());
    let path = bench.of("g", ACR, "modelopsdevacr");
    let refused = bench.arm("PUT", &path, API_REGISTRY, Some(registry("Basic"))).await;
    assert_eq!((refused.status, refused.code()), (409, "MissingSubscriptionRegistration"));
    let sub = mops_tests::sandbox::SUBSCRIPTION;
    let provider = format!("/subscriptions/{sub}/providers/Microsoft.ContainerRegistry/register");
    assert_eq!(bench.arm("POST", &provider, "2021-04-01", None).await.status, 200);
    assert_eq!(bench.arm("PUT", &path, API_REGISTRY, Some(registry("Basic"))).await.status, 201);
}

#[tokio::test]
async fn a_stale_etag_and_a_pool_inside_the_cluster_are_refused() {
    let bench = Bench::new().await.with_group("g").await;
    let path = bench.of("g", AKS, "dev");
    bench.arm("PUT", &path, API_AKS, Some(cluster())).await;
    bench.pass(600);
    let tag = bench.arm("GET", &path, API_AKS, None).await.body["eTag"].as_str().unwrap_or_default().to_owned();
    bench.arm("PUT", &path, API_AKS, Some(cluster())).await;
    bench.pass(600);
    let url = format!("{}{path}?api-version={API_AKS}", bench.sandbox.world().arm_origin());
    let stale = bench.request("PUT", &url, Some(cluster())).header(http::header::IF_MATCH, &tag);
    let stale = bench.send(stale).await.expect("an answer");
    assert_eq!((stale.status, stale.code()), (412, "PreconditionFailed"));
    let twice = bench.request("PUT", &url, Some(cluster())).header(http::header::IF_NONE_MATCH, "*");
    assert_eq!(bench.send(twice).await.expect("an answer").status, 412);
    let mut smuggled = cluster();
    smuggled["properties"]["agentPoolProfiles"][0]["name"] = json!("other");
    let refused = bench.arm("PUT", &path, API_AKS, Some(smuggled)).await;
    assert_eq!((refused.status, refused.code()), (400, "BadRequest"), "pools do not travel with the cluster");
}

#[tokio::test]
async fn what_was_in_a_deleted_account_has_no_parent() {
    let bench = Bench::new().await.with_group("g").await;
    let path = bench.of("g", STORE, "modelopsdevstore");
    let container = format!("{path}/blobServices/default/containers/results");
    assert_eq!(bench.arm("GET", &container, API_STORAGE, None).await.code(), "ParentResourceNotFound");
}
