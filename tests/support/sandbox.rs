//! All fakes in one process, on five TLS listeners and a control port, in a thread of its own; a private world adds the
//! metadata service.
//! As a library for tests and as the program `mops-sandbox` for the demo. Proven by
//! `fast::sandbox`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use mops_core::Secret;
use mops_core::cloud::Cloud;
use mops_host::clock::{SharedClock, SystemClock};
use mops_host::env::Env;
use mops_host::fsx;
use tokio::sync::oneshot;

use self::control::Control;
use crate::arm::Arm;
use crate::blob::Blobs;
use crate::entra::Entra;
use crate::fault::Faults;
use crate::graph::Graph;
use crate::http::{Broken, Call, Handler, Reply, handler};
use crate::imds::Metadata;
use crate::ledger::Ledger;
use crate::ngc::{self, Ngc};
use crate::novita::{self, Novita};
use crate::private::address;
use crate::real::acr::Acr;
use crate::real::azurite::Azurite;
use crate::real::hosted::{self, Hosted};
use crate::registry::Registries;
use crate::tls::{self, Authority, Leaf, Server};
use crate::witness::Witness;
use crate::world::{ClusterLogin, Ends, Reach, World};

mod control;
mod machines;
mod puller;

pub use machines::Clusters;

/// The subscription of the examples.
pub const SUBSCRIPTION: &str = "00000000-1111-2222-3333-444444444444";
/// The names in the certificate that every fake shows.
const NAMES: &[&str] = &[
    "127.0.0.1",
    "localhost",
    "management.azure.com",
    "login.microsoftonline.com",
    "*.azurecr.io",
    "*.blob.core.windows.net",
    "*.hcp.eastus2.azmk8s.io",
    hosted::GENERIC,
    hosted::GHCR,
    hosted::HUB,
    hosted::HUB_TOKENS,
    ngc::REGISTRY,
    ngc::API,
    novita::API,
];

/// How a sandbox is to be.
#[derive(Clone)]
pub struct Options {
    /// How many times faster than Azure; 1 is for tests with a clock of their own.
    pub speed: u32,
    /// The time; the machine's when absent.
    pub clock: Option<SharedClock>,
    /// The `mops-probe` that pods run.
    pub probe: Option<PathBuf>,
    /// Where its files go; a folder that vanishes with it when absent.
    pub dir: Option<PathBuf>,
    /// The subscriptions that exist.
    pub subscriptions: Vec<String>,
    /// How its fakes are reached.
    pub reach: Reach,
    /// Who signs its certificates; an authority of its own when absent.
    pub authority: Option<Arc<Authority>>,
    /// Whether registries hold their content in docker-registry, which must be installed then.
    pub docker_registry: bool,
    /// Whether storage accounts are served by Azurite, which must be installed then.
    pub azurite: bool,
    /// A real cluster that stands for all managed ones; it has the address of the fakes.
    pub cluster: Option<ClusterLogin>,
}

impl Default for Options {
    /// Fast, on the machine's time.
    fn default() -> Self {
        let subscriptions = vec![SUBSCRIPTION.to_owned()];
        let (reach, authority, docker_registry, azurite, cluster) = (Reach::Loopback, None, false, false, None);
        let (speed, clock, probe, dir) = (120, None, None, None);
        Self { speed, clock, probe, dir, subscriptions, reach, authority, docker_registry, azurite, cluster }
    }
}

/// A running sandbox; it ends when dropped.
pub struct Sandbox {
    world: Arc<World>,
    arm: Arc<Arm>,
    ngc: Arc<Ngc>,
    novita: Arc<Novita>,
    clusters: Arc<Clusters>,
    faults: Faults,
    dir: PathBuf,
    /// The password of the bot that the hosted registries let in.
    bot: Option<Secret<String>>,
    control: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _temporary: Option<tempfile::TempDir>,
}

