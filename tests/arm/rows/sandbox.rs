//! The rows, as the sandbox shows them to a plain client.

use mops_tests::arm::store::Doomed;
use mops_tests::fault::Fault;
use serde_json::{Value, json};

use crate::client::{API_AKS, API_GROUP, API_REGISTRY, API_STORAGE, Answer, Bench};

const ACR: &str = "Microsoft.ContainerRegistry/registries";
const STORE: &str = "Microsoft.Storage/storageAccounts";
const AKS: &str = "Microsoft.ContainerService/managedClusters";
const IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";
const API_IDENTITY: &str = "2024-11-30";
const API_ROLES: &str = "2022-04-01";
const PULL: &str = "7f951dda-4ed3-4680-a7ca-43fe172d538d";
const OPERATION: &str = "azure-asyncoperation";

pub(crate) fn registry(sku: &str) -> Value {
    json!({"location": "eastus2", "sku": {"name": sku}, "properties": {"adminUserEnabled": true}})
}

pub(crate) fn account() -> Value {
    json!({"location": "eastus2", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {"minimumTlsVersion": "TLS1_2"}})
}

pub(crate) fn cluster() -> Value {
    json!({
        "location": "eastus2", "identity": {"type": "SystemAssigned"},
        "properties": {"dnsPrefix": "dev", "kubernetesVersion": "1.33", "agentPoolProfiles": [
            {"name": "system", "mode": "System", "vmSize": "Standard_B2s", "count": 1, "type": "VirtualMachineScaleSets"},
        ]},
    })
}

fn pool(count: u32) -> Value {
    json!({"properties": {"vmSize": "Standard_DS2_v2", "count": count, "mode": "User", "osDiskSizeGB": 0,
        "scaleSetPriority": "Regular", "nodeTaints": []}})
}

/// Polls an address to its end; gives back the last answer.
async fn follow(bench: &Bench, first: &str) -> Answer {
    let mut url = first.to_owned();
    for _ in 0..200 {
        bench.pass(10);
        let answer = bench.call("GET", &url, None).await;
        let running = answer.status == 202
            || answer.body["status"].as_str().is_some_and(|s| !["Succeeded", "Failed", "Canceled"].contains(&s));
        if !running {
            return answer;
        }
        for name in [OPERATION, "location"] {
            if !answer.header(name).is_empty() {
                url = answer.header(name).to_owned();
            }
        }
    }
    unreachable!("the operation never ends")
}

async fn with_group() -> Bench {
    Bench::new().await.with_group("g").await
}

/// A registry that is ready.
async fn with_registry(sku: &str) -> (Bench, String) {
    let bench = with_group().await;
    let path = bench.of("g", ACR, "modelopsdevacr");
    bench.arm("PUT", &path, API_REGISTRY, Some(registry(sku))).await;
    bench.pass(60);
    (bench, path)
}

/// A cluster that is ready, in a group of mixed case.
async fn with_cluster() -> (Bench, String) {
    let bench = Bench::new().await.with_group("Mixed-Case").await;
    let path = bench.of("Mixed-Case", AKS, "dev");
    bench.arm("PUT", &path, API_AKS, Some(cluster())).await;
    bench.pass(600);
    (bench, path)
}

#[tokio::test]
async fn row_01_a_202_in_between_lacks_location() {
    let bench = with_group().await;
    let path = bench.group("g");
    let deleted = bench.arm("DELETE", &path, API_GROUP, None).await;
    assert_eq!((deleted.status, deleted.text.as_str(), deleted.header("retry-after")), (202, "", "15"));
    assert_eq!(bench.arm("GET", &path, API_GROUP, None).await.body["properties"]["provisioningState"], "Deleting");
    let first = bench.call("GET", deleted.header("location"), None).await;
    assert!(first.status == 202 && !first.header("location").is_empty());
    let second = bench.call("GET", deleted.header("location"), None).await;
    assert!(second.status == 202 && second.header("location").is_empty());
    let last = follow(&bench, deleted.header("location")).await;
    assert_eq!((last.status, last.text.as_str()), (200, ""));
}

