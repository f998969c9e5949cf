//! Who furnishes the world, in this order: files, links, roots, names, the cloud; then runs the command in it. When the
//! command ends, the world does.

use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use mops_host::Env;

use super::names::Names;
use super::{GROUP, WORLD, cgroup, links, scratch, trust};
use crate::sandbox::{Options, Sandbox};
use crate::tls::Authority;
use crate::world::Reach;

/// Variables of the caller that would lead commands out of the world or past its names.
const OUTWARD: [&str; 6] = ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "MOPS_CLOUD", "SSL_CERT_FILE"];

/// Furnishes the world and runs the command; its exit code.
///
/// # Errors
/// When a part does not come up, with its own words.
pub async fn run(world: &str, command: &[String]) -> io::Result<u8> {
    let folder = scratch::mount().await?;
    cgroup::make(world)?;
    links::up().await?;
    let authority = Arc::new(Authority::new());
    trust::add(&authority, &folder).await?;
    let _names = Names::start(&folder).await?;
    let sandbox = cloud(&folder, authority)?;
    let mut variables = sandbox.variables();
    variables.push((WORLD.to_owned(), folder.display().to_string()));
    variables.push((GROUP.to_owned(), world.to_owned()));
    obey(command, &variables)
}

fn cloud(folder: &Path, authority: Arc<Authority>) -> io::Result<Sandbox> {
    let probe = std::env::current_exe()?.with_file_name("mops-probe");
    Sandbox::start(Options {
        dir: Some(folder.join("sandbox")),
        probe: Some(probe),
        reach: Reach::RealNames,
        authority: Some(authority),
        docker_registry: true,
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
