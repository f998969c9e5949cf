//! Tiny images made here, as OCI layouts: a layer with a few files, a config, a manifest, an index.
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

/// Whole programs take seconds to be packed well, and go no further than this machine.
const LARGE: usize = 1 << 20;

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

/// A file of an image.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Where it is, without a leading slash; at most 100 bytes.
    pub path: &'a str,
    /// Its mode, for example `0o755`.
    pub mode: u32,
    /// Its bytes.
    pub content: &'a [u8],
}

impl Image {
    /// An image that holds one file with this text, and nothing that runs.
    ///
    /// # Errors
    /// Never in practice: everything happens in memory.
    pub fn tiny(name: &str, text: &str) -> std::io::Result<Self> {
        Self::of(name, &[Entry { path: "etc/motd", mode: 0o644, content: text.as_bytes() }], &[])
    }

    /// An image with these files that starts these words, as nobody in particular.
    ///
    /// # Errors
    /// Never in practice: everything happens in memory.
    pub fn of(name: &str, entries: &[Entry<'_>], entrypoint: &[&str]) -> std::io::Result<Self> {
        Self::run_by("1000", name, entries, entrypoint)
    }

    /// The same as a user of your choice.
    ///
    /// # Errors
    /// Never in practice: everything happens in memory.
    pub fn run_by(user: &str, name: &str, entries: &[Entry<'_>], entrypoint: &[&str]) -> std::io::Result<Self> {
        let tar = tar(entries);
        let mut packer =
            GzEncoder::new(Vec::new(), if tar.len() > LARGE { Compression::fast() } else { Compression::best() });
        packer.write_all(&tar)?;
        let layer = Bytes::from(packer.finish()?);
        let mut settings = json!({"User": user, "Labels": {"org.opencontainers.image.title": name}});
        if !entrypoint.is_empty() {
            settings["Entrypoint"] = json!(entrypoint);
        }
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": settings,
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
            "annotations": {"org.opencontainers.image.ref.name": tag, "io.containerd.image.name": self.name},
        }]});
        fsx::replace(&dir.join("index.json"), index.to_string().as_bytes())?;
        fsx::replace(&dir.join("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}).to_string().as_bytes())
    }
}

/// A tar archive of files, owned by root, from 1970: the same bytes every time.
fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for entry in entries {
        archive.extend_from_slice(&header(entry));
        archive.extend_from_slice(entry.content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

fn header(entry: &Entry<'_>) -> [u8; 512] {
    let mut header = [0_u8; 512];
    header[..entry.path.len()].copy_from_slice(entry.path.as_bytes());
    header[100..108].copy_from_slice(format!("{:07o}\0", entry.mode).as_bytes());
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", entry.content.len()).as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..156].copy_from_slice(b"        ");
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
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
    fn the_archive_is_whole_blocks_with_right_sums() {
        let entry = |path| Entry { path, mode: 0o755, content: b"x" };
        let archive = tar(&[entry("a"), entry("b")]);
        assert_eq!(archive.len(), 2 * 1024 + 1024);
        for (start, name) in [(0, b'a'), (1024, b'b')] {
            let mut header = archive[start..start + 512].to_vec();
            assert_eq!((header[0], archive[start + 512]), (name, b'x'));
            let said = u32::from_str_radix(std::str::from_utf8(&header[148..154]).expect("octal"), 8).expect("octal");
            header[148..156].copy_from_slice(b"        ");
            assert_eq!(said, header.iter().map(|b| u32::from(*b)).sum::<u32>());
        }
    }
}
