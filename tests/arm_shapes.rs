//! Promise: the ARM fake answers as the recorded service does: statuses, polling headers, error
//! shapes, and everything that it refuses. The numbers are the rows of the table of observed
//! behaviour.

use mops_tests::arm::store::Doomed;
use serde_json::{Value, json};

use crate::client::{API_AKS, API_GROUP, API_REGISTRY, API_STORAGE, Answer, Bench};

const ACR: &str = "Microsoft.ContainerRegistry/registries";
const STORE: &str = "Microsoft.Storage/storageAccounts";
const AKS: &str = "Microsoft.ContainerService/managedClusters";

fn registry(sku: &str) -> Value {
    json!({"location": "eastus2", "sku": {"name": sku}, "properties": {"adminUserEnabled": true}})
}

fn account() -> Value {
    json!({"location": "eastus2", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {"minimumTlsVersion": "TLS1_2"}})
}

fn cluster() -> Value {
    json!({
        "location": "eastus2", "identity": {"type": "SystemAssigned"},
        "properties": {"dnsPrefix": "dev", "kubernetesVersion": "1.33", "agentPoolProfiles": [
            {"name": "system", "mode": "System", "vmSize": "Standard_B2s", "count": 1, "type": "VirtualMachineScaleSets"},
        ]},
    })
}

fn pool() -> Value {
    json!({"properties": {"vmSize": "Standard_DS2_v2", "count": 1, "mode": "User", "osDiskSizeGB": 0,
        "scaleSetPriority": "Regular", "nodeTaints": []}})
}

/// Polls an address to its end; gives back the last answer and how many there were.
async fn follow(bench: &Bench, first: &str) -> (Answer, u32) {
    let (mut url, mut polls) = (first.to_owned(), 0);
    loop {
        bench.pass(10);
        let answer = bench.call("GET", &url, None).await;
        polls += 1;
        let running = answer.status == 202
            || answer.body["status"].as_str().is_some_and(|s| !["Succeeded", "Failed", "Canceled"].contains(&s));
        if !running {
            return (answer, polls);
        }
        for name in ["azure-asyncoperation", "location"] {
            if !answer.header(name).is_empty() {
                url = answer.header(name).to_owned();
            }
        }
        assert!(polls < 200, "the operation never ends");
    }
}

#[tokio::test]
async fn rows_1_and_2_groups_go_by_location_and_head_has_no_body() {
    let bench = Bench::new().await.with_group("g").await;
    let path = bench.group("g");
    assert_eq!(bench.arm("HEAD", &path, API_GROUP, None).await.status, 204);
    let deleted = bench.arm("DELETE", &path, API_GROUP, None).await;
    assert_eq!((deleted.status, deleted.text.as_str(), deleted.header("retry-after")), (202, "", "15"));
    assert_eq!(bench.arm("GET", &path, API_GROUP, None).await.body["properties"]["provisioningState"], "Deleting");
    let first = bench.call("GET", deleted.header("location"), None).await;
    assert!(first.status == 202 && !first.header("location").is_empty());
    let second = bench.call("GET", deleted.header("location"), None).await;
    assert!(second.status == 202 && second.header("location").is_empty(), "a 202 in between lacks Location");
    let (last, _) = follow(&bench, deleted.header("location")).await;
    assert_eq!((last.status, last.text.as_str()), (200, ""));
    let gone = bench.arm("HEAD", &path, API_GROUP, None).await;
    assert_eq!((gone.status, gone.text.as_str()), (404, ""));
    let again = bench.arm("DELETE", &path, API_GROUP, None).await;
    assert_eq!((again.status, again.code()), (404, "ResourceGroupNotFound"));
}

#[tokio::test]
async fn rows_3_and_4_a_registry_comes_with_a_new_address_at_every_poll() {
    let bench = Bench::new().await.with_group("g").await;
    let path = bench.of("g", ACR, "modelopsdevacr");
    let made = bench.arm("PUT", &path, API_REGISTRY, Some(registry("Basic"))).await;
    assert_eq!((made.status, made.body["properties"]["provisioningState"].as_str()), (201, Some("Creating")));
    assert!(made.header("location").is_empty());
    let first = made.header("azure-asyncoperation").to_owned();
    let poll = bench.call("GET", &first, None).await;
    assert_eq!((poll.status, poll.body["status"].as_str()), (200, Some("Creating")));
    let second = poll.header("azure-asyncoperation");
    assert!(!second.is_empty() && second != first);
    let (last, _) = follow(&bench, &first).await;
    assert_eq!(last.body["status"], "Succeeded");
    let again = bench.arm("PUT", &path, API_REGISTRY, Some(registry("Standard"))).await;
    assert_eq!((again.status, again.header("azure-asyncoperation")), (200, ""));
    assert_eq!(again.body["sku"]["tier"], "Standard");
}

