//! The unified-infra example over a sandbox, under the whole engine.

use std::sync::Arc;
use std::time::Duration;

use mops_core::cloud::{AuthKind, AzureAuth};
use mops_core::{Cancel, Secret};
use mops_engine::error::EngineError;
use mops_engine::plan::Plan;
use mops_engine::program::{Component, ExpandOptions, Program, expand};
use mops_engine::run::{DownOptions, Engine, ImportReport, Pick, RefreshOptions, Report, UpOptions};
use mops_engine::state::{self, OpenOptions, Snapshot, Store};
use mops_host::clock::ManualClock;
use mops_host::{SharedClock, SystemClock};
use mops_resources::services::Config;
use mops_resources::{Resources, Services};
use mops_tests::image::Image;
use mops_tests::push::{Login, pipeline, push};
use mops_tests::sandbox::{Options, Sandbox};
use mops_wire::{ConnectMap, HttpConfig};

/// See the module.
pub(crate) struct Stack {
    pub(crate) sandbox: Sandbox,
    pub(crate) program: Program,
    home: tempfile::TempDir,
    /// The time of the engine; a test moves it on past what a service may take to know its own.
    clock: SharedClock,
    /// The time of the clients: pauses between tries cost nothing on one that moves by itself.
    pauses: SharedClock,
}

fn program(text: &str) -> Program {
    let file = mops_engine::stackfile::load("unified-infra.yaml", text).file.expect("the example");
    let options = ExpandOptions { user: Some("tester".into()), ..ExpandOptions::default() };
    expand(&file, &options).expect("a program")
}

impl Stack {
    /// An empty cloud and the example's program.
    pub(crate) fn new() -> Self {
        Self::of(include_str!("../../examples/unified-infra/unified-infra.yaml"))
    }

    /// The same with another stack file.
    pub(crate) fn of(text: &str) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let sandbox = Sandbox::start(Options { speed: 1000, ..Options::default() }).expect("a sandbox");
        let clock = SystemClock::shared();
        let home = tempfile::tempdir().expect("a folder");
        Self { sandbox, program: program(text), home, pauses: Arc::clone(&clock), clock }
    }

    /// Somebody made all of it by hand: no mark of ours is left at Azure, and no state.
    pub(crate) fn made_by_somebody_else(&mut self) {
        for place in ["/tags", "/properties/tags", "/properties/metadata"] {
            self.sandbox.arm().edit("", place, &serde_json::json!({}), "someone@example.com");
        }
        self.home = tempfile::tempdir().expect("a folder");
    }

    /// Takes over what `pick` says.
    pub(crate) async fn import(&self, pick: Pick<'_>) -> Result<ImportReport, EngineError> {
        self.engine().import(&self.program, &mut self.store().await, pick).await
    }

    /// An hour passes for the engine.
    pub(crate) fn an_hour_later(&mut self) {
        self.clock = ManualClock::automatic(self.clock.now() + Duration::from_secs(3600)).shared();
    }

    /// So much later for engine and clients, not for the services.
    pub(crate) fn much_later(&mut self, days: u64) {
        let clock = ManualClock::automatic(self.clock.now() + Duration::from_secs(days * 86_400)).shared();
        (self.clock, self.pauses) = (Arc::clone(&clock), clock);
    }

    /// Pauses between tries cost no time.
    pub(crate) fn without_pauses(&mut self) {
        self.pauses = ManualClock::automatic(self.pauses.now()).shared();
    }

    /// Who waits for a controller waits in earnest again.
    pub(crate) fn with_pauses(&mut self) {
        self.pauses = SystemClock::shared();
    }

    fn engine(&self) -> Engine {
        let cloud = self.sandbox.cloud();
        let mut http = HttpConfig::new();
        http.roots = vec![self.sandbox.world().ca_pem.clone().into_bytes()];
        http.connect = ConnectMap::new(cloud.connect.clone()).expect("loopback");
        http.clock = Arc::clone(&self.pauses);
        http.this_machine_only = true;
        let auth = AzureAuth { kind: AuthKind::ServicePrincipal, ..AzureAuth::default() };
        let config = Config { cloud, auth, env: self.sandbox.env(), clock: Arc::clone(&self.pauses), http };
        Engine {
            provider: Arc::new(Resources::new(Services::new(config))),
            clock: Arc::clone(&self.clock),
            events: Arc::new(|_| {}),
            parallelism: 16,
            cancel: Cancel::new(),
        }
    }

    async fn store(&self) -> Store {
        let options = OpenOptions {
            scope: None,
            create: true,
            lock_timeout: Duration::ZERO,
            env: self.sandbox.env(),
            clock: Arc::clone(&self.clock),
            cancel: Cancel::new(),
        };
        Store::open(self.home.path(), &self.program.stack, options).await.expect("the state")
    }

    /// The state as it is in the files.
    pub(crate) fn state(&self) -> Snapshot {
        state::read(self.home.path(), &self.program.stack).expect("readable").expect("there")
    }

    pub(crate) async fn up_with(&self, options: &UpOptions) -> Result<Report, EngineError> {
        self.engine().up(&self.program, &mut self.store().await, options).await
    }

    /// Everything up, and nothing left to do.
    pub(crate) async fn up(&self) -> Report {
        let report = self.up_with(&UpOptions::default()).await.expect("an up");
        assert!(report.failures.is_empty() && report.not_started.is_empty(), "{report:#?}");
        report
    }

    pub(crate) async fn preview(&self, options: &UpOptions) -> Result<Plan, EngineError> {
        self.engine().preview(&self.program, &self.state(), options).await
    }

    /// The same before there is a state.
    pub(crate) async fn preview_new(&self, options: &UpOptions) -> Result<Plan, EngineError> {
        self.engine().preview(&self.program, &Snapshot::none(&self.program.stack), options).await
    }

    pub(crate) async fn refresh_with(&self, options: &RefreshOptions) -> Result<Report, EngineError> {
        self.engine().refresh(&mut self.store().await, options).await
    }

    pub(crate) async fn refresh(&self) -> Report {
        self.refresh_with(&RefreshOptions::default()).await.expect("a refresh")
    }

    /// What a refresh would tell.
    pub(crate) async fn drift(&self) -> Vec<mops_engine::event::DriftView> {
        let plan = self.engine().preview_refresh(&self.state(), &RefreshOptions::default()).await;
        plan.expect("a refresh").drift_views().expect("everything was read")
    }

    pub(crate) async fn down_with(&self, options: &DownOptions) -> Result<Report, EngineError> {
        self.engine().down(&mut self.store().await, options).await
    }

    /// The registry, its images, and then everything.
    pub(crate) async fn whole() -> Self {
        let stack = Self::new();
        let only = Some([Component::Registry].into());
        stack.up_with(&UpOptions { only, ..UpOptions::default() }).await.expect("the registry");
        stack.push_images().await;
        stack.up().await;
        stack
    }

    async fn push_images(&self) {
        let http = pipeline(self.sandbox.world().ca_pem.as_bytes(), self.sandbox.connect()).expect("a pipeline");
        for (host, username, password) in mops_tests::arm::registry::logins(self.sandbox.arm()) {
            let login = Login { host, username, password: Secret::new(password) };
            for name in ["scheduler:1", "worker:1"] {
                let image = Image::tiny(name, name).expect("in memory");
                push(&http, &login, &image).await.expect("a push");
            }
        }
    }
}
