//! Who signs in to Azure: one identity, chosen by what is there, never by trying one after another. Guarantees
//! that the choice and its reason are known (`choice::tests`), and that a token is fetched once however many ask
//! for it together (`tokens::tests`).

mod certificate;
mod choice;
mod claims;
mod failure;
mod oidc;
mod shell;
mod spared;
mod tokens;

use std::sync::Arc;

use azure_core::cloud::CustomConfiguration;
use azure_core::credentials::{Secret as AzureSecret, TokenCredential};
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use mops_core::Secret;
use mops_core::cloud::{AuthKind, AzureAuth, Cloud};
use mops_host::{Env, SharedClock};
use mops_wire::retry::is_no_json;
use mops_wire::{Backoff, Http, Retry};

use crate::error::ClientError;
use crate::transport::{Adapter, find};

pub use choice::{choose, kind_name, others};
pub use claims::Claims;
pub(crate) use failure::SignInFailed;
pub use spared::Spared;
use tokens::Make as _;
pub use tokens::Tokens;

/// The identity that was chosen.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Its tokens.
    pub tokens: Arc<Tokens>,
    /// Which kind; never `Auto`.
    pub kind: AuthKind,
    /// Why this one, in words.
    pub why: String,
}

impl Chosen {
    /// A token for a scope.
    ///
    /// # Errors
    /// When signing in fails; the message names the identity.
    pub async fn token(&self, scope: &str) -> Result<Secret<String>, ClientError> {
        self.tokens.token(scope).await.map_err(|error| {
            find::<SignInFailed>(error).map_or_else(
                |other| ClientError::SignIn {
                    identity: kind_name(self.kind).to_owned(),
                    reason: other.kind().to_string(),
                },
                ClientError::from,
            )
        })
    }
}

/// Chooses the identity and prepares it; nothing is sent yet.
///
/// # Errors
/// When something that the identity needs is missing, or this version does not have its kind.
pub fn credential(
    cloud: &Cloud,
    auth: &AzureAuth,
    env: &Env,
    http: Http,
    clock: SharedClock,
) -> Result<Chosen, ClientError> {
    let (kind, why) = choice::choose(auth, env);
    let clocked = Arc::clone(&clock);
    let needs = Needs { cloud: cloud.clone(), auth: auth.clone(), env: env.clone(), kind, http, clock: clocked };
    // What is missing is said now, not with the first token.
    needs.make()?;
    let tokens = Arc::new(Tokens::new(Box::new(needs), kind_name(kind), clock));
    Ok(Chosen { tokens, kind, why })
}

struct Needs {
    cloud: Cloud,
    auth: AzureAuth,
    env: Env,
    kind: AuthKind,
    http: Http,
    clock: SharedClock,
}

impl tokens::Make for Needs {
    fn make(&self) -> Result<Arc<dyn TokenCredential>, ClientError> {
        match self.kind {
            AuthKind::ServicePrincipal => self.service_principal(),
            AuthKind::WorkloadIdentity => self.workload_identity(),
            AuthKind::ManagedIdentity => self.managed_identity(),
            AuthKind::Cli | AuthKind::Auto => self.cli(),
            AuthKind::Certificate => self.certificate(),
            AuthKind::Oidc => self.oidc(),
        }
    }

    /// A secret, or a token that somebody renews; certificates and the sign-ins of others count as one that stays.
    fn reads(&self) -> Option<Secret<String>> {
        match self.kind {
            AuthKind::ServicePrincipal => self.secret().ok(),
            AuthKind::WorkloadIdentity => {
                let file = self.env.get("AZURE_FEDERATED_TOKEN_FILE")?;
                mops_host::fsx::read(&self.env.path(file))
                    .ok()
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .map(Secret::new)
            }
            _ => None,
        }
    }
}

impl Needs {
    fn service_principal(&self) -> Result<Arc<dyn TokenCredential>, ClientError> {
        let (tenant, client) = (self.tenant()?, self.client()?);
        let secret = AzureSecret::new(self.secret()?.into_exposed());
        let options = ClientSecretCredentialOptions { client_options: self.options() };
        Ok(ClientSecretCredential::new(&tenant, client, secret, Some(options)).map_err(|e| self.bad(&e))?)
    }

    fn workload_identity(&self) -> Result<Arc<dyn TokenCredential>, ClientError> {
        let options = WorkloadIdentityCredentialOptions {
            credential_options: ClientAssertionCredentialOptions { client_options: self.options() },
            client_id: Some(self.client()?),
            tenant_id: Some(self.tenant()?),
            token_file_path: Some(self.need(None, "AZURE_FEDERATED_TOKEN_FILE", "token file")?.into()),
        };
        Ok(WorkloadIdentityCredential::new(Some(options)).map_err(|e| self.bad(&e))?)
    }

