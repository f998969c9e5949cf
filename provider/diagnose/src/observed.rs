//! What a run saw, in the form in which rules and reports read it: a probe's observation with the
//! place where it was made. The field names are those of the report's schema.

use mops_probe::{Observation, Outcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub mod services;

/// Checks of ours that no probe makes: reads of the API server and of ARM.
pub mod check {
    pub use mops_logins::check::{CREDENTIAL_PROGRAM, DOCKER_CONFIG};
    pub use mops_probe::observation::check::KEY_FORM;

    /// The API server answers.
    pub const API: &str = "access.api";
    /// The kubeconfig and its context; nothing is sent for it.
    pub const KUBECONFIG: &str = "local.kubeconfig";
    /// A right that the run needs; the target is `VERB RESOURCE`.
    pub const RIGHT: &str = "access.right";
    /// The namespace is there.
    pub const NAMESPACE: &str = "access.namespace";
    /// The selector matches a pod.
    pub const PODS: &str = "workload.pods";
    /// A worker pod runs.
    pub const RUNNING: &str = "workload.running";
    /// The pool has nodes, and one of them takes pods.
    pub const POOL: &str = "pool.nodes";
    /// The taints and GPU settings of a pool against what the workers tolerate and ask for.
    pub const TAINTS: &str = "pool.taints";
    /// Ready nodes of a GPU size offer `nvidia.com/gpu`, and who should announce it runs on them.
    pub const GPU_PLUGIN: &str = "pool.gpu_plugin";
    /// A pod got one of the pool's GPUs.
    pub const GPU: &str = "pool.gpu_pod";
    /// A port of the workers' scheduler answers; the target is `SERVICE:PORT`, with the path that was asked for.
    pub const SCHEDULER: &str = "workload.scheduler";
    /// The region's list of machine sizes; the target is the size.
    pub const ARM_SIZES: &str = "arm.sizes";
    /// A pool at its largest against the free quota; the target is the family, or `total`.
    pub const ARM_QUOTA: &str = "arm.quota";
    /// A secret from which a worker's environment comes.
    pub const ENV_SECRET: &str = "secret.env";
    /// A secret that a worker names in `imagePullSecrets`.
    pub const PULL_SECRET: &str = "secret.pull";
    /// The worker refers to the stack's secret by `envFrom` or by key.
    pub const ENV_FROM: &str = "pod.env_from";
    /// Every secret that the worker's environment refers to is there and was read.
    pub const ENV_SOURCES: &str = "pod.env_sources";
    /// The secret of the environment against the worker's start.
    pub const ENV_AGE: &str = "pod.env_age";
    /// The worker names the stack's pull secret.
    pub const LINK: &str = "pod.pull_secrets";
    /// The secret's registry password against the ones that ARM lists.
    pub const PASSWORD: &str = "secret.password";
    /// A container's waiting reason or an event, in the kubelet's words.
    pub const KUBELET: &str = "kubelet.pull";
    /// How long the pull had been running when the kubelet reported, from its events; the reason is that time.
    pub const PULL_TIME: &str = "kubelet.pull_time";
    /// The host in the kubelet's error against the image's registry; the reason is that host.
    pub const PULL_HOST: &str = "kubelet.pull_host";
    /// NGC's catalogue lists the image; when it does not, the reason names the nearest.
    pub const NGC_CATALOGUE: &str = "ngc.catalogue";
    /// The node lists the image as present.
    pub const NODE_IMAGE: &str = "node.image";
    /// A probe pod ran and its log is complete.
    pub const PROBE: &str = "probe.run";
    /// The directory's answer to the secret of a service principal, as pods have it.
    pub const DIRECTORY: &str = "directory.secret";
    /// Whether the registry's token of the stack may sign in, by ARM.
    pub const ARM_TOKEN: &str = "arm.token";
    /// Whether the scope map of that token lets an image be pulled.
    pub const SCOPE_MAP: &str = "arm.scope_map";
    /// The workers ask for a token of their service account.
    pub const IDENTITY_LABEL: &str = "pod.identity_label";
    /// The workers' service account names the stack's identity.
    pub const ACCOUNT: &str = "pod.service_account";
    /// The identity trusts the workers' service account, by ARM.
    pub const TRUST: &str = "arm.trust";
    /// The artefact of a smoke test was pushed; the reason is the digest that the registry named.
    pub const PUSH: &str = "registry.push";
    /// ARM's list of the registry's credentials.
    pub const ARM_CREDENTIALS: &str = "arm.credentials";
    /// Whether the account's keys may sign, and whether they are older than a SAS that one of them signed; the target is
    /// the container.
    pub const ARM_STORAGE_KEYS: &str = "arm.storage_keys";
    /// The policy that a SAS names, in the container's list; the reason is its name.
    pub const STORAGE_POLICY: &str = "storage.policy";
    /// The organisation that a setting names, among those of the key; the target is the setting.
    pub const NGC_ORGANISATION: &str = "ngc.organisation";
    /// The registry, by ARM.
    pub const ARM_REGISTRY: &str = "arm.registry";
    /// The roles that let an identity pull, at or above the registry; the credential says whose.
    pub const ARM_ROLES: &str = "arm.roles";
    /// Whether the registry takes tokens that were made for Azure's management.
    pub const ARM_AUDIENCE: &str = "arm.audience";
    /// An identity, by ARM; the credential says whose.
    pub const ARM_IDENTITY: &str = "arm.identity";
    /// The directory of the registry against the one of an identity.
    pub const ARM_TENANT: &str = "arm.tenant";
    /// The registry's network rules against the address that a refusal names.
    pub const ARM_NETWORK_RULES: &str = "arm.network_rules";
    /// The registry's private endpoint, by ARM; the target is a host that it serves.
    pub const ARM_PRIVATE_ENDPOINT: &str = "arm.private_endpoint";
    /// The key with which the registry encrypts, and the identity that reads it.
    pub const ARM_ENCRYPTION: &str = "arm.encryption";
    /// The registry's regions against the cluster's.
    pub const ARM_REGION: &str = "arm.region";
    /// The private address of a host against the one of its endpoint, by ARM.
    pub const PRIVATE_ADDRESS: &str = "net.private_address";
    /// Whether any source has a login for the registry: environment, pull secrets, docker config, programs.
    pub const LOGIN: &str = "registry.login";
    /// The refusal that a kubelet reports against the last change of roles and secrets.
    pub const EVENT_AGE: &str = "kubelet.event_age";
    /// The end of a password that a secret holds.
    pub const LIFETIME: &str = "secret.lifetime";
    /// The sources of one variable of a worker.
    pub const ENV_OWNERS: &str = "pod.env_owners";
    /// A key of the cluster against the one of the workstation that is accepted, by hashes with a nonce; the target is
    /// the host.
    pub const KEY_COMPARE: &str = "key.compare";
    /// The key in the environment's secret against the one in the pull secret.
    pub const SECRETS_COMPARE: &str = "secret.compare";
    /// What the annotations of a secret hold.
    pub const ANNOTATION: &str = "secret.annotation";
    /// A value in the running worker against the one that its sources give now, by hashes with a nonce.
    pub const ENV_LIVE: &str = "pod.env_live";
}

/// Codes of [`check`], beside those of the probe.
pub mod code {
    pub use mops_logins::code::{NOT_INSTALLED, PROGRAM_FAILED, TRUNCATED};
    pub use mops_probe::observation::code::PLACEHOLDER;

    /// It is not there.
    pub const NOT_FOUND: &str = "NOT_FOUND";
    /// The API server's 401.
    pub const UNAUTHORIZED: &str = "UNAUTHORIZED";
    /// The right is missing.
    pub const FORBIDDEN: &str = "FORBIDDEN";
    /// Changed since it was read, or held by another writer.
    pub const CONFLICT: &str = "CONFLICT";
    /// No client could be made, so nothing was sent.
    pub const NO_ACCESS: &str = "NO_ACCESS";
    /// No kubeconfig, or not the context that is asked for.
    pub const NO_CONTEXT: &str = "NO_CONTEXT";
    /// The program by which the kubeconfig signs in is not installed.
    pub const NO_EXEC_PLUGIN: &str = "NO_EXEC_PLUGIN";
    /// No answer from the API server.
    pub const UNREACHABLE: &str = "UNREACHABLE";
    /// The selector matches nothing.
    pub const NONE: &str = "NONE";
    /// Nodes exist, but none takes pods.
    pub const UNSCHEDULABLE: &str = "UNSCHEDULABLE";
    /// Nodes that run Windows.
    pub const WINDOWS: &str = "WINDOWS";
    /// A pool without nodes.
    pub const ZERO_NODES: &str = "ZERO_NODES";
    /// A taint that no worker tolerates.
    pub const NOT_TOLERATED: &str = "NOT_TOLERATED";
    /// A setting of the pool's GPUs that no worker asks for.
    pub const NOT_REQUESTED: &str = "NOT_REQUESTED";
    /// Not offered to this subscription here.
    pub const RESTRICTED: &str = "RESTRICTED";
    /// Less than is needed.
    pub const SHORT: &str = "SHORT";
    /// A secret of another type.
    pub const WRONG_TYPE: &str = "WRONG_TYPE";
    /// No docker config.
    pub const MALFORMED: &str = "MALFORMED";
    /// No entry for the registry.
    pub const NO_ENTRY: &str = "NO_ENTRY";
    /// An entry that the kubelet cannot use.
    pub const NO_CREDENTIAL: &str = "NO_CREDENTIAL";
    /// The key that is referred to is absent.
    pub const KEY_MISSING: &str = "KEY_MISSING";
    /// The worker does not refer to it.
    pub const NOT_LINKED: &str = "NOT_LINKED";
    /// The user is the registry's admin user and the password is none of the two.
    pub const DIFFERS: &str = "DIFFERS";
    /// The user is not the registry's admin user.
    pub const OTHER_USER: &str = "OTHER_USER";
    /// The user is the registry's admin user; there is nothing to compare the password with.
    pub const ADMIN_USER: &str = "ADMIN_USER";
    /// The secret changed after the worker started.
    pub const SECRET_NEWER: &str = "SECRET_NEWER";
    /// The registry's admin user is switched off.
    pub const ADMIN_DISABLED: &str = "ADMIN_DISABLED";
    /// The token's password has run out.
    pub const EXPIRED: &str = "EXPIRED";
    /// The token is switched off.
    pub const DISABLED: &str = "DISABLED";
    /// The scope map does not list it.
    pub const NOT_LISTED: &str = "NOT_LISTED";
    /// The label is not there.
    pub const NOT_LABELLED: &str = "NOT_LABELLED";
    /// The annotation, or its object, is not there.
    pub const NOT_ANNOTATED: &str = "NOT_ANNOTATED";
    /// As it should be since a few minutes.
    pub const YOUNG: &str = "YOUNG";
    /// Minutes after the pull had begun.
    pub const LATE: &str = "LATE";
    /// Right at the start of the pull.
    pub const AT_ONCE: &str = "AT_ONCE";
    /// A host that is neither the registry nor its host of layers.
    pub const OTHER_HOST: &str = "OTHER_HOST";
    /// The registry's own host of layers.
    pub const DATA_HOST: &str = "DATA_HOST";
    /// The pod pulls only what the node has not got.
    pub const IF_NOT_PRESENT: &str = "IF_NOT_PRESENT";
    /// The pod did not start in time.
    pub const UNSCHEDULED: &str = "UNSCHEDULED";
    /// An admission rule refused the pod.
    pub const ADMISSION: &str = "ADMISSION";
    /// The pod's own image could not be pulled.
    pub const IMAGE: &str = "IMAGE";
    /// The log has no end line.
    pub const LOG_CUT: &str = "LOG_CUT";
    /// The time of the run was over.
    pub const TIME: &str = "TIME";
    /// A key that is younger than what it should have signed.
    pub const KEY_RENEWED: &str = "KEY_RENEWED";
    /// The displayed name of an organisation, where its name is due; the reason is its name.
    pub const DISPLAY_NAME: &str = "DISPLAY_NAME";
    /// The role belongs to another identity, or to a client id where an object id is due.
    pub const OTHER_PRINCIPAL: &str = "OTHER_PRINCIPAL";
    /// The registry gives rights by repository, and the role is not one of those.
    pub const NO_REPOSITORY_ROLE: &str = "NO_REPOSITORY_ROLE";
    /// The address is not among the allowed ones.
    pub const EXCLUDED: &str = "EXCLUDED";
    /// A connection that waits for approval, or was rejected.
    pub const NOT_APPROVED: &str = "NOT_APPROVED";
    /// A host of one region of the registry.
    pub const GEO_HOST: &str = "GEO_HOST";
    /// Later than the last change.
    pub const AFTER_CHANGE: &str = "AFTER_CHANGE";
    /// Absent here, and there in another namespace; the reason names it.
    pub const OTHER_NAMESPACE: &str = "OTHER_NAMESPACE";
    /// Made for minutes or hours.
    pub const SHORT_LIVED: &str = "SHORT_LIVED";
    /// An address with a user or a token in it.
    pub const IN_URL: &str = "IN_URL";
    /// Not looked at where it is; what is told of it follows from something else.
    pub const DERIVED: &str = "DERIVED";
    /// The container does not run.
    pub const NOT_RUNNING: &str = "NOT_RUNNING";
    /// The annotation repeats the secret's data.
    pub const HOLDS_DATA: &str = "HOLDS_DATA";
}

/// Where an observation was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Vantage {
    /// The workstation or CI runner; also what is read of the API server and ARM.
    W,
    /// A node: a probe pod in the node's network.
    N,
    /// A probe pod in the pod network: what a new worker would get.
    P,
    /// Inside the running worker.
    C,
    /// The kubelet, by events and waiting reasons.
    K,
}

