//! The vocabulary of the product: values, secrets, names, differences, error classes and the
//! [`Provider`] trait.
//!
//! Guarantees two things: nothing here does I/O or needs an async runtime (`tests/arch.rs`), and
//! a [`Secret`] cannot be printed or serialised in clear by accident (`secret::tests`).

pub mod bag;
pub mod cancel;
pub mod cloud;
pub mod convert;
pub mod diagnostic;
pub mod diff;
pub mod error;
pub mod fingerprint;
pub mod grammar;
pub mod identity;
pub mod keyed_hash;
pub mod mark;
pub mod near_paths;
pub mod nearest;
pub mod preflight;
pub mod provider;
pub mod rights;
pub mod schema;
pub mod secret;
pub mod source;
pub mod urn;
pub mod value;

pub use cancel::Cancel;
pub use diagnostic::{Diagnostic, Place, Severity};
pub use error::{Class, Error};
pub use identity::{Identity, Lane};
pub use keyed_hash::{KeyedHash, Nonce};
pub use mark::{Lineage, Mark, Ownership};
pub use near_paths::near_paths;
pub use nearest::nearest;
pub use provider::{BoxFuture, Provider};
pub use secret::Secret;
pub use source::{SecretInput, Source};
pub use urn::{StackId, Urn};
pub use value::{Path, Value};
