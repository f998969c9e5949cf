//! A lease: the right to work on something until a moment, kept in a file, for file systems whose locks do not hold
//! between machines. The file is made by a link and moved by a rename, so that of two takers one wins.
//!
//! Guarantees that a lease which has not ended is never taken (`tests`, `tests/lease.rs`).

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::lock::Holder;

/// Who may work, until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Random, so that a holder knows its own again.
    pub id: String,
    /// Who.
    pub holder: Holder,
    /// Until when.
    pub expires: OffsetDateTime,
}

impl std::fmt::Display for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} until {}", self.holder, stamp(self.expires))
    }
}

/// Why there is no lease.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Somebody else has it, and it has not ended.
    #[error("it is leased to {0}")]
    Held(Box<Lease>),
    /// The file is not a lease.
    #[error("the file is not a lease")]
    Damaged,
    /// The system's reason.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Reads the lease; `None` when there is none.
///
/// # Errors
/// See [`LeaseError`].
pub fn read_lease(path: &Path) -> Result<Option<Lease>, LeaseError> {
    match super::read_text(path) {
        Ok(text) => parse(&text).map(Some).ok_or(LeaseError::Damaged),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidData => Err(LeaseError::Damaged),
        Err(error) => Err(error.into()),
    }
}

/// Takes the lease when nobody has it or the last one has ended.
///
/// # Errors
/// See [`LeaseError`].
pub fn take_lease(path: &Path, now: OffsetDateTime, expires: OffsetDateTime) -> Result<Lease, LeaseError> {
    let ours = Lease { id: crate::random::hex::<16>(), holder: Holder::me(now), expires };
    let candidate = beside(path, &ours.id);
    super::replace(&candidate, text(&ours).as_bytes())?;
    let taken = take_with(path, &candidate, now, &ours.id);
    super::remove(&candidate)?;
    taken.map(|()| ours)
}

fn take_with(path: &Path, candidate: &Path, now: OffsetDateTime, id: &str) -> Result<(), LeaseError> {
    loop {
        match std::fs::hard_link(candidate, path) {
            Ok(()) => return Ok(super::sync_dir(path.parent().unwrap_or(Path::new("")))?),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
        match read_lease(path)? {
            Some(theirs) if theirs.expires > now => return Err(LeaseError::Held(Box::new(theirs))),
            Some(ended) => put_aside(path, &beside(path, &format!("{id}.old")), &ended)?,
            None => {}
        }
    }
}

/// Moves an ended lease out of the way. Of two that try, one gets it; whoever finds that it has moved a newer one
/// puts that back.
fn put_aside(path: &Path, aside: &Path, ended: &Lease) -> Result<(), LeaseError> {
    match std::fs::rename(path, aside) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        moved => moved?,
    }
    let moved = read_lease(aside)?;
    let newer = moved.filter(|lease| lease.id != ended.id);
    if newer.is_some() {
        // Should there be another one already, its holder was the faster one.
        let _ = std::fs::hard_link(aside, path);
    }
    super::remove(aside)?;
    newer.map_or(Ok(()), |lease| Err(LeaseError::Held(Box::new(lease))))
}

/// Moves the end of our lease; `false` when it is no longer ours.
///
/// # Errors
/// The system's reason.
pub fn renew_lease(path: &Path, lease: &Lease, expires: OffsetDateTime) -> io::Result<bool> {
    if !is_ours(path, &lease.id)? {
        return Ok(false);
    }
    super::replace(path, text(&Lease { expires, ..lease.clone() }).as_bytes())?;
    Ok(true)
}

/// Removes the lease with this id; `false` when another one or none is there.
///
/// # Errors
/// The system's reason.
pub fn remove_lease(path: &Path, id: &str) -> io::Result<bool> {
    let ours = is_ours(path, id)?;
    if ours {
        super::remove(path)?;
    }
    Ok(ours)
}

fn is_ours(path: &Path, id: &str) -> io::Result<bool> {
    match read_lease(path) {
        Ok(found) => Ok(found.is_some_and(|l| l.id == id)),
        Err(LeaseError::Io(error)) => Err(error),
        Err(LeaseError::Held(_) | LeaseError::Damaged) => Ok(false),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{suffix}"))
}

fn stamp(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).ok().and_then(|t| t.format(&Rfc3339).ok()).unwrap_or_default()
}

fn text(lease: &Lease) -> String {
    // Rounded up: what is written never ends before what its holder believes.
    let expires = lease.expires + Duration::from_secs(1);
    format!("{}id: {}\nexpires: {}\n", lease.holder.text(), lease.id, stamp(expires))
}

fn parse(text: &str) -> Option<Lease> {
    let value = |key: &str| text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(": "));
    let expires = OffsetDateTime::parse(value("expires")?, &Rfc3339).ok()?;
    Some(Lease { id: value("id")?.to_owned(), holder: Holder::parse(text), expires })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn only_an_ended_lease_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lease");
        let now = OffsetDateTime::UNIX_EPOCH;
        let first = take_lease(&path, now, now + MINUTE).unwrap();
        let LeaseError::Held(held) = take_lease(&path, now, now + MINUTE).unwrap_err() else { panic!("not held") };
        assert_eq!((&held.id, held.holder.pid), (&first.id, Some(std::process::id())));
        assert!(renew_lease(&path, &first, now + 3 * MINUTE).unwrap());
        assert!(take_lease(&path, now + 2 * MINUTE, now + 4 * MINUTE).is_err());
        let second = take_lease(&path, now + 4 * MINUTE, now + 5 * MINUTE).unwrap();
        assert!(!renew_lease(&path, &first, now + 9 * MINUTE).unwrap() && !remove_lease(&path, &first.id).unwrap());
        assert!(remove_lease(&path, &second.id).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "something was left behind");
    }

    #[test]
    fn a_newer_lease_that_was_moved_by_mistake_is_put_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lease");
        let now = OffsetDateTime::UNIX_EPOCH;
        let ended = take_lease(&path, now, now).unwrap();
        remove_lease(&path, &ended.id).unwrap();
        let newer = take_lease(&path, now, now + MINUTE).unwrap();
        assert!(matches!(put_aside(&path, &dir.path().join("aside"), &ended), Err(LeaseError::Held(_))));
        assert_eq!(read_lease(&path).unwrap().map(|l| l.id), Some(newer.id));
    }

    #[test]
    fn of_many_takers_one_wins() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lease");
        let now = OffsetDateTime::UNIX_EPOCH;
        take_lease(&path, now, now).unwrap();
        let later = now + MINUTE;
        let won = std::thread::scope(|scope| {
            let take = || take_lease(&path, later, later + MINUTE).is_ok();
            let all: Vec<_> = (0..16).map(|_| scope.spawn(take)).collect();
            all.into_iter().filter_map(|t| t.join().ok()).filter(|won| *won).count()
        });
        assert_eq!(won, 1);
    }

    #[test]
    fn something_else_is_not_taken_for_a_lease() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lease");
        super::super::replace(&path, b"not a lease").unwrap();
        let now = OffsetDateTime::UNIX_EPOCH;
        assert!(matches!(take_lease(&path, now, now), Err(LeaseError::Damaged)));
    }
}