impl Vantage {
    /// Those from which a run can be told to ask, or not to; what the kubelets say is always read.
    pub const CHOSEN: [Self; 4] = [Self::W, Self::P, Self::N, Self::C];

    /// Its letter, as `--vantage` takes it.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::W => "w",
            Self::N => "n",
            Self::P => "p",
            Self::C => "c",
            Self::K => "k",
        }
    }

    /// The word used in sentences.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::W => "workstation",
            Self::N => "node",
            Self::P => "pod",
            Self::C => "worker",
            Self::K => "kubelet",
        }
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Pass,
    /// Not as it should be.
    Fail,
    /// Not asked.
    Skip,
}

impl Status {
    /// The word used in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "ok",
            Self::Fail => "failed",
            Self::Skip => "skipped",
        }
    }
}

impl From<Outcome> for Status {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ok => Self::Pass,
            Outcome::Failed => Self::Fail,
            Outcome::Skipped => Self::Skip,
        }
    }
}

/// An object in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Object {
    /// `Secret`, `Pod`, …
    pub kind: String,
    /// Empty for what has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Object {
    /// An object in a namespace.
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// One observation and its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// Unique in a run, stable between runs: `VANTAGE/POOL/CHECK/CREDENTIAL/TARGET`, which is also what an empty one
    /// stands for. A credential that is one of several is `KIND:NAME`.
    #[serde(default)]
    pub id: String,
    /// Where it was made.
    pub vantage: Vantage,
    /// The node pool; empty where pools do not matter.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pool: String,
    /// The node, when known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// The worker that a probe stands for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub worker: String,
    /// What was checked.
    pub check: String,
    /// With which credential; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub credential: String,
    /// Which of several credentials of that kind; empty where there is one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Host, image, container, variable or object.
    pub target: String,
    /// How it ended.
    pub status: Status,
    /// The HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The service's code or one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// A few words, redacted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// How long it took.
    #[serde(default)]
    pub latency_ms: u64,
    /// The object that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// Type of the answer's body, where that is of no use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The beginning of such a body, redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_excerpt: Option<String>,
    /// The host to which the service sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_host: Option<String>,
    /// When what was looked at ends: a SAS, a token, a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub ends: Option<OffsetDateTime>,
}

