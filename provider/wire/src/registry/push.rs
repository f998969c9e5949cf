//! Uploads and removals. Guarantees that the login follows an upload to the registry's own host only
//! (`tests/realm.rs`), and that a manifest counts as stored only when the registry names its digest
//! (`tests/registry_client.rs`).

use bytes::Bytes;
use http::{Method, StatusCode};
use url::Url;

use super::client::Client;
use super::error::{Asked, RegistryError};
use super::reference::{Digest, Reference};
use crate::origin::Origin;
use crate::request::{Redirects, Request};
use crate::response::Response;
use crate::retry::Retry;

fn push_scope(repository: &str) -> String {
    format!("repository:{repository}:pull,push")
}

impl Client {
    /// Whether a blob is there.
    ///
    /// # Errors
    /// See [`RegistryError`]; absent is no error.
    pub async fn has_blob(&self, repository: &Reference, digest: &Digest) -> Result<bool, RegistryError> {
        match self.ask_blob(Method::HEAD, repository, digest, 0).await {
            Ok(_) => Ok(true),
            Err(error) if error.refusal().is_some_and(|refusal| refusal.status == 404) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Uploads a blob in one piece.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn push_blob(&self, repository: &Reference, bytes: Bytes) -> Result<Digest, RegistryError> {
        let name = repository.repository();
        let digest = Digest::of(&bytes);
        let target = format!("{}/{name}@{digest}", repository.registry());
        let asked = Asked { operation: "upload blob", target: &target };
        let scope = push_scope(name);
        let begin = Request::new(Method::POST, self.url(&format!("/v2/{name}/blobs/uploads/"))?);
        let begun = self.send(begin, &scope, asked).await?;
        if begun.status != StatusCode::ACCEPTED {
            return Err(self.refused(asked, &begun, None));
        }
        let mut end = self.upload_location(&begun)?;
        end.query_pairs_mut().append_pair("digest", digest.as_str());
        let ours = Origin::of(&end).as_ref() == Some(&self.origin);
        let mut put = Request::new(Method::PUT, end).body("application/octet-stream", bytes);
        // An upload that was taken is gone: a second PUT would be refused for the wrong reason.
        put.retry = Retry::OnlyIfUnsent;
        put.redirects = Redirects::Return;
        let ended = match ours {
            true => self.send(put, &scope, asked).await?,
            false => {
                self.check_elsewhere(&begun.url, &put.url).await?;
                self.http.send(self.paced(put)).await?
            }
        };
        match ended.status {
            StatusCode::CREATED => Ok(digest),
            _ => Err(self.refused(asked, &ended, None)),
        }
    }

    /// Stores a manifest under the tag or digest of a reference, and gives its digest, which the registry has named too.
    ///
    /// # Errors
    /// See [`RegistryError`]; [`RegistryError::Digest`] when the registry stored something else.
    pub async fn push_manifest(
        &self,
        reference: &Reference,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<Digest, RegistryError> {
        let name = reference.repository();
        let digest = Digest::of(&bytes);
        let target = reference.to_string();
        let asked = Asked { operation: "store manifest", target: &target };
        let url = self.url(&format!("/v2/{name}/manifests/{}", reference.selector()))?;
        let put = Request::new(Method::PUT, url).body(media_type, bytes);
        let response = self.send(put, &push_scope(name), asked).await?;
        if !matches!(response.status, StatusCode::CREATED | StatusCode::OK) {
            return Err(self.refused(asked, &response, None));
        }
        let named = match response.header("docker-content-digest").and_then(Digest::parse) {
            Some(named) => Some(named),
            // A registry need not say it here, only when it is asked.
            None => self.head_manifest(reference).await?.digest,
        };
        match named {
            Some(named) if named == digest => Ok(digest),
            Some(named) => Err(self.wrong_digest(&digest, &named)),
            None => Err(self.useless("it names no digest of the manifest that it stored")),
        }
    }

    /// Removes the manifest with the digest of a reference, and with it every tag of it. Says whether it was there.
    ///
    /// # Errors
    /// See [`RegistryError`]; absent is no error.
    pub async fn delete_manifest(&self, reference: &Reference) -> Result<bool, RegistryError> {
        let name = reference.repository();
        let target = reference.to_string();
        let asked = Asked { operation: "delete manifest", target: &target };
        let url = self.url(&format!("/v2/{name}/manifests/{}", reference.selector()))?;
        let scope = format!("repository:{name}:delete");
        let response = self.send(Request::new(Method::DELETE, url), &scope, asked).await?;
        match response.status {
            StatusCode::ACCEPTED | StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.refused(asked, &response, None)),
        }
    }

    fn upload_location(&self, begun: &Response) -> Result<Url, RegistryError> {
        let text = begun.header("location").ok_or_else(|| self.useless("it gives no address for the upload"))?;
        begun.url.join(text).map_err(|_| self.useless("its address for the upload cannot be read"))
    }
}
