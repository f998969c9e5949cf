//! The content of an image: one manifest, and what it names.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use bytes::Bytes;
use mops_host::fsx;
use serde_json::Value;

/// Everything by its digest.
pub(super) struct Shelf {
    manifest: String,
    blobs: BTreeMap<String, Bytes>,
}

impl Shelf {
    /// That of the first manifest of an OCI layout.
    pub(super) fn of_layout(layout: &Path) -> io::Result<Self> {
        let index: Value = serde_json::from_slice(&fsx::read(&layout.join("index.json"))?)?;
        let manifest = index["manifests"][0]["digest"].as_str().ok_or_else(|| io::Error::other("no manifest"))?;
        let mut blobs = BTreeMap::new();
        for entry in std::fs::read_dir(layout.join("blobs/sha256"))? {
            let entry = entry?;
            let digest = format!("sha256:{}", entry.file_name().to_string_lossy());
            blobs.insert(digest, Bytes::from(fsx::read(&entry.path())?));
        }
        Ok(Self { manifest: manifest.to_owned(), blobs })
    }

    /// The manifest under this tag or digest, with its digest; every tag is that of the one manifest.
    pub(super) fn manifest(&self, reference: &str) -> Option<(&str, Bytes)> {
        let known = reference == self.manifest || !reference.contains(':');
        known.then(|| (self.manifest.as_str(), self.blobs[&self.manifest].clone()))
    }

    /// A layer or a config.
    pub(super) fn blob(&self, digest: &str) -> Option<Bytes> {
        self.blobs.get(digest).cloned()
    }
}
