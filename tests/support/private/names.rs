//! Names of the world: what [`super::address`] lists resolves, everything else does not exist. Names of Services of a
//! cluster are added while it runs, as files in a folder.

use std::io;
use std::net::ToSocketAddrs as _;
use std::path::{Path, PathBuf};

use mops_host::fsx;

use super::address::{NAMES, REGISTRY, WORLD};
use super::part::Part;
use super::scratch;

/// A domain whose names the name server refuses to look up, as one does that is told to forward them and has nobody to
/// ask.
pub const REFUSED: &str = "refused.example";

/// A name that is another one for [`EDGE`].
pub const ALIAS: &str = "alias.lab.example";
/// Where the aliases end.
pub const EDGE: &str = "edge.lab.example";

/// The name server; it runs as long as the world.
#[derive(Debug)]
pub struct Names {
    _server: Part,
}

impl Names {
    /// Starts the name server and makes it the only one that the world knows.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(folder: &Path) -> io::Result<Self> {
        let hosts = self::folder(folder);
        fsx::create_dir_all(&hosts)?;
        resolve_here(folder).await?;
        let mut server = Part::start(folder, "dnsmasq", Path::new("/usr/sbin/dnsmasq"), &arguments(&hosts))?;
        let (name, address) = NAMES[0];
        server
            .until(async || (name, 443).to_socket_addrs().is_ok_and(|mut found| found.any(|a| a.ip() == address)))
            .await?;
        Ok(Self { _server: server })
    }
}

/// The folder whose files the server follows, each with lines of a hosts file.
#[must_use]
pub fn folder(world: &Path) -> PathBuf {
    world.join("names")
}

/// Without the last word unknown names are refused, which resolvers take for a broken server.
fn arguments(hosts: &Path) -> Vec<String> {
    let fixed = [
        // As who started it, who may be no other in a world of his own.
        "--no-daemon",
        "--conf-file=/dev/null",
        "--log-facility=-",
        "--pid-file=",
        "--no-resolv",
        "--no-hosts",
        "--bind-interfaces",
    ];
    let own = [format!("--listen-address={WORLD}"), format!("--hostsdir={}", hosts.display())];
    let known =
        NAMES.iter().flat_map(|(name, address)| [format!("--address=/{name}/{address}"), format!("--local=/{name}/")]);
    fixed
        .map(str::to_owned)
        .into_iter()
        .chain(own)
        .chain(known)
        .chain([format!("--host-record={EDGE},{REGISTRY}"), format!("--cname={ALIAS},{EDGE}")])
        .chain([format!("--server=/{REFUSED}/#"), "--address=/#/".to_owned()])
        .collect()
}

async fn resolve_here(folder: &Path) -> io::Result<()> {
    let resolver = format!("nameserver {WORLD}\n");
    let hosts = "127.0.0.1 localhost\n::1 localhost\n";
    for (file, content) in [("/etc/resolv.conf", resolver.as_str()), ("/etc/hosts", hosts)] {
        scratch::replace(&linked(file), folder, content.as_bytes()).await?;
    }
    Ok(())
}

/// Where a file really is; one that a link promises below the hidden `/run` is made there.
fn linked(file: &str) -> PathBuf {
    let target = std::fs::read_link(file).map(|link| Path::new("/etc").join(link));
    let Ok(target) = target else { return PathBuf::from(file) };
    let _ = target.parent().map(fsx::create_dir_all);
    let _ = fsx::append(&target);
    target
}
