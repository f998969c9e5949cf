//! Who furnishes the world, in this order: files, links, roots, names, the login node and its SLURM, the cloud, the cluster; then runs
//! the command in it. When the command ends, the world does.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use mops_host::Env;
use mops_host::clock::{Clock as _, SystemClock};

use super::cluster::Cluster;
use super::names::Names;
use super::run::SYSTEM;
use super::{GROUP, WORLD, cgroup, leaves, links, login, rights, scratch, slurm, trust};
use crate::sandbox::{Options, Sandbox};
use crate::tls::{Authority, Identity};
use crate::tools;
use crate::world::{ClusterLogin, Reach};

/// Variables of the caller that would lead commands out of the world or past its names.
const OUTWARD: [&str; 6] = ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "MOPS_CLOUD", "SSL_CERT_FILE"];

/// The first word of a command that wants the real cluster.
pub const WITH_CLUSTER: &str = "--cluster";
/// What `make tools` builds that somebody may want by name.
const ON_THE_PATH: [&str; 3] = ["cluster", "azure-cli", "pulumi"];
/// Three times the minute in which a world with a cluster is promised; a slower one is broken.
const PATIENCE: Duration = Duration::from_secs(180);
/// Folders of the machine that kubelets and runtimes write to by constant paths.
const COVERED: [&str; 2] = ["/var/lib", "/var/log"];

/// Furnishes the world and runs the command, after [`WITH_CLUSTER`] with a cluster in it; its exit code.
///
/// # Errors
/// When a part does not come up, with its own words.
pub async fn run(world: &str, command: &[String]) -> io::Result<u8> {
    let (wants_cluster, command) = match command {
        [first, command @ ..] if first == WITH_CLUSTER => (true, command),
        command => (false, command),
    };
    let whole = rights::are_the_machines();
    if wants_cluster && !whole {
        return Err(io::Error::other("a cluster in a private world needs the machine's root"));
    }
    let clock = SystemClock::new();
    let folder = scratch::mount().await?;
    links::up().await?;
    let authority = Arc::new(Authority::new());
    trust::add(&authority, &folder).await?;
    leaves::write(&authority, &folder)?;
    let _names = Names::start(&folder).await?;
    let login = if whole && login::installed() { Some(login::start(&folder).await?) } else { None };
    let _slurm = if login.is_some() && slurm::installed() { slurm::start(&folder).await? } else { Vec::new() };
    let admitted = wants_cluster.then(|| authority.client("system:masters", "clusterUser"));
    let sandbox = cloud(&folder, Arc::clone(&authority), admitted.map(into_login))?;
    let mut variables = sandbox.variables();
    variables.push((WORLD.to_owned(), folder.display().to_string()));
    if whole {
        cgroup::make(world)?;
        variables.push((GROUP.to_owned(), world.to_owned()));
    }
    let cluster = if wants_cluster { Some(real_cluster(&folder, world, &authority).await?) } else { None };
    if wants_cluster {
        in_time(clock.monotonic())?;
    }
    let kubeconfig = cluster.as_ref().map(|cluster| cluster.kubeconfig().display().to_string());
    variables.extend(kubeconfig.map(|path| ("KUBECONFIG".to_owned(), path)));
    variables.push(("PATH".to_owned(), path()?));
    obey(command, &variables)
}

/// Says how long the world took.
///
/// # Errors
/// When that is too long.
fn in_time(took: Duration) -> io::Result<()> {
    writeln!(io::stderr(), "world: ready in {:.1} s", took.as_secs_f64())?;
    if took > PATIENCE { Err(io::Error::other("the world took too long to be ready")) } else { Ok(()) }
}

/// The caller's path, and the programs for trying things by hand as far as they are built.
fn path() -> io::Result<String> {
    let mut folders = Vec::new();
    for module in ON_THE_PATH {
        folders.extend(Some(tools::folder(module)?).filter(|folder| folder.is_dir()));
    }
    let folders = folders.iter().map(|folder| folder.display().to_string());
    let path = Env::process().get("PATH").unwrap_or(SYSTEM).to_owned();
    Ok(folders.chain([path]).collect::<Vec<_>>().join(":"))
}

fn into_login(identity: Identity) -> ClusterLogin {
    ClusterLogin { certificate: identity.certificate_pem, key: identity.key_pem }
}

async fn real_cluster(folder: &Path, world: &str, authority: &Authority) -> io::Result<Cluster> {
    for machine in COVERED {
        scratch::cover(machine, folder).await?;
    }
    Cluster::start(folder, world, authority).await
}

fn cloud(folder: &Path, authority: Arc<Authority>, cluster: Option<ClusterLogin>) -> io::Result<Sandbox> {
    let probe = std::env::current_exe()?.with_file_name("mops-probe");
    Sandbox::start(Options {
        dir: Some(folder.join("sandbox")),
        probe: Some(probe),
        reach: Reach::RealNames,
        authority: Some(authority),
        docker_registry: true,
        azurite: true,
        cluster,
        ..Options::default()
    })
}

#[expect(clippy::disallowed_methods, reason = "the command has the caller's terminal, which `proc` does not offer")]
fn obey(command: &[String], variables: &[(String, String)]) -> io::Result<u8> {
    let [program, args @ ..] = command else { return Err(io::Error::other("no command is given")) };
    let env = Env::process();
    let kept = env.iter().filter(|(name, _)| !OUTWARD.contains(name));
    let mut child = Command::new(program);
    child.args(args).env_clear().envs(kept).envs(variables.iter().map(|(n, v)| (n, v)));
    let status = child.status().map_err(|e| io::Error::other(format!("`{program}` cannot be run: {e}")))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