impl Sandbox {
    /// Starts one.
    ///
    /// # Errors
    /// When its folder cannot be written or no port is left.
    pub fn start(options: Options) -> std::io::Result<Self> {
        let temporary = if options.dir.is_none() { Some(tempfile::tempdir()?) } else { None };
        let dir = options.dir.clone().or_else(|| temporary.as_ref().map(|t| t.path().to_owned())).unwrap_or_default();
        fsx::create_dir_all(&dir)?;
        let authority = options.authority.clone().unwrap_or_default();
        let identity = authority.leaf(Leaf::Good, NAMES);
        let sockets = Sockets::bind(options.reach, options.cluster.is_some())?;
        let clock = options.clock.clone().unwrap_or_else(SystemClock::shared);
        let ca = authority.pem().to_owned();
        let mut world = World::new(clock, options.speed, sockets.ends()?, options.subscriptions.clone(), ca);
        world.cluster = options.cluster.clone();
        let world = Arc::new(world);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let faults = Faults::default();
        let probe_env = probe_env(&world, &dir);
        let clusters = Clusters::new(Arc::clone(&world), runtime.handle().clone(), options.probe.clone(), probe_env);
        if options.clock.is_none() {
            clusters.keep_retrying();
        }
        let arm = Arc::new(Arm::new(Arc::clone(&world), Arc::clone(&clusters) as Arc<dyn crate::arm::Machines>));
        let registries = Arc::new(Registries::new(Arc::clone(&arm)));
        let secret = crate::world::random_text(32);
        let control = format!("http://{}/{secret}", sockets.control.local_addr()?);
        let bot = options.docker_registry.then(|| Secret::new(crate::world::random_text(24)));
        let content = if let Some(bot) = &bot {
            let acr = Acr::new(registries, &dir.join("registries")).handler();
            Hosted::new(&dir.join("hosted"), bot.clone()).before(acr)
        } else {
            named(move |call| registries.answer(call))
        };
        let ngc = Arc::new(Ngc::default());
        let novita = Arc::new(Novita::default());
        novita.key(novita::KEY);
        let content = Arc::clone(&novita).before(Arc::clone(&ngc).before(content));
        let storage = if options.azurite {
            Azurite::new(Arc::clone(&arm), &dir.join("accounts"), authority).handler()
        } else {
            let blobs = Blobs::new(Arc::clone(&arm));
            named(move |call| blobs.answer(call))
        };
        let handlers = Handlers::new(&arm, &clusters, (content, storage), &ngc, &faults, &secret);
        let (stop, stopped) = oneshot::channel();
        let config = identity.server_config();
        let running = {
            let _inside = runtime.enter();
            sockets.serve(handlers, &config)?
        };
        let thread = std::thread::Builder::new().name("sandbox".into()).spawn(move || {
            runtime.block_on(async {
                let _ = stopped.await;
                drop(running);
            });
        })?;
        let sandbox = Self {
            world,
            arm,
            ngc,
            novita,
            clusters,
            faults,
            dir,
            bot,
            control,
            stop: Some(stop),
            thread: Some(thread),
            _temporary: temporary,
        };
        sandbox.write_files()?;
        Ok(sandbox)
    }

    fn write_files(&self) -> std::io::Result<()> {
        fsx::replace(&self.dir.join("ca.crt"), self.world.ca_pem.as_bytes())?;
        if self.world.ends.reach == Reach::Loopback {
            fsx::replace(&self.dir.join("cloud.yaml"), self.cloud_yaml().as_bytes())?;
        }
        fsx::replace(&self.dir.join("control"), self.control.as_bytes())?;
        let env: String = self.variables().iter().map(|(n, v)| format!("export {n}='{v}'\n")).collect();
        fsx::replace(&self.dir.join("env"), env.as_bytes())
    }

    fn cloud_yaml(&self) -> String {
        let (arm, authority) = (self.world.arm_origin(), self.world.authority_origin());
        let connect: String = connected(self.world.ends).map(|(name, at)| format!("  \"{name}\": \"{at}\"\n")).concat();
        format!(
            "# Written by mops-sandbox: the loopback stand-in for Azure.\narm: {arm}\nauthority: {authority}\n\
             arm_scope: {arm}/.default\ngraph: {authority}\nca_file: {}\nconnect:\n{connect}",
            self.dir.join("ca.crt").display(),
        )
    }

