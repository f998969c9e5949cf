//! A lock that the kernel frees when its holder dies; the file's content only tells who that is.
//!
//! Guarantees that two processes never hold it together and that a dead one never blocks (`tests`, R7).

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Who holds a lock; fields are empty when the holder has not written them yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Process id.
    pub pid: Option<u32>,
    /// Machine.
    pub host: String,
    /// User.
    pub user: String,
    /// Command line; ours never carries a secret.
    pub command: String,
    /// When it was taken, ISO 8601.
    pub since: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pid {
            None => f.write_str("another process"),
            Some(pid) => write!(
                f,
                "process {pid} on `{}` of user `{}` since {} (`{}`)",
                self.host, self.user, self.since, self.command
            ),
        }
    }
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("it is held by {0}")]
    Held(Box<Holder>),
    /// The system's reason.
    #[error("`{path}` cannot be locked: {source}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

/// A lock that is held until this is dropped or the process dies.
#[derive(Debug)]
pub struct FileLock(File);

impl Drop for FileLock {
    fn drop(&mut self) {
        // Only information: the lock itself goes with the file handle, whatever happens here.
        let _ = self.0.set_len(0);
        // Said aloud, because a child that is just being started holds a copy of the handle until its exec.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

/// Takes the lock or says at once who has it.
///
/// # Errors
/// See [`LockError`].
pub fn lock(path: &Path) -> Result<FileLock, LockError> {
    let failed = |source| LockError::Io { path: path.to_owned(), source };
    let mut file = super::open_private(path, OFlags::RDWR).map_err(failed)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Err(LockError::Held(Box::new(read_holder(&mut file)))),
        Err(error) => return Err(failed(error.into())),
    }
    write_holder(&mut file).map_err(failed)?;
    Ok(FileLock(file))
}

fn this_host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn write_holder(file: &mut File) -> io::Result<()> {
    let text = Holder::me(OffsetDateTime::now_utc()).text();
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

fn read_holder(file: &mut File) -> Holder {
    let mut bytes = Vec::new();
    // What cannot be read is shown as unknown; the answer "held" does not depend on it.
    let _ = file.rewind().and_then(|()| file.take(64 * 1024).read_to_end(&mut bytes));
    Holder::parse(&String::from_utf8_lossy(&bytes))
}

impl Holder {
    /// Whether the process that is named is no more, as far as this machine can tell: its text outlives it, and stands
    /// in the file until whoever holds the lock now has written its own.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        let pid = self.pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        pid.is_some_and(|pid| self.host == this_host() && test_kill_process(pid) == Err(Errno::SRCH))
    }

    /// This process.
    pub(super) fn me(since: OffsetDateTime) -> Self {
        let env = crate::Env::process();
        let uid = || rustix::process::geteuid().as_raw().to_string();
        let words = std::env::args_os().map(|a| a.to_string_lossy().into_owned());
        Self {
            pid: Some(std::process::id()),
            host: this_host(),
            user: env.get("USER").map_or_else(uid, str::to_owned),
            command: words.collect::<Vec<_>>().join(" "),
            since: since.replace_nanosecond(0).ok().and_then(|t| t.format(&Rfc3339).ok()).unwrap_or_default(),
        }
    }

    /// One line a field.
    pub(super) fn text(&self) -> String {
        let pid = self.pid.map(|p| p.to_string()).unwrap_or_default();
        let (host, user) = (self.host.as_str(), self.user.as_str());
        [("pid", &*pid), ("host", host), ("user", user), ("command", &self.command), ("since", &self.since)]
            .map(|(key, value)| format!("{key}: {}\n", value.replace(['\n', '\r'], " ")))
            .concat()
    }

    /// What such lines say; the rest is passed over.
    pub(super) fn parse(text: &str) -> Self {
        let mut holder = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once(": ")) {
            match key {
                "pid" => holder.pid = value.parse().ok(),
                "host" => value.clone_into(&mut holder.host),
                "user" => value.clone_into(&mut holder.user),
                "command" => value.clone_into(&mut holder.command),
                "since" => value.clone_into(&mut holder.since),
                _ => {}
            }
        }
        holder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_one_learns_who_holds_it_and_gets_it_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = lock(&path).unwrap();
        let LockError::Held(holder) = lock(&path).unwrap_err() else { panic!("not held") };
        assert_eq!(holder.pid, Some(std::process::id()));
        assert!(!holder.host.is_empty() && !holder.since.is_empty() && !holder.command.is_empty());
        drop(first);
        drop(lock(&path).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a process that has ended is needed, whatever it was")]
    fn a_process_that_has_ended_is_told_from_one_that_works() {
        let me = Holder::me(OffsetDateTime::UNIX_EPOCH);
        assert!(!me.is_gone());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let ended = Holder { pid: Some(child.id()), ..me };
        assert!(ended.is_gone());
        assert!(!Holder { host: "another-machine".into(), ..ended.clone() }.is_gone(), "only its own machine knows");
        assert!(!Holder { pid: None, ..ended }.is_gone());
    }

    #[test]
    fn a_copy_of_the_handle_in_a_starting_child_holds_nothing_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = lock(&path).unwrap();
        let _inherited = first.0.try_clone().unwrap();
        drop(first);
        assert!(lock(&path).is_ok());
    }
}
