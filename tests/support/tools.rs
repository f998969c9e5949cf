//! The programs that `make tools` builds: where they are, and whether they are there. `tests/tools/build.sh` names a
//! module's folder after what it is made of, and so does this.

use std::io;
use std::path::{Path, PathBuf};

use mops_host::{Env, fsx};
use sha2::{Digest as _, Sha256};

/// The files that decide what a module's programs are.
const SOURCES: [&str; 3] = ["go.mod", "go.sum", "goflags"];

/// The folder with the programs of a module, built or not.
///
/// # Errors
/// When there is no such module, or no home folder.
pub fn folder(module: &str) -> io::Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools").join(module);
    let mut hash = Sha256::new();
    for file in SOURCES {
        hash.update(fsx::read(&source.join(file))?);
    }
    let hash: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let env = Env::process();
    let cache = env.get("XDG_CACHE_HOME").filter(|f| !f.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| env.user_home().map(|home| home.join(".cache")));
    let cache = cache.ok_or_else(|| io::Error::other("neither XDG_CACHE_HOME nor HOME is set"))?;
    Ok(cache.join("mops/tools").join(format!("{module}-{hash}")).join("bin"))
}

/// A built program.
///
/// # Errors
/// When `make tools` has not built it.
pub fn program(module: &str, name: &str) -> io::Result<PathBuf> {
    let path = folder(module)?.join(name);
    let missing = || io::Error::other(format!("`{name}` is not built: run `make tools` ({})", path.display()));
    if path.is_file() { Ok(path) } else { Err(missing()) }
}
