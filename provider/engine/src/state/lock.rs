//! Who works on a stack: the kernel's lock, and where that may not hold between machines, a lease beside it.
//!
//! Guarantees: two runs never write to one stack (`tests/state.rs`, `tests/lease.rs`); a run that lost its lease writes
//! nothing more; on a local file system a dead run blocks nobody.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use mops_core::StackId;
use mops_host::fsx::{self, FileLock, Holder, Lease, LeaseError, LockError};
use mops_host::{Env, SharedClock};
use time::OffsetDateTime;
use tokio::sync::oneshot;

use super::journal::Files;
use super::load::folder;
use super::store::OpenOptions;
use crate::error::StateError;

/// How often a waiting run looks at the lock.
const LOCK_POLL: Duration = Duration::from_millis(100);
/// How long a lock may be held without a name.
const NAMELESS: Duration = Duration::from_millis(500);
/// How long a lease lasts, and how often it is renewed.
const LEASE: Duration = Duration::from_secs(120);
const RENEW: Duration = Duration::from_secs(30);
/// So long before its end nothing is written any more: clocks of two machines differ.
const MARGIN: Duration = Duration::from_secs(30);
/// Says that the state folder is shared although its file system does not look like it.
const SHARED: &str = "MOPS_STATE_SHARED";

/// What a run holds while it works.
pub(crate) struct Held {
    lease: Option<Keeper>,
    // Last: nobody else sees the stack free before the lease is gone.
    _lock: FileLock,
}

impl Held {
    /// What the user is told at the start.
    pub(crate) fn note(&self) -> Option<String> {
        self.lease.as_ref().map(|_| {
            format!(
                "this state is shared over a network file system, where locks may not hold: a lease of {} s is kept \
                 beside it and renewed while this run lives",
                LEASE.as_secs()
            )
        })
    }

    /// Whether this run may still write.
    pub(crate) fn check(&self, stack: &StackId) -> Result<(), StateError> {
        match &self.lease {
            Some(keeper) if !keeper.holds() => Err(StateError::LeaseLost(stack.to_string())),
            _ => Ok(()),
        }
    }
}

/// Whether other machines may see this folder.
fn is_shared(path: &Path, env: &Env) -> bool {
    env.has(SHARED) || fsx::is_network_fs(path).unwrap_or(false)
}

/// Waits for lock and lease as long as the options say.
pub(crate) async fn acquire(files: &Files, stack: &StackId, options: &OpenOptions) -> Result<Held, StateError> {
    let start = options.clock.monotonic();
    let mut lock = None;
    loop {
        let (error, patience, pause) = match attempt(files, stack, options, lock.take()) {
            Ok(held) => return Ok(held),
            Err(Attempt::Failed(error)) => return Err(error),
            Err(Attempt::Locked(holder)) => {
                // A lock without a name, or with that of a process that has ended, is in someone's hand for a moment: just
                // taken, or just let go while another thread was starting a process that inherited it.
                let (patience, pause) = if holder.pid.is_none() || holder.is_gone() {
                    (options.lock_timeout.max(NAMELESS), NAMELESS / 100)
                } else {
                    (options.lock_timeout, LOCK_POLL)
                };
                (StateError::Locked { stack: stack.to_string(), holder }, patience, pause)
            }
            Err(Attempt::Leased(kept, lease)) => {
                lock = Some(kept);
                (StateError::Leased { stack: stack.to_string(), lease }, options.lock_timeout, LOCK_POLL)
            }
        };
        if options.clock.monotonic().saturating_sub(start) >= patience || options.cancel.is_canceled() {
            return Err(error);
        }
        options.clock.sleep(pause).await;
    }
}

enum Attempt {
    Locked(Box<Holder>),
    /// The lock is ours already, the lease is not.
    Leased(FileLock, Box<Lease>),
    Failed(StateError),
}

fn attempt(files: &Files, stack: &StackId, options: &OpenOptions, lock: Option<FileLock>) -> Result<Held, Attempt> {
    let failed = |path: &Path, source| Attempt::Failed(StateError::Write { file: path.display().to_string(), source });
    let lock = match lock.map_or_else(|| fsx::lock(&files.lock()), Ok) {
        Ok(lock) => lock,
        Err(LockError::Held(holder)) => return Err(Attempt::Locked(holder)),
        Err(LockError::Io { path, source }) => return Err(failed(&path, source)),
    };
    if !is_shared(&files.folder, &options.env) {
        return Ok(Held { lease: None, _lock: lock });
    }
    let now = options.clock.now();
    match fsx::take_lease(&files.lease(), now, now + LEASE) {
        Ok(lease) => {
            let keeper =
                Keeper::start(files, lease, Arc::clone(&options.clock)).map_err(|e| failed(&files.lease(), e))?;
            Ok(Held { lease: Some(keeper), _lock: lock })
        }
        Err(LeaseError::Held(lease)) => Err(Attempt::Leased(lock, lease)),
        Err(LeaseError::Damaged) => Err(Attempt::Failed(StateError::Damaged {
            file: files.lease().display().to_string(),
            offset: 0,
            reason: format!("it is no lease; `mops infra unlock --env {}/{}` removes it", stack.project, stack.stack),
        })),
        Err(LeaseError::Io(source)) => Err(failed(&files.lease(), source)),
    }
}

