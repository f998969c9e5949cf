//! What resources may use: clients, clock and environment. Clients are made at their first use, so
//! that a preview of an empty stack opens no connection and starts no sign-in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mops_clients::arm::ArmClient;
use mops_clients::identity;
use mops_clients::kubernetes::{ClusterRef, Kubernetes};
use mops_core::cloud::{AzureAuth, Cloud};
use mops_core::source::{CredentialField, RegistryCredential};
use mops_core::{Class, Error, Secret, SecretInput, Source};
use mops_host::{Env, SharedClock};
use mops_wire::{Http, HttpConfig};
use tokio::sync::OnceCell;

use crate::resource::Offline;

/// What the clients are made from.
#[derive(Clone)]
pub struct Config {
    /// Endpoints.
    pub cloud: Cloud,
    /// Identity.
    pub auth: AzureAuth,
    /// Variables of identities and secret sources.
    pub env: Env,
    /// Time.
    pub clock: SharedClock,
    /// How to reach services; the cloud's `ca_file` and `connect` are already in it.
    pub http: HttpConfig,
}

/// A name and password, as a registry lists them.
#[derive(Clone, Debug)]
pub struct Login {
    /// User name.
    pub username: String,
    /// First password.
    pub password: Secret<String>,
}

/// One value a key, made once, however many ask for it at the same time.
type Shared<T> = Mutex<HashMap<String, Arc<OnceCell<T>>>>;

fn cell<T>(shared: &Shared<T>, key: &str) -> Arc<OnceCell<T>> {
    let mut map = shared.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(map.entry(key.to_owned()).or_default())
}

/// The clients of one run. Cheap until used.
pub struct Services {
    config: Config,
    arm: OnceLock<ArmClient>,
    clusters: Shared<Kubernetes>,
    logins: Shared<Login>,
}

impl Services {
    /// Clients over this configuration; nothing is opened yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, arm: OnceLock::new(), clusters: Mutex::default(), logins: Mutex::default() }
    }

    /// Time.
    pub fn clock(&self) -> &SharedClock {
        &self.config.clock
    }

    /// Variables.
    pub const fn env(&self) -> &Env {
        &self.config.env
    }

    /// How services are reached, for clients of their own.
    pub const fn http(&self) -> &HttpConfig {
        &self.config.http
    }

    /// What plain comparisons may look at.
    #[must_use]
    pub fn offline(&self, preview: bool) -> Offline<'_> {
        Offline { now: self.config.clock.now(), env: &self.config.env, preview }
    }

    /// Resource Manager, signed in lazily.
    ///
    /// # Errors
    /// When no identity can be chosen; the message says which was taken and what it lacks.
    pub fn arm(&self) -> Result<&ArmClient, Error> {
        if let Some(arm) = self.arm.get() {
            return Ok(arm);
        }
        let Config { cloud, auth, env, clock, http } = &self.config;
        let http = Http::new(http.clone())
            .map_err(|e| Error::new(e.class(), "no connection can be made").note(e.to_string()).caused_by(e))?;
        let chosen = identity::credential(cloud, auth, env, http.clone(), Arc::clone(clock)).map_err(Error::from)?;
        let arm = ArmClient::new(cloud, chosen.credential, http, Arc::clone(clock)).map_err(Error::from)?;
        Ok(self.arm.get_or_init(|| arm))
    }

    /// The API server of a cluster; its credential is fetched once a run and never stored.
    ///
    /// # Errors
    /// When the credential cannot be read or the kubeconfig cannot be used.
    pub async fn kubernetes(&self, cluster: &ClusterRef) -> Result<Kubernetes, Error> {
        let cell = cell(&self.clusters, &cluster.to_string());
        cell.get_or_try_init(|| self.connect(cluster)).await.cloned()
    }

    async fn connect(&self, cluster: &ClusterRef) -> Result<Kubernetes, Error> {
        match cluster {
            ClusterRef::Arm { cluster_id } => {
                let kubeconfig = self.arm()?.user_kubeconfig(cluster_id).await?;
                Kubernetes::connect(&kubeconfig, None, &self.config.http).await.map_err(Error::from)
            }
            ClusterRef::Kubeconfig { kubeconfig, context } => {
                let path = self.config.env.path(kubeconfig);
                let text = mops_host::fsx::read_text(&path).map_err(|e| {
                    Error::new(Class::User, format!("kubeconfig `{}` cannot be read", path.display())).caused_by(e)
                })?;
                let text = Secret::new(text);
                Kubernetes::connect(&text, context.as_deref(), &self.config.http).await.map_err(Error::from)
            }
        }
    }

    /// The admin credential of a registry, listed once a run.
    ///
    /// # Errors
    /// When it cannot be listed: the admin user is off, or the right is missing.
    pub async fn registry_login(&self, registry_id: &str) -> Result<Login, Error> {
        let cell = cell(&self.logins, &registry_id.to_ascii_lowercase());
        cell.get_or_try_init(|| async { crate::azure::container_registry::list_credentials(self, registry_id).await })
            .await
            .cloned()
    }

    /// The value of a secret input, wherever it is.
    ///
    /// # Errors
    /// When its source is absent, too short for a fingerprint, or cannot be read.
    pub async fn resolve(&self, input: &SecretInput) -> Result<Secret<String>, Error> {
        match input {
            SecretInput::Value(secret) => Ok(secret.clone()),
            SecretInput::Source(Source::FromRegistry(RegistryCredential { registry_id, field })) => {
                let login = self.registry_login(registry_id).await?;
                Ok(match field {
                    CredentialField::Username => Secret::new(login.username),
                    CredentialField::Password => login.password,
                })
            }
            SecretInput::Source(source) => mops_host::source::resolve(source, &self.config.env),
        }
    }
}
