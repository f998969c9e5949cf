//! Which cluster is meant.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A cluster by its ARM id, or by a kubeconfig and a context in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ClusterRef {
    /// A managed cluster; its user credential is fetched when needed.
    Arm {
        /// ARM id of the cluster.
        cluster_id: String,
    },
    /// A cluster that a kubeconfig describes.
    Kubeconfig {
        /// Path of the file.
        kubeconfig: String,
        /// Context in it; the current one when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context: Option<String>,
    },
}

impl ClusterRef {
    /// The cluster that has this text, the first part of an identity.
    #[must_use]
    pub fn named_by(text: &str) -> Self {
        if text.to_ascii_lowercase().starts_with("/subscriptions/") {
            return Self::Arm { cluster_id: text.to_owned() };
        }
        let (file, context) = text.split_once('#').map_or((text, None), |(file, context)| (file, Some(context)));
        Self::Kubeconfig { kubeconfig: file.to_owned(), context: context.map(str::to_owned) }
    }
}

impl fmt::Display for ClusterRef {
    /// A text that is equal for equal clusters: first part of identities and lanes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // ARM ids compare without case
            Self::Arm { cluster_id } => f.write_str(&cluster_id.to_lowercase()),
            Self::Kubeconfig { kubeconfig, context: None } => f.write_str(kubeconfig),
            Self::Kubeconfig { kubeconfig, context: Some(context) } => write!(f, "{kubeconfig}#{context}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_forms_read_and_nothing_else() {
        let read = |j| serde_json::from_value::<ClusterRef>(j);
        assert!(matches!(read(json!({"clusterId": "/x"})), Ok(ClusterRef::Arm { .. })));
        assert!(matches!(read(json!({"kubeconfig": "k", "context": "c"})), Ok(ClusterRef::Kubeconfig { .. })));
        assert!(read(json!({"clusterId": "/x", "context": "c"})).is_err());
        assert_eq!(read(json!({"clusterId": "/X"})).unwrap().to_string(), "/x");
    }

    #[test]
    fn a_text_names_the_cluster_that_gave_it() {
        for text in ["/subscriptions/s/resourcegroups/g", "/home/a/.kube/config", "config#of b"] {
            assert_eq!(ClusterRef::named_by(text).to_string(), text);
        }
        assert!(matches!(ClusterRef::named_by("/subscriptions/s"), ClusterRef::Arm { .. }));
    }
}
