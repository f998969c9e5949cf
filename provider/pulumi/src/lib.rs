//! What speaks Pulumi's wire protocol.
//!
//! The generated types of the protocol stay in this crate: [`value`] is the only place where a property value changes
//! between their form and ours, and the only one that unwraps a secret. [`provider`] are the resources behind it.

pub mod process;
pub mod provider;
pub mod schema;
pub mod server;
pub mod value;

/// The largest message, in bytes, in either direction: what the engine itself allows.
pub const MESSAGE_LIMIT: usize = 400 << 20;
