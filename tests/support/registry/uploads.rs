//! Uploads. A client goes on at the address of the last answer: the state in it says how much has
//! come, and an older one is refused.

use crate::http::{Call, Reply};
use crate::registry::content::{digest, is_digest, with};
use crate::registry::shelf::{Shelf, Upload};
use crate::registry::token::Needs;
use crate::registry::{Registries, error};
use crate::route::Params;
use crate::world::unique;

fn state(upload: &str, length: usize) -> String {
    format!("{upload}.{length}")
}

fn address(name: &str, upload: &str, length: usize) -> String {
    format!("/v2/{name}/blobs/uploads/{upload}?_nouploadcache=false&_state={}", state(upload, length))
}

/// Where an upload stands.
fn progress(status: u16, name: &str, upload: &str, length: usize) -> Reply {
    Reply::empty(status)
        .header("location", address(name, upload, length))
        .header("range", format!("0-{}", length.saturating_sub(1)))
        .header("docker-upload-uuid", upload)
}

fn stored(name: &str, digest: &str) -> Reply {
    Reply::empty(201).header("location", format!("/v2/{name}/blobs/{digest}")).header("docker-content-digest", digest)
}

/// Begins an upload, or mounts a blob that another repository has.
#[must_use]
pub fn begin(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let name = params.get("name");
    let mount = call.query("mount").zip(call.query("from"));
    let mut needs = vec![Needs::push(name)];
    needs.extend(mount.map(|(_, from)| Needs::pull(from)));
    with(registries, call, &needs, |shelf| {
        let found =
            mount.and_then(|(digest, from)| Some((digest, shelf.repositories.get(from)?.blobs.get(digest)?.clone())));
        if let Some((digest, bytes)) = found {
            shelf.repositories.entry(name.to_owned()).or_default().blobs.insert(digest.to_owned(), bytes);
            return stored(name, digest);
        }
        let upload = unique();
        shelf.uploads.insert(upload.clone(), Upload { repository: name.to_owned(), bytes: Vec::new() });
        progress(202, name, &upload, 0)
    })
}

/// Runs a step on an upload that is there and at the state that the client names.
fn on(
    registries: &Registries,
    call: &Call,
    params: &Params,
    needs: Needs<'_>,
    step: impl FnOnce(&mut Shelf, &str) -> Reply,
) -> Reply {
    let (name, upload) = (params.get("name"), params.get("upload"));
    with(registries, call, &[needs], |shelf| {
        let given = call.query("_state").unwrap_or_default();
        let invalid = || error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid");
        if given.rsplit_once('.').is_none_or(|(of, _)| of != upload) {
            return invalid();
        }
        match shelf.uploads.get(upload) {
            None => error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"),
            Some(found) if found.repository != name || given != state(upload, found.bytes.len()) => invalid(),
            Some(_) => step(shelf, upload),
        }
    })
}

/// How much of an upload has come.
#[must_use]
pub fn status(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let name = params.get("name");
    on(registries, call, params, Needs::pull(name), |shelf, upload| {
        progress(204, name, upload, shelf.uploads.get(upload).map_or(0, |u| u.bytes.len()))
    })
}

/// Adds to an upload.
#[must_use]
pub fn append(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let name = params.get("name");
    on(registries, call, params, Needs::push(name), |shelf, upload| {
        let length = shelf.uploads.get_mut(upload).map_or(0, |u| {
            u.bytes.extend_from_slice(&call.body);
            u.bytes.len()
        });
        progress(202, name, upload, length)
    })
}

/// Ends an upload: the digest must be that of the bytes.
#[must_use]
pub fn end(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let name = params.get("name");
    let wanted = call.query("digest").unwrap_or_default();
    on(registries, call, params, Needs::push(name), |shelf, upload| {
        let mut bytes = if is_digest(wanted) { shelf.uploads.remove(upload).map(|u| u.bytes) } else { None };
        if let Some(bytes) = &mut bytes {
            bytes.extend_from_slice(&call.body);
        }
        let Some(bytes) = bytes.filter(|bytes| digest(bytes) == wanted) else {
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
        };
        shelf.repositories.entry(name.to_owned()).or_default().blobs.insert(wanted.to_owned(), bytes.into());
        stored(name, wanted)
    })
}

/// Gives an upload up.
#[must_use]
pub fn cancel(registries: &Registries, call: &Call, params: &Params) -> Reply {
    on(registries, call, params, Needs::delete(params.get("name")), |shelf, upload| {
        shelf.uploads.remove(upload);
        Reply::empty(204).header("docker-upload-uuid", upload)
    })
}
