//! Names that are unique in all of Azure: whether one is free, and whether a deleted account still has it.

use serde_json::{Value as Json, json};

use super::client::{Action, ArmClient};
use super::version;
use crate::error::ClientError;

/// A storage account that was deleted and can still be brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// Its name.
    pub name: String,
    /// When it was deleted, as the service writes it.
    pub at: String,
}

impl ArmClient {
    /// Why the name of a registry cannot be had, in the service's words; `None` when it is free.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn registry_name_taken(&self, subscription: &str, name: &str) -> Result<Option<String>, ClientError> {
        let kind = "Microsoft.ContainerRegistry/registries";
        self.taken(subscription, kind, name, version::REGISTRY).await
    }

    /// Why the name of a storage account cannot be had, in the service's words; `None` when it is free.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn account_name_taken(&self, subscription: &str, name: &str) -> Result<Option<String>, ClientError> {
        self.taken(subscription, "Microsoft.Storage/storageAccounts", name, version::STORAGE).await
    }

    async fn taken(
        &self,
        subscription: &str,
        kind: &str,
        name: &str,
        api: &str,
    ) -> Result<Option<String>, ClientError> {
        let (namespace, _) = kind.split_once('/').unwrap_or((kind, ""));
        let path = format!("/subscriptions/{subscription}/providers/{namespace}/checkNameAvailability");
        let body = json!({"name": name, "type": kind});
        let started = self.action(&path, api, Some(&body), Action::Read).await?;
        let answer = self.wait(started, &self.silent()).await?.unwrap_or_default();
        judge(&answer).ok_or(ClientError::Unreadable { what: "checkNameAvailability", field: "nameAvailable" })
    }

    /// The deleted storage accounts of a subscription that can still be brought back.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn deleted_accounts(&self, subscription: &str) -> Result<Vec<Deleted>, ClientError> {
        let path = format!("/subscriptions/{subscription}/providers/Microsoft.Storage/deletedAccounts");
        let rows = self.list(&path, version::STORAGE).await?;
        Ok(rows.iter().filter_map(deleted).collect())
    }
}

/// `None` when the answer says nothing.
fn judge(answer: &Json) -> Option<Option<String>> {
    let text = |field: &str| answer.get(field).and_then(Json::as_str).filter(|text| !text.is_empty());
    let free = answer.get("nameAvailable")?.as_bool()?;
    let why = text("message").or_else(|| text("reason")).unwrap_or("no reason given");
    Some((!free).then(|| why.trim_end_matches('.').to_owned()))
}

fn deleted(row: &Json) -> Option<Deleted> {
    let at = row.pointer("/properties/deletionTime").and_then(Json::as_str).unwrap_or_default();
    Some(Deleted { name: row.get("name")?.as_str()?.to_owned(), at: at.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_free_taken_or_nothing() {
        assert_eq!(judge(&json!({"nameAvailable": true})), Some(None));
        let taken = json!({"nameAvailable": false, "reason": "AlreadyExists", "message": "It is in use."});
        assert_eq!(judge(&taken), Some(Some("It is in use".into())));
        assert_eq!(judge(&json!({"message": "?"})), None);
    }
}
