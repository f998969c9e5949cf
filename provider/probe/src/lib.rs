//! What a probe pod sees, one JSON line an observation, and the checks that see it.
//!
//! Guarantees two things: a line never holds a secret (`tests/diagnose.rs` searches the log for
//! canaries), and a missing variable is an observation, never a crash (`settings::tests`).

pub mod checks;
pub mod dockerconfig;
pub mod failure;
pub mod keys;
pub mod live;
pub mod observation;
pub mod settings;

pub use keys::HeldKey;
pub use observation::{Line, Log, Observation, Outcome};

/// The argument with which the program only says that it can be started.
pub const ALIVE: &str = "alive";