#[tokio::test]
async fn rows_5_and_6_a_registry_changes_at_once_and_goes_by_its_kind() {
    let bench = Bench::new().await.with_group("g").await;
    for (sku, status) in [("Basic", 200), ("Premium", 202)] {
        let path = bench.of("g", ACR, &format!("acr{}", sku.to_lowercase()));
        bench.arm("PUT", &path, API_REGISTRY, Some(registry(sku))).await;
        bench.pass(60);
        let patch = json!({"properties": {"adminUserEnabled": false}});
        let patched = bench.arm("PATCH", &path, API_REGISTRY, Some(patch)).await;
        assert_eq!((patched.status, &patched.body["properties"]["adminUserEnabled"]), (200, &json!(false)));
        let off = bench.arm("POST", &format!("{path}/listCredentials"), API_REGISTRY, None).await;
        assert_eq!((off.status, off.code()), (400, "UnAuthorizedForCredentialOperations"));
        let deleted = bench.arm("DELETE", &path, API_REGISTRY, None).await;
        assert_eq!(deleted.status, status, "{sku}");
        if status == 202 {
            let (last, _) = follow(&bench, deleted.header("location")).await;
            assert_eq!((last.status, last.text.as_str()), (200, ""));
        }
        let again = bench.arm("DELETE", &path, API_REGISTRY, None).await;
        assert_eq!((again.status, again.text.as_str()), (204, ""), "row 24");
        assert_eq!(bench.arm("GET", &path, API_REGISTRY, None).await.code(), "ResourceNotFound");
    }
}

#[tokio::test]
async fn rows_10_to_18_clusters_and_pools() {
    let bench = Bench::new().await.with_group("Mixed-Case").await;
    let path = bench.of("Mixed-Case", AKS, "dev");
    let made = bench.arm("PUT", &path, API_AKS, Some(cluster())).await;
    assert_eq!(made.status, 201);
    let operation = made.header("azure-asyncoperation").to_owned();
    assert!(!operation.contains(API_AKS), "row 11: another API version");
    assert!(made.body["properties"]["identityProfile"].is_null());
    let busy = bench.arm("PUT", &format!("{path}/agentPools/gpu"), API_AKS, Some(pool())).await;
    assert_eq!((busy.status, busy.body["code"].as_str()), (409, Some("OperationNotAllowed")));
    assert!(busy.body["error"].is_null(), "flat");
    let first = bench.call("GET", &operation, None).await;
    assert_ne!(first.body["name"].as_str(), operation.split(['/', '?']).nth(9), "row 14");
    let words = bench.call("GET", &operation, None).await;
    assert_eq!(words.body["status"], "ReconcilingDNS", "row 12");
    let (last, _) = follow(&bench, &operation).await;
    assert_eq!(last.body["status"], "Succeeded");
    let read = bench.arm("GET", &path, API_AKS, None).await;
    assert!(read.body["id"].as_str().is_some_and(|id| id.contains("/resourcegroups/Mixed-Case/")), "row 17");
    assert_eq!(read.body["type"], "Microsoft.ContainerService/ManagedClusters");
    assert!(read.body["properties"]["identityProfile"]["kubeletidentity"]["objectId"].is_string());
    pools(&bench, &path).await;
}

async fn pools(bench: &Bench, path: &str) {
    let pool_path = format!("{path}/agentPools/work");
    let made = bench.arm("PUT", &pool_path, API_AKS, Some(pool())).await;
    assert_eq!((made.status, made.body["properties"]["provisioningState"].as_str()), (201, Some("Creating")));
    assert_eq!(made.body["properties"]["osDiskSizeGB"], 128, "row 18");
    assert!(made.body["properties"]["nodeTaints"].is_null() && made.body["properties"]["scaleSetPriority"].is_null());
    follow(bench, made.header("azure-asyncoperation")).await;
    let mut more = pool();
    more["properties"]["count"] = json!(3);
    let scaled = bench.arm("PUT", &pool_path, API_AKS, Some(more)).await;
    assert_eq!(
        (scaled.status, scaled.body["properties"]["provisioningState"].as_str()),
        (200, Some("Scaling")),
        "rows 10, 15"
    );
    follow(bench, scaled.header("azure-asyncoperation")).await;
    let mut other = pool();
    other["properties"]["vmSize"] = json!("Standard_DS3_v2");
    let refused = bench.arm("PUT", &pool_path, API_AKS, Some(other)).await;
    assert_eq!((refused.status, refused.code()), (400, "PropertyChangeNotAllowed"));
    let deleted = bench.arm("DELETE", &pool_path, API_AKS, None).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (202, ""), "row 16");
    assert!(!deleted.header("location").is_empty());
    follow(bench, deleted.header("azure-asyncoperation")).await;
    assert_eq!(bench.arm("DELETE", &pool_path, API_AKS, None).await.status, 204);
    let last = bench.arm("DELETE", &format!("{path}/agentPools/system"), API_AKS, None).await;
    assert_eq!((last.status, last.code()), (400, "OperationNotAllowed"));
}

