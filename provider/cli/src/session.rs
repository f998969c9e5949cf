//! The one place that puts the layers together: environment → cloud → identity → HTTP → clients → resources. Nothing
//! is opened here: clients are made at their first use.

use std::sync::Arc;

use mops_core::cloud::Cloud;
use mops_core::{Class, Error, StackId};
use mops_engine::event::EventSink;
use mops_engine::program::Scope;
use mops_engine::run::Engine;
use mops_engine::state::{OpenOptions, Sealer, Snapshot, Store};
use mops_host::{SharedClock, SystemClock, fsx};
use mops_resources::services::Config;
use mops_resources::{Resources, Services};
use mops_wire::{ConnectMap, HttpConfig, ProxySettings};

use crate::app::{App, reason};
use crate::args::PaceArgs;
use crate::exit::Failure;
use crate::pointed::Pointed;

/// Everything that a run works with.
pub(crate) struct Session {
    /// The resources over their clients.
    pub(crate) provider: Arc<Resources>,
    /// Time.
    pub(crate) clock: SharedClock,
}

impl App {
    /// The file of `--cloud` or MOPS_CLOUD, when one is given; it replaces the stack file's `cloud:`.
    pub(crate) fn cloud_override(&self) -> Result<Option<Cloud>, Failure> {
        let named = self.global.cloud.as_ref().map(|p| p.display().to_string());
        let Some(name) = named.or_else(|| self.env.get("MOPS_CLOUD").map(ToOwned::to_owned)) else { return Ok(None) };
        let text = fsx::read_private(&self.env.path(&name)).map_err(|error| {
            Error::new(Class::User, format!("the cloud file `{name}` cannot be used: {error}"))
                .hint("it must be your own file without rights for others: `chmod 600 FILE`")
        })?;
        self.sources.borrow_mut().add(&name, text.expose());
        Ok(Some(mops_engine::stackfile::cloud_file(&name, text.expose())?))
    }

    /// Clients and resources for that place.
    pub(crate) fn session(&self, pointed: &Pointed) -> Result<Session, Failure> {
        let clock = SystemClock::shared();
        let Pointed { cloud, auth, .. } = pointed.clone();
        let http = HttpConfig {
            roots: self.roots(&cloud)?,
            connect: ConnectMap::new(cloud.connect.clone())
                .map_err(|error| Failure::usage(error.to_string(), "mend `connect` of the cloud"))?,
            proxy: ProxySettings::from_env(&self.env),
            clock: Arc::clone(&clock),
            ..HttpConfig::new()
        };
        let services = Services::new(Config { cloud, auth, env: self.env.clone(), clock: Arc::clone(&clock), http });
        Ok(Session { provider: Arc::new(Resources::new(services)), clock })
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

    /// The roots that the cloud adds to the system's.
    fn roots(&self, cloud: &Cloud) -> Result<Vec<Vec<u8>>, Failure> {
        let Some(path) = &cloud.ca_file else { return Ok(Vec::new()) };
        let path = self.env.path(&path.display().to_string());
        let pem = fsx::read(&path).map_err(|error| {
            let text = format!("`ca_file` {} cannot be read: {}", path.display(), reason(&error));
            Failure::usage(text, "mend `ca_file` of the cloud")
        })?;
        Ok(vec![pem])
    }
}
