//! Property values as they travel in `google.protobuf.Struct`, and back.
//!
//! Guarantees: what is encoded decodes to the same value; a secret stays wrapped at any depth, once and not twice; an
//! object with a signature that is not known is an error and never an ordinary object; no message quotes a value; no
//! `Struct` whatever makes it panic (`tests`).

mod decode;
mod encode;
mod signature;
#[cfg(test)]
mod tests;

use mops_core::value::Path;

pub use decode::{decode, decode_value};
pub use encode::{encode, encode_value};
pub(crate) use signature::UNKNOWN;

/// Why a value has no form on the other side. Names the place, never the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", at(.path))]
pub struct CodecError {
    /// Where; empty at the top.
    pub path: Path,
    /// What is wrong there.
    pub reason: String,
}

impl CodecError {
    fn new(path: &Path, reason: impl Into<String>) -> Self {
        Self { path: path.clone(), reason: reason.into() }
    }
}

fn at(path: &Path) -> String {
    if path.0.is_empty() { String::new() } else { format!("`{path}`: ") }
}
