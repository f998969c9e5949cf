//! Credentials of a container registry.

use mops_core::Secret;
use serde_json::Value as Json;

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
}

impl ArmClient {
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

fn read(body: &Json) -> Result<AdminCredential, ClientError> {
    let missing = |field| ClientError::Unreadable { what: "listCredentials", field };
    let username = body.get("username").and_then(Json::as_str).ok_or_else(|| missing("username"))?;
    let passwords = body.get("passwords").and_then(Json::as_array).ok_or_else(|| missing("passwords"))?;
    let named = |p: &&Json| p.get("name").and_then(Json::as_str) == Some("password");
    let value = passwords.iter().find(named).or_else(|| passwords.first()).and_then(|p| p.get("value"));
    let password = value.and_then(Json::as_str).ok_or_else(|| missing("value of the password"))?;
    Ok(AdminCredential { username: username.to_owned(), password: Secret::from(password) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_password_is_taken_by_name() {
        let body = serde_json::json!({"username": "reg", "passwords": [
            {"name": "password2", "value": "second-canary"}, {"name": "password", "value": "first-canary"}]});
        let credential = read(&body).unwrap();
        assert_eq!((credential.username.as_str(), credential.password.expose().as_str()), ("reg", "first-canary"));
        assert!(!format!("{credential:?}").contains("canary"));
        assert!(read(&serde_json::json!({"username": "reg", "passwords": []})).is_err());
    }
}
