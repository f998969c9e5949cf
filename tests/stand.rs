//! The product's resources over a sandbox, on one clock.

use std::sync::Arc;
use std::time::Duration;

use mops_core::cloud::{AuthKind, AzureAuth};
use mops_core::mark::{Lineage, Mark};
use mops_core::provider::{CallContext, Done, Found, Known, Provider};
use mops_core::{Cancel, Error, StackId, Urn, Value};
use mops_host::clock::{ManualClock, SharedClock, SystemClock};
use mops_resources::services::Config;
use mops_resources::{Resources, Services};
pub(crate) use mops_tests::samples::CLUSTER;
use mops_tests::sandbox::{Options, Sandbox};
use mops_wire::{ConnectMap, HttpConfig};

/// The subscription of the samples.
pub(crate) const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";
pub(crate) struct Stand {
    pub(crate) sandbox: Sandbox,
    pub(crate) clock: SharedClock,
    pub(crate) stack: StackId,
}

impl Stand {
    /// At Azure's own pace, on a clock that never sleeps in earnest.
    pub(crate) fn new() -> Self {
        Self::with(1, ManualClock::automatic(time::OffsetDateTime::now_utc()).shared())
    }

    /// On the machine's time: controllers and watches of a cluster work while somebody waits for them.
    pub(crate) fn in_real_time() -> Self {
        Self::with(1000, SystemClock::shared())
    }

    /// At Azure's own pace on the machine's time: for who gives up before it is done.
    pub(crate) fn at_azures_pace() -> Self {
        Self::with(1, SystemClock::shared())
    }

    fn with(speed: u32, clock: SharedClock) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let subscriptions = vec![SUBSCRIPTION.to_owned()];
        let options = Options { speed, clock: Some(Arc::clone(&clock)), subscriptions, ..Options::default() };
        let sandbox = Sandbox::start(options).expect("a sandbox");
        Self { sandbox, clock, stack: StackId { project: "modelops".into(), stack: "dev".into() } }
    }

    /// A provider with clients of its own, as every run has.
    pub(crate) fn provider(&self) -> Resources {
        self.provider_with(|_| {})
    }

    /// The same over a pipeline that differs.
    pub(crate) fn provider_with(&self, change: impl FnOnce(&mut HttpConfig)) -> Resources {
        let cloud = self.sandbox.cloud();
        let mut http = HttpConfig::new();
        http.roots = vec![self.sandbox.world().ca_pem.clone().into_bytes()];
        http.connect = ConnectMap::new(cloud.connect.clone()).expect("loopback");
        http.clock = Arc::clone(&self.clock);
        http.this_machine_only = true;
        change(&mut http);
        let auth = AzureAuth { kind: AuthKind::ServicePrincipal, ..AzureAuth::default() };
        let env = self.sandbox.env();
        Resources::new(Services::new(Config { cloud, auth, env, clock: Arc::clone(&self.clock), http }))
    }

    pub(crate) fn urn(&self, token: &str, name: &str) -> Urn {
        Urn::new(&self.stack, token, name)
    }

    pub(crate) fn context(&self, urn: &Urn) -> CallContext {
        self.context_of(urn, &self.stack)
    }

    pub(crate) fn context_of(&self, urn: &Urn, stack: &StackId) -> CallContext {
        let lineage = Lineage("0123456789abcdef0123456789abcdef".into());
        CallContext {
            urn: urn.clone(),
            mark: Mark { stack: stack.clone(), urn: urn.clone(), lineage },
            cancel: Cancel::new(),
            progress: Arc::new(|_| {}),
            timeout: Duration::from_secs(7200),
            resume: None,
            takeover: false,
            import: false,
            renew: false,
        }
    }

    /// Checks and creates; panics with the product's own words.
    pub(crate) async fn create(&self, urn: &Urn, inputs: &Value) -> Result<Done, Error> {
        self.provider().create(self.context(urn), inputs).await
    }

    pub(crate) async fn read(&self, urn: &Urn, id: Option<&str>, known: &Known) -> Option<Found> {
        self.provider().read(self.context(urn), id, known).await.expect("a read")
    }
}
