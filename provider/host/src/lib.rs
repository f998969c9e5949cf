//! Everything that touches the machine: files, environment, time, randomness, child processes.
//!
//! Guarantees two things: no other crate writes a file or starts a process (`clippy.toml` bans the
//! calls), and every file of ours is private from the moment it exists (`fsx`'s tests, `tests/files.rs`).

pub mod clock;
pub mod env;
pub mod fsx;
pub mod proc;
pub mod random;
pub mod source;

pub use clock::{Clock, SharedClock, SystemClock};
pub use env::Env;