    /// The variables that point `mops` here: who signs in to the cloud and to the hosted registries, and where the cloud
    /// is when names do not say it.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        let app = &self.world.application;
        let cloud = self.dir.join("cloud.yaml").display().to_string();
        let cloud = (self.world.ends.reach == Reach::Loopback).then_some(("MOPS_CLOUD", cloud.as_str()));
        let always = [
            ("AZURE_TENANT_ID", app.tenant.as_str()),
            ("AZURE_CLIENT_ID", &app.client_id),
            ("AZURE_CLIENT_SECRET", &app.client_secret),
            ("NOVITA_API_KEY", novita::KEY),
        ];
        let bot = self.bot.as_ref().map(|password| ("REGISTRY_TOKEN", password.expose().as_str()));
        // A real node holds the probe under its own name; the fakes know theirs.
        let probe = self.world.cluster.is_none().then_some(("MOPS_PROBE_IMAGE", crate::kubernetes::PROBE_IMAGE));
        cloud.into_iter().chain(always).chain(bot).chain(probe).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
    }

    /// The same as an environment, with a home of its own.
    #[must_use]
    pub fn env(&self) -> Env {
        let home = self.dir.join("home").display().to_string();
        let own = [("HOME".to_owned(), home.clone()), ("MODELOPS_HOME".to_owned(), format!("{home}/.modelops"))];
        Env::of(self.variables().into_iter().chain(own))
    }

    /// The endpoints, as the product's own type.
    #[must_use]
    pub fn cloud(&self) -> Cloud {
        Cloud {
            name: self.dir.join("cloud.yaml").display().to_string(),
            arm: self.world.arm_origin(),
            authority: self.world.authority_origin(),
            arm_scope: format!("{}/.default", self.world.arm_origin()),
            graph: self.world.authority_origin(),
            ca_file: Some(self.dir.join("ca.crt")),
            connect: self.connect(),
        }
    }

    /// Which names are reached where.
    #[must_use]
    pub fn connect(&self) -> Vec<(String, SocketAddr)> {
        connected(self.world.ends).map(|(name, at)| (name.to_owned(), at)).into()
    }

    /// NGC, for what only a test may do.
    #[must_use]
    pub fn ngc(&self) -> &Ngc {
        &self.ngc
    }

    /// Novita, for what only a test may do.
    #[must_use]
    pub fn novita(&self) -> &Novita {
        &self.novita
    }

    /// What exists, as of now.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.arm.settle();
        self.world.ledger.clone()
    }

    /// What goes wrong.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The ARM fake, for what only a test may do.
    #[must_use]
    pub fn arm(&self) -> &Arm {
        &self.arm
    }

    /// The clusters that run.
    #[must_use]
    pub fn clusters(&self) -> &Clusters {
        &self.clusters
    }

    /// What all fakes share.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Where its files are.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The address of its control port.
    #[must_use]
    pub fn control(&self) -> &str {
        &self.control
    }

    /// Waits for ever: the program's life.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The names that are reached at an address of the sandbox. NGC and Novita share the listener of the registries.
