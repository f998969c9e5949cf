//! A small Kubernetes API server with nodes: real `Status` bodies, server-side apply, watches,
//! image pulls through the sandbox's registry, and `mops-probe` really run, as a container and as a command in one.
//!
//! Proven by `fast::kubernetes`, whose referee asks the real API server the same. What it does not
//! have answers 501. Weaker than the real one: no admission beyond namespaces and service
//! accounts, no readiness probes (a container is ready when its image is there), no quota.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mops_core::Secret;
use mops_host::clock::SharedClock;
use serde_json::Value as Json;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch::{Receiver, Sender};

use crate::ledger::Ledger;

mod apply;
mod autoscale;
mod batch;
mod body;
mod containers;
mod defaults;
mod environment;
mod ephemeral;
mod event;
mod exec;
mod fields;
mod forward;
mod kinds;
mod kubelet;
mod log;
mod node;
mod processes;
mod pull;
mod routes;
mod schedule;
mod security;
mod select;
mod serve;
mod stateful;
mod status;
mod store;
mod validate;
mod watch;
mod webhook;
mod workloads;
mod write;

pub use forward::Quiet;
pub use kinds::{KINDS, Kind};
pub use kubelet::PROBE_IMAGE;
pub use node::NodePool;
pub use pull::{AlwaysPulled, ImagePuller, PullError};
pub use routes::routes;
pub use serve::router;
pub use validate::MAX_SECRET;
pub use webhook::Trust;

use apply::Writer;
use store::{Key, Store, text};

/// What a cluster is made of.
#[derive(Clone)]
pub struct Options {
    /// The bearer token that is accepted.
    pub token: Secret<String>,
    /// The binary that is run where a pod runs `mops-probe`.
    pub probe: Option<PathBuf>,
    /// Variables that every probe gets, for example `SSL_CERT_FILE`.
    pub probe_env: Vec<(String, String)>,
    /// Answers image pulls.
    pub puller: Arc<dyn ImagePuller>,
    /// Time.
    pub clock: SharedClock,
    /// Where creations and deletions are booked.
    pub ledger: Ledger,
    /// Put before each identity in the ledger, for example `kubernetes/CLUSTER`.
    pub ledger_prefix: String,
}

/// One cluster.
pub struct KubernetesFake {
    options: Options,
    store: Mutex<Store>,
    trust: Mutex<Option<Trust>>,
    moved: Sender<u64>,
    drops: Sender<u64>,
}

