//! Access to a managed cluster: fetched when needed, never stored.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::Secret;
use serde_json::Value as Json;

use super::client::{Action, ArmClient};
use super::id::ResourceId;
use super::version;
use crate::error::ClientError;

impl ArmClient {
    /// The user's kubeconfig of a managed cluster, as YAML.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn user_kubeconfig(&self, cluster_id: &str) -> Result<Secret<String>, ClientError> {
        let path = format!("{}/listClusterUserCredential", ResourceId::parse(cluster_id)?);
        let started = self.action(&path, version::CLUSTER, None, Action::Reveal).await?;
        let body = self.wait(started, &self.silent()).await?.unwrap_or_default();
        read(&body)
    }
}

fn read(body: &Json) -> Result<Secret<String>, ClientError> {
    let missing = |field| ClientError::Unreadable { what: "listClusterUserCredential", field };
    let configs = body.get("kubeconfigs").and_then(Json::as_array).ok_or_else(|| missing("kubeconfigs"))?;
    let named = |c: &&Json| c.get("name").and_then(Json::as_str) == Some("clusterUser");
    let value = configs.iter().find(named).or_else(|| configs.first()).and_then(|c| c.get("value"));
    let bytes = value.and_then(Json::as_str).and_then(|text| STANDARD.decode(text).ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Secret::new).ok_or_else(|| missing("readable kubeconfig"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_config_is_decoded() {
        let value = STANDARD.encode("apiVersion: v1");
        let body = serde_json::json!({"kubeconfigs": [{"name": "other", "value": "!"}, {"name": "clusterUser", "value": value}]});
        assert_eq!(read(&body).unwrap().expose(), "apiVersion: v1");
        assert!(read(&serde_json::json!({"kubeconfigs": [{"value": "!"}]})).is_err());
    }
}
