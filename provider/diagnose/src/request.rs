//! What a run is asked to look at, and what it may use for it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mops_core::{Cancel, Nonce, Secret};
use mops_host::{Env, SharedClock, random};
use mops_probe::checks;
use mops_wire::{Http, Logins};
use time::OffsetDateTime;

use crate::chosen::Chosen;
use crate::observed::Vantage;
use crate::smoke::SmokeTest;

/// Default of [`Request::selector`].
pub const SELECTOR: &str = "app=dask-worker";
/// Default of [`Request::vantages`].
const USUAL: [Vantage; 3] = [Vantage::W, Vantage::P, Vantage::N];
/// Default of [`ProbeImage::image`]; `MOPS_PROBE_IMAGE` or `--probe-image` replaces it.
pub const PROBE_IMAGE: &str = "ghcr.io/modelops/mops-probe:0.1.0";

/// A pool that state or ARM knows; the union with the nodes' labels is reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownPool {
    /// Its name, the value of the node label `agentpool`.
    pub name: String,
    /// Limits of its autoscaler, when it has one.
    pub autoscale: Option<(u32, u32)>,
    /// Whether its nodes run Windows, for which there is no probe.
    pub windows: bool,
    /// The taints of its nodes, `KEY=VALUE:EFFECT`.
    pub taints: Vec<String>,
}

/// The image of the probe, and how it reaches a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeImage {
    /// Its reference.
    pub image: String,
    /// The pull secret of the image itself, in the workload's namespace.
    pub pull_secret: Option<String>,
    /// One that is tried in the probe's namespace when the image cannot be pulled without it.
    pub fallback_secret: Option<String>,
    /// Hosts at loopback addresses; sandbox only (`Cloud::connect`).
    pub connect: Vec<(String, SocketAddr)>,
    /// The sandbox's CA, as a path on the machine that runs the probe (`Cloud::ca_file`).
    pub ca_file: Option<PathBuf>,
}

impl ProbeImage {
    /// The image that `MOPS_PROBE_IMAGE` names, else the default.
    #[must_use]
    pub fn of(env: &Env) -> Self {
        let image = env.get("MOPS_PROBE_IMAGE").unwrap_or(PROBE_IMAGE).to_owned();
        Self { image, ..Self::default() }
    }
}

impl Default for ProbeImage {
    fn default() -> Self {
        Self {
            image: PROBE_IMAGE.to_owned(),
            pull_secret: None,
            fallback_secret: None,
            connect: Vec::new(),
            ca_file: None,
        }
    }
}

/// What ARM says about the registry's own credential. Used from the workstation only; a run that looks never carries it
/// into the cluster. What mends a secret that should hold it writes it there, as the stack itself does.
#[derive(Clone, Debug, Default)]
pub enum ArmView {
    /// Nobody asked, with the reason.
    #[default]
    NotAsked,
    /// ARM refused, in a few words.
    Unreadable(String),
    /// The admin user is switched off.
    AdminDisabled,
    /// The credential that the pods are meant to have: what `listCredentials` gives, or that of the stack's token.
    Credentials {
        /// The user.
        username: String,
        /// Its current passwords.
        passwords: Vec<Secret<String>>,
    },
}

/// The directory that knows the stack's service principal.
#[derive(Clone, Debug)]
pub struct Directory {
    /// The sign-in host.
    pub authority: String,
    /// The directory.
    pub tenant: String,
    /// What a token is asked for.
    pub scope: String,
}

/// What ARM says about the registry's token of the stack.
#[derive(Clone, Debug)]
pub struct TokenView {
    /// Whether it may sign in at all.
    pub enabled: bool,
    /// When its password ends; `None` when it does not, or nobody says.
    pub ends: Option<OffsetDateTime>,
    /// What its scope map allows: `repositories/NAME/content/read`.
    pub actions: Vec<String>,
}

/// The identity that the stack gives its workers.
#[derive(Clone, Debug)]
pub struct IdentityView {
    /// Its client id.
    pub client_id: String,
    /// What ARM says about its trust in their service account.
    pub trust: Trust,
}

