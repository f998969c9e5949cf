//! The samples that each resource brings along, ready for a sandbox.

use mops_core::{StackId, Urn, Value};
use serde_json::json;

use crate::ngc::Key;
use crate::sandbox::Sandbox;

/// The cluster of the samples.
pub const CLUSTER: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/sample-rg/providers/\
                           Microsoft.ContainerService/managedClusters/sample-aks";

/// What samples stand on, in the order in which it is made, and how they mention it.
const NEEDS: [(&str, &str); 7] = [
    ("modelops:azure:ResourceGroup", "sample-rg"),
    ("modelops:azure:ContainerRegistry", "registries/sampleacr"),
    ("modelops:azure:RegistryToken", "tokens/sample-pull"),
    ("modelops:azure:StorageAccount", "storageAccounts/samplest"),
    ("modelops:azure:BlobContainer", "bundles"),
    ("modelops:azure:ManagedCluster", "managedClusters/sample-aks"),
    ("modelops:azure:UserAssignedIdentity", "userAssignedIdentities/sample-identity"),
];

/// It lives on a login node, which no sandbox has: `tests/env_file.rs` has a real one.
pub const ON_A_HOST: &str = "modelops:slurm:EnvFile";

/// One sample of one resource, ready for the sandbox.
pub struct Case {
    /// Type and number, for messages.
    pub name: String,
    /// In stack `dev` of project `modelops`.
    pub urn: Urn,
    /// Not checked yet.
    pub inputs: Value,
}

/// Every sample of every listed resource.
#[must_use]
pub fn cases() -> Vec<Case> {
    let stack = StackId { project: "modelops".into(), stack: "dev".into() };
    let mut found = Vec::new();
    for entry in mops_resources::entries().into_iter().filter(|entry| entry.schema().token != ON_A_HOST) {
        let token = entry.schema().token;
        for (index, inputs) in entry.samples().into_iter().enumerate() {
            let urn = Urn::new(&stack, token, "sample");
            found.push(Case { name: format!("{token} sample {index}"), urn, inputs: on_the_cluster(inputs) });
        }
    }
    found
}

/// Kubernetes samples name a kubeconfig file; here they name the cluster of the samples.
#[must_use]
pub fn on_the_cluster(inputs: Value) -> Value {
    let Value::Map(mut map) = inputs else { return inputs };
    if map.contains_key("cluster") {
        map.insert("cluster".into(), json!({"clusterId": CLUSTER}).into());
    }
    Value::Map(map)
}

/// Whether it lives in a cluster, which answers in the machine's time.
#[must_use]
pub fn is_in_a_cluster(case: &Case) -> bool {
    case.inputs.get("cluster").is_some()
}

/// What a sample stands on and is not there yet, in order: type and inputs. Samples name each other by the same names.
///
/// # Panics
/// When a type that others stand on is not listed.
#[must_use]
pub fn ground(case: &Case, sandbox: &Sandbox) -> Vec<(&'static str, Value)> {
    let inputs = case.inputs.exposed_json();
    // A key of NGC stands on NGC.
    if let Some(key) = inputs["apiKey"].as_str() {
        sandbox.ngc().key(Key::new(key, "acme"));
    }
    let text = inputs.to_string();
    let existing = sandbox.ledger().existing();
    let there = |mention: &str| existing.iter().any(|id| id.ends_with(&mention.to_lowercase()));
    let needed = NEEDS
        .into_iter()
        .filter(|(token, mention)| case.urn.token() != *token && text.contains(mention) && !there(mention));
    let sample = |token| {
        let entry = mops_resources::entries().into_iter().find(|e| e.schema().token == token).expect("listed");
        entry.samples().remove(0)
    };
    needed.map(|(token, _)| (token, sample(token))).collect()
}
