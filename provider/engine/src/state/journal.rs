//! The one writer of a stack's files while it is open: a thread that takes everything that is queued, writes it and
//! makes it durable with one call. It waits for what is queued, never for a timer.
//!
//! Guarantees: a sequence number is published as durable only after `fdatasync`; after a failed write nothing more is
//! written (`tests/state.rs`).

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use mops_host::fsx;
use tokio::sync::watch;

use crate::failpoint::{Failpoint, hit, hit_after};

/// What is durable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Durable {
    /// The last durable sequence number.
    pub(crate) sequence: u64,
    /// Set once a write failed; nothing is written afterwards.
    pub(crate) failed: Option<Arc<io::Error>>,
    /// How many snapshots were written.
    pub(crate) rotations: u64,
}

/// What was written, for P6 of the benches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Bytes of journal and snapshots.
    pub bytes: u64,
    /// Calls that made something durable.
    pub syncs: u64,
}

/// A snapshot that is to take the place of the last one.
pub(crate) struct Rotation {
    pub(crate) snapshot: Vec<u8>,
    /// The last record that it covers.
    pub(crate) sequence: u64,
    pub(crate) before: Before,
}

/// What becomes of the snapshot that was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// It is put aside.
    Kept,
    /// No copy of it is left: it was sealed with a passphrase that is no longer to open anything.
    Gone,
}

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    last: u64,
    rotation: Option<Rotation>,
    kicked: bool,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    bytes: AtomicU64,
    syncs: AtomicU64,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn count(&self, bytes: usize, syncs: u64) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.syncs.fetch_add(syncs, Ordering::Relaxed);
    }
}

/// The files that the writer owns.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) folder: PathBuf,
}

impl Files {
    pub(crate) fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }
    pub(crate) fn snapshot(&self) -> PathBuf {
        self.folder.join("snapshot.json")
    }
    pub(crate) fn kept(&self) -> PathBuf {
        self.folder.join("snapshot.json.1")
    }
    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.join("journal")
    }
    pub(crate) fn meta(&self) -> PathBuf {
        self.folder.join("meta.json")
    }
    pub(crate) fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }
    pub(crate) fn lease(&self) -> PathBuf {
        self.folder.join("lease")
    }
}

/// Handle to the writer; dropping it writes what was kicked and ends the thread.
pub(crate) struct Journal {
    shared: Arc<Shared>,
    durable: watch::Receiver<Durable>,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Starts the writer on a journal whose first `good` bytes are to be kept.
    pub(crate) fn start(files: Files, good: u64, sequence: u64) -> io::Result<Self> {
        let file = fsx::append(&files.journal())?;
        if file.metadata()?.len() != good {
            file.set_len(good)?;
            file.sync_all()?;
            hit(Failpoint::TornCut)?;
        }
        let shared =
            Arc::new(Shared { queue: Mutex::new(Queue { last: sequence, ..Queue::default() }), ..Shared::default() });
        let (publish, durable) = watch::channel(Durable { sequence, ..Durable::default() });
        let writer = Writer { files, file, shared: Arc::clone(&shared), publish };
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || writer.run())?;
        Ok(Self { shared, durable, thread: Some(thread) })
    }

    /// Queues what `fill` appends; nothing is written before [`Journal::kick`].
    pub(crate) fn queue(
        &self,
        sequence: u64,
        fill: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
    ) -> serde_json::Result<()> {
        let mut queue = self.shared.queue();
        fill(&mut queue.bytes)?;
        queue.last = sequence;
        Ok(())
    }

    /// Lets the writer take what is queued.
    pub(crate) fn kick(&self) {
        let mut queue = self.shared.queue();
        if !queue.bytes.is_empty() || queue.rotation.is_some() {
            queue.kicked = true;
            self.shared.wake.notify_one();
        }
    }

    /// Lets the writer put this snapshot in place; it covers everything queued so far.
    pub(crate) fn rotate(&self, rotation: Rotation) {
        let mut queue = self.shared.queue();
        queue.bytes.clear();
        queue.last = rotation.sequence;
        queue.rotation = Some(rotation);
        queue.kicked = true;
        self.shared.wake.notify_one();
    }

    /// What is durable now, and a way to wait for more.
    pub(crate) fn durable(&self) -> watch::Receiver<Durable> {
        self.durable.clone()
    }

    /// See [`Written`].
    pub(crate) fn written(&self) -> Written {
        Written { bytes: self.shared.bytes.load(Ordering::Relaxed), syncs: self.shared.syncs.load(Ordering::Relaxed) }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Writer {
    files: Files,
    file: File,
    shared: Arc<Shared>,
    publish: watch::Sender<Durable>,
}

impl Writer {
    fn run(mut self) {
        let mut batch = Vec::new();
        loop {
            let (last, rotation) = {
                let mut queue = self.shared.queue();
                while !queue.kicked && !queue.closed {
                    queue = self.shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
                if !queue.kicked {
                    return;
                }
                queue.kicked = false;
                batch.clear();
                std::mem::swap(&mut batch, &mut queue.bytes);
                (queue.last, queue.rotation.take())
            };
            let done = match &rotation {
                Some(rotation) => self.rotate(rotation).and_then(|()| self.append(&batch)),
                None => self.append(&batch),
            };
            match done {
                Ok(()) => self.publish.send_modify(|d| {
                    d.sequence = last;
                    d.rotations += u64::from(rotation.is_some());
                }),
                Err(error) => {
                    self.publish.send_modify(|d| d.failed = Some(Arc::new(error)));
                    return;
                }
            }
        }
    }

    fn append(&mut self, batch: &[u8]) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let file = &mut self.file;
        hit_after(Failpoint::TornRecord, || {
            file.write_all(&batch[..batch.len() / 2])?;
            file.sync_data()
        })?;
        file.write_all(batch)?;
        hit(Failpoint::BatchWritten)?;
        file.sync_data()?;
        hit(Failpoint::BatchSynced)?;
        self.shared.count(batch.len(), 1);
        Ok(())
    }

    fn rotate(&mut self, rotation: &Rotation) -> io::Result<()> {
        let snapshot = &rotation.snapshot;
        hit(Failpoint::RotateStart)?;
        match rotation.before {
            Before::Kept => put_snapshot(&self.files, snapshot)?,
            Before::Gone => renew_snapshot(&self.files, snapshot)?,
        }
        hit(Failpoint::RotateReplaced)?;
        // Should this be lost, the records are skipped, because the snapshot covers them.
        self.file.set_len(0)?;
        if rotation.before == Before::Gone {
            self.file.sync_all()?;
        }
        hit(Failpoint::RotateEmptied)?;
        self.shared.count(snapshot.len(), 2);
        Ok(())
    }
}

/// Puts a snapshot in place and keeps the one before.
pub(crate) fn put_snapshot(files: &Files, snapshot: &[u8]) -> io::Result<()> {
    if files.snapshot().exists() {
        fsx::remove(&files.kept())?;
        hit(Failpoint::RotateDropped)?;
        std::fs::hard_link(files.snapshot(), files.kept())?;
    }
    hit(Failpoint::RotateKept)?;
    fsx::replace(&files.snapshot(), snapshot)
}

/// Puts a snapshot in place of both; at no moment after that is a copy of the old one left.
fn renew_snapshot(files: &Files, snapshot: &[u8]) -> io::Result<()> {
    fsx::remove(&files.kept())?;
    fsx::sync_dir(&files.folder)?;
    hit(Failpoint::RotateKept)?;
    fsx::replace(&files.snapshot(), snapshot)
}
