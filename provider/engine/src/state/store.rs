//! An open state: locked, loaded, and written to by records.
//!
//! Guarantees: two stores of one stack never exist at once (`tests/state.rs`, lock); a sequence number is reported as
//! durable only when it is on disk; what was there before stays readable whatever happens in between.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mops_core::{Cancel, StackId, Urn, Value};
use mops_host::fsx;
use mops_host::{Env, SharedClock};

use super::book::Book;
use super::journal::{Before, Files, Journal, Rotation, Written, put_snapshot};
use super::load::{Loaded, folder, load};
use super::lock::{self, Held};
use super::meta::Meta;
use super::model::{ResourceState, Snapshot};
use super::passphrase::Phrases;
use super::record::{Ended, Record, encode};
use super::seal::Sealer;
use super::{Durable, deployment};
use crate::error::StateError;
use crate::failpoint::{Failpoint, pass};
use crate::program::Scope;

/// A journal below this size is never worth a rotation in the middle of a run.
const SMALL_JOURNAL: u64 = 256 * 1024;

/// How to open a state.
#[derive(Clone)]
pub struct OpenOptions {
    /// What the stack file is about; `None` for commands that need no file.
    pub scope: Option<Scope>,
    /// Whether a stack that does not exist is made.
    pub create: bool,
    /// How long to wait for another run.
    pub lock_timeout: Duration,
    /// Where the passphrase may be.
    pub env: Env,
    /// Time.
    pub clock: SharedClock,
    /// Ends the wait for the lock.
    pub cancel: Cancel,
}

/// See the module.
pub struct Store {
    home: PathBuf,
    stack: StackId,
    files: Files,
    book: Book,
    sealer: Arc<Sealer>,
    phrases: Phrases,
    clock: SharedClock,
    journal: Journal,
    journal_size: u64,
    snapshot_size: u64,
    dirty: bool,
    // Last: freed after the writer has ended.
    held: Held,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("stack", &self.stack).finish_non_exhaustive()
    }
}

impl Store {
    /// Locks, loads and verifies a state; makes it when `create` says so.
    ///
    /// # Errors
    /// Locked by another run; damaged; about something else; not there.
    pub async fn open(home: &Path, stack: &StackId, options: OpenOptions) -> Result<Self, StateError> {
        let path = folder(home, stack);
        let files = Files::of(&path);
        if !options.create && !path.exists() {
            return Err(StateError::NoStack(stack.to_string()));
        }
        let write = |p: PathBuf| move |source| StateError::Write { file: p.display().to_string(), source };
        fsx::create_dir_all(&path).map_err(write(path.clone()))?;
        let held = lock::acquire(&files, stack, &options).await?;
        pass(Failpoint::Locked)?;
        fsx::remove_unfinished(&path).map_err(write(path.clone()))?;
        let mut loaded = match load(&files, stack)? {
            Some(loaded) => loaded,
            None if options.create => first(&files, stack, &options)?,
            None => return Err(StateError::NoStack(stack.to_string())),
        };
        agree(&mut loaded, &files, stack, options.scope)?;
        loaded.book.snapshot.notes.extend(held.note());
        let salt = loaded.book.snapshot.salt.clone();
        let phrases = Phrases::new(home, stack, &options.env);
        // A rotation that was killed leaves a file too many; it hurts nobody when it cannot be removed.
        let _ = phrases.sweep(salt.as_deref());
        let journal = Journal::start(files.clone(), loaded.good, loaded.book.snapshot.sequence)
            .map_err(write(files.journal()))?;
        Ok(Self {
            home: home.to_owned(),
            stack: stack.clone(),
            files,
            book: loaded.book,
            sealer: Arc::new(phrases.sealer(salt)),
            phrases,
            clock: options.clock,
            journal,
            journal_size: loaded.good,
            snapshot_size: loaded.snapshot_size,
            dirty: loaded.good > 0,
            held,
        })
    }

