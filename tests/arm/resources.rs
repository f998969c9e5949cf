//! The Azure resources against the sandbox: made, read without a difference, changed, removed; strangers are safe.

use std::sync::Arc;
use std::time::Duration;

use mops_core::cloud::AzureAuth;
use mops_core::provider::{CallContext, Done, Known, Provider};
use mops_core::{Cancel, Class, Error, Lineage, Mark, Ownership, Secret, StackId, Urn, Value};
use mops_host::clock::ManualClock;
use mops_resources::services::Config;
use mops_resources::{Resources, Services};
use mops_tests::arm::storage::{forbid_keys, store_policies};
use mops_tests::fault::Fault;
use mops_tests::http::Reply;
use mops_tests::push::pipeline;
use mops_tests::sandbox::{Options, SUBSCRIPTION, Sandbox};
use mops_wire::sas::SasView;
use mops_wire::{ConnectMap, HttpConfig};
use serde_json::{Value as Json, json};

use super::script::{Script, on};

const TYPES: &str = "modelops:azure:";

struct Bench {
    sandbox: Sandbox,
    resources: Resources,
    clock: ManualClock,
    lineage: &'static str,
}

pub(super) fn group_id() -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/dev-rg")
}

pub(super) fn context(lineage: &str, kind: &str, name: &str) -> CallContext {
    let stack = StackId { project: "modelops".into(), stack: "dev".into() };
    let urn = Urn::new(&stack, &format!("{TYPES}{kind}"), name);
    CallContext {
        mark: Mark { stack, urn: urn.clone(), lineage: Lineage(lineage.into()) },
        urn,
        cancel: Cancel::new(),
        progress: Arc::new(|_| {}),
        timeout: Duration::from_secs(3600),
        resume: None,
        takeover: false,
        import: false,
        renew: false,
    }
}

impl Bench {
    fn new() -> Self {
        let clock = ManualClock::automatic(time::macros::datetime!(2026-11-24 08:00 UTC));
        let options = Options { speed: 1, clock: Some(clock.shared()), ..Options::default() };
        let sandbox = Sandbox::start(options).expect("a sandbox");
        let mut http = HttpConfig::new();
        http.roots = vec![sandbox.world().ca_pem.as_bytes().to_vec()];
        http.connect = ConnectMap::new(sandbox.connect()).expect("a map");
        http.clock = clock.shared();
        let config = Config {
            cloud: sandbox.cloud(),
            auth: AzureAuth::default(),
            env: sandbox.env(),
            clock: clock.shared(),
            http,
        };
        Self { resources: Resources::new(Services::new(config)), sandbox, clock, lineage: "one" }
    }

    fn context(&self, kind: &str, name: &str) -> CallContext {
        context(self.lineage, kind, name)
    }

    fn checked(&self, kind: &str, inputs: &Json) -> Value {
        let urn = self.context(kind, "x").urn;
        let checked = self.resources.check(&urn, &Value::from(inputs.clone()), false);
        assert!(checked.failures.is_empty(), "{:?}", checked.failures);
        checked.inputs
    }

    async fn create(&self, kind: &str, inputs: &Json) -> Result<Done, Error> {
        let inputs = self.checked(kind, inputs);
        self.resources.create(self.context(kind, "x"), &inputs).await
    }

    /// Makes it, reads it back, and finds no difference to what was declared.
    async fn made(&self, kind: &str, inputs: &Json) -> Known {
        let done = self.create(kind, inputs).await.unwrap_or_else(|e| unreachable!("{kind}: {e} {:?}", e.notes()));
        let known = Known { id: done.id, inputs: self.checked(kind, inputs), outputs: done.outputs };
        let context = self.context(kind, "x");
        let urn = context.urn.clone();
        let found = self.resources.read(context, Some(&known.id), &known).await.expect("a read").expect("there");
        assert!(
            !matches!(found.ownership, Ownership::Unmarked | Ownership::Other { .. }),
            "{kind}: {:?}",
            found.ownership
        );
        let difference = self.resources.diff(&urn, &found.known, &known.inputs);
        assert!(difference.is_empty(), "{kind}: {:?}", difference.changes);
        assert_eq!(found.known.outputs, known.outputs, "{kind}");
        known
    }

    async fn change(&self, kind: &str, old: &Known, inputs: &Json) -> Result<Done, Error> {
        let inputs = self.checked(kind, inputs);
        self.resources.update(self.context(kind, "x"), old, &inputs).await
    }

