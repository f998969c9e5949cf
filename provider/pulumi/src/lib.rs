//! What speaks Pulumi's wire protocol.
//!
//! The generated types of the protocol stay in this crate: [`value`] is the only place where a property value changes
//! between their form and ours, and the only one that unwraps a secret. [`provider`] are the resources
//! behind it, `construct` their component, [`language`] makes a stack file a program.

mod construct;
pub mod language;
mod monitor;
pub mod process;
pub mod provider;
pub mod schema;
pub mod server;
pub mod value;

/// The largest message, in bytes, in either direction: what the engine itself allows.
pub const MESSAGE_LIMIT: usize = 400 << 20;

/// The package, as programs and plugins name it.
pub const PACKAGE: &str = "modelops";

/// Its version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
