//! Reading a state: snapshot ⊕ journal.
//!
//! Guarantees that a state with something missing is refused and never taken for a new stack (`tests/state.rs`).

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use mops_core::StackId;
use mops_host::fsx;

use super::book::Book;
use super::deployment;
use super::journal::Files;
use super::meta::Meta;
use super::model::Snapshot;
use super::replay::replay;
use crate::error::StateError;

/// Where a stack's files are.
#[must_use]
pub fn folder(home: &Path, stack: &StackId) -> PathBuf {
    home.join("state").join(&stack.project).join(&stack.stack)
}

/// A state as it is in the files.
pub(crate) struct Loaded {
    pub(crate) book: Book,
    pub(crate) meta: Meta,
    /// How many bytes of the journal are good.
    pub(crate) good: u64,
    /// How long the snapshot is.
    pub(crate) snapshot_size: u64,
}

fn optional(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match fsx::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StateError::Read { file: path.display().to_string(), source }),
    }
}

fn missing(path: &Path) -> StateError {
    StateError::Damaged { file: path.display().to_string(), offset: 0, reason: "the file is missing".into() }
}

/// The state, or `None` for a stack that does not exist (or whose very first run ended before it began anything).
pub(crate) fn load(files: &Files, stack: &StackId) -> Result<Option<Loaded>, StateError> {
    let meta = Meta::read(files)?;
    let snapshot = optional(&files.snapshot())?;
    let journal = optional(&files.journal())?;
    let Some(meta) = meta else { return without_meta(files, stack, snapshot, journal) };
    let bytes = snapshot.ok_or_else(|| missing(&files.snapshot()))?;
    let mut snapshot = deployment::read(&files.snapshot().display().to_string(), &bytes, stack)?;
    let journal_path = files.journal().display().to_string();
    let journal = journal.ok_or_else(|| missing(&files.journal()))?;
    let replayed = replay(&journal_path, &journal, snapshot.sequence)?;
    snapshot.notes.extend(replayed.torn);
    let mut book = Book::new(snapshot);
    for (sequence, record) in replayed.records {
        book.apply(sequence, record).map_err(|reason| StateError::Damaged {
            file: journal_path.clone(),
            offset: 0,
            reason: format!("record {sequence}: {reason}"),
        })?;
    }
    // Nothing was ever recorded: the first run was killed before it began anything.
    book.snapshot.is_new = book.snapshot.sequence == 0;
    Ok(Some(Loaded { book, meta, good: replayed.good, snapshot_size: bytes.len() as u64 }))
}

/// The first run writes snapshot, journal and meta in this order and begins nothing before: so an empty snapshot and
/// an empty journal without meta are a first run that was killed, and anything else is damage.
fn without_meta(
    files: &Files,
    stack: &StackId,
    snapshot: Option<Vec<u8>>,
    journal: Option<Vec<u8>>,
) -> Result<Option<Loaded>, StateError> {
    if journal.is_some_and(|j| !j.is_empty()) {
        return Err(missing(&files.meta()));
    }
    if let Some(bytes) = snapshot {
        let found = deployment::read(&files.snapshot().display().to_string(), &bytes, stack)?;
        if !found.is_empty() {
            return Err(missing(&files.meta()));
        }
    }
    Ok(None)
}

/// Reads a state without a lock: looks at the snapshot before and after the journal, and starts again if it changed.
/// `None` for a stack that does not exist.
///
/// # Errors
/// When the state is damaged, or kept changing.
pub fn read(home: &Path, stack: &StackId) -> Result<Option<Snapshot>, StateError> {
    let files = Files::of(&folder(home, stack));
    let mut last = Err(StateError::Busy(stack.to_string()));
    for _ in 0..5 {
        let before = stamp(&files.snapshot());
        let loaded = load(&files, stack);
        if before != stamp(&files.snapshot()) {
            continue;
        }
        match loaded {
            // A torn end may be a record that is being written right now: not worth a note.
            Ok(found) => return Ok(found.map(|l| Snapshot { notes: Vec::new(), ..l.book.snapshot })),
            // A journal that is being emptied while it is read looks damaged; what is damaged stays so.
            Err(error) => last = Err(error),
        }
    }
    last
}

/// Each snapshot is a file of its own, so its inode number tells them apart.
fn stamp(path: &Path) -> Option<(u64, i64, i64)> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|m| (m.ino(), m.mtime(), m.mtime_nsec()))
}

/// Every stack of a home folder, by name.
///
/// # Errors
/// When a folder cannot be listed.
pub fn list(home: &Path) -> std::io::Result<Vec<StackId>> {
    let mut found = Vec::new();
    for project in names(&home.join("state"))? {
        for stack in names(&home.join("state").join(&project))? {
            let id = StackId { project: project.clone(), stack };
            if folder(home, &id).join("meta.json").exists() {
                found.push(id);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn names(path: &Path) -> std::io::Result<Vec<String>> {
    match std::fs::read_dir(path) {
        Ok(entries) => Ok(entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
