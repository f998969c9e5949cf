//! Azurite under the names of storage accounts. Which accounts and containers exist, and the keys, is what the ARM fake
//! says; every check of a signature and every answer is Azurite's own.
//!
//! Azurite knows accounts and keys from its start, so each account has one of its own, started when the account is first
//! asked, and started again over the same content when a key has changed. Keys are in its environment and nowhere else.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response};
use bytes::Bytes;
use mops_core::Secret;
use mops_host::fsx;
use mops_wire::sas::{AccountSas, SasError, Terms};
use rustls_pki_types::ServerName;
use time::{Duration, OffsetDateTime};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use crate::arm::Arm;
use crate::arm::storage::{View, by_host};
use crate::blob::Blobs;
use crate::http::{Broken, Call, Handler};
use crate::private::part::Part;
use crate::real::forward::forward;
use crate::tls::{Authority, Leaf, bind};
use crate::tools::program;

/// All storage accounts of one cloud with real content.
pub struct Azurite {
    arm: Arc<Arm>,
    /// Refuses what the account's own settings forbid, which Azurite does not know.
    settings: Blobs,
    dir: PathBuf,
    authority: Arc<Authority>,
    connector: TlsConnector,
    /// By account name.
    running: Mutex<BTreeMap<String, Account>>,
}

impl Azurite {
    /// None is running yet; their content goes below `dir`.
    #[must_use]
    pub fn new(arm: Arc<Arm>, dir: &Path, authority: Arc<Authority>) -> Self {
        let connector = TlsConnector::from(authority.client_config());
        let settings = Blobs::new(Arc::clone(&arm));
        Self { arm, settings, dir: dir.to_owned(), authority, connector, running: Mutex::default() }
    }

    /// Serves all of them, told apart by name; a name that does not exist breaks the connection.
    ///
    /// # Panics
    /// The answer to a client does, with the reason, when Azurite cannot be started.
    #[must_use]
    pub fn handler(self) -> Handler {
        let azurite = Arc::new(self);
        Arc::new(move |request| {
            let azurite = Arc::clone(&azurite);
            Box::pin(async move { azurite.answer(Call::read(request).await?).await })
        })
    }

    async fn answer(&self, call: Call) -> Result<Response<Body>, Broken> {
        let view = by_host(&self.arm, &call.host).ok_or(Broken)?;
        // A signature with an object id in it is by a key of an identity, not by one of the account.
        if !view.shared_key && call.query("sig").is_some() && call.query("skoid").is_none() {
            return self.settings.answer(&call).map(|reply| reply.into_response(&call.method)).ok_or(Broken);
        }
        let end = self.up_to_date(&view).await.unwrap_or_else(|error| panic!("Azurite does not serve: {error}"));
        self.ask(end, call).await
    }

    async fn ask(&self, end: SocketAddr, call: Call) -> Result<Response<Body>, Broken> {
        let name = ServerName::try_from(call.host.clone()).map_err(|_| Broken)?;
        let stream = TcpStream::connect(end).await.map_err(|_| Broken)?;
        forward(self.connector.connect(name, stream).await.map_err(|_| Broken)?, call).await
    }

    /// Where the account is served with the keys and containers that ARM says it has.
    async fn up_to_date(&self, view: &View) -> io::Result<SocketAddr> {
        let mut running = self.running.lock().await;
        let mut account = match running.remove(&view.name) {
            Some(held) if held.incarnation == view.incarnation && held.keys == view.keys => held,
            held => self.restart(held, view).await?,
        };
        let outdated = account.containers.iter().filter(|known| !view.containers.contains(known));
        for (container, _) in outdated {
            self.change(Method::DELETE, account.end, view, container).await?;
        }
        for (container, _) in view.containers.iter().filter(|wanted| !account.containers.contains(wanted)) {
            self.change(Method::PUT, account.end, view, container).await?;
        }
        account.containers.clone_from(&view.containers);
        let end = account.end;
        running.insert(view.name.clone(), account);
        Ok(end)
    }

    async fn restart(&self, held: Option<Account>, view: &View) -> io::Result<Account> {
        let mut containers = Vec::new();
        if let Some(held) = held {
            if held.incarnation == view.incarnation {
                containers = held.containers;
            }
            held.part.stop().await?;
        }
        let dir = self.dir.join(&view.incarnation);
        fsx::create_dir_all(&dir)?;
        let leaf = self.authority.leaf(Leaf::Good, &["*.blob.core.windows.net"]);
        fsx::replace(&dir.join("srv.crt"), leaf.certificate_pem.as_bytes())?;
        fsx::replace(&dir.join("srv.key"), leaf.key_pem.as_bytes())?;
        let end = bind()?.local_addr()?;
        let accounts = [("AZURITE_ACCOUNTS", format!("{}:{}", view.name, view.keys.join(":")))];
        let program = program("azurite", "azurite-blob")?;
        let mut part = Part::start_with(&dir, "azurite", &program, &arguments(&dir, end), &accounts)?;
        part.until_it_listens(end).await?;
        Ok(Account { incarnation: view.incarnation.clone(), keys: view.keys.clone(), containers, end, part })
    }

    /// Makes or removes a container, as Azure's own storage does when ARM tells it to.
    async fn change(&self, method: Method, end: SocketAddr, view: &View, container: &str) -> io::Result<()> {
        let sas = whole_account(view).map_err(io::Error::other)?;
        let call = Call {
            method,
            host: format!("{}.blob.core.windows.net", view.name),
            path: format!("/{container}"),
            raw_query: format!("restype=container&{}", sas.expose()),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        let status = self.ask(end, call).await.map_err(io::Error::other)?.status();
        if status.is_success() { Ok(()) } else { Err(io::Error::other(format!("container `{container}`: {status}"))) }
    }
}

/// A running Azurite.
struct Account {
    incarnation: String,
    keys: Vec<String>,
    /// Name and incarnation of those that it has.
    containers: Vec<(String, String)>,
    end: SocketAddr,
    part: Part,
}

fn arguments(dir: &Path, end: SocketAddr) -> Vec<String> {
    let path = |name: &str| dir.join(name).display().to_string();
    let pairs = [
        ("--blobHost", end.ip().to_string()),
        ("--blobPort", end.port().to_string()),
        ("--location", path("data")),
        ("--cert", path("srv.crt")),
        ("--key", path("srv.key")),
        ("--oauth", "basic".to_owned()),
    ];
    let flags = ["--silent", "--disableTelemetry"].map(str::to_owned);
    pairs.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).chain(flags).collect()
}

fn whole_account(view: &View) -> Result<Secret<String>, SasError> {
    let expiry = Some(OffsetDateTime::now_utc() + Duration::hours(1));
    let terms = Terms { permissions: "cd".into(), expiry, ..Terms::default() };
    let sas = AccountSas { account: view.name.clone(), services: "b".into(), resource_types: "c".into(), terms };
    sas.sign(&Secret::new(view.keys[0].clone()))
}
