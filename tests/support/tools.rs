//! The programs that `make tools` builds: where they are, and whether they are there. `tests/tools/build.sh` names the
//! folder of a module after what it is made of, and so does this.

use std::io;
use std::path::{Path, PathBuf};

use mops_host::{Env, fsx};
use sha2::{Digest as _, Sha256};

/// The files that decide what a module's programs are: of Go, of npm, of Python. Each has those of its own kind.
const SOURCES: [&str; 7] =
    ["go.mod", "go.sum", "goflags", "main.go", "package.json", "package-lock.json", "requirements.txt"];

/// The folder with the programs of a module, built or not.
///
/// # Errors
/// When a file of it cannot be read, or there is no home folder.
pub fn folder(module: &str) -> io::Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools").join(module);
    let mut hash = Sha256::new();
    for file in SOURCES.map(|file| source.join(file)).iter().filter(|file| file.is_file()) {
        hash.update(fsx::read(file)?);
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
