//! Limits and grammars of the services: each is told before anything is asked, with the input and the rule.

use serde_json::Value as Json;

use super::*;

/// Type, inputs that break a rule, the input that is named, and what is said of it.
type Row = (&'static str, Json, &'static str, &'static str);

fn named(kind: &'static str, name: &str, rule: &'static str) -> Row {
    (kind, json!({"name": name}), "name", rule)
}

fn names() -> Vec<Row> {
    vec![
        named("ResourceGroup", "", "1–90 letters"),
        named("ResourceGroup", &"a".repeat(91), "1–90 letters"),
        named("ResourceGroup", "ends.", "no `.` at the end"),
        named("ContainerRegistry", "acr1", "5–50 letters and digits"),
        named("ContainerRegistry", "my-acr", "5–50 letters and digits"),
        named("StorageAccount", "st", "3–24 lower-case letters and digits"),
        named("StorageAccount", "Store", "3–24 lower-case letters and digits"),
        named("BlobContainer", "a--b", "3–63 lower-case letters, digits and single hyphens"),
        named("BlobContainer", &"a".repeat(64), "3–63 lower-case letters"),
        named("ManagedCluster", "-aks", "1–63 letters, digits, `-`, `_`"),
        named("ManagedCluster", &"a".repeat(64), "1–63 letters"),
        named("ManagedCluster", &"a".repeat(60), "80 at most"),
        named("NodePool", "gpu-1", "up to 11 lower-case letters and digits"),
        named("NodePool", "a123456789012", "up to 11 lower-case letters and digits"),
        named("UserAssignedIdentity", "ab", "3–128 letters"),
        named("UserAssignedIdentity", &"a".repeat(129), "3–128 letters"),
        named("FederatedCredential", "ab", "3–120 letters"),
        named("FederatedCredential", &"a".repeat(121), "3–120 letters"),
        named("RegistryToken", "1pull", "5–50 letters, digits and hyphens, a letter first"),
        named("RegistryToken", &"a".repeat(51), "5–50 letters"),
        ("ManagedCluster", json!({"dnsPrefix": "a".repeat(55)}), "dnsPrefix", "1–54 letters"),
    ]
}

fn registries_and_accounts() -> Vec<Row> {
    let rules: Vec<Json> =
        (0..101).map(|i| json!({"name": format!("r{i}"), "prefix": "a/", "deleteAfterDays": 1})).collect();
    let rule = |name: &str| json!({"rules": [{"name": name, "prefix": "a/", "deleteAfterDays": 1}]});
    vec![
        ("ContainerRegistry", json!({"sku": "Classic"}), "sku", "`Basic`, `Standard` or `Premium`"),
        ("RegistryToken", json!({"actions": []}), "actions", "opens nothing"),
        ("RegistryToken", json!({"actions": ["repositories/a/pull"]}), "actions", "not an action"),
        ("RegistryToken", json!({"renewBeforeSeconds": 90 * 86_400}), "renewBeforeSeconds", "renew later"),
        ("StorageAccount", json!({"sku": "Cheap_LRS"}), "sku", "Standard_LRS"),
        ("StorageAccount", json!({"kind": "FileStorage"}), "kind", "use `StorageV2`"),
        ("StorageAccount", json!({"sku": "Premium_LRS"}), "kind", "use `BlockBlobStorage`"),
        ("StorageLifecycle", json!({"rules": []}), "rules", "without rules"),
        ("StorageLifecycle", json!({"rules": rules}), "rules", "101 lifecycle rules; an account has at most 100"),
        ("StorageLifecycle", rule("a b"), "rules.0.name", "1–256 letters and digits"),
        ("BlobSasToken", json!({"permissions": "q"}), "permissions", "letters of"),
        ("BlobSasToken", json!({"container": null}), "container", "needs a container"),
        ("BlobSasToken", json!({"renewBeforeSeconds": 7 * 86_400}), "renewBeforeSeconds", "renew later"),
        (
            "BlobSasToken",
            json!({"kind": "user_delegation", "lifetimeSeconds": 7 * 86_400 + 1}),
            "lifetimeSeconds",
            "lives 7 days at most, not 604801 s",
        ),
        (
            "BlobSasToken",
            json!({"kind": "account", "container": null, "permissions": "rw"}),
            "permissions",
            "every container",
        ),
        ("BlobSasToken", json!({"kind": "user_delegation", "policy": "p"}), "policy", "stored policy"),
    ]
}

fn pools() -> Vec<Row> {
    let pool = |change: Json, at, rule| ("NodePool", change, at, rule);
    let long = format!("{}=v:NoSchedule", "a".repeat(64));
    vec![
        pool(json!({"count": 1001}), "count", "0 to 1000 nodes"),
        pool(json!({"minCount": 3, "maxCount": 2}), "minCount", "min (3) is greater than max (2)"),
        pool(json!({"minCount": 1}), "minCount", "give both or none"),
        pool(json!({"minCount": 0, "maxCount": 2, "mode": "System"}), "minCount", "a system pool at least 1"),
        pool(json!({"taints": ["sku=gpu"]}), "taints", "`sku=gpu` is not a taint"),
        pool(json!({"taints": ["sku=gpu:Never"]}), "taints", "write `KEY=VALUE:NoSchedule`"),
        pool(json!({"taints": ["sku=-gpu:NoSchedule"]}), "taints", "is not a taint"),
        pool(json!({"taints": [long]}), "taints", "is not a taint"),
        pool(json!({"labels": {"a/b/c": "x"}}), "labels", "`a/b/c=x` is not a label"),
        pool(json!({"labels": {"role": "a b"}}), "labels", "up to 63 letters"),
        pool(json!({"labels": {"role": "a".repeat(64)}}), "labels", "up to 63 letters"),
        pool(json!({"spot": true, "mode": "System"}), "spot", "cannot be a spot pool"),
        pool(
            json!({"gpuInstanceProfile": "MIG9g", "vmSize": "Standard_NC24ads_A100_v4"}),
            "gpuInstanceProfile",
            "MIG1g",
        ),
        pool(json!({"gpuInstanceProfile": "MIG1g"}), "gpuInstanceProfile", "no GPU that can be divided"),
        pool(json!({"osDiskSizeGb": 29}), "osDiskSizeGb", "30 to 2048 GB"),
        pool(json!({"upgrade": {"maxSurge": "101%"}}), "upgrade.maxSurge", "a share such as `33%`"),
        pool(json!({"upgrade": {"maxUnavailable": "some"}}), "upgrade.maxUnavailable", "a number up to 1000"),
        pool(json!({"upgrade": {"drainTimeoutMinutes": 1441}}), "upgrade.drainTimeoutMinutes", "1 to 1440 minutes"),
        pool(json!({"upgrade": {"nodeSoakMinutes": 31}}), "upgrade.nodeSoakMinutes", "0 to 30 minutes"),
    ]
}

fn rights() -> Vec<Row> {
    vec![
        ("RoleAssignment", json!({"role": "AcrGuess"}), "role", "not a role that is known by name"),
        ("RoleAssignment", json!({"principalId": "me"}), "principalId", "a GUID"),
        ("RoleAssignment", json!({"scope": "sampleacr"}), "scope", "begins with `/subscriptions/`"),
        ("FederatedCredential", json!({"issuer": "http://a/"}), "issuer", "an https address"),
        ("FederatedCredential", json!({"subject": ""}), "subject", "`system:serviceaccount:NAMESPACE:NAME`"),
    ]
}

#[test]
#[expect(clippy::print_stdout, reason = "the counting line")]
fn each_limit_is_told_with_its_input_and_its_rule() {
    let stand = Stand::new();
    let all: Vec<Row> = [names(), registries_and_accounts(), pools(), rights()].concat();
    for (kind, change, at, rule) in &all {
        let token = format!("modelops:azure:{kind}");
        let entry = mops_resources::entries().into_iter().find(|e| e.schema().token == token).expect("listed");
        let mut inputs = entry.samples()[0].exposed_json();
        for (name, value) in change.as_object().into_iter().flatten() {
            inputs[name] = value.clone();
        }
        let found = stand.provider().check(&stand.urn(&token, "sample"), &Value::from(inputs), false).failures;
        let told =
            |f: &mops_core::provider::CheckFailure| format!("{}; {}", f.reason, f.hint.clone().unwrap_or_default());
        let hit = found.iter().any(|f| f.path.0.join(".") == *at && told(f).contains(rule));
        assert!(hit, "{kind} {change}: {found:?}");
    }
    println!("limits told={}", all.len());
}
