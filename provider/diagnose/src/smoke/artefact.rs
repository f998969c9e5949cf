//! The artefact: an OCI image that is small, valid and never started. Its layer holds the run's id, so that no two runs
//! push the same bytes (`tests`).

use mops_wire::registry::Digest;
use serde_json::{Value as Json, json};

/// Media type of a manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// A block of a tar archive.
const BLOCK: usize = 512;

/// A manifest, and the blobs that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artefact {
    pub(super) manifest: Vec<u8>,
    pub(super) blobs: Vec<Vec<u8>>,
}

impl Artefact {
    /// An image with one file, which holds the id of the run.
    #[must_use]
    pub fn tiny(run: &str) -> Self {
        let layer = archive("run", run.as_bytes());
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(&layer).as_str()]},
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": part(CONFIG, &config), "layers": [part(LAYER, &layer)],
        });
        Self { manifest: manifest.to_string().into_bytes(), blobs: vec![config, layer] }
    }

    /// The digest of its manifest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }
}

fn part(media_type: &str, bytes: &[u8]) -> Json {
    json!({"mediaType": media_type, "digest": Digest::of(bytes).as_str(), "size": bytes.len()})
}

/// A tar archive with one file of root's, from 1970; the content is shorter than a block.
fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; BLOCK];
    let mut field = |at: usize, text: &[u8]| bytes[at..at + text.len()].copy_from_slice(text);
    field(0, name.as_bytes());
    field(100, b"0000444\0");
    field(108, b"0000000\0");
    field(116, b"0000000\0");
    field(124, format!("{:011o}\0", content.len()).as_bytes());
    field(136, b"00000000000\0");
    field(148, b"        ");
    field(156, b"0");
    field(257, b"ustar\x0000");
    let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    bytes.extend_from_slice(content);
    // The file is filled up to a block, and two empty ones end the archive.
    bytes.resize(bytes.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_small_whole_and_the_runs_own() {
        let (one, other) = (Artefact::tiny("7f3a"), Artefact::tiny("7f3b"));
        assert_ne!(one.digest(), other.digest());
        let size = one.manifest.len() + one.blobs.iter().map(Vec::len).sum::<usize>();
        assert!(size <= 4096, "{size} bytes");
        let manifest: Json = serde_json::from_slice(&one.manifest).unwrap();
        let config: Json = serde_json::from_slice(&one.blobs[0]).unwrap();
        assert_eq!(manifest["config"]["digest"], Digest::of(&one.blobs[0]).as_str());
        assert_eq!(manifest["layers"][0]["digest"], config["rootfs"]["diff_ids"][0]);
        assert_eq!(manifest["layers"][0]["size"], one.blobs[1].len());
    }
}
