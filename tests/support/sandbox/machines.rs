//! The clusters that ARM says are running: one Kubernetes fake each, told apart by the token of
//! the user credential, behind one listener.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use mops_core::Secret;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tower::ServiceExt as _;

use crate::arm::store::Event;
use crate::arm::{self, Arm, Machines, id, pool};
use crate::http::{Broken, Handler, Reply};
use crate::kubernetes::{KubernetesFake, NodePool, Options, Trust, router};
use crate::sandbox::puller::Puller;
use crate::world::World;

const BACK_OFF: Duration = Duration::from_secs(2);

struct Running {
    token: String,
    fake: Arc<KubernetesFake>,
    router: Router,
}

/// All clusters of one sandbox, by lower-case ARM id.
pub struct Clusters {
    world: Arc<World>,
    runtime: Handle,
    probe: Option<PathBuf>,
    probe_env: Vec<(String, String)>,
    registry: OnceLock<Handler>,
    silent: AtomicBool,
    running: Mutex<BTreeMap<String, Running>>,
}

impl Clusters {
    pub(super) fn new(
        world: Arc<World>,
        runtime: Handle,
        probe: Option<PathBuf>,
        probe_env: Vec<(String, String)>,
    ) -> Arc<Self> {
        let (registry, silent, running) = (OnceLock::new(), AtomicBool::new(false), Mutex::default());
        Arc::new(Self { world, runtime, probe, probe_env, registry, silent, running })
    }

    /// Nodes pull from here.
    pub(super) fn pull_from(&self, registry: Handler) {
        let _ = self.registry.set(registry);
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the API servers end every connection, as when they are stopped or a firewall is between.
    pub fn silence(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }

    /// The fakes that run now.
    #[must_use]
    pub fn fakes(&self) -> Vec<Arc<KubernetesFake>> {
        self.running().values().map(|r| Arc::clone(&r.fake)).collect()
    }

    /// Kubelets come back to what failed, every few seconds of the machine's time; a real one begins with ten.
    pub(super) fn keep_retrying(self: &Arc<Self>) {
        let clusters = Arc::clone(self);
        self.runtime.spawn(async move {
            loop {
                clusters.world.clock.sleep(BACK_OFF).await;
                clusters.fakes().iter().for_each(|fake| fake.retry_pulls());
            }
        });
    }

    fn start(&self, cluster: &arm::store::Cluster) {
        if let Some(running) = self.running().get(&cluster.id) {
            running.fake.trust(self.trust(cluster));
            return;
        }
        let options = Options {
            token: Secret::new(cluster.token.clone()),
            probe: self.probe.clone(),
            probe_env: self.probe_env.clone(),
            puller: Arc::new(Puller::new(
                self.registry.get().cloned(),
                Arc::clone(&self.world),
                cluster.kubelet.clone(),
            )),
            clock: Arc::clone(&self.world.clock),
            ledger: self.world.ledger.clone(),
            ledger_prefix: prefix(&cluster.id),
        };
        let fake = KubernetesFake::new(options);
        fake.trust(self.trust(cluster));
        let running = Running { token: cluster.token.clone(), router: router(Arc::clone(&fake)), fake };
        self.running().insert(cluster.id.clone(), running);
    }

    /// How pods of a cluster get tokens of their service accounts, when it publishes who signs them.
    fn trust(&self, cluster: &arm::store::Cluster) -> Option<Trust> {
        let world = Arc::clone(&self.world);
        let sign = Arc::new(move |claims: &Value| world.sign(claims));
        Some(Trust { issuer: cluster.issuer.clone()?, authority: self.world.authority_origin(), sign })
    }

    fn stop(&self, cluster: &str) {
        self.running().remove(cluster);
        self.world.ledger.deleted_below(&prefix(cluster));
    }

    fn set_pool(&self, pool_id: &str, properties: &Value) {
        let Some((cluster, name)) = pool_id.split_once("/agentpools/") else { return };
        let fake = self.running().get(cluster).map(|r| Arc::clone(&r.fake));
        if let Some(fake) = fake {
            fake.add_pool(&nodes(name, properties));
        }
    }

    fn drop_pool(&self, pool_id: &str) {
        let Some((cluster, name)) = pool_id.split_once("/agentpools/") else { return };
        let fake = self.running().get(cluster).map(|r| Arc::clone(&r.fake));
        if let Some(fake) = fake {
            fake.remove_pool(name);
        }
    }

    /// The API servers: the token says which one.
    pub(super) fn handler(self: &Arc<Self>, arm: Arc<Arm>) -> Handler {
        let clusters = Arc::clone(self);
        Arc::new(move |request| {
            arm.settle();
            let router = clusters.router_for(&request);
            let silent = clusters.silent.load(Ordering::Relaxed);
            Box::pin(async move {
                match router {
                    _ if silent => Err(Broken),
                    Some(router) => Ok(match router.oneshot(request).await {
                        Ok(response) => response,
                        Err(never) => match never {},
                    }),
                    None => Ok(unauthorized(&request)),
                }
            })
        })
    }

    fn router_for(&self, request: &Request<Body>) -> Option<Router> {
        let header = request.headers().get("authorization")?.to_str().ok()?;
        let token = header.strip_prefix("Bearer ")?;
        self.running().values().find(|r| r.token == token).map(|r| r.router.clone())
    }
}

/// What the ledger puts before everything in a cluster.
fn prefix(cluster: &str) -> String {
    format!("kubernetes/{}", id::name(cluster))
}

fn unauthorized(request: &Request<Body>) -> Response<Body> {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "Unauthorized",
        "reason": "Unauthorized", "code": 401,
    });
    Reply::json(401, &body).into_response(request.method())
}

fn nodes(name: &str, properties: &Value) -> NodePool {
    let labels = properties["nodeLabels"].as_object().into_iter().flatten();
    let taints = properties["nodeTaints"].as_array().into_iter().flatten();
    NodePool {
        name: name.to_owned(),
        count: properties["count"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or_default(),
        labels: labels.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect(),
        taints: taints.filter_map(|t| t.as_str().map(str::to_owned)).collect(),
        gpus: pool::gpus(properties["vmSize"].as_str().unwrap_or_default()),
        managed: properties["gpuProfile"]["nvidia"]["managementMode"] == "Managed",
    }
}

impl Machines for Clusters {
    fn notice(&self, event: &Event) {
        let _inside = self.runtime.enter();
        match event {
            Event::ClusterRuns(cluster) => self.start(cluster),
            Event::ClusterGone(cluster) => self.stop(cluster),
            Event::PoolRuns(pool, properties) => self.set_pool(pool, properties),
            Event::PoolGone(pool) => self.drop_pool(pool),
        }
    }
}