#[tokio::test]
async fn row_02_head_says_whether_a_group_is_there_without_a_body() {
    let bench = with_group().await;
    let there = bench.arm("HEAD", &bench.group("g"), API_GROUP, None).await;
    assert_eq!((there.status, there.text.as_str()), (204, ""));
    let absent = bench.arm("HEAD", &bench.group("h"), API_GROUP, None).await;
    assert_eq!((absent.status, absent.text.as_str()), (404, ""));
}

#[tokio::test]
async fn row_03_a_registry_takes_time_or_is_done_at_once() {
    let bench = with_group().await;
    let path = bench.of("g", ACR, "modelopsdevacr");
    let made = bench.arm("PUT", &path, API_REGISTRY, Some(registry("Basic"))).await;
    assert_eq!((made.status, made.body["properties"]["provisioningState"].as_str()), (201, Some("Creating")));
    assert_eq!((made.header("location"), made.header("retry-after")), ("", ""));
    assert_eq!(follow(&bench, made.header(OPERATION)).await.body["status"], "Succeeded");
    let again = bench.arm("PUT", &path, API_REGISTRY, Some(registry("Standard"))).await;
    assert_eq!((again.status, again.header(OPERATION)), (200, ""));
    assert_eq!(again.body["sku"]["tier"], "Standard");
}

#[tokio::test]
async fn row_04_every_poll_names_a_new_address_and_the_first_keeps_working() {
    let bench = with_group().await;
    let path = bench.of("g", ACR, "modelopsdevacr");
    let made = bench.arm("PUT", &path, API_REGISTRY, Some(registry("Basic"))).await;
    let first = made.header(OPERATION);
    let poll = bench.call("GET", first, None).await;
    assert_eq!((poll.status, poll.body["status"].as_str()), (200, Some("Creating")));
    let second = poll.header(OPERATION);
    assert!(!second.is_empty() && second != first);
    bench.pass(60);
    for url in [first, second] {
        assert_eq!(bench.call("GET", url, None).await.body["status"], "Succeeded");
    }
}

#[tokio::test]
async fn row_05_a_registry_changes_at_once() {
    let (bench, path) = with_registry("Basic").await;
    let patch = json!({"properties": {"adminUserEnabled": false}});
    let patched = bench.arm("PATCH", &path, API_REGISTRY, Some(patch)).await;
    assert_eq!((patched.status, &patched.body["properties"]["adminUserEnabled"]), (200, &json!(false)));
    let off = bench.arm("POST", &format!("{path}/listCredentials"), API_REGISTRY, None).await;
    assert_eq!((off.status, off.code()), (400, "UnAuthorizedForCredentialOperations"));
}

#[tokio::test]
async fn row_06_a_registry_goes_at_once_or_with_an_empty_200_at_its_address() {
    for (sku, status) in [("Basic", 200), ("Premium", 202)] {
        let (bench, path) = with_registry(sku).await;
        let deleted = bench.arm("DELETE", &path, API_REGISTRY, None).await;
        assert_eq!(deleted.status, status, "{sku}");
        if status == 202 {
            assert_eq!(deleted.header("retry-after"), "10");
            let last = follow(&bench, deleted.header("location")).await;
            assert_eq!((last.status, last.text.as_str()), (200, ""));
        }
        assert_eq!(bench.arm("GET", &path, API_REGISTRY, None).await.code(), "ResourceNotFound");
    }
}

/// A token that is ready, with its scope map.
async fn with_token() -> (Bench, String, Answer) {
    let (bench, path) = with_registry("Basic").await;
    let map = format!("{path}/scopeMaps/dev-pull");
    let wanted = json!({"properties": {"actions": ["repositories/*/content/read"]}});
    let mapped = bench.arm("PUT", &map, API_REGISTRY, Some(wanted)).await;
    assert_eq!((mapped.status, mapped.header(OPERATION)), (200, ""), "at once, although said to take time");
    let wanted = json!({"properties": {"scopeMapId": map, "status": "enabled"}});
    let made = bench.arm("PUT", &format!("{path}/tokens/dev-pull"), API_REGISTRY, Some(wanted)).await;
    (bench, path, made)
}