/// Whether an identity trusts whom the stack wants it to trust.
#[derive(Clone, Debug)]
pub enum Trust {
    /// ARM was not readable, in a few words.
    Unknown(String),
    /// It does not, in a few words.
    Differs(String),
    /// It does.
    Matches {
        /// Since a few minutes, which the directory may not know of everywhere.
        young: bool,
    },
}

/// The proxy that a cluster is set up with; its address holds no login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterProxy {
    /// For TLS.
    pub https: String,
    /// Hosts that do not pass it, in the form of `NO_PROXY`.
    pub none: Vec<String>,
}

/// What to look at. Start from [`Request::new`].
#[derive(Clone, Debug)]
pub struct Request {
    /// Random; also the label `modelops.io/run` of the probe pods. Lower-case letters and digits.
    pub run: String,
    /// With it all places hash the keys that are compared; of this run alone, or of those that repeat it.
    pub nonce: Nonce,
    /// What is known of logins, where the run is repeated; under the same nonce.
    pub logins: Option<Logins>,
    /// The environment, for the report.
    pub env: String,
    /// The cluster, for the report.
    pub context: String,
    /// Namespace of the workload.
    pub namespace: String,
    /// Label selector of the workload.
    pub selector: String,
    /// Pods by name, in place of all that have the labels.
    pub chosen: Vec<Chosen>,
    /// When no pod has these labels, whichever pod waits for its image or its configuration is looked at.
    pub whoever_waits: bool,
    /// Which container; default: annotation, `worker`, the first.
    pub container: Option<String>,
    /// Login server, a bare host.
    pub registry: Option<String>,
    /// Further registries whose images are looked up.
    pub other_registries: Vec<String>,
    /// Whether a registry of a worker's image that is not named here is left alone.
    pub named_registries_only: bool,
    /// The stack's secret with the environment.
    pub env_secret: Option<String>,
    /// The stack's pull secret.
    pub pull_secret: Option<String>,
    /// Containers that the worker's SAS must be able to list; `VARIABLE=CONTAINER` for one whose
    /// connection string is not in `AZURE_STORAGE_CONNECTION_STRING`.
    pub containers: Vec<String>,
    /// Images to look up beside the workers' own.
    pub images: Vec<String>,
    /// What workers fetch with the credential of their environment: an artefact by its reference.
    pub bundle: Option<String>,
    /// Namespaces in which a secret that is absent may be instead.
    pub search_namespaces: Vec<String>,
    /// Whether the registry is asked with an invented login, which it must refuse.
    pub negative_probe: bool,
    /// Models of NGC, `ORG[/TEAM]/NAME:VERSION`.
    pub models: Vec<String>,
    /// Pools by state or ARM.
    pub pools: Vec<KnownPool>,
    /// Only these pools; empty for all.
    pub only_pools: Vec<String>,
    /// From where registry and storage are asked; the cluster's own objects are read in any case.
    pub vantages: Vec<Vantage>,
    /// From how many nodes of a pool pods look.
    pub per_pool: usize,
    /// Most probe pods.
    pub max_pods: usize,
    /// The probe's image.
    pub probe: ProbeImage,
    /// Where probes of nodes run, which some namespaces do not allow; none for the workload's own.
    pub probe_namespace: Option<String>,
    /// The client id of the identity with which the nodes pull, by ARM.
    pub kubelet: Option<String>,
    /// The registry's own credential.
    pub arm: ArmView,
    /// Who knows the registry's user, when that is a service principal.
    pub directory: Option<Directory>,
    /// The registry's token, when pods sign in with one.
    pub token: Option<TokenView>,
    /// The identity of the workers, when they sign in as one.
    pub identity: Option<IdentityView>,
    /// The cluster's own proxy.
    pub proxy: Option<ClusterProxy>,
    /// The stack file as the user named it, for suggested commands.
    pub stack_file: Option<String>,
    /// What a smoke test pushes; nothing without it.
    pub smoke: Option<SmokeTest>,
    /// Whether a worker must be refused to write (S4).
    pub verify_readonly: bool,
    /// How long a pool without nodes may need to get one; it is left at zero without that.
    pub scale_up: Option<Duration>,
    /// Longest time of one request of a probe, with its repetitions.
    pub probe_timeout: Duration,
    /// Longest time of the run, clean-up and scaling up not counted.
    pub timeout: Duration,
    /// Version of `mops`.
    pub version: String,
}

