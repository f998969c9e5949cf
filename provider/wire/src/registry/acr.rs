//! Azure's registry: a directory token becomes a refresh token, which is then a login.

use mops_core::Secret;

use super::challenge::{Challenge, ChallengeError};
use super::client::{Auth, Client};
use super::error::RegistryError;

impl Client {
    /// Signs in with a directory token (audience `https://containerregistry.azure.net`, else ARM's).
    /// The registry's own name for itself comes from its challenge, not from what the user typed. Without a tenant the
    /// registry takes the token's own.
    /// Guarantees that the directory token goes to the registry's own host only.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn sign_in_with_directory_token(
        self,
        tenant: &str,
        token: &Secret<String>,
    ) -> Result<Self, RegistryError> {
        let service = match self.challenge().await? {
            Some(Challenge::Bearer { service, .. }) => service.unwrap_or_else(|| self.origin.host().to_owned()),
            _ => {
                let registry = self.origin.authority();
                return Err(RegistryError::Challenge { registry, why: ChallengeError::Unsupported });
            }
        };
        let refresh = self.exchange_at(&service, tenant, token).await?;
        Ok(self.with_auth(Auth::Refresh(refresh)))
    }
}
