//! Manifests, tags and blobs. Guarantees that content asked for by digest has that digest.

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING};
use http::{Method, StatusCode};
use serde::Deserialize;

use super::client::Client;
use super::error::{Asked, RegistryError};
use super::reference::{Digest, Reference};
use crate::request::Request;
use crate::response::Response;

/// Every kind of manifest that is understood.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";
const MAX_MANIFEST: usize = 4 << 20;
/// The scope of the list of repositories.
const CATALOGUE: &str = "registry:catalog:*";

/// What a HEAD says of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Its digest, when the registry names it.
    pub digest: Option<Digest>,
    /// Its media type.
    pub media_type: String,
}

/// A manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its digest, computed here.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Bytes,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Repositories {
    repositories: Option<Vec<String>>,
}

pub(crate) fn pull_scope(repository: &str) -> String {
    format!("repository:{repository}:pull")
}

impl Client {
    /// Whether a manifest can be read, without reading it. A 404 has no code: ask [`Client::manifest`].
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn head_manifest(&self, reference: &Reference) -> Result<Descriptor, RegistryError> {
        let response = self.ask_manifest(Method::HEAD, reference).await?;
        let digest = response.header("docker-content-digest").and_then(Digest::parse);
        Ok(Descriptor { digest, media_type: media_type(&response) })
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn manifest(&self, reference: &Reference) -> Result<Manifest, RegistryError> {
        let response = self.ask_manifest(Method::GET, reference).await?;
        let named = response.header("docker-content-digest").and_then(Digest::parse);
        let wanted = reference.digest().or(named.as_ref());
        let digest = Digest::of(&response.body);
        if let Some(wanted) = wanted.filter(|wanted| **wanted != digest) {
            return Err(self.wrong_digest(wanted, &digest));
        }
        Ok(Manifest { digest, media_type: media_type(&response), bytes: response.body })
    }

    /// The tags of a repository, at most `limit`.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn tags(&self, repository: &Reference, limit: u16) -> Result<Vec<String>, RegistryError> {
        let name = repository.repository();
        let target = format!("{}/{name}", repository.registry());
        let asked = Asked { operation: "list the tags of", target: &target };
        let request = Request::get(self.url(&format!("/v2/{name}/tags/list?n={limit}"))?);
        let response = self.send(request, &pull_scope(name), asked).await?;
        if response.status != StatusCode::OK {
            return Err(self.refused(asked, &response, None));
        }
        let body: Tags =
            serde_json::from_slice(&response.body).map_err(|_| self.useless("its tag list is no tag list"))?;
        Ok(body.tags.unwrap_or_default())
    }

    /// The repositories of the registry, at most `limit`. Many registries refuse that list.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn repositories(&self, limit: u16) -> Result<Vec<String>, RegistryError> {
        let target = self.host();
        let asked = Asked { operation: "list the repositories of", target: &target };
        let request = Request::get(self.url(&format!("/v2/_catalog?n={limit}"))?);
        let response = self.send(request, CATALOGUE, asked).await?;
        if response.status != StatusCode::OK {
            return Err(self.refused(asked, &response, None));
        }
        let body: Repositories =
            serde_json::from_slice(&response.body).map_err(|_| self.useless("its catalogue is no list"))?;
        Ok(body.repositories.unwrap_or_default())
    }

    /// Reads a blob of at most `limit` bytes; a redirect is followed without the login.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn blob(&self, repository: &Reference, digest: &Digest, limit: usize) -> Result<Bytes, RegistryError> {
        let response = self.ask_blob(Method::GET, repository, digest, limit).await?;
        match Digest::of(&response.body) {
            got if got == *digest => Ok(response.body),
            got => Err(self.wrong_digest(digest, &got)),
        }
    }

    pub(crate) async fn ask_blob(
        &self,
        method: Method,
        repository: &Reference,
        digest: &Digest,
        limit: usize,
    ) -> Result<Response, RegistryError> {
        let name = repository.repository();
        let target = format!("{}/{name}@{digest}", repository.registry());
        let asked = Asked { operation: "read blob", target: &target };
        let url = self.url(&format!("/v2/{name}/blobs/{digest}"))?;
        // The digest is over the stored bytes: nobody may pack them on the way.
        let mut request = Request::new(method, url).header(ACCEPT_ENCODING, "identity");
        request.max_body = limit;
        let response = self.send(request, &pull_scope(name), asked).await?;
        if response.status == StatusCode::OK { Ok(response) } else { Err(self.refused(asked, &response, None)) }
    }

    async fn ask_manifest(&self, method: Method, reference: &Reference) -> Result<Response, RegistryError> {
        let name = reference.repository();
        let target = reference.to_string();
        let asked = Asked { operation: "read manifest", target: &target };
        let url = self.url(&format!("/v2/{name}/manifests/{}", reference.selector()))?;
        let mut request = Request::new(method, url).header(ACCEPT, MANIFESTS).header(ACCEPT_ENCODING, "identity");
        request.max_body = MAX_MANIFEST;
        let response = self.send(request, &pull_scope(name), asked).await?;
        if response.status == StatusCode::OK { Ok(response) } else { Err(self.refused(asked, &response, None)) }
    }

    pub(crate) fn wrong_digest(&self, wanted: &Digest, got: &Digest) -> RegistryError {
        RegistryError::Digest { registry: self.host(), wanted: wanted.to_string(), got: got.to_string() }
    }
}

fn media_type(response: &Response) -> String {
    let text = response.header("content-type").unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().chars().take(200).collect()
}