impl Observed {
    /// Puts an observation into its place.
    #[must_use]
    pub fn at(vantage: Vantage, observation: Observation) -> Self {
        let Observation { check, variant, target, outcome, status, code, detail, millis, .. } = observation;
        let Observation { source, content_type, body_excerpt, redirect_host, ends, .. } = observation;
        let mut observed = Self {
            id: String::new(),
            vantage,
            pool: String::new(),
            node: String::new(),
            worker: String::new(),
            check,
            credential: variant,
            source,
            target,
            status: outcome.into(),
            http_status: status,
            error_code: code,
            reason: detail,
            latency_ms: millis,
            object: None,
            content_type,
            body_excerpt,
            redirect_host,
            ends,
        };
        observed.name();
        observed
    }

    /// Adds pool and node.
    #[must_use]
    pub fn on(mut self, pool: &str, node: &str) -> Self {
        pool.clone_into(&mut self.pool);
        node.clone_into(&mut self.node);
        self.name();
        self
    }

    /// Adds the worker that the probe stands for, and what tells its id apart from others of its pool.
    #[must_use]
    pub fn standing_for(mut self, worker: &str, apart: Option<&str>) -> Self {
        worker.clone_into(&mut self.worker);
        if let Some(apart) = apart {
            self.id = format!("{}@{apart}", self.id);
        }
        self
    }