    async fn remove(&self, kind: &str, known: &Known) -> Result<(), Error> {
        self.resources.delete(self.context(kind, "x"), known).await
    }

    async fn group(&self) -> Known {
        self.made("ResourceGroup", &json!({"subscriptionId": SUBSCRIPTION, "name": "dev-rg", "location": "East US 2"}))
            .await
    }

    async fn registry(&self) -> Known {
        self.made("ContainerRegistry", &registry("Basic")).await
    }

    async fn account(&self) -> Known {
        self.made("StorageAccount", &account("Standard_LRS")).await
    }

    fn writes(&self) -> usize {
        self.sandbox.ledger().entries().len()
    }
}

fn registry(sku: &str) -> Json {
    json!({"subscriptionId": SUBSCRIPTION, "resourceGroup": "dev-rg", "name": "devacr", "location": "eastus2",
        "sku": sku, "adminUserEnabled": true})
}

fn account(sku: &str) -> Json {
    json!({"subscriptionId": SUBSCRIPTION, "resourceGroup": "dev-rg", "name": "devst", "location": "eastus2", "sku": sku})
}

fn pool(name: &str, more: Json) -> Json {
    let mut pool = json!({"name": name, "mode": "User", "vmSize": "Standard_DS2_v2"});
    if let (Some(pool), Json::Object(more)) = (pool.as_object_mut(), more) {
        pool.extend(more);
    }
    pool
}

fn cluster(version: &str) -> Json {
    json!({"subscriptionId": SUBSCRIPTION, "resourceGroup": "dev-rg", "name": "dev-aks", "location": "eastus2",
        "kubernetesVersion": version, "dnsPrefix": "dev", "systemPool": pool("system", json!({"mode": "System", "count": 1}))})
}

#[tokio::test]
async fn a_group_is_made_adopted_by_others_and_deleted_with_nothing_of_strangers() {
    let bench = Bench::new();
    let group = bench.group().await;
    assert_eq!(group.id, group_id());
    let again = bench
        .create("ResourceGroup", &json!({"subscriptionId": SUBSCRIPTION, "name": "DEV-rg", "location": "eastus2"}))
        .await;
    assert!(again.expect("ours").adopted);
    let other = Bench { lineage: "two", ..bench };
    let refused = other
        .create("ResourceGroup", &json!({"subscriptionId": SUBSCRIPTION, "name": "dev-rg", "location": "eastus2"}))
        .await;
    assert_eq!(refused.expect_err("another state").class(), Class::Conflict);
    other.remove("ResourceGroup", &group).await.expect("gone");
    other.remove("ResourceGroup", &group).await.expect("already gone is success");
    assert!(
        other
            .resources
            .read(other.context("ResourceGroup", "x"), Some(&group.id), &group)
            .await
            .expect("a read")
            .is_none()
    );
}

#[tokio::test]
async fn a_registry_changes_in_place_and_lists_its_credential_as_a_secret() {
    let bench = Bench::new();
    bench.group().await;
    let known = bench.registry().await;
    assert_eq!(known.outputs.get("loginServer").and_then(Value::as_str), Some("devacr.azurecr.io"));
    let done = bench.change("ContainerRegistry", &known, &registry("Standard")).await.expect("changed");
    assert_eq!(done.id, known.id);
    let login = bench.resources.services().registry_login(&known.id).await.expect("a login");
    assert_eq!((login.username.as_str(), login.password.expose().len()), ("devacr", 52));
    assert!(!format!("{login:?} {known:?}").contains(login.password.expose()));
    bench.remove("ContainerRegistry", &known).await.expect("gone");
    bench.remove("ContainerRegistry", &known).await.expect("already gone is success");
}

#[tokio::test]
async fn storage_with_container_rules_and_signatures() {
    let bench = Bench::new();
    bench.group().await;
    let account_known = bench.account().await;
    let container = bench.made("BlobContainer", &json!({"accountId": account_known.id, "name": "bundles"})).await;
    let rule = |days: u32| json!({"accountId": account_known.id, "rules": [{"name": "tmp", "prefix": "bundles/tmp/", "deleteAfterDays": days}]});
    let lifecycle = bench.made("StorageLifecycle", &rule(30)).await;
    bench.change("StorageLifecycle", &lifecycle, &rule(60)).await.expect("changed");
    signatures(&bench, &account_known).await;
    bench.remove("StorageLifecycle", &lifecycle).await.expect("gone");
    bench.remove("BlobContainer", &container).await.expect("gone");
    // The name of a deleted container is not free at once: the wire layer waits for it.
    bench.made("BlobContainer", &json!({"accountId": account_known.id, "name": "bundles"})).await;
    let mut fast = account("Premium_LRS");
    fast["kind"] = json!("BlockBlobStorage");
    let refused = bench.change("StorageAccount", &account_known, &fast).await;
    assert_eq!(refused.expect_err("another tier").class(), Class::User);
    bench.change("StorageAccount", &account_known, &account("Standard_GRS")).await.expect("another copy");
    bench.remove("StorageAccount", &account_known).await.expect("gone");
}

