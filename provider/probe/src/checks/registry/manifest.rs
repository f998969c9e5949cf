//! What a manifest says: the entries of an index for a platform, the layers of an image.

use mops_wire::registry::Digest;
use serde::Deserialize;

/// System and architecture, in the words of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// For example `linux`.
    pub system: &'static str,
    /// For example `amd64`.
    pub architecture: &'static str,
}

impl Platform {
    /// That of this process.
    #[must_use]
    pub fn here() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Self { system: std::env::consts::OS, architecture }
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.system, self.architecture)
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    manifests: Vec<Entry>,
    #[serde(default)]
    layers: Vec<Blob>,
    config: Option<Blob>,
}

#[derive(Deserialize)]
struct Entry {
    digest: String,
    platform: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    os: String,
    architecture: String,
}

/// A layer, or the configuration.
#[derive(Deserialize)]
struct Blob {
    digest: String,
    size: u64,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// The manifest for the platform.
    Entry(Digest),
    /// An index without an entry for it; what it has instead.
    NoEntry(String),
    /// The smallest blob of an image, with its size.
    Smallest(Digest, u64),
    /// Neither an index nor an image.
    Unknown,
}

/// Reads a manifest. Without a platform any entry of an index will do.
pub(super) fn read(bytes: &[u8], platform: Option<Platform>) -> Content {
    let Ok(document) = serde_json::from_slice::<Document>(bytes) else { return Content::Unknown };
    if document.manifests.is_empty() {
        let blobs = document.layers.into_iter().chain(document.config);
        let readable = blobs.filter_map(|b| Some((b.size, Digest::parse(&b.digest)?)));
        return readable
            .min_by_key(|(size, _)| *size)
            .map_or(Content::Unknown, |(size, digest)| Content::Smallest(digest, size));
    }
    // Signatures and build records stand in an index as `unknown/unknown`.
    let real = |e: &&Entry| e.platform.as_ref().is_none_or(|p| p.os != "unknown");
    let fits = |e: &&Entry| match (platform, &e.platform) {
        (Some(wanted), Some(p)) => p.os == wanted.system && p.architecture == wanted.architecture,
        _ => true,
    };
    let entries = || document.manifests.iter().filter(real);
    match entries().find(fits).map(|e| Digest::parse(&e.digest)) {
        Some(Some(digest)) => Content::Entry(digest),
        Some(None) => Content::Unknown,
        None => Content::NoEntry(listed(entries())),
    }
}

fn listed<'a>(entries: impl Iterator<Item = &'a Entry>) -> String {
    let mut all: Vec<_> =
        entries.filter_map(|e| e.platform.as_ref()).map(|p| format!("{}/{}", p.os, p.architecture)).collect();
    all.sort();
    all.dedup();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARM: Platform = Platform { system: "linux", architecture: "arm64" };

    fn entry(digest: &Digest, os: &str, architecture: &str) -> serde_json::Value {
        json!({"digest": digest.as_str(), "platform": {"os": os, "architecture": architecture}})
    }

    fn read_json(document: &serde_json::Value, platform: Option<Platform>) -> Content {
        read(document.to_string().as_bytes(), platform)
    }

    #[test]
    fn an_index_is_searched_for_the_platform() {
        let [one, two] = [Digest::of(b"1"), Digest::of(b"2")];
        let index = json!({"manifests": [entry(&one, "unknown", "unknown"), entry(&two, "linux", "amd64")]});
        assert_eq!(read_json(&index, Some(ARM)), Content::NoEntry("linux/amd64".into()));
        assert_eq!(read_json(&index, None), Content::Entry(two));
        let index = json!({"manifests": [{"digest": one.as_str(),
            "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}]});
        assert_eq!(read_json(&index, Some(ARM)), Content::Entry(one), "a variant is no other platform");
    }

    #[test]
    fn an_image_gives_its_smallest_blob() {
        let [large, small] = [Digest::of(b"1"), Digest::of(b"2")];
        let image = json!({"layers": [{"digest": large.as_str(), "size": 9}, {"digest": small.as_str(), "size": 3}],
            "config": {"digest": large.as_str(), "size": 5}});
        assert_eq!(read_json(&image, None), Content::Smallest(small, 3));
        for odd in ["{}", "[]", "<html>", r#"{"layers": [{"digest": "x", "size": 1}]}"#] {
            assert_eq!(read(odd.as_bytes(), None), Content::Unknown, "{odd}");
        }
    }
}