    /// The state as it is now.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.book.snapshot
    }

    /// A living resource by name.
    #[must_use]
    pub fn get(&self, urn: &Urn) -> Option<&ResourceState> {
        self.book.get(urn)
    }

    /// Opens and seals the secrets of this state.
    #[must_use]
    pub const fn sealer(&self) -> &Arc<Sealer> {
        &self.sealer
    }

    /// The home folder.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// What was written since it was opened.
    #[must_use]
    pub fn written(&self) -> Written {
        self.journal.written()
    }

    /// Seals, queues and applies a record; durable once [`Store::durable`] says so, after [`Store::kick`].
    pub(crate) fn push(&mut self, mut record: Record) -> Result<u64, StateError> {
        self.seal(&mut record)?;
        if self.book.snapshot.salt.is_none()
            && let Some(salt) = self.sealer.salt()
        {
            self.append(Record::Salt(salt))?;
            pass(Failpoint::SaltQueued)?;
        }
        let sequence = self.append(record)?;
        if self.journal_size > SMALL_JOURNAL.max(self.snapshot_size) {
            self.rotate(Before::Kept)?;
        }
        Ok(sequence)
    }

    fn append(&mut self, record: Record) -> Result<u64, StateError> {
        self.held.check(&self.stack)?;
        let sequence = self.book.snapshot.sequence + 1;
        let mut size = 0;
        self.journal
            .queue(sequence, |out| {
                let before = out.len();
                encode(&record, sequence, out)?;
                size = out.len() - before;
                Ok(())
            })
            .map_err(|e| StateError::Bug(format!("a record cannot be written: {e}")))?;
        self.journal_size += size as u64;
        self.dirty = true;
        self.book.apply(sequence, record).map_err(StateError::Bug)?;
        Ok(sequence)
    }

    fn seal(&self, record: &mut Record) -> Result<(), StateError> {
        let all = |r: &mut ResourceState| {
            self.sealer.seal_in(&mut r.inputs)?;
            self.sealer.seal_in(&mut r.outputs)
        };
        match record {
            Record::Begin { resource, .. } | Record::Save(resource) => all(resource)?,
            Record::Import { resources, .. } => resources.iter_mut().try_for_each(all)?,
            Record::Operation { url, .. } => self.sealer.seal_in(url)?,
            Record::End { ended: Ended::Done { outputs, .. } | Ended::Partial { outputs, .. }, .. } => {
                self.sealer.seal_in(outputs)?;
            }
            Record::Outputs(outputs) => {
                outputs.values_mut().flat_map(|m| m.values_mut()).try_for_each(|v| self.sealer.seal_in(v))?;
            }
            Record::Salt(_) | Record::Takeover(_) | Record::End { .. } | Record::Drop(_) => {}
        }
        Ok(())
    }

    /// Lets the writer take what is queued.
    pub(crate) fn kick(&self) {
        self.journal.kick();
    }

    /// What is durable, and a way to wait for more.
    pub(crate) fn durable(&self) -> tokio::sync::watch::Receiver<Durable> {
        self.journal.durable()
    }

    /// Waits until everything queued so far is durable.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn settle(&self) -> Result<(), StateError> {
        self.kick();
        let wanted = self.book.snapshot.sequence;
        let mut durable = self.durable();
        let seen = durable
            .wait_for(|d| d.failed.is_some() || d.sequence >= wanted)
            .await
            .map_err(|_| StateError::Bug("the journal's writer is gone".into()))?;
        self.failure(&seen)
    }

    /// The error of the writer, if it had one.
    pub(crate) fn failure(&self, durable: &Durable) -> Result<(), StateError> {
        match &durable.failed {
            None => Ok(()),
            Some(error) => Err(StateError::Write {
                file: self.files.folder.display().to_string(),
                source: std::io::Error::new(error.kind(), error.to_string()),
            }),
        }
    }

    fn rotate(&mut self, before: Before) -> Result<(), StateError> {
        self.held.check(&self.stack)?;
        let bytes = deployment::write(&self.book.snapshot, self.clock.now(), true)
            .map_err(|e| StateError::Bug(format!("the snapshot cannot be written: {e}")))?;
        self.snapshot_size = bytes.len() as u64;
        self.journal_size = 0;
        self.dirty = false;
        let sequence = self.book.snapshot.sequence;
        self.journal.rotate(Rotation { snapshot: bytes, sequence, before });
        Ok(())
    }

    /// Ends a run: everything into the snapshot, the journal emptied. Does nothing when nothing was written.
    ///
    /// # Errors
    /// When it could not be written; what was announced is durable all the same.
    pub async fn finish(&mut self) -> Result<(), StateError> {
        self.settle().await?;
        if self.dirty { self.rotated(Before::Kept).await } else { Ok(()) }
    }

    /// Writes the snapshot and waits until it is in place.
    async fn rotated(&mut self, before: Before) -> Result<(), StateError> {
        let count = self.durable().borrow().rotations;
        self.rotate(before)?;
        let mut durable = self.durable();
        let seen = durable
            .wait_for(|d| d.failed.is_some() || d.rotations > count)
            .await
            .map_err(|_| StateError::Bug("the journal's writer is gone".into()))?;
        self.failure(&seen)
    }

    /// Puts another state in the place of this one, as a whole or not at all.
    pub(super) async fn replace(&mut self, snapshot: Snapshot, before: Before) -> Result<(), StateError> {
        self.settle().await?;
        let sequence = self.book.snapshot.sequence + 1;
        self.book = Book::new(Snapshot { sequence, is_new: false, ..snapshot });
        self.rotated(before).await
    }

    /// Takes a state over from elsewhere (`import --state`).
    ///
    /// # Errors
    /// When this one holds something already; when it could not be written.
    pub async fn import(&mut self, snapshot: Snapshot) -> Result<(), StateError> {
        let held = self.book.snapshot.resources.len() + self.book.snapshot.open.len();
        if held > 0 {
            return Err(StateError::NotEmpty { stack: self.stack.to_string(), held });
        }
        let salt = snapshot.salt.clone();
        self.replace(snapshot, Before::Kept).await?;
        self.renew_sealer(salt);
        Ok(())
    }

    pub(super) fn renew_sealer(&mut self, salt: Option<String>) {
        self.sealer = Arc::new(self.phrases.sealer(salt));
    }

    pub(super) const fn phrases(&self) -> &Phrases {
        &self.phrases
    }

    /// Drops resources from the state without a call (`state forget`): all of them or none.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn forget(&mut self, urns: &[Urn]) -> Result<(), StateError> {
        self.push(Record::Drop(urns.to_vec()))?;
        self.settle().await
    }

    /// Removes the state of a stack that holds nothing; the lock file stays: it is what keeps two runs apart.
    ///
    /// # Errors
    /// When it holds something; when a file could not be removed.
    pub async fn remove(mut self) -> Result<(), StateError> {
        let held = self.book.snapshot.resources.len() + self.book.snapshot.open.len();
        if held > 0 {
            return Err(StateError::NotEmpty { stack: self.stack.to_string(), held });
        }
        self.finish().await?;
        let folder = &self.files.folder;
        let write = |source| StateError::Write { file: folder.display().to_string(), source };
        // `meta.json` first: without it an empty snapshot is a stack that never was.
        for name in ["meta.json", "snapshot.json", "snapshot.json.1", "journal", "cloud.json"] {
            fsx::remove(&folder.join(name)).map_err(write)?;
        }
        self.phrases.sweep(None).map_err(write)
    }

    /// Changes what state says of a resource (`state unprotect`, imports).
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn save(&mut self, resource: ResourceState) -> Result<(), StateError> {
        self.push(Record::Save(Box::new(resource)))?;
        self.settle().await
    }

    /// A value with its secrets opened, for `outputs --show-secrets`.
    ///
    /// # Errors
    /// When the passphrase is missing or wrong.
    pub fn opened(&self, value: &Value) -> Result<Value, StateError> {
        let mut value = value.clone();
        self.sealer.open_in(&mut value)?;
        Ok(value)
    }
}