async fn signatures(bench: &Bench, account: &Known) {
    let inputs = json!({"accountId": account.id, "accountName": "devst",
        "blobEndpoint": account.outputs.get("blobEndpoint").and_then(Value::as_str), "container": "bundles",
        "kind": "service", "permissions": "lr", "lifetimeSeconds": 7 * 86_400, "renewBeforeSeconds": 2 * 86_400, "signingKey": "key1"});
    let done = bench.create("BlobSasToken", &inputs).await.expect("signed");
    let token = done.outputs.get("token").map(|t| t.exposed_json()).and_then(|t| t.as_str().map(str::to_owned));
    let token = token.expect("a token");
    assert!(token.contains("sp=rl") && token.contains("sr=c") && token.contains("spr=https"), "rights");
    assert!(!format!("{done:?}").contains(&token));
    let urn = bench.context("BlobSasToken", "x").urn;
    let known = Known { id: done.id, inputs: bench.checked("BlobSasToken", &inputs), outputs: done.outputs };
    assert!(bench.resources.diff(&urn, &known, &known.inputs).is_empty(), "stable");
    bench.clock.advance(Duration::from_secs(4 * 86_400));
    assert!(bench.resources.diff(&urn, &known, &known.inputs).is_empty(), "not yet");
    bench.clock.advance(Duration::from_secs(86_400 + 1));
    assert!(bench.resources.diff(&urn, &known, &known.inputs).reason.is_some(), "due");
    let renewed = bench.change("BlobSasToken", &known, &inputs).await.expect("renewed");
    assert_eq!(renewed.id, known.id);
    assert_ne!(renewed.outputs.get("expiry"), known.outputs.get("expiry"));
}

/// What is signed for the container of an account, of which the keys may sign or not.
async fn signed_for(bench: &Bench, keys: bool, change: &Json) -> Result<Done, Error> {
    bench.group().await;
    let account = bench.account().await;
    bench.made("BlobContainer", &json!({"accountId": account.id, "name": "bundles"})).await;
    if !keys {
        forbid_keys(bench.sandbox.arm());
    }
    let mut inputs = json!({"accountId": account.id, "accountName": "devst", "container": "bundles",
        "blobEndpoint": account.outputs.get("blobEndpoint").and_then(Value::as_str), "kind": "service",
        "permissions": "rwl", "lifetimeSeconds": 7 * 86_400, "renewBeforeSeconds": 86_400, "signingKey": "key1"});
    for (name, value) in change.as_object().into_iter().flatten() {
        inputs[name] = value.clone();
    }
    bench.create("BlobSasToken", &inputs).await
}

/// A client of the blobs with a signature that was made.
fn holder(bench: &Bench, done: &Done) -> (mops_wire::blob::Client, SasView) {
    let token = done.outputs.get("token").map(|t| t.exposed_json()).and_then(|t| t.as_str().map(str::to_owned));
    let token = Secret::new(token.expect("a token"));
    let http = pipeline(bench.sandbox.world().ca_pem.as_bytes(), bench.sandbox.connect()).expect("a pipeline");
    let endpoint = "https://devst.blob.core.windows.net/".parse().expect("an address");
    (mops_wire::blob::Client::new(http, endpoint, &token).expect("a client"), SasView::of(&token))
}

#[tokio::test]
async fn an_identity_signs_where_account_keys_may_not() {
    let refused = signed_for(&Bench::new(), false, &json!({})).await.expect_err("keys are off");
    assert!(refused.notes().iter().any(|note| note.contains("`allowSharedKeyAccess` is false")), "{refused:?}");
    let bench = Bench::new();
    let done = signed_for(&bench, false, &json!({"kind": "user_delegation"})).await.expect("signed");
    assert!(!format!("{done:?}").contains("sig="));
    let (client, view) = holder(&bench, &done);
    assert!(view.by_delegation && view.protocol == "https" && view.permissions == "rwl" && view.resource == "c");
    client.put("bundles", "a", "x".into()).await.expect("written");
    assert_eq!(client.list("bundles", 5).await.expect("a list").names(), ["a"]);
    let other = client.list("other", 5).await.expect_err("another container");
    assert_eq!(other.refusal().and_then(|r| r.code.as_deref()), Some("AuthenticationFailed"));
    // It ends a little before its seven days are over: they are counted from its start.
    bench.clock.advance(Duration::from_secs(7 * 86_400 - 15 * 60));
    let late = client.list("bundles", 5).await.expect_err("it has expired");
    assert_eq!(late.refusal().and_then(|r| r.code.as_deref()), Some("AuthenticationFailed"));
}