impl KubernetesFake {
    /// A cluster without nodes, with the namespaces that every cluster has.
    #[must_use]
    pub fn new(options: Options) -> Arc<Self> {
        let store =
            Store { ledger: options.ledger.clone(), ledger_prefix: options.ledger_prefix.clone(), ..Store::default() };
        let fake = Arc::new(Self {
            options,
            store: Mutex::new(store),
            trust: Mutex::default(),
            moved: Sender::new(0),
            drops: Sender::new(0),
        });
        for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            let mut space = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name,
                "uid": uuid::Uuid::new_v4().to_string(), "creationTimestamp": fake.now()}});
            defaults::fill("Namespace", &mut space, 0);
            fake.store().put(space);
        }
        workloads::settle(&mut fake.store(), &fake.controller("kube-controller-manager", ""));
        fake
    }

    /// Who signs the tokens of service accounts, and where they are traded; new pods are told.
    pub fn trust(&self, trust: Option<Trust>) {
        self.store().authority = trust.as_ref().map(|t| t.authority.clone());
        *self.trust.lock().unwrap_or_else(PoisonError::into_inner) = trust;
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> String {
        let now = self.options.clock.now();
        now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default()
    }

    fn controller(&self, manager: &str, subresource: &str) -> Writer {
        Writer {
            manager: manager.to_owned(),
            api_version: "v1".into(),
            subresource: subresource.to_owned(),
            time: self.now(),
        }
    }

    /// Lets the controllers work, starts what the kubelets have to look after, wakes the watches.
    /// Must be called inside a tokio runtime.
    pub(super) fn settle(self: &Arc<Self>) {
        let writer = self.controller("kube-controller-manager", "status");
        let mut store = self.store();
        workloads::settle(&mut store, &writer);
        let mut start: Vec<(Key, String)> = Vec::new();
        for pod in store.list("Pod", "") {
            let uid = text(&pod, "/metadata/uid").to_owned();
            let waits = store.blocked.get(&uid).is_some_and(|seen| *seen >= store.secret_revision);
            let bound = !text(&pod, "/spec/nodeName").is_empty() && text(&pod, "/status/phase") == "Pending";
            if bound && !waits && pod["metadata"]["deletionTimestamp"].is_null() && store.tended.insert(uid.clone()) {
                store.blocked.remove(&uid);
                start.push((store::key_of(&pod), uid));
            }
        }
        let added = ephemeral::added(&mut store);
        let revision = store.revision;
        drop(store);
        self.moved.send_replace(revision);
        for (key, uid) in start {
            tokio::spawn(kubelet::tend(Arc::clone(self), key, uid));
        }
        for (key, uid, container) in added {
            tokio::spawn(ephemeral::start(Arc::clone(self), key, uid, container));
        }
    }

    /// Wakes whenever something changed.
    fn changes(&self) -> Receiver<u64> {
        self.moved.subscribe()
    }

    /// Resolves at the next change of anything.
    pub async fn changed(&self) {
        let _ = self.changes().changed().await;
    }

    /// Resolves when the pod is no longer there.
    async fn gone(&self, key: &Key, uid: &str) {
        let mut changes = self.changes();
        loop {
            let there = self.store().get(key.0, &key.1, &key.2).is_some_and(|p| text(p, "/metadata/uid") == uid);
            if !there || changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Makes the nodes of a pool, or changes their number, labels and taints.
    pub fn add_pool(self: &Arc<Self>, pool: &NodePool) {
        node::set_pool(&mut self.store(), pool, &self.now());
        self.settle();
    }

    /// Takes the nodes of a pool away, with what runs on them.
    pub fn remove_pool(self: &Arc<Self>, pool: &str) {
        node::remove_pool(&mut self.store(), pool);
        self.settle();
    }

    /// From now on RBAC refuses this verb on this resource (`*` for any).
    pub fn deny(&self, verb: &str, resource: &str) {
        self.store().denials.push(store::Denial { verb: verb.to_owned(), resource: resource.to_owned() });
    }

    /// What RBAC was asked for since the last call, `RESOURCE VERB`.
    pub fn asked(&self) -> std::collections::BTreeSet<String> {
        std::mem::take(&mut self.store().asked)
    }

    /// Nothing is refused by RBAC any more.
    pub fn allow_all(&self) {
        self.store().denials.clear();
    }

    /// Forgets history: watches and continue tokens from before get 410.
    pub fn compact(&self) {
        self.store().compact();
    }

    /// Ends all open watches without an event, as a load balancer does.
    pub fn drop_watches(&self) {
        self.drops.send_modify(|n| *n += 1);
    }

    /// While held, a deleted namespace stays in phase `Terminating`, as a large one does.
    pub fn hold_deletions(self: &Arc<Self>, held: bool) {
        self.store().deletions_held = held;
        self.settle();
    }

    /// From now on this image has a program, which is that of this machine and is run as it is; without that it has none,
    /// and the probe's has the probe.
    pub fn install(&self, image: &str, program: &str) {
        self.store().programs.insert((image.to_owned(), program.to_owned()));
    }

    /// From now on the connection of a command breaks when the command has said something, as when its node goes away.
    pub fn break_commands(&self) {
        self.store().commands_break = true;
    }

    /// Forgets what nodes have pulled, so that the next pod pulls again.
    pub fn forget_images(&self) {
        self.store().images.clear();
    }

    /// Kubelets try again what they are waiting for, as they do after each back-off.
    pub fn retry_pulls(self: &Arc<Self>) {
        self.store().blocked.clear();
        self.settle();
    }

    /// An object as it is, for assertions.
    #[must_use]
    pub fn object(&self, kind: &str, namespace: &str, name: &str) -> Option<Json> {
        self.store().get(kinds::named(kind).kind, namespace, name).cloned()
    }

    /// All objects of a kind, in a namespace or everywhere when it is empty.
    #[must_use]
    pub fn objects(&self, kind: &str, namespace: &str) -> Vec<Json> {
        self.store().list(kinds::named(kind).kind, namespace)
    }

    /// Somebody with every right puts an object there, or another in the place of one.
    pub fn put(&self, object: Json) {
        self.store().put(object);
    }

    /// All objects of every kind.
    #[must_use]
    pub fn everything(&self) -> Vec<Json> {
        self.store().objects.values().cloned().collect()
    }
}