impl Request {
    /// A request with the defaults of `mops diagnose-auth`.
    #[must_use]
    pub fn new(run: &str, env: &str, namespace: &str) -> Self {
        Self {
            run: run.to_owned(),
            nonce: Nonce::new(random::bytes()),
            logins: None,
            env: env.to_owned(),
            context: String::new(),
            namespace: namespace.to_owned(),
            selector: SELECTOR.to_owned(),
            chosen: Vec::new(),
            whoever_waits: false,
            container: None,
            registry: None,
            other_registries: Vec::new(),
            named_registries_only: false,
            env_secret: None,
            pull_secret: None,
            containers: Vec::new(),
            images: Vec::new(),
            bundle: None,
            search_namespaces: Vec::new(),
            negative_probe: true,
            models: Vec::new(),
            pools: Vec::new(),
            only_pools: Vec::new(),
            vantages: USUAL.to_vec(),
            per_pool: 1,
            max_pods: 20,
            probe: ProbeImage::default(),
            probe_namespace: None,
            kubelet: None,
            arm: ArmView::NotAsked,
            directory: None,
            token: None,
            identity: None,
            proxy: None,
            stack_file: None,
            smoke: None,
            verify_readonly: true,
            scale_up: None,
            probe_timeout: checks::DEADLINE,
            timeout: Duration::from_secs(120),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    pub(crate) fn words(&self) -> crate::words::Words {
        crate::words::Words {
            namespace: self.namespace.clone(),
            stack_file: self.stack_file.clone(),
            registry: self.registry.clone(),
            env_secret: self.env_secret.clone(),
            pull_secret: self.pull_secret.clone(),
        }
    }

    /// The registries that are asked, the one of the environment's login first.
    pub(crate) fn registries(&self) -> impl Iterator<Item = &str> {
        self.registry.iter().chain(&self.other_registries).map(String::as_str)
    }

    /// The vantages, where they are not the usual ones.
    pub(crate) fn chosen_vantages(&self) -> Vec<Vantage> {
        if self.vantages == USUAL { Vec::new() } else { self.vantages.clone() }
    }

    /// Whether running workers are looked into: a run does that by itself, unless other places are named.
    pub(crate) fn looks_inside(&self) -> bool {
        self.vantages == USUAL || self.looks_from(Vantage::C)
    }

    pub(crate) fn looks_from(&self, vantage: Vantage) -> bool {
        self.vantages.contains(&vantage)
    }

    /// Whether a smoke test asks the workers' scheduler.
    pub(crate) fn asks_scheduler(&self) -> bool {
        self.smoke.as_ref().is_some_and(|smoke| smoke.port_forward)
    }

    pub(crate) fn wants(&self, pool: &str) -> bool {
        self.only_pools.is_empty() || self.only_pools.iter().any(|p| p == pool)
    }
}

/// Why there is no client for the cluster, in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoClient {
    /// The kubeconfig cannot be used as it is: the file, the context in it, or how it signs in.
    Kubeconfig(String),
    /// The cluster's own credential could not be had.
    Access(String),
}

/// Told what goes on, one short sentence a step; for standard error.
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

/// What a run may use.
#[derive(Clone)]
pub struct Services {
    /// The cluster.
    pub kube: kube::Client,
    /// The workstation's way to registry and storage.
    pub http: Http,
    /// Where this machine keeps its own logins.
    pub env: Env,
    /// Time.
    pub clock: SharedClock,
    /// Ends the run early; what was made is removed all the same.
    pub cancel: Cancel,
    /// Told what goes on.
    pub progress: Progress,
}

impl Services {
    /// What is asked from this machine.
    pub(crate) fn here(&self) -> Here {
        Here { http: self.http.clone(), env: self.env.clone(), clock: self.clock.clone() }
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Services")
    }
}

/// What a look from this machine may use.
#[derive(Clone)]
pub struct Here {
    /// The way to registries.
    pub http: Http,
    /// Where this machine keeps its logins.
    pub env: Env,
    /// Time.
    pub clock: SharedClock,
}

impl std::fmt::Debug for Here {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Here")
    }
}
