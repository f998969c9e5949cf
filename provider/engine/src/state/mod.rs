//! The state of a stack: what exists, what is under way, and nothing lost whatever kills the process.
//!
//! Files below `HOME/state/PROJECT/STACK/`: `snapshot.json` (Pulumi deployment v3), `snapshot.json.1` (the one before),
//! `journal` (records above the snapshot), `meta.json` (made last), `lock`, and sometimes `lease` and a generated
//! passphrase. Tests: `tests/state.rs`, `tests/state_moves.rs`, `tests/passphrase.rs`, `tests/crash.rs`.

mod address;
mod book;
mod codec;
mod deployment;
mod entry;
mod frame;
mod handover;
mod import;
mod journal;
mod keyfile;
mod load;
mod lock;
mod meta;
mod model;
mod passphrase;
mod record;
mod replay;
mod rotate;
mod seal;
mod sealed_json;
mod store;
mod verify;

pub use crate::error::StateError;
pub use address::{dependants, find};
pub use frame::Frame;
pub use import::{Deployment, Imported};
pub use journal::Written;
pub use load::{folder, list, read};
pub use lock::{LockStatus, lock_status, remove_lease};
pub use model::{Action, OpenOperation, Outputs, ResourceState, Snapshot};
pub use rotate::{NewPhrase, Rotated};
pub use seal::{SealError, Sealer};
pub use store::{OpenOptions, Store, check_scope};

pub(crate) use journal::Durable;
pub(crate) use keyfile::made_once;
pub(crate) use record::{Ended, Record};

/// Everything that a state holds, journal included; the same bytes for the same content.
pub(crate) fn content(snapshot: &Snapshot) -> Result<Vec<u8>, StateError> {
    deployment::write(snapshot, time::OffsetDateTime::UNIX_EPOCH, true).map_err(|e| StateError::Bug(e.to_string()))
}

/// The text that `pulumi stack import` takes: a deployment without anything of ours beside it, see [`handover`]. Secrets
/// stay sealed, or stand in clear when a sealer is given.
///
/// # Errors
/// When a value has no form as JSON; when a secret cannot be opened.
pub fn export(
    snapshot: &Snapshot,
    now: time::OffsetDateTime,
    show_secrets: Option<&Sealer>,
) -> Result<Vec<u8>, StateError> {
    let bug = |e: serde_json::Error| StateError::Bug(e.to_string());
    let bytes = deployment::write(&handover::leaving(snapshot), now, false).map_err(bug)?;
    let Some(sealer) = show_secrets else { return Ok(bytes) };
    let mut json = serde_json::from_slice(&bytes).map_err(bug)?;
    sealed_json::open_all(&mut json, sealer)?;
    let mut bytes = serde_json::to_vec(&json).map_err(bug)?;
    bytes.push(b'\n');
    Ok(bytes)
}