#[tokio::test]
async fn a_signature_of_a_stored_policy_ends_with_it() {
    let bench = Bench::new();
    let done = signed_for(&bench, true, &json!({"policy": "readers"})).await.expect("signed");
    let (client, view) = holder(&bench, &done);
    assert_eq!(view.policy, "readers");
    store_policies(bench.sandbox.arm(), "bundles", &["readers"]);
    client.list("bundles", 5).await.expect("a list");
    store_policies(bench.sandbox.arm(), "bundles", &[]);
    let ended = client.list("bundles", 5).await.expect_err("the policy is gone");
    assert_eq!(ended.refusal().and_then(|r| r.code.as_deref()), Some("AuthenticationFailed"));
}

#[tokio::test]
async fn a_cluster_and_its_pools_through_their_life() {
    let bench = Bench::new();
    bench.group().await;
    let known = bench.made("ManagedCluster", &cluster("1.33")).await;
    assert!(known.outputs.get("kubeletObjectId").is_some() && known.outputs.get("fqdn").is_some());
    let before = bench.writes();
    let same = bench.change("ManagedCluster", &known, &cluster("1.33")).await.expect("nothing to do");
    assert_eq!((same.outputs, bench.writes()), (known.outputs.clone(), before), "nothing was sent");
    bench.change("ManagedCluster", &known, &cluster("1.34")).await.expect("one minor version");

    let gpu = |max: u32| {
        let mut inputs = pool(
            "gpu",
            json!({"vmSize": "Standard_NC24ads_A100_v4", "minCount": 0, "maxCount": max,
            "taints": ["sku=gpu:NoSchedule"], "labels": {"tier": "gpu"}, "gpuDriver": "Install", "spot": true}),
        );
        inputs["clusterId"] = json!(known.id);
        inputs
    };
    let pool_known = bench.made("NodePool", &gpu(2)).await;
    bench.change("NodePool", &pool_known, &gpu(3)).await.expect("wider");
    let urn = bench.context("NodePool", "x").urn;
    let mut other = gpu(3);
    other["vmSize"] = json!("Standard_NC6s_v3");
    let difference = bench.resources.diff(&urn, &pool_known, &bench.checked("NodePool", &other));
    assert_eq!(difference.replace, ["vmSize"]);

    let mut wider = cluster("1.34");
    wider["systemPool"]["count"] = json!(2);
    bench.change("ManagedCluster", &known, &wider).await.expect("the first pool grows");
    wider["systemPool"]["vmSize"] = json!("Standard_D8s_v5");
    assert_eq!(bench.change("ManagedCluster", &known, &wider).await.expect_err("in place").class(), Class::User);
    bench.remove("NodePool", &pool_known).await.expect("gone");
    bench.remove("ManagedCluster", &known).await.expect("gone");
}

#[tokio::test]
async fn answers_lost_after_the_change_are_made_good() {
    let bench = Bench::new();
    bench.group().await;
    for (kind, part, inputs) in [
        ("ContainerRegistry", "/registries/", registry("Basic")),
        ("StorageAccount", "/storageAccounts/", account("Standard_LRS")),
        ("ManagedCluster", "/managedClusters/", cluster("1.33")),
    ] {
        bench.sandbox.faults().once(&["arm", "PUT", part], Fault::LostAfterCommit);
        bench.made(kind, &inputs).await;
    }
}

#[tokio::test]
async fn a_strangers_registry_is_refused_and_untouched() {
    let bench = Bench::new();
    bench.group().await;
    let known = bench.registry().await;
    let mark = bench.context("ContainerRegistry", "x").mark;
    let mut context = bench.context("ContainerRegistry", "x");
    context.mark = Mark { stack: StackId { project: "other".into(), stack: "prod".into() }, ..mark };
    let before = bench.writes();
    let error = bench.resources.create(context, &known.inputs).await.expect_err("another stack's");
    assert_eq!(error.class(), Class::Conflict);
    assert!(error.summary().contains("belongs to stack"), "{error}");
    assert_eq!(bench.writes(), before);
}

