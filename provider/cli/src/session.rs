//! The one place that puts the layers together: environment → cloud → identity → HTTP → clients → resources. Nothing
//! is opened here: clients are made at their first use.

use std::sync::Arc;

use mops_clients::identity::Spared;
use mops_clients::kubernetes::{ClusterRef, Kubernetes};
use mops_core::cloud::Cloud;
use mops_core::{Error, StackId};
use mops_engine::event::EventSink;
use mops_engine::program::Scope;
use mops_engine::run::Engine;
use mops_engine::state::{OpenOptions, Sealer, Snapshot, Store};
use mops_host::{SharedClock, SystemClock};
use mops_resources::services::Config;
use mops_resources::{Resources, Services};
use mops_wire::Http;

use crate::app::App;
use crate::args::{ClusterArgs, PaceArgs};
use crate::exit::Failure;
use crate::kubeconfig;
use crate::pointed::Pointed;

/// Everything that a run works with.
pub(crate) struct Session {
    /// The resources over their clients.
    pub(crate) provider: Arc<Resources>,
    /// Time.
    pub(crate) clock: SharedClock,
}

impl Session {
    /// Requests by the way that its clients take.
    pub(crate) fn http(&self) -> Result<Http, Failure> {
        let config = self.provider.services().http().clone();
        Ok(Http::new(config).map_err(|e| Error::new(e.class(), e.to_string()))?)
    }

    /// The cluster that is named, else that of the kubeconfig which `kubectl` would take.
    pub(crate) async fn kubernetes(&self, app: &App, named: &ClusterArgs) -> Result<Kubernetes, Failure> {
        let file =
            named.kubeconfig.clone().map_or_else(|| kubeconfig::target(&app.env), |path| Ok(app.env.path(&path)));
        let kubeconfig = file?.to_string_lossy().into_owned();
        let cluster = ClusterRef::Kubeconfig { kubeconfig, context: named.context.clone() };
        Ok(self.provider.services().kubernetes(&cluster).await?)
    }
}

impl App {
    /// The file of `--cloud` or MOPS_CLOUD, when one is given; it replaces the stack file's `cloud:`.
    pub(crate) fn cloud_override(&self) -> Result<Option<Cloud>, Failure> {
        let named = self.global.cloud.as_ref().map(|p| p.display().to_string());
        let Some(name) = named.or_else(|| self.env.get("MOPS_CLOUD").map(ToOwned::to_owned)) else { return Ok(None) };
        let text = mops_engine::stackfile::read_cloud_file(&name, &self.env)?;
        self.sources.borrow_mut().add(&name, text.expose());
        Ok(Some(mops_engine::stackfile::cloud_file(&name, text.expose())?))
    }

    /// Clients and resources for that place.
    pub(crate) fn session(&self, pointed: &Pointed) -> Result<Session, Failure> {
        Ok(Self::over(self.services(pointed)?))
    }

    /// The same for one of many runs: what the directory refused in an earlier one is not sent again for a while.
    pub(crate) fn session_sparing(&self, pointed: &Pointed, spared: &Arc<Spared>) -> Result<Session, Failure> {
        Ok(Self::over(self.services(pointed)?.sparing(Arc::clone(spared))))
    }

    fn over(services: Services) -> Session {
        let clock = Arc::clone(services.clock());
        Session { provider: Arc::new(Resources::new(services)), clock }
    }

    fn services(&self, pointed: &Pointed) -> Result<Services, Failure> {
        let Pointed { cloud, auth, .. } = pointed.clone();
        Ok(Services::new(Config::reaching(cloud, auth, self.env.clone(), SystemClock::shared())?))
    }

    /// The engine over a session.
    pub(crate) fn engine(&self, session: &Session, pace: PaceArgs, events: EventSink) -> Engine {
        Engine {
            provider: session.provider.clone(),
            clock: Arc::clone(&session.clock),
            events,
            parallelism: pace.parallelism.into(),
            cancel: self.cancel.clone(),
        }
    }

    /// The state of a stack under its lock; with a scope it is made when it does not exist.
    pub(crate) async fn open(&self, stack: &StackId, scope: Option<Scope>, pace: PaceArgs) -> Result<Store, Failure> {
        let options = OpenOptions {
            create: scope.is_some(),
            scope,
            lock_timeout: pace.lock_timeout,
            env: self.env.clone(),
            clock: SystemClock::shared(),
            cancel: self.cancel.clone(),
        };
        let store = Store::open(&self.home()?, stack, options).await?;
        store.snapshot().notes.iter().for_each(|note| self.printer.note(note));
        Ok(store)
    }

    /// Opens secrets of a state that is only read; asks for the passphrase when it is needed.
    pub(crate) fn sealer(&self, snapshot: &Snapshot) -> Result<Arc<Sealer>, Failure> {
        Ok(Arc::new(Sealer::new(&self.home()?, &snapshot.stack, &self.env, snapshot.salt.clone())))
    }
}
