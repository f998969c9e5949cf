//! A file of random text in the home folder, made once and private from its first moment.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::Secret;
use mops_host::fsx::{self, FsError, LockError};
use mops_host::random;

/// The text of `HOME/name`; made when absent. Two first runs at once get the same one: a lock lets one of them make it.
///
/// # Errors
/// When it cannot be made, or others could read or change it.
pub(crate) fn made_once(home: &Path, name: &str) -> Result<Secret<String>, FsError> {
    let path = home.join(name);
    if !path.exists() {
        fsx::create_dir_all(home)?;
        let held = fsx::lock(&home.join(format!("{name}.lock"))).map_err(busy)?;
        if !path.exists() {
            fsx::replace(&path, format!("{}\n", generate().expose()).as_bytes())?;
        }
        drop(held);
    }
    fsx::read_private(&path)
}

/// A text that nobody can guess.
pub(crate) fn generate() -> Secret<String> {
    Secret::new(STANDARD.encode(random::bytes::<32>()))
}

fn busy(error: LockError) -> FsError {
    match error {
        LockError::Io { source, .. } => FsError::Io(source),
        held => FsError::Io(std::io::Error::new(std::io::ErrorKind::WouldBlock, held.to_string())),
    }
}
