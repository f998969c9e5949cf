//! The state of a stack: what exists, what is under way, and nothing lost whatever kills the process.
//!
//! Files below `HOME/state/PROJECT/STACK/`: `snapshot.json` (Pulumi deployment v3), `snapshot.json.1` (the one before),
//! `journal` (records above the snapshot), `meta.json` (made last), `lock`. Tests: `tests/state.rs`, `tests/crash.rs`.

mod book;
mod codec;
mod deployment;
mod entry;
mod journal;
mod load;
mod meta;
mod model;
mod record;
mod replay;
mod seal;
mod store;
mod verify;

pub use crate::error::StateError;
pub use journal::Written;
pub use load::{folder, list, read};
pub use model::{Action, OpenOperation, Outputs, ResourceState, Snapshot};
pub use seal::{SealError, Sealer};
pub use store::{OpenOptions, Store, check_scope};

pub(crate) use journal::Durable;
pub(crate) use record::{Ended, Record};

/// The text that `pulumi stack import` takes: a deployment without anything of ours beside it.
///
/// # Errors
/// When a value has no form as JSON.
pub fn export(snapshot: &Snapshot, now: time::OffsetDateTime) -> Result<Vec<u8>, StateError> {
    deployment::write(snapshot, now, false).map_err(|e| StateError::Bug(e.to_string()))
}