#[tokio::test]
async fn row_07_a_token_takes_time_and_needs_its_scope_map() {
    let (bench, path, made) = with_token().await;
    assert_eq!(made.status, 201);
    assert_eq!(follow(&bench, made.header(OPERATION)).await.body["status"], "Succeeded");
    let wanted = json!({"properties": {"scopeMapId": format!("{path}/scopeMaps/none"), "status": "enabled"}});
    let refused = bench.arm("PUT", &format!("{path}/tokens/other"), API_REGISTRY, Some(wanted)).await;
    assert_eq!((refused.status, refused.code()), (400, "InvalidScopeMap"));
}

#[tokio::test]
async fn row_08_passwords_are_told_once_and_at_once() {
    let (bench, path, made) = with_token().await;
    follow(&bench, made.header(OPERATION)).await;
    let token = format!("{path}/tokens/dev-pull");
    let wanted = json!({"tokenId": token});
    let told = bench.arm("POST", &format!("{path}/generateCredentials"), API_REGISTRY, Some(wanted)).await;
    let values: Vec<&str> =
        told.body["passwords"].as_array().into_iter().flatten().filter_map(|p| p["value"].as_str()).collect();
    assert_eq!((told.status, values.len()), (200, 2));
    let shown = bench.arm("GET", &token, API_REGISTRY, None).await;
    assert!(values.iter().all(|value| !shown.text.contains(value)), "never again");
}

#[tokio::test]
async fn row_10_a_pool_is_changed_with_a_200_that_is_not_finished() {
    let (bench, path) = with_cluster().await;
    let work = format!("{path}/agentPools/work");
    assert_eq!(bench.arm("PUT", &work, API_AKS, Some(pool(1))).await.status, 201);
    bench.pass(600);
    let scaled = bench.arm("PUT", &work, API_AKS, Some(pool(3))).await;
    assert_eq!((scaled.status, scaled.body["properties"]["provisioningState"].as_str()), (200, Some("Scaling")));
    assert_eq!(follow(&bench, scaled.header(OPERATION)).await.body["status"], "Succeeded");
}

#[tokio::test]
async fn row_11_a_clusters_operation_has_another_api_version() {
    let bench = with_group().await;
    let made = bench.arm("PUT", &bench.of("g", AKS, "dev"), API_AKS, Some(cluster())).await;
    assert_eq!(made.status, 201);
    assert!(made.header(OPERATION).contains("api-version=") && !made.header(OPERATION).contains(API_AKS));
    assert!(made.body["properties"]["identityProfile"].is_null(), "it comes with the end");
}

#[tokio::test]
async fn row_12_a_cluster_says_what_it_is_doing_in_words_of_its_own() {
    let bench = with_group().await;
    let made = bench.arm("PUT", &bench.of("g", AKS, "dev"), API_AKS, Some(cluster())).await;
    let mut words = Vec::new();
    for _ in 0..2 {
        words.push(bench.call("GET", made.header(OPERATION), None).await.body["status"].clone());
    }
    assert_eq!(words, ["InProgress", "ReconcilingDNS"]);
}

#[tokio::test]
async fn row_13_a_cluster_update_succeeds_with_an_error_beside_it() {
    let (bench, path) = with_cluster().await;
    let updated = bench.arm("PUT", &path, API_AKS, Some(cluster())).await;
    assert_eq!(updated.status, 200);
    let last = follow(&bench, updated.header(OPERATION)).await;
    assert_eq!(last.body["status"], "Succeeded");
    assert_eq!(last.body["error"]["code"], "NotLatestOperation");
}

#[tokio::test]
async fn row_14_the_name_in_a_poll_answer_is_not_that_of_the_address() {
    let bench = with_group().await;
    let made = bench.arm("PUT", &bench.of("g", AKS, "dev"), API_AKS, Some(cluster())).await;
    let operation = made.header(OPERATION);
    let poll = bench.call("GET", operation, None).await;
    let name = poll.body["name"].as_str().expect("a name");
    assert!(!operation.contains(&format!("/{name}?")), "{name} {operation}");
}

