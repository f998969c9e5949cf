//! Tiny images made here, as OCI layouts: a layer with one file, a config, a manifest, an index.
//! No foreign tool and no foreign bytes, and the same digest on every machine.

use std::io::Write as _;
use std::path::Path;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use mops_host::fsx;
use serde_json::json;

use crate::registry::content::digest;

/// The media type of the manifests made here.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// One image.
#[derive(Clone, Debug)]
pub struct Image {
    /// Repository and tag, for example `scheduler:1`.
    pub name: String,
    /// The manifest.
    pub manifest: Bytes,
    /// Config and layer, with their digests.
    pub blobs: Vec<(String, Bytes)>,
}

impl Image {
    /// An image that holds one file with this text.
    ///
    /// # Errors
    /// Never in practice: everything happens in memory.
    pub fn tiny(name: &str, text: &str) -> std::io::Result<Self> {
        let tar = tar("etc/motd", text.as_bytes());
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(&tar)?;
        let layer = Bytes::from(packer.finish()?);
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {"User": "1000", "Labels": {"org.opencontainers.image.title": name}},
            "rootfs": {"type": "layers", "diff_ids": [digest(&tar)]},
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "mops-sandbox"}],
        });
        let config = Bytes::from(config.to_string());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(&config), "size": config.len()},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(&layer), "size": layer.len()}],
        });
        let blobs = vec![(digest(&config), config), (digest(&layer), layer)];
        Ok(Self { name: name.to_owned(), manifest: manifest.to_string().into(), blobs })
    }

    /// The digest of the manifest.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(&self.manifest)
    }

    /// Repository and tag apart.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        self.name.split_once(':').unwrap_or((&self.name, "latest"))
    }

    /// Writes the image as an OCI layout, which skopeo and buildah read.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_layout(&self, dir: &Path) -> std::io::Result<()> {
        let blobs = dir.join("blobs/sha256");
        fsx::create_dir_all(&blobs)?;
        let manifest = (self.digest(), self.manifest.clone());
        for (digest, bytes) in self.blobs.iter().chain([&manifest]) {
            fsx::replace(&blobs.join(digest.trim_start_matches("sha256:")), bytes)?;
        }
        let tag = self.parts().1;
        let index = json!({"schemaVersion": 2, "manifests": [{
            "mediaType": MANIFEST, "digest": self.digest(), "size": self.manifest.len(),
            "annotations": {"org.opencontainers.image.ref.name": tag},
        }]});
        fsx::replace(&dir.join("index.json"), index.to_string().as_bytes())?;
        fsx::replace(&dir.join("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}).to_string().as_bytes())
    }
}

/// A tar archive with one file, owned by root, from 1970: the same bytes every time.
fn tar(path: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..path.len()].copy_from_slice(path.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..156].copy_from_slice(b"        ");
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_image_has_the_same_digest() {
        let make = || Image::tiny("worker:1", "hello").expect("in memory").digest();
        assert_eq!(make(), make());
    }

    #[test]
    fn the_archive_is_whole_blocks_with_a_right_sum() {
        let archive = tar("a", b"x");
        assert_eq!(archive.len() % 512, 0);
        let mut header = archive[..512].to_vec();
        let said = u32::from_str_radix(std::str::from_utf8(&header[148..154]).expect("octal"), 8).expect("octal");
        header[148..156].copy_from_slice(b"        ");
        assert_eq!(said, header.iter().map(|b| u32::from(*b)).sum::<u32>());
    }
}
