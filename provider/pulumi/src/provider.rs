//! The provider: every call of the engine, one file each.
//!
//! Guarantees: a handler that panics answers with an error that quotes nothing; what exists is never lost in an error
//! (`failure`); a secret leaves wrapped; writes pass the queues that resources declare; nothing is contacted before a
//! resource is read or written (`tests/pulumi.rs`).

mod call;
mod cancel;
mod check;
mod config;
mod create;
mod delete;
mod diff;
mod failure;
mod guard;
mod handshake;
mod invoke;
mod lanes;
mod log;
mod ownership;
mod path;
mod properties;
mod read;
mod redaction;
mod seen;
mod service;
mod settings;
mod update;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use mops_core::{Cancel, Error, Provider};
use mops_host::{Env, SharedClock, SystemClock};
use tonic::Status;

pub use settings::{CloudName, Config, Settings};

/// Makes the resources from a configuration; contacts nothing.
pub type Connect = Box<dyn Fn(Settings) -> Result<Arc<dyn Provider>, Error> + Send + Sync>;

/// One provider instance: one configuration, many resources. Cloned freely; all clones are the same.
#[derive(Clone)]
pub struct Modelops(Arc<Instance>);

struct Instance {
    env: Env,
    clock: SharedClock,
    connect: Connect,
    resources: RwLock<Option<Arc<dyn Provider>>>,
    lanes: lanes::Lanes,
    log: log::Log,
    cancel: Cancel,
    busy: Mutex<usize>,
}

impl Modelops {
    /// An instance that waits for its configuration. `engine` is where messages for the user go.
    #[must_use]
    pub fn new(env: Env, clock: SharedClock, engine: Option<String>, connect: Connect) -> Self {
        Self(Arc::new(Instance {
            env,
            clock,
            connect,
            resources: RwLock::default(),
            lanes: lanes::Lanes::default(),
            log: log::Log::new(engine),
            cancel: Cancel::new(),
            busy: Mutex::default(),
        }))
    }

    /// Over the product's own resources.
    #[must_use]
    pub fn over_azure(env: Env, engine: Option<String>) -> Self {
        Self::new(env, SystemClock::shared(), engine, Box::new(settings::connect))
    }

    /// The resources; an error before Configure.
    fn resources(&self) -> Result<Arc<dyn Provider>, Status> {
        let kept = self.0.resources.read().unwrap_or_else(PoisonError::into_inner);
        kept.clone().ok_or_else(|| Status::failed_precondition("the provider `modelops` is not configured yet"))
    }

    /// Where the engine listens.
    #[must_use]
    pub fn engine(&self) -> Option<String> {
        self.0.log.engine()
    }
}
