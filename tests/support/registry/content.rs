//! What all data routes share: addresses, digests, the way to the shelf.

use sha2::{Digest as _, Sha256};

use crate::http::{Call, Reply};
use crate::registry::token::{Needs, allowed};
use crate::registry::{Registries, Shelf};
use crate::route::Params;

/// `sha256:…` of some bytes.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether a text is a digest and not a tag or something broken.
#[must_use]
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether an address has a name and a reference that a registry can have; all others mean nothing.
#[must_use]
pub fn is_address(params: &Params) -> bool {
    let (name, reference) = (params.get("name"), params.get("reference"));
    let edge = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().is_some_and(edge)
            && bytes.last().is_some_and(edge)
            && bytes.iter().all(|b| edge(b) || b"._-".contains(b))
    };
    let tag = |tag: &str| {
        tag.len() <= 128
            && !tag.starts_with(['.', '-'])
            && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
    };
    (name.is_empty() || name.split('/').all(part)) && (is_digest(reference) || tag(reference))
}

/// Runs a step on the shelf of the registry, once the credential allows it.
pub(super) fn with(
    registries: &Registries,
    call: &Call,
    needs: &[Needs<'_>],
    step: impl FnOnce(&mut Shelf) -> Reply,
) -> Reply {
    if let Err(refusal) = allowed(registries, call, needs) {
        return refusal;
    }
    let key = registries.view(&call.host).map(|v| v.incarnation).unwrap_or_default();
    step(registries.shelves().entry(key).or_default())
}

/// The answer to a client that has these bytes already.
pub(super) fn unchanged(call: &Call, digest: &str) -> Option<Reply> {
    let known = call.header("if-none-match").is_some_and(|tag| tag.trim_matches('"') == digest);
    known.then(|| Reply::empty(304))
}
