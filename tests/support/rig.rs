//! A stack of null things under the whole engine: program, state in a folder of its own, events kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mops_core::provider::Provider;
use mops_core::{Cancel, StackId, Urn, Value};
use mops_engine::error::{EngineError, StateError};
use mops_engine::event::{Body, Event};
use mops_engine::plan::Plan;
use mops_engine::program::{Component, Declared, Expr, Output, Program, Scope};
use mops_engine::run::{DownOptions, Engine, RefreshOptions, Report, UpOptions};
use mops_engine::state::{self, OpenOptions, Snapshot, Store};
use mops_host::{Env, SharedClock, SystemClock};

use crate::null::{Null, TOKEN, stack, urn};

/// A declared thing with these inputs beside its name.
#[must_use]
pub fn thing(name: &str, inputs: serde_json::Value) -> Declared {
    typed(TOKEN, name, inputs)
}

/// The same of another null type.
#[must_use]
pub fn typed(token: &str, name: &str, inputs: serde_json::Value) -> Declared {
    let mut members: BTreeMap<String, Expr> = BTreeMap::from([("name".to_owned(), Expr::from(name))]);
    if let Value::Map(map) = Value::from(inputs) {
        members.extend(map.into_iter().map(|(k, v)| (k, Expr::Value(v))));
    }
    Declared::new(Urn::new(&stack(), token, name), Component::Workspace, Expr::Map(members))
}

/// Adds an input that is an output of another thing.
pub fn refer(declared: &mut Declared, input: &str, target: &Urn, output: &str) {
    if let Expr::Map(members) = &mut declared.inputs {
        members.insert(input.to_owned(), Expr::output(target, output));
    }
}

/// A thing that depends on others by name, through its input `value` for the first of them.
#[must_use]
pub fn after(name: &str, targets: &[&str]) -> Declared {
    let mut declared = thing(name, serde_json::json!({}));
    if let Some(first) = targets.first() {
        refer(&mut declared, "value", &urn(first), "id");
    }
    declared.depends_on = targets.iter().skip(1).map(|t| urn(t)).collect();
    declared
}

/// A program of these.
#[must_use]
pub const fn program_of(stack: StackId, resources: Vec<Declared>, outputs: Vec<Output>) -> Program {
    let scope = Scope { subscription: None, resource_group: None, cluster: None, registry: None };
    Program { stack, scope, resources, outputs }
}

/// A program of these, in the stack of engine tests.
#[must_use]
pub fn program(resources: Vec<Declared>) -> Program {
    program_of(stack(), resources, Vec::new())
}

/// See the module.
#[derive(Clone)]
pub struct Rig {
    /// The home folder.
    pub home: PathBuf,
    /// The service.
    pub null: Null,
    /// The engine over it.
    pub engine: Engine,
    /// The environment, for the passphrase.
    pub env: Env,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Rig {
    /// A rig whose state is below `home`, over a service in memory and the machine's clock.
    #[must_use]
    pub fn new(home: &Path) -> Self {
        let clock = SystemClock::shared();
        Self::over(home, Null::new(clock.clone()), clock)
    }

    /// A rig over this service and clock.
    #[must_use]
    pub fn over(home: &Path, null: Null, clock: SharedClock) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&events);
        let engine = Engine {
            provider: Arc::new(null.clone()) as Arc<dyn Provider>,
            clock,
            events: Arc::new(move |event| sink.lock().unwrap_or_else(PoisonError::into_inner).push(event)),
            parallelism: 16,
            cancel: Cancel::new(),
        };
        Self { home: home.to_owned(), null, engine, env: Env::default(), events }
    }

    /// The events since the last call.
    #[must_use]
    pub fn events(&self) -> Vec<Body> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *events).into_iter().map(|e| e.body).collect()
    }

    /// The folder of the state.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        state::folder(&self.home, &stack())
    }

    /// How to open the state.
    #[must_use]
    pub fn open_options(&self) -> OpenOptions {
        OpenOptions {
            scope: None,
            create: true,
            lock_timeout: Duration::ZERO,
            env: self.env.clone(),
            clock: self.engine.clock.clone(),
            cancel: Cancel::new(),
        }
    }

    /// Opens the state.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open(&self) -> Result<Store, StateError> {
        Store::open(&self.home, &stack(), self.open_options()).await
    }

    /// The state as somebody without a lock reads it.
    ///
    /// # Errors
    /// As [`state::read`].
    pub fn read(&self) -> Result<Snapshot, StateError> {
        Ok(state::read(&self.home, &stack())?.unwrap_or_else(|| Snapshot::none(&stack())))
    }

    /// Brings the program up.
    ///
    /// # Errors
    /// As [`Engine::up`].
    pub async fn up(&self, program: &Program) -> Result<Report, EngineError> {
        self.up_with(program, &UpOptions::default()).await
    }

    /// The same with options.
    ///
    /// # Errors
    /// As [`Engine::up`].
    pub async fn up_with(&self, program: &Program, options: &UpOptions) -> Result<Report, EngineError> {
        let mut store = self.open().await?;
        self.engine.up(program, &mut store, options).await
    }

    /// Previews an `up`.
    ///
    /// # Errors
    /// As [`Engine::preview`].
    pub async fn preview(&self, program: &Program) -> Result<Plan, EngineError> {
        self.engine.preview(program, &self.read()?, &UpOptions::default()).await
    }

    /// Brings state up to what exists.
    ///
    /// # Errors
    /// As [`Engine::refresh`].
    pub async fn refresh(&self) -> Result<Report, EngineError> {
        let mut store = self.open().await?;
        self.engine.refresh(&mut store, &RefreshOptions::default()).await
    }

    /// Takes it down.
    ///
    /// # Errors
    /// As [`Engine::down`].
    pub async fn down(&self, options: &DownOptions) -> Result<Report, EngineError> {
        let mut store = self.open().await?;
        self.engine.down(&mut store, options).await
    }
}

/// Every bytes of a folder, by name.
#[must_use]
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|e| Some((e.file_name().into_string().ok()?, std::fs::read(e.path()).ok()?))).collect()
}