#[tokio::test]
async fn row_15_a_pool_under_way_says_so_and_refuses_another_change() {
    let (bench, path) = with_cluster().await;
    let work = format!("{path}/agentPools/work");
    let made = bench.arm("PUT", &work, API_AKS, Some(pool(1))).await;
    assert_eq!(made.body["properties"]["provisioningState"], "Creating");
    let busy = bench.arm("PUT", &format!("{path}/agentPools/gpu"), API_AKS, Some(pool(1))).await;
    assert_eq!((busy.status, busy.body["code"].as_str()), (409, Some("OperationNotAllowed")));
    assert!(busy.body["error"].is_null(), "flat");
    follow(&bench, made.header(OPERATION)).await;
    let mut other = pool(1);
    other["properties"]["vmSize"] = json!("Standard_DS3_v2");
    let refused = bench.arm("PUT", &work, API_AKS, Some(other)).await;
    assert_eq!((refused.status, refused.code()), (400, "PropertyChangeNotAllowed"));
}

#[tokio::test]
async fn row_16_a_pool_goes_with_both_headers_and_an_empty_body() {
    let (bench, path) = with_cluster().await;
    let work = format!("{path}/agentPools/work");
    bench.arm("PUT", &work, API_AKS, Some(pool(1))).await;
    bench.pass(600);
    let deleted = bench.arm("DELETE", &work, API_AKS, None).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (202, ""));
    assert!(!deleted.header("location").is_empty());
    assert_eq!(follow(&bench, deleted.header(OPERATION)).await.body["status"], "Succeeded");
    let last = bench.arm("DELETE", &format!("{path}/agentPools/system"), API_AKS, None).await;
    assert_eq!((last.status, last.code()), (400, "OperationNotAllowed"));
}

#[tokio::test]
async fn row_17_a_cluster_is_shown_in_another_case() {
    let (bench, path) = with_cluster().await;
    let read = bench.arm("GET", &path, API_AKS, None).await;
    assert!(read.body["id"].as_str().is_some_and(|id| id.contains("/resourcegroups/Mixed-Case/")));
    assert_eq!(read.body["type"], "Microsoft.ContainerService/ManagedClusters");
    assert!(read.body["properties"]["identityProfile"]["kubeletidentity"]["objectId"].is_string());
}

#[tokio::test]
async fn row_18_a_pool_is_shown_with_what_the_service_filled_in() {
    let (bench, path) = with_cluster().await;
    let made = bench.arm("PUT", &format!("{path}/agentPools/work"), API_AKS, Some(pool(1))).await;
    assert_eq!(made.body["properties"]["osDiskSizeGB"], 128);
    assert!(made.body["properties"]["nodeTaints"].is_null() && made.body["properties"]["scaleSetPriority"].is_null());
    follow(&bench, made.header(OPERATION)).await;
    let mut spot = pool(1);
    spot["properties"]["scaleSetPriority"] = json!("Spot");
    let made = bench.arm("PUT", &format!("{path}/agentPools/spot"), API_AKS, Some(spot)).await;
    let shown = made.body["properties"].to_string();
    assert!(shown.contains("kubernetes.azure.com/scalesetpriority=spot:NoSchedule"), "{shown}");
}

#[tokio::test]
async fn row_19_an_account_is_accepted_with_an_empty_202_and_then_written_at_once() {
    let bench = with_group().await;
    let path = bench.of("g", STORE, "modelopsdevstore");
    let made = bench.arm("PUT", &path, API_STORAGE, Some(account())).await;
    assert_eq!((made.status, made.text.as_str(), made.header("retry-after")), (202, "", "17"));
    assert!(made.header("content-type").starts_with("text/plain"));
    let last = follow(&bench, made.header("location")).await;
    assert_eq!(last.body["properties"]["provisioningState"], "Succeeded");
    assert_eq!(bench.arm("PUT", &path, API_STORAGE, Some(account())).await.status, 200);
}

