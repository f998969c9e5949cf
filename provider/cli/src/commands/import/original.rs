//! What the original ModelOps deployed, as its Pulumi file backend recorded it: one checkpoint a component, project and
//! stack `modelops-COMPONENT` and `modelops-COMPONENT-ENV`. Only read; its secrets are never opened.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mops_host::fsx;
use serde_json::Value as Json;

use crate::exit::Failure;

const HINT: &str = "deploy once more with the original, or name what exists: `mops infra import ADDRESS=ID…`";

/// Ids that were recorded, without case.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// ARM ids.
    pub(crate) azure: BTreeSet<String>,
    /// `NAMESPACE/KIND/NAME` or `KIND/NAME`.
    pub(crate) objects: BTreeSet<String>,
}

impl Recorded {
    /// Everything that the stacks of one environment hold.
    pub(crate) fn read(home: &Path, environment: &str) -> Result<Self, Failure> {
        let folder = home.join("pulumi/backend/.pulumi/stacks");
        let mut found = Self::default();
        let files = checkpoints(&folder, environment);
        for file in &files {
            let name = file.display();
            let bytes = fsx::read(file).map_err(|e| {
                Failure::usage(
                    format!("`{name}` cannot be read: {}", mops_host::fsx::reason(&e)),
                    "check its permissions",
                )
            })?;
            let json: Json = serde_json::from_slice(&bytes)
                .map_err(|_| Failure::usage(format!("`{name}` is not a checkpoint of Pulumi"), HINT))?;
            found.add(&json);
        }
        if files.is_empty() {
            let text = format!("the original ModelOps left no stack for `{environment}` in `{}`", folder.display());
            return Err(Failure::usage(text, HINT));
        }
        Ok(found)
    }

    fn add(&mut self, checkpoint: &Json) {
        let resources = checkpoint.pointer("/checkpoint/latest/resources").and_then(Json::as_array);
        for entry in resources.into_iter().flatten().filter(|e| e["delete"] != true) {
            let (kind, id) = (entry["type"].as_str().unwrap_or_default(), entry["id"].as_str().unwrap_or_default());
            if id.starts_with("/subscriptions/") {
                self.azure.insert(id.to_lowercase());
            } else if let Some(kind) = kind.strip_prefix("kubernetes:").and_then(|k| k.rsplit(':').next()) {
                let object = match id.split_once('/') {
                    Some((namespace, name)) => format!("{namespace}/{kind}/{name}"),
                    None => format!("{kind}/{id}"),
                };
                self.objects.insert(object.to_lowercase());
            }
        }
    }

    /// Whether something was recorded itself, or lies in a cluster or an account that was: pools were no resources of
    /// their own there.
    pub(crate) fn holds(&self, id: &str) -> bool {
        let id = id.to_lowercase();
        let below = |held: &String| held.contains("/providers/") && id.starts_with(&format!("{held}/"));
        if id.starts_with("/subscriptions/") && !self.is_object(&id) {
            return self.azure.contains(&id) || self.azure.iter().any(below);
        }
        self.is_object(&id)
    }

    /// Whether an id ends with an object in a cluster that was recorded.
    fn is_object(&self, id: &str) -> bool {
        self.objects.iter().any(|object| id.ends_with(&format!("/{object}")))
    }
}

/// The checkpoints of an environment: below a folder a project, as Pulumi writes them today, or side by side.
fn checkpoints(folder: &Path, environment: &str) -> Vec<PathBuf> {
    let wanted = |name: &str| name.starts_with("modelops-") && name.ends_with(&format!("-{environment}.json"));
    let inside = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|e| e.path()).collect();
        paths.sort();
        paths
    };
    let mut all = inside(folder);
    all.extend(inside(folder).iter().filter(|p| p.is_dir()).flat_map(|p| inside(p)));
    all.retain(|p| p.is_file() && p.file_name().and_then(|n| n.to_str()).is_some_and(wanted));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn checkpoint() -> Json {
        json!({"version": 3, "checkpoint": {"stack": "organization/modelops-cluster/modelops-cluster-dev", "latest": {
        "resources": [
            {"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:x"},
            {"type": "azure-native:resources:ResourceGroup", "id": "/subscriptions/S/resourceGroups/rg"},
            {"type": "azure-native:containerservice:ManagedCluster",
             "id": "/subscriptions/S/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks"},
            {"type": "azure-native:storage:StorageAccount", "delete": true,
             "id": "/subscriptions/S/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/old"},
            {"type": "kubernetes:core/v1:Namespace", "id": "modelops-dask-dev"},
            {"type": "kubernetes:apps/v1:Deployment", "id": "modelops-dask-dev/dask-workers"},
        ]}}})
    }

    #[test]
    fn what_was_recorded_and_what_lies_in_it_is_known_again() {
        let mut recorded = Recorded::default();
        recorded.add(&checkpoint());
        let cluster = "/subscriptions/s/resourcegroups/RG/providers/Microsoft.ContainerService/managedClusters/AKS";
        for id in ["/subscriptions/s/resourceGroups/rg", cluster, &format!("{cluster}/agentPools/gpu")] {
            assert!(recorded.holds(id), "{id}");
        }
        assert!(recorded.holds(&format!("{cluster}/modelops-dask-dev/Deployment/dask-workers")));
        assert!(recorded.holds(&format!("{cluster}/Namespace/modelops-dask-dev")));
        for id in
            ["/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/old", "x/Namespace/y"]
        {
            assert!(!recorded.holds(id), "{id}");
        }
    }
}
