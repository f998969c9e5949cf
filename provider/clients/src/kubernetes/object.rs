//! Objects by name, and where they are on the server.

use std::fmt;

use kube::core::GroupVersionKind;
use kube::core::discovery::ApiResource;

/// An object as it travels.
pub type Json = serde_json::Value;

/// Kinds outside any namespace that a stack may name.
const CLUSTER_WIDE: [&str; 13] = [
    "Namespace",
    "Node",
    "PersistentVolume",
    "ClusterRole",
    "ClusterRoleBinding",
    "StorageClass",
    "PriorityClass",
    "RuntimeClass",
    "IngressClass",
    "CustomResourceDefinition",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "APIService",
];

/// Kind and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    /// `v1` or `apps/v1`.
    pub api_version: String,
    /// For example `Deployment`.
    pub kind: String,
    /// Absent for kinds outside namespaces.
    pub namespace: Option<String>,
    /// The name; empty when all of the kind are meant.
    pub name: String,
}

impl ObjectRef {
    /// An object in a namespace.
    #[must_use]
    pub fn namespaced(api_version: &str, kind: &str, namespace: &str, name: &str) -> Self {
        Self { namespace: Some(namespace.into()), ..Self::cluster_wide(api_version, kind, name) }
    }

    /// An object outside namespaces.
    #[must_use]
    pub fn cluster_wide(api_version: &str, kind: &str, name: &str) -> Self {
        Self { api_version: api_version.into(), kind: kind.into(), namespace: None, name: name.into() }
    }

    /// The name of an object as written; a namespaced kind without a namespace is in `default`.
    #[must_use]
    pub fn of(object: &Json) -> Self {
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        let (api, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
        match text("/metadata/namespace") {
            _ if CLUSTER_WIDE.contains(&kind) => Self::cluster_wide(api, kind, name),
            "" => Self::namespaced(api, kind, "default", name),
            namespace => Self::namespaced(api, kind, namespace, name),
        }
    }

    /// API group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Plural of the kind in small letters, as RBAC names it: `deployments`.
    #[must_use]
    pub fn resource(&self) -> String {
        let version = self.api_version.rsplit('/').next().unwrap_or_default();
        ApiResource::from_gvk(&GroupVersionKind::gvk(self.group(), version, &self.kind)).plural
    }

    /// The path of all objects of the kind, in the namespace when there is one.
    #[must_use]
    pub fn collection_path(&self) -> String {
        let base = if self.group().is_empty() { "api" } else { "apis" };
        let space = self.namespace.as_ref().map_or_else(String::new, |ns| format!("/namespaces/{ns}"));
        format!("/{base}/{}{space}/{}", self.api_version, self.resource())
    }

    /// The path of the object.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.collection_path(), self.name)
    }

    /// `NAMESPACE/KIND/NAME`, or `KIND/NAME`: what an id or identity ends with.
    #[must_use]
    pub fn id(&self) -> String {
        let space = self.namespace.as_ref().map_or_else(String::new, |ns| format!("{ns}/"));
        format!("{space}{}/{}", self.kind, self.name)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind, self.name)?;
        match &self.namespace {
            Some(namespace) => write!(f, " in namespace `{namespace}`"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_has_its_path() {
        let rows = [
            ("v1", "Secret", "/api/v1/namespaces/n/secrets/x"),
            ("apps/v1", "Deployment", "/apis/apps/v1/namespaces/n/deployments/x"),
            ("policy/v1", "PodDisruptionBudget", "/apis/policy/v1/namespaces/n/poddisruptionbudgets/x"),
            ("networking.k8s.io/v1", "NetworkPolicy", "/apis/networking.k8s.io/v1/namespaces/n/networkpolicies/x"),
            ("networking.k8s.io/v1", "Ingress", "/apis/networking.k8s.io/v1/namespaces/n/ingresses/x"),
            ("v1", "Namespace", "/api/v1/namespaces/x"),
        ];
        for (api, kind, path) in rows {
            let object = json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x", "namespace": "n"}});
            assert_eq!(ObjectRef::of(&object).path(), path);
        }
    }
}