#[tokio::test]
async fn row_20_an_account_that_is_not_ready_refuses_and_containers_end_at_once() {
    let bench = with_group().await;
    let path = bench.of("g", STORE, "modelopsdevstore");
    bench.arm("PUT", &path, API_STORAGE, Some(account())).await;
    let early = bench.arm("POST", &format!("{path}/listKeys"), API_STORAGE, None).await;
    assert_eq!((early.status, early.code()), (409, "StorageAccountIsNotProvisioned"));
    bench.pass(60);
    let container = format!("{path}/blobServices/default/containers/results");
    assert_eq!(bench.arm("GET", &container, API_STORAGE, None).await.code(), "ContainerNotFound");
    for status in [201, 200] {
        assert_eq!(bench.arm("PUT", &container, API_STORAGE, Some(json!({}))).await.status, status);
    }
    assert_eq!(bench.arm("DELETE", &container, API_STORAGE, None).await.status, 200);
    let again = bench.arm("PUT", &container, API_STORAGE, Some(json!({}))).await;
    assert_eq!((again.status, again.code()), (409, "ContainerBeingDeleted"));
    bench.pass(31);
    assert_eq!(bench.arm("PUT", &container, API_STORAGE, Some(json!({}))).await.status, 201);
}

/// An identity as it was just made.
async fn with_identity() -> (Bench, String, Answer) {
    let bench = with_group().await;
    let path = bench.of("g", IDENTITY, "dev-identity");
    let made = bench.arm("PUT", &path, API_IDENTITY, Some(json!({"location": "eastus2"}))).await;
    (bench, path, made)
}

#[tokio::test]
async fn row_21_the_location_of_an_identity_is_itself() {
    let (bench, path, made) = with_identity().await;
    assert_eq!(made.status, 201);
    assert!(made.header("location").eq_ignore_ascii_case(&path) && made.header(OPERATION).is_empty());
    assert_eq!(bench.arm("PUT", &path, API_IDENTITY, Some(json!({"location": "eastus2"}))).await.status, 200);
    let trust = format!("{path}/federatedIdentityCredentials/dev-worker");
    let wanted = json!({"properties": {"issuer": "https://issuer.example/", "subject": "system:serviceaccount:a:b",
        "audiences": ["api://AzureADTokenExchange"]}});
    for status in [201, 200] {
        let trusted = bench.arm("PUT", &trust, API_IDENTITY, Some(wanted.clone())).await;
        assert_eq!((trusted.status, trusted.header(OPERATION)), (status, ""));
        assert!(!trusted.header("location").contains("://"), "a relative one, if any");
    }
}

/// The right to pull for an identity, and its address.
fn pull(bench: &Bench, identity: &Answer, kind: Option<&str>) -> (String, Value) {
    let definition = format!(
        "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{PULL}",
        mops_tests::sandbox::SUBSCRIPTION
    );
    let mut properties =
        json!({"roleDefinitionId": definition, "principalId": identity.body["properties"]["principalId"]});
    if let Some(kind) = kind {
        properties["principalType"] = json!(kind);
    }
    let name = "88888888-0000-0000-0000-000000000001";
    let path = format!("{}/providers/Microsoft.Authorization/roleAssignments/{name}", bench.group("g"));
    (path, json!({"properties": properties}))
}

#[tokio::test]
async fn row_22_an_assignment_is_written_with_201_twice_and_goes_with_its_body() {
    let (bench, _, identity) = with_identity().await;
    let (path, wanted) = pull(&bench, &identity, Some("ServicePrincipal"));
    for _ in 0..2 {
        assert_eq!(bench.arm("PUT", &path, API_ROLES, Some(wanted.clone())).await.status, 201);
    }
    let deleted = bench.arm("DELETE", &path, API_ROLES, None).await;
    assert_eq!((deleted.status, deleted.body["id"].as_str()), (200, Some(path.as_str())));
    assert_eq!(bench.arm("DELETE", &path, API_ROLES, None).await.status, 204);
}

#[tokio::test]
async fn row_23_a_new_principal_is_unknown_for_a_while_unless_its_kind_is_said() {
    let (bench, _, identity) = with_identity().await;
    let (path, wanted) = pull(&bench, &identity, None);
    let refused = bench.arm("PUT", &path, API_ROLES, Some(wanted.clone())).await;
    assert_eq!((refused.status, refused.code()), (400, "PrincipalNotFound"));
    let (_, said) = pull(&bench, &identity, Some("ServicePrincipal"));
    assert_eq!(bench.arm("PUT", &path, API_ROLES, Some(said)).await.status, 201);
    bench.arm("DELETE", &path, API_ROLES, None).await;
    bench.pass(60);
    assert_eq!(bench.arm("PUT", &path, API_ROLES, Some(wanted)).await.status, 201);
}

