//! Manifests: by tag and by digest, in a form that the client takes.

use serde_json::Value;

use crate::http::{Call, Reply};
use crate::registry::content::{digest, is_digest, unchanged, with};
use crate::registry::shelf::{Manifest, Repository};
use crate::registry::token::Needs;
use crate::registry::{Registries, error};
use crate::route::Params;

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

fn unknown(reference: &str) -> Reply {
    error(404, "MANIFEST_UNKNOWN", &format!("manifest tagged by \"{reference}\" is not found"))
}

/// A manifest, whole or its headers. An OCI form is given only to a client that names it.
#[must_use]
pub fn get(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let (name, reference) = (params.get("name"), params.get("reference"));
    with(registries, call, &[Needs::pull(name)], |shelf| {
        let found = shelf.repositories.get(name).and_then(|r| r.manifest(reference));
        let Some((digest, manifest)) = found else { return unknown(reference) };
        if let Some(unchanged) = unchanged(call, digest) {
            return unchanged;
        }
        // docker names each form in a header of its own.
        let accepted: Vec<&str> = call.headers.get_all("accept").iter().filter_map(|v| v.to_str().ok()).collect();
        let takes = |form: &str| accepted.iter().any(|forms| forms.contains(form));
        match manifest.media.as_str() {
            form @ OCI_MANIFEST if !takes(form) => {
                let words = "OCI manifest found, but accept header does not support OCI manifests";
                error(404, "MANIFEST_UNKNOWN", words)
            }
            form @ OCI_INDEX if !takes(form) => {
                error(404, "MANIFEST_UNKNOWN", "OCI index found, but accept header does not support OCI indexes")
            }
            _ => Reply::body(200, &manifest.media, manifest.bytes.clone())
                .header("docker-content-digest", digest)
                .header("etag", format!("\"{digest}\"")),
        }
    })
}

/// Why a manifest is not taken.
fn fault(call: &Call, media: &str, repository: &Repository) -> Option<Reply> {
    let invalid = || Some(error(400, "MANIFEST_INVALID", "manifest invalid"));
    let Some(manifest) = call.json() else { return invalid() };
    let lists = matches!(media, OCI_INDEX | DOCKER_LIST);
    if !lists && !matches!(media, OCI_MANIFEST | DOCKER_MANIFEST)
        || manifest["mediaType"].as_str().is_some_and(|said| said != media)
    {
        return invalid();
    }
    let parts = |list: &str| manifest[list].as_array().into_iter().flatten();
    let named = |part: &Value| part["digest"].as_str().unwrap_or_default().to_owned();
    let missing = if lists {
        parts("manifests").map(named).find(|d| !repository.manifests.contains_key(d))
    } else {
        parts("layers").chain([&manifest["config"]]).map(named).find(|d| !repository.blobs.contains_key(d))
    };
    missing.map(|digest| error(400, "MANIFEST_BLOB_UNKNOWN", &format!("blob unknown to registry: {digest}")))
}

/// Stores a manifest whose parts are all there.
#[must_use]
pub fn put(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let (name, reference) = (params.get("name"), params.get("reference"));
    let media = call.header("content-type").unwrap_or_default().to_owned();
    with(registries, call, &[Needs::push(name)], |shelf| {
        let repository = shelf.repositories.entry(name.to_owned()).or_default();
        let digest = digest(&call.body);
        if is_digest(reference) && reference != digest {
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
        }
        if let Some(refusal) = fault(call, &media, repository) {
            return refusal;
        }
        repository.manifests.insert(digest.clone(), Manifest { media, bytes: call.body.clone() });
        repository.pushed = true;
        if !is_digest(reference) {
            repository.tags.insert(reference.to_owned(), digest.clone());
        }
        Reply::empty(201)
            .header("location", format!("/v2/{name}/manifests/{digest}"))
            .header("docker-content-digest", digest)
    })
}

/// Removes a manifest and every tag of it; a tag alone is not taken.
#[must_use]
pub fn delete(registries: &Registries, call: &Call, params: &Params) -> Reply {
    let (name, reference) = (params.get("name"), params.get("reference"));
    with(registries, call, &[Needs::delete(name)], |shelf| {
        if !is_digest(reference) {
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
        }
        let Some(repository) = shelf.repositories.get_mut(name) else { return unknown(reference) };
        if repository.manifests.remove(reference).is_none() {
            return unknown(reference);
        }
        repository.tags.retain(|_, digest| digest != reference);
        Reply::empty(202)
    })
}
