//! Files of the world: in memory, over the machine's `/run`, so that they vanish with it and the sockets of the machine's
//! own services are out of reach.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use mops_host::fsx;

use super::run::run;

/// The folder of the world.
#[must_use]
pub fn folder() -> PathBuf {
    PathBuf::from("/run/mops-world")
}

/// Hides `/run` behind an empty one and makes the folder in it.
///
/// # Errors
/// When the mounts are not the caller's own.
pub async fn mount() -> io::Result<PathBuf> {
    run("mount -t tmpfs -o mode=755 tmpfs /run").await?;
    fsx::create_dir_all(&folder())?;
    Ok(folder())
}

/// Puts a file with this content over a file of the machine, for this world only.
///
/// # Errors
/// When there is no such file.
pub async fn replace(machine: &Path, folder: &Path, content: &[u8]) -> io::Result<()> {
    let name = machine.file_name().unwrap_or_default();
    let own = folder.join(name);
    fsx::replace(&own, content)?;
    // Whoever asks for names or roots may read them, whatever his user is.
    std::fs::set_permissions(&own, Permissions::from_mode(0o644))?;
    run(&format!("mount --bind {} {}", own.display(), machine.display())).await?;
    Ok(())
}

/// Covers a folder of the machine, so that what is written there goes to memory and vanishes with the world; what the
/// machine has there stays readable.
///
/// # Errors
/// When the file system cannot be a lower layer.
pub async fn cover(machine: &str, folder: &Path) -> io::Result<()> {
    let layer = folder.join("covers").join(machine.trim_start_matches('/').replace('/', "-"));
    let (upper, work) = (layer.join("upper"), layer.join("work"));
    for part in [&upper, &work] {
        fsx::create_dir_all(part)?;
    }
    std::fs::set_permissions(&upper, Permissions::from_mode(0o755))?;
    let layers = format!("lowerdir={machine},upperdir={},workdir={}", upper.display(), work.display());
    run(&format!("mount -t overlay -o {layers} overlay {machine}")).await?;
    Ok(())
}
