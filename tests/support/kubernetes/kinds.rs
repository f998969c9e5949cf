//! The kinds that the fake knows, and the typed reading that refuses what the real server does not know.

use k8s_openapi::api::{apps, autoscaling, batch, core, policy};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// One kind of object.
#[derive(Debug)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Version.
    pub version: &'static str,
    /// For example `Deployment`.
    pub kind: &'static str,
    /// For example `deployments`.
    pub plural: &'static str,
    /// Whether it lives in a namespace.
    pub namespaced: bool,
    /// Whether a change of its spec counts up `metadata.generation`.
    pub generation: bool,
    /// Reads the object as its type and writes it again; what is lost on the way is not declared.
    pub typed: fn(&Json) -> Result<Json, String>,
}

impl Kind {
    /// `v1` or `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `secrets` or `deployments.apps`, as messages name it.
    #[must_use]
    pub fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }
}

fn typed<T: DeserializeOwned + Serialize>(object: &Json) -> Result<Json, String> {
    let read: T = serde_json::from_value(object.clone()).map_err(|e| e.to_string())?;
    serde_json::to_value(read).map_err(|e| e.to_string())
}

const fn kind<T: DeserializeOwned + Serialize>(
    gvk: [&'static str; 3],
    plural: &'static str,
    namespaced: bool,
    generation: bool,
) -> Kind {
    Kind { group: gvk[0], version: gvk[1], kind: gvk[2], plural, namespaced, generation, typed: typed::<T> }
}

/// All kinds; a namespace is made before what lives in it.
pub static KINDS: [Kind; 15] = [
    kind::<core::v1::Namespace>(["", "v1", "Namespace"], "namespaces", false, false),
    kind::<core::v1::Node>(["", "v1", "Node"], "nodes", false, false),
    kind::<core::v1::Secret>(["", "v1", "Secret"], "secrets", true, false),
    kind::<core::v1::ConfigMap>(["", "v1", "ConfigMap"], "configmaps", true, false),
    kind::<core::v1::ServiceAccount>(["", "v1", "ServiceAccount"], "serviceaccounts", true, false),
    kind::<core::v1::ResourceQuota>(["", "v1", "ResourceQuota"], "resourcequotas", true, false),
    kind::<core::v1::Service>(["", "v1", "Service"], "services", true, false),
    kind::<core::v1::Event>(["", "v1", "Event"], "events", true, false),
    kind::<core::v1::Pod>(["", "v1", "Pod"], "pods", true, true),
    kind::<apps::v1::Deployment>(["apps", "v1", "Deployment"], "deployments", true, true),
    kind::<apps::v1::DaemonSet>(["apps", "v1", "DaemonSet"], "daemonsets", true, true),
    kind::<apps::v1::StatefulSet>(["apps", "v1", "StatefulSet"], "statefulsets", true, true),
    kind::<batch::v1::Job>(["batch", "v1", "Job"], "jobs", true, true),
    kind::<policy::v1::PodDisruptionBudget>(
        ["policy", "v1", "PodDisruptionBudget"],
        "poddisruptionbudgets",
        true,
        true,
    ),
    kind::<autoscaling::v2::HorizontalPodAutoscaler>(
        ["autoscaling", "v2", "HorizontalPodAutoscaler"],
        "horizontalpodautoscalers",
        true,
        false,
    ),
];

/// A kind by its name; the fake's own code names only kinds of the table.
#[must_use]
pub(super) fn named(kind: &str) -> &'static Kind {
    KINDS.iter().find(|k| k.kind == kind).unwrap_or(&KINDS[0])
}

/// A kind by the parts of its path.
#[must_use]
pub(super) fn at(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|k| k.group == group && k.version == version && k.plural == plural)
}

/// The first field of `given` that the typed reading lost: `.spec.replicass`.
#[must_use]
pub(super) fn undeclared(given: &Json, read: &Json, path: &str) -> Option<String> {
    match (given, read) {
        (Json::Object(a), Json::Object(b)) => a.iter().filter(|(_, v)| !v.is_null()).find_map(|(key, value)| {
            let below = format!("{path}.{key}");
            match b.get(key) {
                Some(other) => undeclared(value, other, &below),
                None => Some(below),
            }
        }),
        (Json::Array(a), Json::Array(b)) => a.iter().zip(b).find_map(|(x, y)| undeclared(x, y, path)),
        _ => None,
    }
}
