//! Every input of every Azure resource, one after another: it changes in place, seen at the sandbox and read back, or
//! it replaces the resource under its name. The inputs come from the declaration: a new one belongs into the table.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value as Json;

use super::*;

/// What becomes of a resource when an input changes to what is given.
enum Change {
    /// It is changed: something is written at the service, or signed by it.
    InPlace(Json),
    /// Only what we do later changes: nothing is sent.
    Kept(Json),
    /// It has to be made anew, and the input is named.
    Replaces(Json),
    /// No way leads there, and the reason names this.
    Impossible(Json, &'static str),
    /// It is changed; that needs more than a sample, and this test shows it.
    ShownBy(Json, &'static str),
}
use Change::{Impossible, InPlace, Kept, Replaces, ShownBy};

/// A type, which of its samples is made first, and its inputs with their changes, in the order in which they are made.
struct Table {
    kind: &'static str,
    sample: usize,
    rows: Vec<(&'static str, Change)>,
}

fn replaced(name: &'static str) -> (&'static str, Change) {
    (name, Replaces(json!({name: "other"})))
}

fn table() -> Vec<Table> {
    let mut all = vec![
        Table {
            kind: "ResourceGroup",
            sample: 0,
            rows: vec![replaced("subscriptionId"), replaced("name"), replaced("location")],
        },
        Table {
            kind: "RoleAssignment",
            sample: 0,
            rows: vec![
                replaced("scope"),
                replaced("principalId"),
                ("principalType", Replaces(json!({"principalType": "Group"}))),
                ("role", Replaces(json!({"role": "AcrPush"}))),
                ("description", InPlace(json!({"description": "pulls images"}))),
                ("condition", InPlace(json!({"condition": "@Resource[a] stringEquals 'b'"}))),
            ],
        },
        Table {
            kind: "FederatedCredential",
            sample: 0,
            rows: vec![
                replaced("identityId"),
                replaced("name"),
                ("issuer", InPlace(json!({"issuer": "https://issuer.example/other/"}))),
                ("subject", InPlace(json!({"subject": "system:serviceaccount:sample:third"}))),
                ("audiences", InPlace(json!({"audiences": ["api://other"]}))),
            ],
        },
    ];
    all.extend(in_a_group());
    all.extend(of_an_account());
    all.extend(of_a_registry());
    all.extend(of_a_cluster());
    all
}

/// Types with a place of their own in a group.
fn in_a_group() -> Vec<Table> {
    let placed = |kind, rows: Vec<(&'static str, Change)>| {
        let place = ["subscriptionId", "resourceGroup", "name", "location"].map(replaced);
        Table { kind, sample: 0, rows: place.into_iter().chain(rows).collect() }
    };
    vec![
        placed("UserAssignedIdentity", Vec::new()),
        placed(
            "ContainerRegistry",
            vec![
                ("sku", InPlace(json!({"sku": "Standard"}))),
                ("adminUserEnabled", InPlace(json!({"adminUserEnabled": false}))),
                ("roleAssignmentMode", InPlace(json!({"roleAssignmentMode": "AbacRepositoryPermissions"}))),
            ],
        ),
        placed(
            "StorageAccount",
            vec![
                ("sku", InPlace(json!({"sku": "Standard_GRS"}))),
                ("sku", Replaces(json!({"sku": "Standard_ZRS"}))),
                ("kind", Replaces(json!({"kind": "BlockBlobStorage"}))),
            ],
        ),
        Table {
            sample: 1,
            ..placed(
                "ManagedCluster",
                vec![
                    replaced("dnsPrefix"),
                    ("kubernetesVersion", InPlace(json!({"kubernetesVersion": "1.34"}))),
                    ("kubernetesVersion", Impossible(json!({"kubernetesVersion": "1.36"}), "one minor release")),
                    ("systemPool", InPlace(json!({"systemPool": system(2, "Standard_D4s_v5")}))),
                    ("systemPool", Impossible(json!({"systemPool": system(2, "Standard_D8s_v5")}), "vmSize")),
                    ("oidcIssuer", InPlace(json!({"oidcIssuer": true}))),
                    ("workloadIdentity", InPlace(json!({"workloadIdentity": true}))),
                    ("oidcIssuer", Replaces(json!({"oidcIssuer": false}))),
                ],
            )
        },
    ]
}

fn system(count: u32, size: &str) -> Json {
    json!({"name": "system", "mode": "System", "vmSize": size, "count": count, "minCount": null, "maxCount": null,
        "gpuDriver": null, "gpuInstanceProfile": null, "osDiskSizeGb": null})
}

fn of_an_account() -> Vec<Table> {
    let rule = json!({"name": "tmp", "prefix": "bundles/tmp/", "deleteAfterDays": 7});
    vec![
        Table { kind: "BlobContainer", sample: 0, rows: vec![replaced("accountId"), replaced("name")] },
        Table {
            kind: "StorageLifecycle",
            sample: 0,
            rows: vec![replaced("accountId"), ("rules", InPlace(json!({"rules": [rule]})))],
        },
        Table {
            kind: "BlobSasToken",
            sample: 0,
            rows: vec![
                replaced("accountId"),
                replaced("container"),
                ("kind", Replaces(json!({"kind": "account"}))),
                ("accountName", InPlace(json!({"accountName": "other"}))),
                ("blobEndpoint", InPlace(json!({"blobEndpoint": "https://other.blob.core.windows.net/"}))),
                ("permissions", InPlace(json!({"permissions": "rwl"}))),
                ("lifetimeSeconds", InPlace(json!({"lifetimeSeconds": 6 * 86_400}))),
                ("renewBeforeSeconds", InPlace(json!({"renewBeforeSeconds": 86_400}))),
                ("signingKey", InPlace(json!({"signingKey": "key2"}))),
                ("policy", InPlace(json!({"policy": "readers"}))),
                ("accountWideWrites", InPlace(json!({"accountWideWrites": true}))),
            ],
        },
    ]
}

fn of_a_registry() -> Vec<Table> {
    vec![
        Table {
            kind: "RegistryToken",
            sample: 0,
            rows: vec![
                replaced("registryId"),
                replaced("name"),
                ("actions", InPlace(json!({"actions": ["repositories/app/content/read"]}))),
                ("lifetimeSeconds", InPlace(json!({"lifetimeSeconds": 30 * 86_400}))),
                ("renewBeforeSeconds", Kept(json!({"renewBeforeSeconds": 86_400}))),
            ],
        },
        Table {
            kind: "RegistryTokenCleanup",
            sample: 0,
            rows: vec![
                replaced("tokenId"),
                (
                    "keep",
                    ShownBy(
                        json!({"keep": "password2"}),
                        "registry_token::it_is_renewed_in_its_window_and_the_old_password_opens_it_until_the_cleanup",
                    ),
                ),
            ],
        },
    ]
}

fn of_a_cluster() -> Vec<Table> {
    vec![Table {
        kind: "NodePool",
        sample: 0,
        rows: vec![
            replaced("clusterId"),
            replaced("name"),
            replaced("vmSize"),
            ("gpuDriver", Replaces(json!({"gpuDriver": "Install"}))),
            ("gpuManaged", Replaces(json!({"gpuManaged": true}))),
            ("gpuInstanceProfile", Replaces(json!({"gpuInstanceProfile": "MIG1g"}))),
            ("spot", Replaces(json!({"spot": true}))),
            ("spotEviction", Replaces(json!({"spotEviction": "Deallocate"}))),
            ("zones", Replaces(json!({"zones": ["1"]}))),
            replaced("subnetId"),
            ("osDiskSizeGb", Replaces(json!({"osDiskSizeGb": 200}))),
            ("count", InPlace(json!({"count": 2}))),
            ("labels", InPlace(json!({"labels": {"modelops.io/role": "cpu"}}))),
            ("taints", InPlace(json!({"taints": ["sku=cpu:NoSchedule"]}))),
            ("upgrade", InPlace(json!({"upgrade": {"maxSurge": "33%"}}))),
            ("mode", InPlace(json!({"mode": "System", "taints": []}))),
            ("minCount", InPlace(json!({"minCount": 1, "maxCount": 3}))),
            ("maxCount", InPlace(json!({"maxCount": 4}))),
        ],
    }]
}

/// Inputs with others among them.
fn with(inputs: &Value, change: &Json) -> Value {
    let mut merged = inputs.exposed_json();
    for (name, value) in change.as_object().into_iter().flatten() {
        merged[name] = value.clone();
    }
    Value::from(merged)
}

#[test]
fn every_input_is_in_the_table_and_nothing_else_is() {
    let table = table();
    let mut fields = 0;
    for entry in mops_resources::entries() {
        let Some(kind) = entry.schema().token.strip_prefix("modelops:azure:") else { continue };
        let declared: BTreeSet<&str> = entry.schema().inputs["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        let rows = table.iter().filter(|t| t.kind == kind).flat_map(|t| t.rows.iter().map(|(name, _)| *name));
        assert_eq!(rows.collect::<BTreeSet<&str>>(), declared, "{kind}");
        fields += declared.len();
    }
    assert!(fields > 50, "{fields}");
}

#[tokio::test]
async fn every_input_changes_in_place_or_replaces_under_its_name() {
    for Table { kind, sample, rows } in table() {
        let token = format!("modelops:azure:{kind}");
        let stand = &Stand::new();
        let entry = mops_resources::entries().into_iter().find(|e| e.schema().token == token).expect("listed");
        let case =
            Case { name: kind.to_owned(), urn: stand.urn(&token, "sample"), inputs: entry.samples().remove(sample) };
        ground(stand, &case).await;
        let mut known = made(stand, &case).await;
        for (field, change) in rows {
            let case = Case { name: format!("{kind} {field}"), urn: case.urn.clone(), inputs: known.inputs.clone() };
            known = changed(stand, &case, known, field, &change).await;
        }
    }
}

/// Looks at one change; the resource as it is after it.
async fn changed(stand: &Stand, case: &Case, known: Known, field: &str, change: &Change) -> Known {
    let name = &case.name;
    let (Kept(to) | InPlace(to) | Replaces(to) | Impossible(to, _) | ShownBy(to, _)) = change;
    let wanted = with(&known.inputs, to);
    let difference = stand.provider().diff(&case.urn, &known, &wanted);
    assert!(
        difference.changes.iter().any(|c| c.path.0.first().is_some_and(|head| head == field)),
        "{name}: {difference:?}"
    );
    match change {
        Replaces(_) => assert!(difference.replace.iter().any(|r| r == field), "{name}: {difference:?}"),
        Impossible(_, why) => {
            let told = difference.impossible.as_ref().map(|failure| failure.reason.as_str()).unwrap_or_default();
            assert!(told.contains(why), "{name}: {told}");
        }
        ShownBy(_, test) => {
            let in_place = difference.replace.is_empty() && difference.impossible.is_none();
            assert!(in_place, "{name}, which {test} shows: {difference:?}");
        }
        Kept(_) | InPlace(_) => {
            assert!(difference.replace.is_empty() && difference.impossible.is_none(), "{name}: {difference:?}");
            let wanted = checked(stand, &case.urn, &wanted, name);
            return updated(stand, case, &known, wanted, matches!(change, InPlace(_))).await;
        }
    }
    known
}

/// Changes it, and finds at the service, and when it is read back, what was declared.
async fn updated(stand: &Stand, case: &Case, known: &Known, wanted: Value, seen: bool) -> Known {
    let name = &case.name;
    // What is signed in another moment is another signature.
    stand.clock.sleep(Duration::from_secs(60)).await;
    let book = stand.sandbox.ledger().to_json();
    let done = stand.provider().update(stand.context(&case.urn), known, &wanted).await;
    let done = done.unwrap_or_else(|e| panic!("{name}: {e:?}"));
    // What nothing at Azure holds is signed anew: then another output tells.
    let sent = stand.sandbox.ledger().to_json() != book || (reissued(stand, case) && done.outputs != known.outputs);
    assert_eq!((sent, &done.id), (seen, &known.id), "{name}");
    let now = Known { id: done.id, inputs: wanted.clone(), outputs: done.outputs };
    let found = stand.read(&case.urn, Some(&now.id), &now).await.unwrap_or_else(|| panic!("{name}: not found"));
    without_difference(stand, case, &found.known, &wanted, "when read after the change");
    now
}