fn connected(ends: Ends) -> [(&'static str, SocketAddr); 5] {
    [
        ("*.azurecr.io", ends.registry),
        ("*.blob.core.windows.net", ends.blob),
        (ngc::REGISTRY, ends.registry),
        (ngc::API, ends.registry),
        (novita::API, ends.registry),
    ]
}

/// What a probe in a pod needs to find the sandbox where names do not say it; nothing of it is secret.
fn probe_env(world: &World, dir: &Path) -> Vec<(String, String)> {
    let ends = world.ends;
    if ends.reach == Reach::RealNames {
        return Vec::new();
    }
    let connect = connected(ends).map(|(name, at)| format!("{name}={at}")).join(",");
    vec![("MOPS_PROBE_CONNECT".into(), connect), ("SSL_CERT_FILE".into(), dir.join("ca.crt").display().to_string())]
}

/// One handler a listener, faults in front.
struct Handlers {
    arm: Handler,
    authority: Handler,
    registry: Handler,
    blob: Handler,
    kubernetes: Handler,
    metadata: Handler,
    control: Handler,
}

impl Handlers {
    fn new(
        arm: &Arc<Arm>,
        clusters: &Arc<Clusters>,
        (registries, storage): (Handler, Handler),
        ngc: &Arc<Ngc>,
        faults: &Faults,
        secret: &str,
    ) -> Self {
        let (entra, graph) = (Entra::new(Arc::clone(arm)), Graph::new(Arc::clone(arm)));
        let directory = handler(move |call| if Graph::serves(call) { graph.answer(call) } else { entra.answer(call) });
        let (on_arm, metadata) = (Arc::clone(arm), Metadata::new(Arc::clone(arm)));
        let witness = Witness::default();
        let around = |fake, inner| witness.around(fake, faults.around(fake, inner));
        let registry = around("registry", registries);
        clusters.pull_from(Arc::clone(&registry));
        Self {
            arm: around("arm", handler(move |call| on_arm.answer(call))),
            authority: around("entra", directory),
            blob: around("blob", storage),
            metadata: around("imds", handler(move |call| metadata.answer(call))),
            kubernetes: around("kubernetes", clusters.handler(Arc::clone(arm))),
            control: control::handler(secret, &Control { arm, clusters, faults, witness: &witness, ngc }),
            registry,
        }
    }
}

/// A name that does not exist ends the connection: on Azure it does not even resolve.
fn named(answer: impl Fn(&Call) -> Option<Reply> + Send + Sync + 'static) -> Handler {
    let answer = Arc::new(answer);
    Arc::new(move |request| {
        let answer = Arc::clone(&answer);
        Box::pin(async move {
            let call = Call::read(request).await?;
            answer(&call).map(|reply| reply.into_response(&call.method)).ok_or(Broken)
        })
    })
}

struct Sockets {
    reach: Reach,
    arm: std::net::TcpListener,
    authority: std::net::TcpListener,
    registry: std::net::TcpListener,
    blob: std::net::TcpListener,
    kubernetes: std::net::TcpListener,
    /// Only a private world has its address.
    metadata: Option<std::net::TcpListener>,
    control: std::net::TcpListener,
}

impl Sockets {
    fn bind(reach: Reach, real_cluster: bool) -> std::io::Result<Self> {
        let of = |address| match reach {
            Reach::Loopback => tls::bind(),
            Reach::RealNames => tls::bind_at((address, 443).into()),
        };
        Ok(Self {
            reach,
            arm: of(address::ARM)?,
            authority: of(address::AUTHORITY)?,
            registry: of(address::REGISTRY)?,
            blob: of(address::BLOB)?,
            kubernetes: if real_cluster { tls::bind()? } else { of(address::CLUSTERS)? },
            metadata: match reach {
                Reach::Loopback => None,
                Reach::RealNames => Some(tls::bind_at((address::METADATA, 80).into())?),
            },
            control: tls::bind()?,
        })
    }

    fn ends(&self) -> std::io::Result<Ends> {
        Ok(Ends {
            reach: self.reach,
            arm: self.arm.local_addr()?,
            authority: self.authority.local_addr()?,
            registry: self.registry.local_addr()?,
            blob: self.blob.local_addr()?,
            kubernetes: self.kubernetes.local_addr()?,
        })
    }

    fn serve(self, handlers: Handlers, config: &Arc<rustls::ServerConfig>) -> std::io::Result<Vec<Server>> {
        let metadata = self.metadata.map(|listener| tls::serve_clear(handlers.metadata, listener)).transpose()?;
        let mut servers = vec![
            tls::serve_tls(handlers.arm, self.arm, Arc::clone(config))?,
            tls::serve_tls(handlers.authority, self.authority, Arc::clone(config))?,
            tls::serve_tls(handlers.registry, self.registry, Arc::clone(config))?,
            tls::serve_tls(handlers.blob, self.blob, Arc::clone(config))?,
            tls::serve_tls(handlers.kubernetes, self.kubernetes, Arc::clone(config))?,
            tls::serve_clear(handlers.control, self.control)?,
        ];
        servers.extend(metadata);
        Ok(servers)
    }
}
