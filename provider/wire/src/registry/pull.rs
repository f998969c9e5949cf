//! Reading: manifests, tags, blobs.

use bytes::Bytes;
use http::Method;
use http::header::ACCEPT as ACCEPT_HEADER;
use serde::Deserialize;

use super::client::Client;
use super::error::{RegistryError, Step};
use super::push::digest_of;
use super::reference::is_digest;

/// Manifest types that we ask for: image and index, OCI and Docker.
pub const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";
/// Longest manifest, as registries have it.
const MAX_MANIFEST: usize = 4 << 20;

/// What a HEAD says about a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Media type.
    pub media_type: String,
    /// Digest, when the registry names it.
    pub digest: Option<String>,
    /// Bytes, when the registry names them.
    pub size: Option<u64>,
}

/// A manifest.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Media type.
    pub media_type: String,
    /// Computed from the bytes.
    pub digest: String,
    /// As sent.
    pub bytes: Bytes,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

/// The scope of reading a repository.
fn pull(repository: &str) -> String {
    format!("repository:{repository}:pull")
}

impl Client {
    /// HEAD of a manifest, as container runtimes ask for it.
    ///
    /// # Errors
    /// With the status; a HEAD has no body, so [`Client::manifest`] knows the registry's reason.
    pub async fn head(&self, repository: &str, target: &str) -> Result<Descriptor, RegistryError> {
        let url = self.url(&format!("{repository}/manifests/{target}"))?;
        let request = self.request(Method::HEAD, url).header(ACCEPT_HEADER, ACCEPT);
        let answer = self.send(request, &pull(repository), Step::Manifest).await?;
        Ok(Descriptor {
            media_type: answer.header("content-type").unwrap_or_default().to_owned(),
            digest: answer.header("docker-content-digest").filter(|d| is_digest(d)).map(str::to_owned),
            size: answer.header("content-length").and_then(|n| n.parse().ok()),
        })
    }

    /// A manifest by tag or digest; asked for by digest, its bytes are verified.
    ///
    /// # Errors
    /// With status, code and what the registry said.
    pub async fn manifest(&self, repository: &str, target: &str) -> Result<Manifest, RegistryError> {
        let url = self.url(&format!("{repository}/manifests/{target}"))?;
        let mut request = self.request(Method::GET, url).header(ACCEPT_HEADER, ACCEPT);
        request.max_body = MAX_MANIFEST;
        let answer = self.send(request, &pull(repository), Step::Manifest).await?;
        let media_type = answer.header("content-type").unwrap_or_default().to_owned();
        if !media_type.contains("json") {
            return Err(self.malformed(Step::Manifest, format!("media type `{media_type}`")));
        }
        let digest = digest_of(&answer.body);
        if is_digest(target) && digest != target {
            return Err(RegistryError::Digest { registry: self.registry(), wanted: target.to_owned(), got: digest });
        }
        Ok(Manifest { media_type, digest, bytes: answer.body })
    }

    /// The tags of a repository, first page.
    ///
    /// # Errors
    /// With status, code and what the registry said.
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>, RegistryError> {
        let url = self.url(&format!("{repository}/tags/list?n=100"))?;
        let mut request = self.request(Method::GET, url);
        request.max_body = MAX_MANIFEST;
        let answer = self.send(request, &pull(repository), Step::Tags).await?;
        let tags: Tags =
            serde_json::from_slice(&answer.body).map_err(|_| self.malformed(Step::Tags, "not a JSON object"))?;
        Ok(tags.tags.unwrap_or_default())
    }

    /// A blob of at most `limit` bytes, verified; redirects are followed without the credential.
    ///
    /// # Errors
    /// With status and code; [`RegistryError::Digest`] when other bytes came.
    pub async fn blob(&self, repository: &str, digest: &str, limit: usize) -> Result<Bytes, RegistryError> {
        let mut request = self.request(Method::GET, self.url(&format!("{repository}/blobs/{digest}"))?);
        request.max_body = limit;
        let answer = self.send(request, &pull(repository), Step::Blob).await?;
        let got = digest_of(&answer.body);
        if got == digest {
            return Ok(answer.body);
        }
        Err(RegistryError::Digest { registry: self.registry(), wanted: digest.to_owned(), got })
    }
}
