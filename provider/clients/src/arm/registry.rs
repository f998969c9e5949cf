//! Credentials of a container registry.

use mops_core::Secret;
use serde_json::{Value as Json, json};

use super::client::{Action, ArmClient};
use super::id::ResourceId;
use super::version;
use crate::error::ClientError;

/// The registry's own user.
#[derive(Clone, Debug)]
pub struct AdminCredential {
    /// User name; the registry's name.
    pub username: String,
    /// The first password.
    pub password: Secret<String>,
    /// The second one.
    pub password2: Secret<String>,
}

/// A password of a token, told once.
#[derive(Clone, Debug)]
pub struct TokenPassword {
    /// When it was made, as the service writes it.
    pub created: String,
    /// When it ends, as the service writes it; none when it does not end.
    pub expiry: Option<String>,
    /// The password; nobody can ask for it again.
    pub value: Secret<String>,
}

impl ArmClient {
    /// Fills one slot (`password1`, `password2`) of a token with a new password; what was in it opens nothing any
    /// more. `expiry` is RFC 3339. Not repeated once it may have arrived.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn generate_token_password(
        &self,
        token: &ResourceId,
        slot: &str,
        expiry: &str,
    ) -> Result<TokenPassword, ClientError> {
        let registry =
            token.parent().ok_or(ClientError::Unreadable { what: "the id of a token", field: "registry" })?;
        let path = format!("{registry}/generateCredentials");
        let body = json!({"tokenId": token.as_str(), "name": slot, "expiry": expiry});
        let started = self.action(&path, version::REGISTRY, Some(&body), Action::MakeSecret).await?;
        let answer = self.wait(started, &self.silent()).await?.unwrap_or_default();
        read_password(&answer, slot)
    }

    /// Makes `password` or `password2` of a registry's admin user anew: the one before opens nothing any more. What they
    /// are is in the answer, and goes no further. Not repeated once it may have arrived.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn regenerate_registry_password(&self, registry: &ResourceId, name: &str) -> Result<(), ClientError> {
        let path = format!("{registry}/regenerateCredential");
        let started = self.action(&path, version::REGISTRY, Some(&json!({"name": name})), Action::MakeSecret).await?;
        self.wait(started, &self.silent()).await.map(drop)
    }

    /// Lists the credential of a registry's admin user; fails while the admin user is off.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn registry_credentials(&self, registry: &ResourceId) -> Result<AdminCredential, ClientError> {
        let path = format!("{registry}/listCredentials");
        let started = self.action(&path, version::REGISTRY, None, Action::Reveal).await?;
        let body = self.wait(started, &self.silent()).await?.unwrap_or_default();
        read(&body)
    }
}

fn read_password(body: &Json, slot: &str) -> Result<TokenPassword, ClientError> {
    let missing = |field| ClientError::Unreadable { what: "generateCredentials", field };
    let list = body.get("passwords").and_then(Json::as_array).ok_or_else(|| missing("passwords"))?;
    let entry = list.iter().find(|p| p["name"] == slot).ok_or_else(|| missing("password of the slot"))?;
    let text = |field: &str| entry.get(field).and_then(Json::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
    let value = text("value").ok_or_else(|| missing("value of the password"))?;
    Ok(TokenPassword {
        created: text("creationTime").unwrap_or_default(),
        expiry: text("expiry"),
        value: Secret::from(value),
    })
}

fn read(body: &Json) -> Result<AdminCredential, ClientError> {
    let missing = |field| ClientError::Unreadable { what: "listCredentials", field };
    let username = body.get("username").and_then(Json::as_str).ok_or_else(|| missing("username"))?;
    let passwords = body.get("passwords").and_then(Json::as_array).ok_or_else(|| missing("passwords"))?;
    let named = |name: &'static str| {
        let found = passwords.iter().find(|p| p.get("name").and_then(Json::as_str) == Some(name));
        let value = found.and_then(|p| p.get("value")).and_then(Json::as_str);
        value.map(Secret::from).ok_or_else(|| missing("value of a password"))
    };
    Ok(AdminCredential { username: username.to_owned(), password: named("password")?, password2: named("password2")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_the_slot_is_taken_and_not_shown() {
        let body = json!({"username": "pull", "passwords": [
            {"creationTime": "2026-01-01T00:00:00Z", "name": "password1", "value": "first-canary"},
            {"creationTime": "2026-01-02T00:00:00Z", "expiry": "2026-02-01T00:00:00Z", "name": "password2",
             "value": "second-canary"}]});
        let found = read_password(&body, "password2").unwrap();
        assert_eq!(
            (found.value.expose().as_str(), found.expiry.as_deref()),
            ("second-canary", Some("2026-02-01T00:00:00Z"))
        );
        assert!(!format!("{found:?}").contains("canary"));
        let masked = json!({"passwords": [{"name": "password1"}]});
        assert!(read_password(&masked, "password1").is_err() && read_password(&masked, "password2").is_err());
    }

    #[test]
    fn the_first_password_is_taken_by_name() {
        let body = serde_json::json!({"username": "reg", "passwords": [
            {"name": "password2", "value": "second-canary"}, {"name": "password", "value": "first-canary"}]});
        let credential = read(&body).unwrap();
        assert_eq!((credential.username.as_str(), credential.password.expose().as_str()), ("reg", "first-canary"));
        assert_eq!(credential.password2.expose(), "second-canary");
        assert!(!format!("{credential:?}").contains("canary"));
        assert!(read(&serde_json::json!({"username": "reg", "passwords": []})).is_err());
    }
}