/// The node pool of the script: accepted, then `end` is the answer of its operation.
async fn failing(end: Json, after: Reply) -> Error {
    let path = "/managedClusters/dev-aks/agentPools/gpu";
    let accepted = Reply::json(201, &json!({"properties": {"provisioningState": "Creating"}}));
    let script = Script::play(vec![
        on(&format!("GET {path}"), Reply::json(404, &json!({"error": {"code": "ResourceNotFound", "message": "m"}}))),
        on(&format!("PUT {path}"), accepted.header("azure-asyncoperation", "{origin}/op")),
        on("GET /op", Reply::json(200, &end)),
        on(&format!("GET {path}"), after),
    ]);
    let cluster = format!("{}/providers/Microsoft.ContainerService/managedClusters/dev-aks", group_id());
    let mut inputs = pool("gpu", json!({"count": 1}));
    inputs["clusterId"] = json!(cluster);
    let context = context("one", "NodePool", "gpu");
    let inputs = script.resources.check(&context.urn, &Value::from(inputs), false).inputs;
    let error = script.resources.create(context, &inputs).await.expect_err("the operation failed");
    assert_eq!(script.complaints(), Vec::<String>::new());
    error
}

#[tokio::test]
async fn what_failed_after_it_was_accepted_is_there_with_its_id() {
    let end = || {
        json!({"status": "Failed", "error": {"code": "CreateFailed", "message": "see details", "details": [
        {"code": "ErrCode_InsufficientVCPUQuota", "message": "Insufficient vcpu quota requested 2, remaining 0"}]}})
    };
    let there = Reply::json(200, &json!({"properties": {"provisioningState": "Failed"}}));
    let error = failing(end(), there).await;
    let partial = error.partial().expect("it exists");
    assert_eq!((error.class(), partial.id.ends_with("/agentPools/gpu")), (Class::Partial, true));
    assert!(error.notes()[0].contains("ErrCode_InsufficientVCPUQuota"), "{:?}", error.notes());
    assert!(error.hint_text().is_some_and(|hint| hint.contains("quota")));

    let gone = || Reply::json(404, &json!({"error": {"code": "ResourceNotFound", "message": "m"}}));
    let error = failing(end(), gone()).await;
    assert_eq!((error.class(), error.partial()), (Class::User, None), "nothing is there");
    let error =
        failing(end(), Reply::json(403, &json!({"error": {"code": "AuthorizationFailed", "message": "m"}}))).await;
    assert_eq!(error.class(), Class::Transient, "whether it is there is not known: {error}");
}

fn going() -> Reply {
    Reply::json(200, &json!({"id": group_id(), "location": "eastus2", "properties": {"provisioningState": "Deleting"}}))
}

fn nothing() -> Reply {
    Reply::json(404, &json!({"error": {"code": "ResourceGroupNotFound", "message": "m"}}))
}

#[tokio::test]
async fn a_deletion_under_way_is_waited_for() {
    let inputs = json!({"subscriptionId": SUBSCRIPTION, "name": "dev-rg", "location": "eastus2"});
    let context = context("one", "ResourceGroup", "x");
    let known = |script: &Script| Known {
        id: group_id(),
        inputs: script.resources.check(&context.urn, &Value::from(inputs.clone()), false).inputs,
        outputs: Value::from(json!({"id": group_id(), "name": "dev-rg", "location": "eastus2"})),
    };
    let get = || format!("GET {}?", group_id());
    let script =
        Script::play(vec![on(&get(), going()), on(&get(), going()), on(&get(), going()), on(&get(), nothing())]);
    script.resources.delete(context.clone(), &known(&script)).await.expect("gone");
    assert_eq!(script.complaints(), Vec::<String>::new());

    let busy = Reply::json(409, &json!({"error": {"code": "ResourceGroupBeingDeleted", "message": "m"}}));
    let made = || {
        Reply::json(
            201,
            &json!({"id": group_id(), "location": "eastus2", "properties": {"provisioningState": "Succeeded"}}),
        )
    };
    let put = format!("PUT {}?", group_id());
    let script = Script::play(vec![
        on(&get(), going()),
        on(&put, busy),
        on(&get(), going()),
        on(&get(), going()),
        on(&get(), nothing()),
        on(&put, made()),
        on(&get(), made()),
        on(&get(), made()),
    ]);
    script.resources.create(context.clone(), &known(&script).inputs).await.expect("made anew");
    assert_eq!(script.complaints(), Vec::<String>::new());
}
