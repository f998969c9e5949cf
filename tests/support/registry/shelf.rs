//! What one registry holds: repositories, and uploads that have begun.

use std::collections::BTreeMap;

use bytes::Bytes;

/// A manifest as it was pushed.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Its media type.
    pub media: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// A repository: what is in one is not in another until it is mounted.
#[derive(Debug, Default)]
pub struct Repository {
    /// By digest.
    pub blobs: BTreeMap<String, Bytes>,
    /// By digest.
    pub manifests: BTreeMap<String, Manifest>,
    /// The digest behind each tag.
    pub tags: BTreeMap<String, String>,
    /// Whether a manifest was ever pushed: from then on it has tags, if none.
    pub pushed: bool,
}

impl Repository {
    /// The manifest behind a tag or a digest, with its digest.
    #[must_use]
    pub fn manifest(&self, reference: &str) -> Option<(&str, &Manifest)> {
        let digest = self.tags.get(reference).map_or(reference, String::as_str);
        self.manifests.get_key_value(digest).map(|(digest, manifest)| (digest.as_str(), manifest))
    }
}

/// An upload that has begun.
#[derive(Debug)]
pub struct Upload {
    /// For which repository.
    pub repository: String,
    /// What has come so far.
    pub bytes: Vec<u8>,
}

/// What one registry holds.
#[derive(Debug, Default)]
pub struct Shelf {
    /// By name.
    pub repositories: BTreeMap<String, Repository>,
    /// By the identifier that the client was told.
    pub uploads: BTreeMap<String, Upload>,
}
