//! What resources may use: clients, clock and environment. Clients are made at their first use, so
//! that a preview of an empty stack opens no connection and starts no sign-in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mops_clients::arm::ArmClient;
use mops_clients::delegation::{self, DelegatedSas};
use mops_clients::identity::{self, Chosen, Claims, Spared};
use mops_clients::kubernetes::{self, Access, AzureToken, ClusterRef, Kubernetes};
use mops_clients::novita::Novita;
use mops_core::cloud::{AzureAuth, Cloud};
use mops_core::source::{CredentialField, RegistryCredential};
use mops_core::{Cancel, Class, Error, Secret, SecretInput, Source};
use mops_host::{Env, SharedClock, fsx};
use mops_wire::{ConnectMap, Http, HttpConfig, ProxySettings, Url};
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

impl Config {
    /// Clients that reach a cloud as the environment says: the cloud's own roots and addresses, and the user's proxy.
    ///
    /// # Errors
    /// When `ca_file` cannot be read, or `connect` names something off this machine.
    pub fn reaching(cloud: Cloud, auth: AzureAuth, env: Env, clock: SharedClock) -> Result<Self, Error> {
        let connect = ConnectMap::new(cloud.connect.clone())
            .map_err(|error| Error::new(Class::User, error.to_string()).hint("mend `connect` of the cloud"))?;
        let (roots, proxy) = (roots(&cloud, &env)?, ProxySettings::from_env(&env));
        let http = HttpConfig { roots, connect, proxy, clock: Arc::clone(&clock), ..HttpConfig::new() };
        Ok(Self { cloud, auth, env, clock, http })
    }
}

/// The roots that a cloud adds to the system's.
fn roots(cloud: &Cloud, env: &Env) -> Result<Vec<Vec<u8>>, Error> {
    let Some(path) = &cloud.ca_file else { return Ok(Vec::new()) };
    let path = env.path(&path.display().to_string());
    let pem = fsx::read(&path).map_err(|error| {
        Error::new(Class::User, format!("`ca_file` {} cannot be read: {}", path.display(), fsx::reason(&error)))
            .hint("mend `ca_file` of the cloud")
    })?;
    Ok(vec![pem])
}

/// A name and password, as a registry lists them.
#[derive(Clone, Debug)]
pub struct Login {
    /// User name.
    pub username: String,
    /// First password.
    pub password: Secret<String>,
    /// Second password.
    pub password2: Secret<String>,
}

/// One value a key, made once, however many ask for it at the same time.
pub(crate) type Shared<T> = Mutex<HashMap<String, Arc<OnceCell<T>>>>;

/// The one cell of a key.
pub(crate) fn cell<T>(shared: &Shared<T>, key: &str) -> Arc<OnceCell<T>> {
    let mut map = shared.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(map.entry(key.to_owned()).or_default())
}

fn pipeline(config: &Config) -> Result<Http, Error> {
    Http::new(config.http.clone())
        .map_err(|e| Error::new(e.class(), "no connection can be made").note(e.to_string()).caused_by(e))
}

/// Who signs in for the run.
#[derive(Default)]
struct Identity {
    kept: OnceLock<Chosen>,
    spared: Option<Arc<Spared>>,
}

/// The identity of the run, chosen once.
fn chosen(config: &Config, Identity { kept, spared }: &Identity) -> Result<Chosen, Error> {
    if let Some(chosen) = kept.get() {
        return Ok(chosen.clone());
    }
    let Config { cloud, auth, env, clock, .. } = config;
    let made = identity::credential(cloud, auth, env, pipeline(config)?, Arc::clone(clock)).map_err(Error::from)?;
    if let Some(spared) = spared {
        made.tokens.spare(Arc::clone(spared));
    }
    Ok(kept.get_or_init(|| made).clone())
}

/// The clients of one run. Cheap until used.
pub struct Services {
    config: Config,
    identity: Arc<Identity>,
    arm: OnceLock<ArmClient>,
    clusters: Shared<Kubernetes>,
    logins: Shared<Login>,
    novitas: Shared<Novita>,
}

