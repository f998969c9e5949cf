//! Manifests, blobs, tags and uploads of a registry.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::http::{Call, Reply};
use crate::registry::token::{Needs, allowed};
use crate::registry::{Registries, Shelf, error};
use crate::route::Params;
use crate::world::unique;

const MANIFEST_TYPES: &[&str] = &[
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// `sha256:…` of some bytes.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Runs a step on the shelf of the registry, once the credential allows it.
fn with(
    registries: &Registries,
    call: &Call,
    params: &Params,
    action: &'static str,
    step: impl FnOnce(&mut Shelf) -> Reply,
) -> Reply {
    let needs = Needs { repository: params.get("name"), action };
    if let Err(refusal) = allowed(registries, call, Some(needs)) {
        return refusal;
    }
    let key = registries.view(&call.host).map(|v| v.incarnation).unwrap_or_default();
    step(registries.shelves().entry(key).or_default())
}

/// The repositories; needs the catalogue's own scope on Azure, and any credential here.
#[must_use]
pub fn catalog(registries: &Registries, call: &Call, _: &Params) -> Reply {
    if let Err(refusal) = allowed(registries, call, None) {
        return refusal;
    }
    let key = registries.view(&call.host).map(|v| v.incarnation).unwrap_or_default();
    let mut shelves = registries.shelves();
    let mut names: Vec<String> = shelves.entry(key).or_default().manifests.keys().map(|(n, _)| n.clone()).collect();
    names.dedup();
    Reply::json(200, &json!({"repositories": names}))
}

fn no_name(name: &str) -> Reply {
    error(404, "NAME_UNKNOWN", &format!("repository name {name} not known to registry"))
}

fn has_name(shelf: &Shelf, name: &str) -> bool {
    shelf.manifests.keys().any(|(n, _)| n == name)
}

/// The tags of a repository.
#[must_use]
pub fn tags(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let name = params.get("name");
    with(registries, call, params, "pull", |shelf| {
        if !has_name(shelf, name) {
            return no_name(name);
        }
        let mine = shelf.manifests.keys().filter(|(n, reference)| n == name && !reference.contains(':'));
        let tags: Vec<Value> = mine.map(|(_, tag)| json!(tag)).collect();
        Reply::json(200, &json!({"name": name, "tags": tags}))
    })
}

/// A manifest, whole or its headers.
#[must_use]
pub fn manifest(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let (name, reference) = (params.get("name"), params.get("reference"));
    with(registries, call, params, "pull", |shelf| {
        let found = shelf.manifests.get(&(name.to_owned(), reference.to_owned()));
        match found {
            Some((kind, digest, bytes)) => Reply::body(200, kind, bytes.clone())
                .header("docker-content-digest", digest.clone())
                .header("etag", format!("\"{digest}\"")),
            None if has_name(shelf, name) => {
                error(404, "MANIFEST_UNKNOWN", &format!("manifest tagged by \"{reference}\" is not found"))
            }
            None => no_name(name),
        }
    })
}

/// Stores a manifest whose parts are all there.
#[must_use]
pub fn put_manifest(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let (name, reference) = (params.get("name"), params.get("reference"));
    let kind = call.header("content-type").unwrap_or_default().to_owned();
    with(registries, call, params, "push", |shelf| {
        let Some(manifest) = call.json().filter(|_| MANIFEST_TYPES.contains(&kind.as_str())) else {
            return error(400, "MANIFEST_INVALID", "manifest invalid");
        };
        let parts = manifest["layers"].as_array().into_iter().flatten().chain([&manifest["config"]]);
        let missing = parts.filter_map(|p| p["digest"].as_str()).find(|d| !shelf.blobs.contains_key(*d));
        if let Some(digest) = missing {
            return error(400, "MANIFEST_BLOB_UNKNOWN", &format!("blob unknown to registry: {digest}"));
        }
        let digest = digest(&call.body);
        if reference.contains(':') && reference != digest {
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
        }
        let entry = (kind, digest.clone(), call.body.clone());
        shelf.manifests.insert((name.to_owned(), digest.clone()), entry.clone());
        shelf.manifests.insert((name.to_owned(), reference.to_owned()), entry);
        Reply::empty(201)
            .header("location", format!("/v2/{name}/manifests/{digest}"))
            .header("docker-content-digest", digest)
    })
}

/// Removes a manifest and every tag of it.
#[must_use]
pub fn delete_manifest(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let (name, reference) = (params.get("name"), params.get("reference"));
    with(registries, call, params, "delete", |shelf| {
        let Some((_, digest, _)) = shelf.manifests.get(&(name.to_owned(), reference.to_owned())).cloned() else {
            return error(404, "MANIFEST_UNKNOWN", &format!("manifest tagged by \"{reference}\" is not found"));
        };
        shelf.manifests.retain(|(n, _), (_, d, _)| n != name || *d != digest);
        Reply::empty(202)
    })
}

/// A blob, whole or its headers.
#[must_use]
pub fn blob(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let digest = params.get("digest");
    with(registries, call, params, "pull", |shelf| match shelf.blobs.get(digest) {
        Some(bytes) => {
            Reply::body(200, "application/octet-stream", bytes.clone()).header("docker-content-digest", digest)
        }
        None => error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
    })
}

fn upload_address(name: &str, upload: &str) -> String {
    format!("/v2/{name}/blobs/uploads/{upload}?_nouploadcache=false&_state=sandbox")
}

/// Begins an upload.
#[must_use]
pub fn begin_upload(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let name = params.get("name");
    with(registries, call, params, "push", |shelf| {
        let upload = unique();
        shelf.uploads.insert(upload.clone(), (name.to_owned(), Vec::new()));
        Reply::empty(202)
            .header("location", upload_address(name, &upload))
            .header("range", "0-0")
            .header("docker-upload-uuid", upload)
    })
}

fn no_upload() -> Reply {
    error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
}

/// Adds to an upload.
#[must_use]
pub fn append_upload(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let (name, upload) = (params.get("name"), params.get("upload"));
    with(registries, call, params, "push", |shelf| {
        let Some((_, bytes)) = shelf.uploads.get_mut(upload).filter(|(n, _)| n == name) else { return no_upload() };
        bytes.extend_from_slice(&call.body);
        Reply::empty(202)
            .header("location", upload_address(name, upload))
            .header("range", format!("0-{}", bytes.len().saturating_sub(1)))
            .header("docker-upload-uuid", upload)
    })
}

/// Ends an upload: the digest must be that of the bytes.
#[must_use]
pub fn end_upload(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let (name, upload) = (params.get("name"), params.get("upload"));
    let wanted = call.query("digest").unwrap_or_default().to_owned();
    with(registries, call, params, "push", |shelf| {
        if shelf.uploads.get(upload).is_none_or(|(n, _)| n != name) {
            return no_upload();
        }
        let (_, mut bytes) = shelf.uploads.remove(upload).unwrap_or_default();
        bytes.extend_from_slice(&call.body);
        if digest(&bytes) != wanted {
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
        }
        shelf.blobs.insert(wanted.clone(), bytes.into());
        Reply::empty(201)
            .header("location", format!("/v2/{name}/blobs/{wanted}"))
            .header("docker-content-digest", wanted)
    })
}