/// Makes a stack: snapshot, journal, and last the file that says that it exists.
fn first(files: &Files, stack: &StackId, options: &OpenOptions) -> Result<Loaded, StateError> {
    let snapshot = Snapshot::none(stack);
    let bytes = deployment::write(&snapshot, options.clock.now(), true).map_err(|e| StateError::Bug(e.to_string()))?;
    let write = |source| StateError::Write { file: files.folder.display().to_string(), source };
    put_snapshot(files, &bytes).map_err(write)?;
    pass(Failpoint::FirstSnapshot)?;
    fsx::append(&files.journal()).and_then(|f| f.sync_all()).map_err(write)?;
    fsx::sync_dir(&files.folder).map_err(write)?;
    pass(Failpoint::FirstJournal)?;
    let meta = Meta::new(stack, options.scope.clone().unwrap_or_default());
    meta.write(files)?;
    pass(Failpoint::FirstMeta)?;
    Ok(Loaded { book: Book::new(snapshot), meta, good: 0, snapshot_size: bytes.len() as u64 })
}

/// A stack that holds nothing may become about something else; one that holds something may not.
fn agree(loaded: &mut Loaded, files: &Files, stack: &StackId, scope: Option<Scope>) -> Result<(), StateError> {
    let Some(scope) = scope else { return Ok(()) };
    let scope = if loaded.book.snapshot.is_empty() { scope } else { loaded.meta.agree(stack, &scope)? };
    if scope != loaded.meta.scope {
        loaded.meta.scope = scope;
        loaded.meta.write(files)?;
        pass(Failpoint::ScopeWritten)?;
    }
    Ok(())
}

/// Checks a stack file against a state that is only read.
///
/// # Errors
/// When the file is about something else.
pub fn check_scope(home: &Path, stack: &StackId, snapshot: &Snapshot, scope: &Scope) -> Result<(), StateError> {
    let files = Files::of(&folder(home, stack));
    match Meta::read(&files)? {
        Some(meta) if !snapshot.is_empty() => meta.agree(stack, scope).map(|_| ()),
        _ => Ok(()),
    }
}
