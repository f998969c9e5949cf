//! The docker config as a file that is changed: which one, by one process at a time, whole or not at all
//! (`save::tests`, R21).

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mops_host::fsx::{self, FileLock, LockError};
use mops_host::{Env, SharedClock};

use crate::docker;
use crate::edit::Malformed;

/// Longest wait for somebody else who writes to the file.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// Why the docker config, or another file of logins, stands as it was.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Nobody says where it is.
    #[error("there is no home folder: `DOCKER_CONFIG` names a folder for the docker config")]
    NoHome,
    /// It is not what it should be.
    #[error("`{}` cannot be changed: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where.
        #[source]
        why: Malformed,
    },
    /// Somebody else writes to it, and does not end.
    #[error("`{}` is being changed by {holder}", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// Who.
        holder: String,
    },
    /// The system's reason.
    #[error("`{}`: {}", path.display(), fsx::reason(why))]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        why: std::io::Error,
    },
}

/// The file that a login is written to: where docker looks, or podman where only its variable is set.
pub(crate) fn path(env: &Env) -> Result<PathBuf, FileError> {
    let [docker, podman] = docker::files(env);
    let podmans = env.has("REGISTRY_AUTH_FILE") && !env.has("DOCKER_CONFIG");
    if podmans { podman } else { docker }.ok_or(FileError::NoHome)
}

/// What a file holds; nothing when it is not there.
pub(crate) fn text(path: &Path) -> Result<String, FileError> {
    match fsx::read_text(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(why) => Err(FileError::Io { path: path.to_owned(), why }),
    }
}

/// Puts a text in the place of the old one.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), FileError> {
    fsx::replace(path, text.as_bytes()).map_err(|why| FileError::Io { path: path.to_owned(), why })
}

/// Keeps everybody else who runs this from the file; docker itself knows no lock.
pub(crate) async fn lock(path: &Path, clock: &SharedClock) -> Result<FileLock, FileError> {
    let failed = |why| FileError::Io { path: path.to_owned(), why };
    let folder = path.parent().unwrap_or(Path::new("/"));
    fsx::create_dir_all(folder).map_err(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.lock"));
    let start = clock.monotonic();
    loop {
        match fsx::lock(&beside) {
            Ok(lock) => return Ok(lock),
            Err(LockError::Held(holder)) if clock.monotonic().saturating_sub(start) >= PATIENCE => {
                return Err(FileError::Busy { path: path.to_owned(), holder: holder.to_string() });
            }
            Err(LockError::Held(_)) => clock.sleep(PAUSE).await,
            Err(LockError::Io { source, .. }) => return Err(failed(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_where_the_tools_look() {
        let of = |env: &[(&str, &str)]| path(&Env::of(env.iter().copied())).ok().map(|p| p.display().to_string());
        let home = ("HOME", "/h");
        assert_eq!(of(&[home]).as_deref(), Some("/h/.docker/config.json"));
        assert_eq!(of(&[home, ("DOCKER_CONFIG", "/d")]).as_deref(), Some("/d/config.json"));
        assert_eq!(of(&[home, ("REGISTRY_AUTH_FILE", "/a.json")]).as_deref(), Some("/a.json"));
        assert_eq!(
            of(&[home, ("DOCKER_CONFIG", "~/d"), ("REGISTRY_AUTH_FILE", "/a.json")]).as_deref(),
            Some("/h/d/config.json")
        );
        assert_eq!(of(&[]), None);
    }
}
