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
}
