//! Debian's docker-registry, with Basic over its own TLS or with tokens behind a front of ours.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mops_core::Secret;
use mops_host::fsx;
use mops_host::proc::Command;

use crate::real::daemon::{Daemon, DaemonError, Ready};
use crate::tls::{Authority, Leaf, bind};

const PROGRAM: &str = "/usr/bin/docker-registry";
/// Where its content lies in its folder.
pub const CONTENT: &str = "data";
const HTPASSWD: &str = "/usr/bin/htpasswd";

/// Whether the programs are there; without them a test is skipped for want of `registry`.
#[must_use]
pub fn installed() -> bool {
    Path::new(PROGRAM).exists() && Path::new(HTPASSWD).exists()
}

/// Where a registry sends its clients for a token, and what it calls itself there.
#[derive(Clone, Debug)]
pub struct Realm {
    address: String,
    service: String,
}

impl Realm {
    /// A token service for a registry.
    #[must_use]
    pub fn new(address: &str, service: &str) -> Self {
        Self { address: address.to_owned(), service: service.to_owned() }
    }

    /// That of ACR, which is the registry itself under its own name.
    #[must_use]
    pub fn of_acr(host: &str) -> Self {
        Self::new(&format!("https://{host}/oauth2/token"), host)
    }
}

/// A running registry; it ends when dropped. Its content lives in the folder that it was given.
#[derive(Debug)]
pub struct DockerRegistry<End> {
    end: End,
    _daemon: Daemon,
}

impl<End> DockerRegistry<End> {
    /// Where it listens.
    pub const fn end(&self) -> &End {
        &self.end
    }
}

impl DockerRegistry<SocketAddr> {
    /// One with a user and a password, on a port of loopback, with a leaf of this authority.
    ///
    /// # Errors
    /// See [`DaemonError`].
    pub async fn basic(
        dir: &Path,
        authority: &Authority,
        user: &str,
        password: &Secret<String>,
    ) -> Result<Self, DaemonError> {
        Self::sending_on(dir, authority, (user, password), None).await
    }

    /// The same; for blobs it sends a client on to this host, under the path of the blob below [`CONTENT`].
    ///
    /// # Errors
    /// See [`DaemonError`].
    pub async fn sending_on(
        dir: &Path,
        authority: &Authority,
        (user, password): (&str, &Secret<String>),
        host: Option<SocketAddr>,
    ) -> Result<Self, DaemonError> {
        let leaf = authority.leaf(Leaf::Good, &["127.0.0.1", "localhost"]);
        fsx::create_dir_all(dir)?;
        fsx::replace(&dir.join("srv.crt"), leaf.certificate_pem.as_bytes())?;
        fsx::replace(&dir.join("srv.key"), leaf.key_pem.as_bytes())?;
        let end = bind()?.local_addr()?;
        let d = dir.display();
        let http = format!("{{addr: \"{end}\", tls: {{certificate: {d}/srv.crt, key: {d}/srv.key}}}}");
        let redirect =
            |host| format!("middleware: {{storage: [{{name: redirect, options: {{baseurl: \"https://{host}\"}}}}]}}\n");
        let further = host.map(redirect).unwrap_or_default();
        let auth = basic_auth(dir, user, password).await?;
        let daemon = serve(dir, &http, &auth, (&further, Ready::Port(end))).await?;
        Ok(Self { end, _daemon: daemon })
    }
}

impl DockerRegistry<PathBuf> {
    /// One that believes tokens signed by the key of this certificate, on a Unix socket.
    ///
    /// # Errors
    /// See [`DaemonError`].
    pub async fn with_tokens(dir: &Path, realm: &Realm, certificate_pem: &str) -> Result<Self, DaemonError> {
        fsx::create_dir_all(dir)?;
        let certificate = dir.join("token.crt");
        fsx::replace(&certificate, certificate_pem.as_bytes())?;
        let Realm { address, service } = realm;
        let auth = format!(
            "{{token: {{realm: \"{address}\", service: {service}, issuer: {}, rootcertbundle: {}}}}}",
            super::signer::ISSUER,
            certificate.display(),
        );
        Self::behind(dir, &auth).await
    }

    /// One with a user and a password, on a Unix socket.
    ///
    /// # Errors
    /// See [`DaemonError`].
    pub async fn with_password(dir: &Path, user: &str, password: &Secret<String>) -> Result<Self, DaemonError> {
        fsx::create_dir_all(dir)?;
        Self::behind(dir, &basic_auth(dir, user, password).await?).await
    }

    async fn behind(dir: &Path, auth: &str) -> Result<Self, DaemonError> {
        let end = dir.join("socket");
        let http = format!("{{net: unix, addr: {}, relativeurls: true}}", end.display());
        let daemon = serve(dir, &http, auth, ("", Ready::Socket(&end))).await?;
        Ok(Self { end, _daemon: daemon })
    }
}

/// Starts it; what it needs further stands at the end of its configuration.
async fn serve(dir: &Path, http: &str, auth: &str, (further, ready): (&str, Ready<'_>)) -> Result<Daemon, DaemonError> {
    let config = format!(
        "version: 0.1\nlog: {{level: warn}}\n\
         storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\nhttp: {http}\nauth: {auth}\n{further}",
        dir.join(CONTENT).display()
    );
    let path = dir.join("config.yml");
    fsx::replace(&path, config.as_bytes())?;
    Daemon::start(PROGRAM, &["serve", &path.display().to_string()], &[], ready).await
}

/// Signing in by a password file, which is written here.
async fn basic_auth(dir: &Path, user: &str, password: &Secret<String>) -> Result<String, DaemonError> {
    let path = dir.join("htpasswd");
    fsx::replace(&path, &htpasswd(user, password).await?)?;
    Ok(format!("{{htpasswd: {{realm: test-registry, path: {}}}}}", path.display()))
}

async fn htpasswd(user: &str, password: &Secret<String>) -> Result<Vec<u8>, DaemonError> {
    let command = Command {
        program: HTPASSWD.into(),
        args: vec!["-inB".into(), user.to_owned()],
        env: Vec::new(),
        stdin: Some(password.clone()),
        timeout: Duration::from_secs(60),
        max_output: 1 << 16,
    };
    Ok(command.run_checked().await?.stdout)
}