impl Services {
    /// Clients over this configuration; nothing is opened yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            identity: Arc::default(),
            arm: OnceLock::new(),
            clusters: Mutex::default(),
            logins: Mutex::default(),
            novitas: Mutex::default(),
        }
    }

    /// The same for one of many runs of a process: a sign-in that was refused in an earlier one is spared.
    #[must_use]
    pub fn sparing(self, spared: Arc<Spared>) -> Self {
        Self { identity: Arc::new(Identity { kept: OnceLock::new(), spared: Some(spared) }), ..self }
    }

    /// A pipeline of its own for a service that no client here is made for.
    pub(crate) fn pipeline(&self) -> Result<Http, Error> {
        pipeline(&self.config)
    }

    /// The clients of Novita, by the hash of their keys.
    pub(crate) const fn novitas(&self) -> &Shared<Novita> {
        &self.novitas
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

    /// The endpoints.
    pub const fn cloud(&self) -> &Cloud {
        &self.config.cloud
    }

    /// What plain comparisons may look at.
    #[must_use]
    pub fn offline(&self, preview: bool) -> Offline<'_> {
        Offline { now: self.config.clock.now(), env: &self.config.env, preview }
    }

    /// Signs in for Resource Manager and says whom the token was given to; Resource Manager itself is not asked.
    ///
    /// # Errors
    /// When no identity can be chosen, or it cannot sign in; the message has the directory's code.
    pub async fn sign_in(&self) -> Result<Claims, Error> {
        let chosen = chosen(&self.config, &self.identity)?;
        Ok(Claims::of(&chosen.token(&self.config.cloud.arm_scope).await?))
    }

    /// A token of the directory for another service than Resource Manager.
    ///
    /// # Errors
    /// As [`Services::sign_in`].
    pub async fn token(&self, scope: &str) -> Result<Secret<String>, Error> {
        let chosen = chosen(&self.config, &self.identity)?;
        Ok(chosen.token(scope).await?)
    }

    /// Resource Manager, signed in lazily.
    ///
    /// # Errors
    /// When no identity can be chosen; the message says which was taken and what it lacks.
    pub fn arm(&self) -> Result<&ArmClient, Error> {
        if let Some(arm) = self.arm.get() {
            return Ok(arm);
        }
        let chosen = chosen(&self.config, &self.identity)?;
        let http = self.pipeline()?;
        let Config { cloud, clock, .. } = &self.config;
        let arm = ArmClient::new(cloud, chosen.tokens, http, Arc::clone(clock)).map_err(Error::from)?;
        Ok(self.arm.get_or_init(|| arm))
    }

    /// A signature for a container, made with a key of the identity of the run.
    ///
    /// # Errors
    /// When no identity can be chosen, or it may not sign for blobs.
    pub async fn delegated_sas(
        &self,
        endpoint: &Url,
        wanted: &DelegatedSas<'_>,
        cancel: &Cancel,
    ) -> Result<Secret<String>, Error> {
        let chosen = chosen(&self.config, &self.identity)?;
        delegation::delegated_sas(&chosen, &self.pipeline()?, endpoint, wanted, cancel).await
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
        let access = match cluster {
            ClusterRef::Arm { cluster_id } => {
                let kubeconfig = self.arm()?.user_kubeconfig(cluster_id).await?;
                Access::from_text(&format!("`{cluster_id}`"), &kubeconfig, None, Some(self.entra()))?
            }
            ClusterRef::Kubeconfig { kubeconfig, context } => {
                let path = self.config.env.path(kubeconfig);
                Access::from_file(&path.to_string_lossy(), context.as_deref(), Some(self.entra()))?
            }
        };
        Ok(Kubernetes::over(&access, &self.config.http)?)
    }

    /// Tokens for clusters that sign in with Entra; the identity is chosen at the first one.
    fn entra(&self) -> AzureToken {
        let (config, identity) = (self.config.clone(), Arc::clone(&self.identity));
        Arc::new(move |refused| match chosen(&config, &identity) {
            Ok(chosen) => kubernetes::entra(&chosen)(refused),
            Err(error) => Box::pin(async { Err(error) }),
        })
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
                    CredentialField::Password2 => login.password2,
                })
            }
            SecretInput::Source(source) => mops_host::source::resolve(source, &self.config.env),
        }
    }
}
