//! Signatures made by the storage service itself, so that no account key leaves Azure.

use mops_core::Secret;
use serde_json::{Value as Json, json};

use super::client::{Action, ArmClient};
use super::id::ResourceId;
use super::version;
use crate::error::ClientError;

/// What a signature allows, until when, and by which key; times are `YYYY-MM-DDThh:mm:ssZ`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SasRequest<'a> {
    /// Permission letters in the order of the service.
    pub permissions: &'a str,
    /// Not before.
    pub start: &'a str,
    /// Not after.
    pub expiry: &'a str,
    /// `key1` or `key2`.
    pub key: &'a str,
    /// A stored policy of the container, with which it ends; not for the whole account.
    pub policy: Option<&'a str>,
}

impl ArmClient {
    /// Signs for one container.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn service_sas(
        &self,
        account: &ResourceId,
        container: &str,
        request: &SasRequest<'_>,
    ) -> Result<Secret<String>, ClientError> {
        let body = service_body(account.name(), container, request);
        self.sign(account, ("listServiceSas", "serviceSasToken"), &body).await
    }

    /// Signs for the blob service of the whole account.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn account_sas(
        &self,
        account: &ResourceId,
        request: &SasRequest<'_>,
    ) -> Result<Secret<String>, ClientError> {
        self.sign(account, ("listAccountSas", "accountSasToken"), &account_body(request)).await
    }

    /// Makes `key1` or `key2` of an account anew: whatever it has signed ends. What the keys are is in the answer, and
    /// goes no further. Not repeated once it may have arrived.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn regenerate_account_key(&self, account: &ResourceId, key: &str) -> Result<(), ClientError> {
        let path = format!("{account}/regenerateKey");
        let body = json!({"keyName": key});
        let started = self.action(&path, version::STORAGE, Some(&body), Action::MakeSecret).await?;
        self.wait(started, &self.silent()).await.map(drop)
    }

    async fn sign(
        &self,
        account: &ResourceId,
        (action, field): (&'static str, &'static str),
        body: &Json,
    ) -> Result<Secret<String>, ClientError> {
        let path = format!("{account}/{action}");
        let started = self.action(&path, version::STORAGE, Some(body), Action::Reveal).await?;
        let answer = self.wait(started, &self.silent()).await?.unwrap_or_default();
        let token = answer.get(field).and_then(Json::as_str).filter(|token| !token.is_empty());
        token.map(|t| Secret::from(t.trim_start_matches('?'))).ok_or(ClientError::Unreadable { what: action, field })
    }
}

fn service_body(account: &str, container: &str, request: &SasRequest<'_>) -> Json {
    let mut body = json!({
        "canonicalizedResource": format!("/blob/{account}/{container}"),
        "signedResource": "c",
        "signedPermission": request.permissions,
        "signedProtocol": "https",
        "signedStart": request.start,
        "signedExpiry": request.expiry,
        "keyToSign": request.key,
    });
    if let Some(policy) = request.policy {
        body["signedIdentifier"] = json!(policy);
    }
    body
}

fn account_body(request: &SasRequest<'_>) -> Json {
    json!({
        "signedServices": "b",
        "signedResourceTypes": "sco",
        "signedPermission": request.permissions,
        "signedProtocol": "https",
        "signedStart": request.start,
        "signedExpiry": request.expiry,
        "keyToSign": request.key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: SasRequest<'static> = SasRequest {
        permissions: "rl",
        start: "2026-01-01T00:00:00Z",
        expiry: "2026-02-01T00:00:00Z",
        key: "key1",
        policy: None,
    };

    #[test]
    fn bodies_name_one_container_or_the_blob_service() {
        let body = service_body("acc", "data", &REQUEST);
        assert_eq!(body["canonicalizedResource"], "/blob/acc/data");
        assert_eq!((body["signedResource"].as_str(), body["signedPermission"].as_str()), (Some("c"), Some("rl")));
        assert!(body.get("signedIdentifier").is_none());
        let body = service_body("acc", "data", &SasRequest { policy: Some("readers"), ..REQUEST });
        assert_eq!(body["signedIdentifier"], "readers");
        let body = account_body(&REQUEST);
        assert_eq!((body["signedServices"].as_str(), body["signedProtocol"].as_str()), (Some("b"), Some("https")));
    }
}