#[tokio::test]
async fn row_13_a_cluster_update_succeeds_with_an_error_beside_it() {
    let bench = Bench::new().await.with_group("g").await;
    let path = bench.of("g", AKS, "dev");
    bench.arm("PUT", &path, API_AKS, Some(cluster())).await;
    bench.pass(600);
    let tag = bench.arm("GET", &path, API_AKS, None).await.body["eTag"].as_str().unwrap_or_default().to_owned();
    let updated = bench.arm("PUT", &path, API_AKS, Some(cluster())).await;
    assert_eq!(updated.status, 200);
    let (last, _) = follow(&bench, updated.header("azure-asyncoperation")).await;
    assert_eq!(last.body["status"], "Succeeded");
    assert_eq!(last.body["error"]["code"], "NotLatestOperation");
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
async fn rows_19_and_20_storage_answers_an_empty_202_and_then_at_once() {
    let bench = Bench::new().await.with_group("g").await;
    let path = bench.of("g", STORE, "modelopsdevstore");
    let made = bench.arm("PUT", &path, API_STORAGE, Some(account())).await;
    assert_eq!((made.status, made.text.as_str(), made.header("retry-after")), (202, "", "17"));
    assert!(made.header("content-type").starts_with("text/plain"));
    let early = bench.arm("POST", &format!("{path}/listKeys"), API_STORAGE, None).await;
    assert_eq!((early.status, early.code()), (409, "StorageAccountIsNotProvisioned"));
    let (last, _) = follow(&bench, made.header("location")).await;
    assert_eq!(last.body["properties"]["provisioningState"], "Succeeded");
    assert_eq!(bench.arm("PUT", &path, API_STORAGE, Some(account())).await.status, 200);
    let container = format!("{path}/blobServices/default/containers/results");
    assert_eq!(bench.arm("GET", &container, API_STORAGE, None).await.code(), "ContainerNotFound");
    assert_eq!(bench.arm("PUT", &container, API_STORAGE, Some(json!({}))).await.status, 201);
    assert_eq!(bench.arm("PUT", &container, API_STORAGE, Some(json!({}))).await.status, 200);
    assert_eq!(bench.arm("DELETE", &container, API_STORAGE, None).await.status, 200);
    assert_eq!(bench.arm("DELETE", &container, API_STORAGE, None).await.status, 204);
    let again = bench.arm("PUT", &container, API_STORAGE, Some(json!({}))).await;
    assert_eq!((again.status, again.code()), (409, "ContainerBeingDeleted"));
    bench.pass(31);
    assert_eq!(bench.arm("PUT", &container, API_STORAGE, Some(json!({}))).await.status, 201);
    assert_eq!(bench.arm("DELETE", &path, API_STORAGE, None).await.status, 200);
    assert_eq!(bench.arm("DELETE", &path, API_STORAGE, None).await.status, 204);
    assert_eq!(bench.arm("GET", &container, API_STORAGE, None).await.code(), "ParentResourceNotFound");
}

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
async fn row_25_a_failed_operation_is_a_200_and_leaves_the_resource_behind() {
    let bench = Bench::new().await.with_group("g").await;
    let path = bench.of("g", AKS, "dev");
    bench.arm("PUT", &path, API_AKS, Some(cluster())).await;
    bench.pass(600);
    let (code, message) = ("ErrCode_InsufficientVCPUQuota", "Insufficient vcpu quota requested 24, remaining 0");
    let doomed = Doomed { resource: "/agentPools/work".into(), code: code.into(), message: message.into() };
    bench.sandbox.arm().state().doomed.push(doomed);
    let work = format!("{path}/agentPools/work");
    let made = bench.arm("PUT", &work, API_AKS, Some(pool())).await;
    assert_eq!(made.status, 201);
    let (last, _) = follow(&bench, made.header("azure-asyncoperation")).await;
    assert_eq!((last.status, &last.body["status"], &last.body["error"]["code"]), (200, &json!("Failed"), &json!(code)));
    let left = bench.arm("GET", &work, API_AKS, None).await;
    assert_eq!((left.status, &left.body["properties"]["provisioningState"]), (200, &json!("Failed")));
    let again = bench.arm("PUT", &work, API_AKS, Some(pool())).await;
    assert_eq!(again.status, 200);
    follow(&bench, again.header("azure-asyncoperation")).await;
    let mended = bench.arm("GET", &work, API_AKS, None).await;
    assert_eq!(mended.body["properties"]["provisioningState"], "Succeeded");
}