/// Renews a lease on a thread of its own, whatever the run is doing; dropping it gives the lease back.
struct Keeper {
    /// Until when we hold it; `None` once it is lost.
    until: Arc<Mutex<Option<OffsetDateTime>>>,
    clock: SharedClock,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    files: Files,
    id: String,
}

impl Keeper {
    fn start(files: &Files, lease: Lease, clock: SharedClock) -> std::io::Result<Self> {
        let until = Arc::new(Mutex::new(Some(lease.expires)));
        let (stop, stopped) = oneshot::channel();
        let id = lease.id.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let (path, shared, time) = (files.lease(), Arc::clone(&until), Arc::clone(&clock));
        let next = clock.monotonic() + RENEW;
        let thread = std::thread::Builder::new()
            .name("lease".into())
            .spawn(move || runtime.block_on(renew(&path, &lease, &shared, &time, next, stopped)))?;
        Ok(Self { until, clock, stop: Some(stop), thread: Some(thread), files: files.clone(), id })
    }

    fn holds(&self) -> bool {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|end| self.clock.now() + MARGIN < end)
    }
}

async fn renew(
    path: &Path,
    lease: &Lease,
    until: &Mutex<Option<OffsetDateTime>>,
    clock: &SharedClock,
    mut next: Duration,
    mut stopped: oneshot::Receiver<()>,
) {
    loop {
        tokio::select! {
            () = clock.sleep(next.saturating_sub(clock.monotonic())) => {}
            _ = &mut stopped => return,
        }
        next = (next + RENEW).max(clock.monotonic());
        let expires = clock.now() + LEASE;
        let now = match fsx::renew_lease(path, lease, expires) {
            Ok(true) => Some(expires),
            Ok(false) => None,
            // What cannot be written now may be in a moment; the old end stands.
            Err(_) => continue,
        };
        *until.lock().unwrap_or_else(PoisonError::into_inner) = now;
        if now.is_none() {
            return;
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        // What cannot be removed ends by itself.
        let _ = fsx::remove_lease(&self.files.lease(), &self.id);
    }
}

/// Who works on a stack, as far as can be seen from here.
#[derive(Clone, Debug)]
pub struct LockStatus {
    /// Whether a lease is kept beside the lock.
    pub shared: bool,
    /// A living process of this machine (or one whose lock the network file system carries).
    pub holder: Option<Box<Holder>>,
    /// The lease as it stands in the file.
    pub lease: Option<Lease>,
    /// Whether it has ended.
    pub expired: bool,
    /// The lease file holds something else.
    pub damaged: bool,
}

/// Looks at lock and lease of a stack.
///
/// # Errors
/// When they cannot be read.
pub fn lock_status(home: &Path, stack: &StackId, env: &Env, now: OffsetDateTime) -> Result<LockStatus, StateError> {
    let files = Files::of(&folder(home, stack));
    let holder = match fsx::lock(&files.lock()) {
        Ok(_) => None,
        Err(LockError::Held(holder)) => Some(holder),
        Err(LockError::Io { path, source }) => {
            return Err(StateError::Read { file: path.display().to_string(), source });
        }
    };
    let (lease, damaged) = match fsx::read_lease(&files.lease()) {
        Ok(found) => (found, false),
        Err(LeaseError::Io(source)) => {
            return Err(StateError::Read { file: files.lease().display().to_string(), source });
        }
        Err(LeaseError::Held(_) | LeaseError::Damaged) => (None, true),
    };
    let expired = lease.as_ref().is_some_and(|l| l.expires <= now);
    Ok(LockStatus { shared: is_shared(&files.folder, env), holder, lease, expired, damaged })
}

/// Removes the lease that [`lock_status`] showed; one that somebody else took meanwhile stays.
///
/// # Errors
/// When the file cannot be removed.
pub fn remove_lease(home: &Path, stack: &StackId, seen: &LockStatus) -> Result<(), StateError> {
    let path = Files::of(&folder(home, stack)).lease();
    let done = match &seen.lease {
        Some(lease) => fsx::remove_lease(&path, &lease.id).map(drop),
        None => fsx::remove(&path),
    };
    done.map_err(|source| StateError::Write { file: path.display().to_string(), source })
}