#[tokio::test]
async fn row_24_a_second_deletion_finds_nothing() {
    let (bench, registry) = with_registry("Basic").await;
    bench.arm("DELETE", &registry, API_REGISTRY, None).await;
    let account = bench.of("g", STORE, "modelopsdevstore");
    let work = format!("{}/agentPools/work", bench.of("g", AKS, "dev"));
    let map = format!("{registry}/scopeMaps/dev-pull");
    let rows = [
        (&registry, API_REGISTRY, 204, ""),
        (&account, API_STORAGE, 204, ""),
        (&map, API_REGISTRY, 404, "ParentResourceNotFound"),
        (&bench.group("h"), API_GROUP, 404, "ResourceGroupNotFound"),
    ];
    for (path, api, status, code) in rows {
        let gone = bench.arm("DELETE", path, api, None).await;
        assert_eq!((gone.status, gone.code()), (status, code), "{path}");
    }
    let gone = bench.arm("DELETE", &work, API_AKS, None).await;
    assert!(matches!((gone.status, gone.code()), (204, _) | (404, "ParentResourceNotFound" | "ResourceNotFound")));
}

#[tokio::test]
async fn row_25_a_failed_operation_is_a_200_and_leaves_the_resource_behind() {
    let (bench, path) = with_cluster().await;
    let (code, message) = ("ErrCode_InsufficientVCPUQuota", "Insufficient vcpu quota requested 24, remaining 0");
    let doomed = Doomed { resource: "/agentPools/work".into(), code: code.into(), message: message.into() };
    bench.sandbox.arm().state().doomed.push(doomed);
    let work = format!("{path}/agentPools/work");
    let made = bench.arm("PUT", &work, API_AKS, Some(pool(1))).await;
    assert_eq!(made.status, 201);
    let last = follow(&bench, made.header(OPERATION)).await;
    assert_eq!((last.status, &last.body["status"], &last.body["error"]["code"]), (200, &json!("Failed"), &json!(code)));
    let left = bench.arm("GET", &work, API_AKS, None).await;
    assert_eq!((left.status, &left.body["properties"]["provisioningState"]), (200, &json!("Failed")));
    let again = bench.arm("PUT", &work, API_AKS, Some(pool(1))).await;
    assert_eq!(again.status, 200);
    follow(&bench, again.header(OPERATION)).await;
    let mended = bench.arm("GET", &work, API_AKS, None).await;
    assert_eq!(mended.body["properties"]["provisioningState"], "Succeeded");
}

#[tokio::test]
async fn row_26_any_poll_may_meet_trouble_and_the_operation_goes_on() {
    let bench = with_group().await;
    let path = bench.of("g", ACR, "modelopsdevacr");
    let made = bench.arm("PUT", &path, API_REGISTRY, Some(registry("Basic"))).await;
    for (status, code) in [(504, "GatewayTimeout"), (503, "ServiceUnavailable")] {
        let fault = Fault::Status { status, code: code.into(), retry_after: Some(0) };
        bench.sandbox.faults().once(&["arm GET", "/operationStatuses/"], fault);
        let poll = bench.call("GET", made.header(OPERATION), None).await;
        assert_eq!((poll.status, poll.header("retry-after")), (status, "0"));
    }
    assert_eq!(follow(&bench, made.header(OPERATION)).await.body["status"], "Succeeded");
}

#[tokio::test]
async fn row_27_every_address_of_an_operation_is_at_the_same_host() {
    let bench = with_group().await;
    let bodies = [
        (bench.of("g", ACR, "modelopsdevacr"), API_REGISTRY, registry("Premium")),
        (bench.of("g", STORE, "modelopsdevstore"), API_STORAGE, account()),
        (bench.of("g", AKS, "dev"), API_AKS, cluster()),
    ];
    let origin = bench.sandbox.world().arm_origin();
    for (path, api, body) in bodies {
        let made = bench.arm("PUT", &path, api, Some(body)).await;
        bench.pass(600);
        let deleted = bench.arm("DELETE", &path, api, None).await;
        for answer in [made, deleted] {
            for url in [answer.header(OPERATION), answer.header("location")] {
                assert!(url.is_empty() || url.starts_with(&format!("{origin}/")), "{path}: {url}");
            }
        }
    }
}