    fn certificate(&self) -> Result<Arc<dyn TokenCredential>, ClientError> {
        let (tenant, client) = (self.tenant()?, self.client()?);
        let Some(file) = &self.auth.certificate_file else {
            return Err(ClientError::Configuration {
                summary: "signing in with `certificate` needs a certificate file".to_owned(),
                hint: "name it as `certificate_file` in the section `azure`".to_owned(),
            });
        };
        let audience = format!("{}/{tenant}/oauth2/v2.0/token", self.cloud.authority.trim_end_matches('/'));
        let clock = Arc::clone(&self.clock);
        let assertion = certificate::Signer::read(file, audience, client.clone(), clock)?;
        self.by_assertion(tenant, client, assertion)
    }

    fn oidc(&self) -> Result<Arc<dyn TokenCredential>, ClientError> {
        let (tenant, client) = (self.tenant()?, self.client()?);
        let url = self.need(None, "ACTIONS_ID_TOKEN_REQUEST_URL", "token address of the workflow")?;
        let token = self.need(None, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "token for that address")?;
        let assertion = oidc::Workflow::new(self.http.clone(), &url, &Secret::new(token))?;
        self.by_assertion(tenant, client, assertion)
    }

    fn by_assertion(
        &self,
        tenant: String,
        client: String,
        assertion: impl ClientAssertion + 'static,
    ) -> Result<Arc<dyn TokenCredential>, ClientError> {
        let options = ClientAssertionCredentialOptions { client_options: self.options() };
        Ok(ClientAssertionCredential::new(tenant, client, assertion, Some(options)).map_err(|e| self.bad(&e))?)
    }

    fn managed_identity(&self) -> Result<Arc<dyn TokenCredential>, ClientError> {
        let id = self.auth.client_id.clone().or_else(|| self.env.get("AZURE_CLIENT_ID").map(str::to_owned));
        let options = ManagedIdentityCredentialOptions {
            user_assigned_id: id.map(UserAssignedId::ClientId),
            client_options: self.options(),
        };
        Ok(ManagedIdentityCredential::new(Some(options)).map_err(|e| self.bad(&e))?)
    }

    fn cli(&self) -> Result<Arc<dyn TokenCredential>, ClientError> {
        let options = AzureCliCredentialOptions {
            tenant_id: self.auth.tenant_id.clone().or_else(|| self.env.get("AZURE_TENANT_ID").map(str::to_owned)),
            subscription: self.env.get("AZURE_SUBSCRIPTION_ID").map(str::to_owned),
            executor: Some(Arc::new(shell::Shell::new(&self.env))),
        };
        Ok(AzureCliCredential::new(Some(options)).map_err(|e| self.bad(&e))?)
    }

    fn tenant(&self) -> Result<String, ClientError> {
        self.need(self.auth.tenant_id.as_ref(), "AZURE_TENANT_ID", "tenant id")
    }

    fn client(&self) -> Result<String, ClientError> {
        self.need(self.auth.client_id.as_ref(), "AZURE_CLIENT_ID", "client id")
    }

    fn secret(&self) -> Result<Secret<String>, ClientError> {
        let source = match &self.auth.client_secret {
            Some(source) => source.clone(),
            None => mops_core::Source::FromEnv("AZURE_CLIENT_SECRET".to_owned()),
        };
        mops_host::source::resolve(&source, &self.env).map_err(|error| ClientError::Configuration {
            summary: format!("no client secret: {error}"),
            hint: error.hint_text().unwrap_or("set `AZURE_CLIENT_SECRET`").to_owned(),
        })
    }

    /// A value from the stack file, else from its variable.
    fn need(&self, given: Option<&String>, variable: &str, what: &str) -> Result<String, ClientError> {
        let value = given.cloned().or_else(|| self.env.get(variable).map(str::to_owned));
        value.ok_or_else(|| ClientError::Configuration {
            summary: format!("signing in with `{}` needs a {what}", kind_name(self.kind)),
            hint: format!("set `{variable}`, or name it in the section `azure`"),
        })
    }

    /// Our transport and the configured sign-in host; `AZURE_AUTHORITY_HOST` never decides.
    fn options(&self) -> ClientOptions {
        let mut custom = CustomConfiguration::default();
        custom.authority_host.clone_from(&self.cloud.authority);
        // A token request takes no credential header, and repeating it makes just another token.
        let adapter = Adapter {
            http: self.http.clone(),
            credential_for: None,
            metadata_service: self.kind == AuthKind::ManagedIdentity,
            retry: Retry::Idempotent,
            backoff: Backoff::default(),
            transient: Some(is_no_json),
        };
        ClientOptions {
            transport: Some(Transport::new(Arc::new(adapter))),
            retry: RetryOptions::none(),
            cloud: Some(Arc::new(custom.into())),
            ..ClientOptions::default()
        }
    }

    fn bad(&self, error: &azure_core::Error) -> ClientError {
        ClientError::Configuration {
            summary: format!("signing in with `{}` cannot be prepared: {error}", kind_name(self.kind)),
            hint: "check tenant, client id and token file".to_owned(),
        }
    }
}
