//! Server certificates of the world's authority for whoever answers below [`GENERIC`] in a test: one that is good, and
//! those that a client must not believe although it trusts the authority.

use std::io;
use std::path::{Path, PathBuf};

use mops_host::fsx;

use crate::real::hosted::GENERIC;
use crate::tls::{Authority, Identity, Leaf};

const ALL: [(Leaf, &str); 3] = [(Leaf::Good, "good"), (Leaf::Expired, "expired"), (Leaf::OtherName, "other-name")];

/// Writes them all.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn write(authority: &Authority, world: &Path) -> io::Result<()> {
    fsx::create_dir_all(&folder(world))?;
    for (kind, name) in ALL {
        let leaf = authority.leaf(kind, &[&format!("*.{GENERIC}")]);
        fsx::replace(&certificate(world, name), leaf.certificate_pem.as_bytes())?;
        fsx::replace(&key(world, name), leaf.key_pem.as_bytes())?;
    }
    Ok(())
}

/// The one of this kind, for all names below [`GENERIC`]; `None` for a kind that the world does not have.
///
/// # Errors
/// When this is not a world.
pub fn read(world: &Path, kind: Leaf) -> io::Result<Option<Identity>> {
    let Some((_, name)) = ALL.iter().find(|(known, _)| *known == kind) else { return Ok(None) };
    let text = |path: PathBuf| fsx::read_text(&path);
    Ok(Some(Identity::of_pem(text(certificate(world, name))?, text(key(world, name))?)))
}

fn folder(world: &Path) -> PathBuf {
    world.join("leaves")
}

fn certificate(world: &Path, name: &str) -> PathBuf {
    folder(world).join(format!("{name}.crt"))
}

fn key(world: &Path, name: &str) -> PathBuf {
    folder(world).join(format!("{name}.key"))
}
