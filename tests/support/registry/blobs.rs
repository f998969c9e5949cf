//! Blobs of a repository: whole, in part, under a condition.

use bytes::Bytes;

use crate::http::{Call, Reply};
use crate::registry::content::{is_digest, unchanged, with};
use crate::registry::token::Needs;
use crate::registry::{Registries, error};
use crate::route::Params;

fn invalid() -> Reply {
    error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
}

fn unknown() -> Reply {
    error(404, "BLOB_UNKNOWN", "blob unknown to registry")
}

/// A blob, or the part of it that was asked for, or its headers.
#[must_use]
pub fn get(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let (name, digest) = (params.get("name"), params.get("digest"));
    with(registries, call, &[Needs::pull(name)], |shelf| {
        if !is_digest(digest) {
            return invalid();
        }
        let Some(bytes) = shelf.repositories.get(name).and_then(|r| r.blobs.get(digest)) else { return unknown() };
        let reply = unchanged(call, digest).unwrap_or_else(|| whole_or_part(call, bytes));
        reply.header("docker-content-digest", digest).header("etag", format!("\"{digest}\""))
    })
}

fn whole_or_part(call: &Call, bytes: &Bytes) -> Reply {
    let (kind, length) = ("application/octet-stream", bytes.len());
    let reply = match call.header("range").map(|text| part(text, length)) {
        None => Reply::body(200, kind, bytes.clone()),
        Some(Some((first, last))) => Reply::body(206, kind, bytes.slice(first..=last))
            .header("content-range", format!("bytes {first}-{last}/{length}")),
        Some(None) => Reply::empty(416).header("content-range", format!("bytes */{length}")),
    };
    reply.header("accept-ranges", "bytes")
}

/// First and last byte of `bytes=A-B`, `bytes=A-` or `bytes=-N`; `None` when there is no such part.
fn part(text: &str, length: usize) -> Option<(usize, usize)> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let end = length.checked_sub(1)?;
    let (first, last) = match (from, to) {
        ("", count) => (length.saturating_sub(count.parse().ok()?), end),
        (from, "") => (from.parse().ok()?, end),
        (from, to) => (from.parse().ok()?, to.parse::<usize>().ok()?.min(end)),
    };
    (first <= last).then_some((first, last))
}

/// Removes a blob from its repository.
#[must_use]
pub fn delete(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let (name, digest) = (params.get("name"), params.get("digest"));
    with(registries, call, &[Needs::delete(name)], |shelf| {
        if !is_digest(digest) {
            return invalid();
        }
        let removed = shelf.repositories.get_mut(name).and_then(|r| r.blobs.remove(digest));
        if removed.is_some() { Reply::empty(202) } else { unknown() }
    })
}
