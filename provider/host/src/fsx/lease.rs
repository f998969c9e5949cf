//! A lease: the right to work on something until a moment, kept in a file, for file systems whose locks do not hold
//! between machines. The file is made by a link, and so is the successor of an ended lease, so that of any number of
//! takers one wins.
//!
//! Guarantees that a lease which has not ended is never taken (`tests`, `tests/lease.rs`).

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::lock::Holder;

/// How often a taker looks again after the file has changed under its eyes.
const MOVES: u32 = 100;

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
    let mut moved = 0;
    loop {
        if link(candidate, path)? {
            return Ok(super::sync_dir(path.parent().unwrap_or(Path::new("")))?);
        }
        match line_of(path)?.pop() {
            Some(last) if last.expires > now => return Err(LeaseError::Held(Box::new(last))),
            Some(ended) if succeed(path, candidate, &ended, id)? => return Ok(()),
            // The file has moved on between two looks: somebody else got somewhere.
            _ => moved += 1,
        }
        if moved > MOVES {
            return Err(io::Error::new(ErrorKind::TimedOut, "it changes hands faster than it can be read").into());
        }
    }
}

/// Takes the place of an ended lease; `false` when it is no longer the last of its line.
///
/// The successor of a lease is a file named after it, made by a link, so that a lease has one successor and no more,
/// however slow a taker is that saw it end. What a slow taker links after the line has moved on is seen not to be in it.
fn succeed(path: &Path, candidate: &Path, ended: &Lease, id: &str) -> Result<bool, LeaseError> {
    let ours = successor(path, &ended.id);
    if !link(candidate, &ours)? {
        return Ok(false);
    }
    let line = line_of(path)?;
    if line.last().is_none_or(|last| last.id != id) {
        super::remove(&ours)?;
        return Ok(false);
    }
    std::fs::rename(candidate, path)?;
    super::sync_dir(path.parent().unwrap_or(Path::new("")))?;
    for before in line.iter().filter(|lease| lease.id != id) {
        super::remove(&successor(path, &before.id))?;
    }
    Ok(true)
}

/// The lease in the file and those that came after it, one of which a killed taker may have left there; the last one is
/// in force.
fn line_of(path: &Path) -> Result<Vec<Lease>, LeaseError> {
    let mut line: Vec<Lease> = read_lease(path)?.into_iter().collect();
    while let Some(last) = line.last() {
        match read_lease(&successor(path, &last.id))? {
            Some(next) if line.iter().all(|lease| lease.id != next.id) => line.push(next),
            _ => break,
        }
    }
    Ok(line)
}

fn successor(path: &Path, id: &str) -> PathBuf {
    beside(path, &format!("{id}.next"))
}

/// Gives the file a second name; `false` when the name is taken.
fn link(from: &Path, to: &Path) -> io::Result<bool> {
    match std::fs::hard_link(from, to) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        linked => linked.map(|()| true),
    }
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
    // It becomes part of a file's name.
    let id = value("id").filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric()))?;
    Some(Lease { id: id.to_owned(), holder: Holder::parse(text), expires })
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
    fn a_slow_taker_of_an_ended_lease_is_too_late() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lease");
        let (now, later) = (OffsetDateTime::UNIX_EPOCH, OffsetDateTime::UNIX_EPOCH + MINUTE);
        let ended = take_lease(&path, now, now).unwrap();
        let newer = take_lease(&path, later, later + MINUTE).unwrap();
        let slow = dir.path().join("slow");
        super::super::replace(&slow, text(&Lease { id: "slow".into(), ..newer.clone() }).as_bytes()).unwrap();
        assert!(!succeed(&path, &slow, &ended, "slow").unwrap());
        assert_eq!(read_lease(&path).unwrap().map(|l| l.id), Some(newer.id));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "something was left behind");
    }

    #[test]
    fn a_taker_that_was_killed_on_its_way_is_waited_for_and_then_succeeded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lease");
        let (now, later) = (OffsetDateTime::UNIX_EPOCH, OffsetDateTime::UNIX_EPOCH + MINUTE);
        let ended = take_lease(&path, now, now).unwrap();
        let killed = Lease { id: "killed".into(), expires: later + MINUTE, ..ended.clone() };
        super::super::replace(&successor(&path, &ended.id), text(&killed).as_bytes()).unwrap();
        let LeaseError::Held(held) = take_lease(&path, later, later).unwrap_err() else { panic!("not held") };
        assert_eq!(held.id, killed.id);
        let last = take_lease(&path, later + 2 * MINUTE, later + 3 * MINUTE).unwrap();
        assert_eq!(read_lease(&path).unwrap().map(|l| l.id), Some(last.id));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "something was left behind");
    }

    #[test]
    fn of_many_takers_one_wins() {
        for round in 0..50 {
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
            assert_eq!(won, 1, "round {round}");
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "something was left behind");
        }
    }

    #[test]
    fn something_else_is_not_taken_for_a_lease() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lease");
        let now = OffsetDateTime::UNIX_EPOCH;
        let elsewhere = Lease { id: "../elsewhere".into(), holder: Holder::me(now), expires: now };
        for content in ["not a lease", &text(&elsewhere)] {
            super::super::replace(&path, content.as_bytes()).unwrap();
            assert!(matches!(take_lease(&path, now, now), Err(LeaseError::Damaged)), "{content}");
        }
    }
}