    /// Adds the object.
    #[must_use]
    pub fn about(mut self, object: Object) -> Self {
        self.object = Some(object);
        self
    }

    /// With its id, when it has none yet.
    #[must_use]
    pub fn named(mut self) -> Self {
        if self.id.is_empty() {
            self.name();
        }
        self
    }

    fn name(&mut self) {
        let by = if self.source.is_empty() { String::new() } else { format!(":{}", self.source) };
        let credential = format!("{}{by}", self.credential);
        let parts = [self.pool.as_str(), &self.check, &credential, &self.target];
        self.id = parts.iter().filter(|p| !p.is_empty()).fold(format!("{:?}", self.vantage), |id, p| id + "/" + p);
    }

    /// Whether it has one of these codes.
    #[must_use]
    pub fn code(&self) -> &str {
        self.error_code.as_deref().unwrap_or_default()
    }

    /// `ok`, or status and code of a failure, for proofs.
    #[must_use]
    pub fn result(&self) -> String {
        let status = self.http_status.map(|s| s.to_string());
        let words: Vec<String> = match self.status {
            Status::Pass => vec![status.unwrap_or_else(|| "ok".to_owned())],
            Status::Fail => status.into_iter().chain(self.error_code.clone()).collect(),
            Status::Skip => vec![format!("skipped: {}", self.reason)],
        };
        if words.is_empty() { self.status.word().to_owned() } else { words.join(" ") }
    }
}
