//! What is left of a world in the cgroup tree, which has no namespace that ends by itself.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mops_host::clock::{Clock as _, SystemClock};
use mops_host::fsx;

const ROOT: &str = "/sys/fs/cgroup";
const PACE: Duration = Duration::from_millis(20);
/// Killed processes leave their groups within moments; pods with much memory take a little longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes a group in every hierarchy of version 1, where a set of processors is inherited by hand: that of a world, or
/// that of a node, `WORLD/NODE`, below which its kubelet keeps pods.
///
/// # Errors
/// When the tree cannot be written.
pub fn make(name: &str) -> io::Result<()> {
    for hierarchy in hierarchies() {
        let group = hierarchy.join(name);
        std::fs::create_dir(&group)?;
        inherit(group.parent().unwrap_or(&hierarchy), &group)?;
    }
    Ok(())
}

/// Gives a new group the processors and the memory of the one above, where the hierarchy asks for that.
fn inherit(above: &Path, group: &Path) -> io::Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"].iter().filter(|file| group.join(file).exists()) {
        // A file of the kernel is written in place, not replaced.
        fsx::append(&group.join(file))?.write_all(&fsx::read(&above.join(file))?)?;
    }
    Ok(())
}

fn hierarchies() -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(ROOT).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| path.join("cgroup.procs").exists())
}

/// The group of a world in every hierarchy of version 1, and in the one tree of version 2.
#[must_use]
pub fn of(world: &str) -> Vec<PathBuf> {
    let groups = hierarchies().chain([PathBuf::from(ROOT)]).map(|hierarchy| hierarchy.join(world));
    groups.filter(|group| group.is_dir()).collect()
}

/// Removes them with all groups below, as soon as the last process has left.
///
/// # Errors
/// When something still runs in one.
pub async fn sweep(world: &str) -> io::Result<()> {
    let clock = SystemClock::new();
    for group in of(world) {
        while let Err(error) = remove(&group) {
            if clock.monotonic() > PATIENCE {
                return Err(io::Error::other(format!("{} stays: {error}", group.display())));
            }
            clock.sleep(PACE).await;
        }
    }
    Ok(())
}

fn remove(group: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(group)?.filter_map(Result::ok) {
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    std::fs::remove_dir(group)
}
