//! Azure's registry: a directory token becomes a refresh token, which is then a login.

use mops_core::Secret;

use super::access::Access;
use super::challenge::{Challenge, ChallengeError};
use super::client::{Auth, Client};
use super::content::pull_scope;
use super::error::RegistryError;
use super::reference::Reference;
use super::token::Wanted;

/// The scope of the directory token that Azure's registries take, in every cloud.
pub const DIRECTORY_SCOPE: &str = "https://containerregistry.azure.net/.default";

/// Whether a host is a registry of Azure's, in one of its clouds: these take tokens of its directory, and keep layers at
/// data hosts of their own.
#[must_use]
pub fn is_azure(host: &str) -> bool {
    [".azurecr.io", ".azurecr.cn", ".azurecr.us"].iter().any(|suffix| host.ends_with(suffix))
}

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

    /// Trades the login for an access token to pull from a repository, keeps it for the requests that follow, and says
    /// what it opens; nothing when the token does not say it.
    ///
    /// # Errors
    /// See [`RegistryError`]; a login without a right to the repository may be `Refused`.
    pub async fn access(&self, challenge: &Challenge, of: &Reference) -> Result<Option<Access>, RegistryError> {
        let Challenge::Bearer { realm, service, .. } = challenge else {
            let registry = self.origin.authority();
            return Err(RegistryError::Challenge { registry, why: ChallengeError::Unsupported });
        };
        let scope = pull_scope(of.repository());
        let token = self.token(&Wanted { realm, service: service.as_deref(), scope: &scope }).await?;
        Ok(Access::read(&token, of.repository()))
    }
}
