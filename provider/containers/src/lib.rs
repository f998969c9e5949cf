//! GPU containers on the engine of this machine, Docker's or Podman's, through the Engine API on its socket: no program of
//! the engine is started, and no login is an argument, a variable or a line of a log (`tests/env_up.rs`, L-18).
//!
//! The client is ours and rests on the HTTP stack that the workspace has: `bollard` was measured at 0.93 MiB of binary
//! for the calls that are made here, keeps passwords in plain text that `Debug` prints, and hides `Retry-After`.
//!
//! What is decided (`decide`, `spec`, `ports`, `gpu`, `pull`, `marker`) is kept apart from what asks the engine (`engine`).

pub mod decide;
pub mod engine;
pub mod failure;
pub mod gpu;
pub mod marker;
pub mod name;
pub mod ports;
pub mod pull;
pub mod socket;
pub mod spec;
pub mod stream;
mod wire;

pub use engine::{Container, Engine, State};
pub use failure::{EngineError, Trouble};
pub use socket::Endpoint;
pub use spec::Settings;
