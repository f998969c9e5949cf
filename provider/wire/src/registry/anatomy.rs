//! What an image is made of, from its manifests alone: no layer is read.

use serde::Deserialize;

use super::client::Client;
use super::error::RegistryError;
use super::reference::{Digest, Reference};

/// Largest configuration of an image that is read.
const MAX_CONFIG: usize = 1 << 20;

/// What an image is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anatomy {
    /// Each `SYSTEM/ARCHITECTURE` that it has an entry for, sorted; empty when nothing says so.
    pub platforms: Vec<String>,
    /// Bytes of the compressed layers for one platform: the one that was asked for, else the first; none where the
    /// manifest names no layers.
    pub compressed: Option<u64>,
    /// The digest of the manifest that the name leads to.
    pub digest: String,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    manifests: Vec<Entry>,
    #[serde(default)]
    layers: Vec<Layer>,
    config: Option<Named>,
}

#[derive(Deserialize)]
struct Entry {
    digest: String,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

impl Platform {
    /// Signatures and build records stand in an index as `unknown/unknown`.
    fn word(&self) -> Option<String> {
        (self.os != "unknown").then(|| format!("{}/{}", self.os, self.architecture))
    }
}

#[derive(Deserialize)]
struct Layer {
    size: u64,
}

#[derive(Deserialize)]
struct Named {
    digest: String,
}

impl Client {
    /// Platforms and size of an image, in at most three requests. A manifest that is none of an image has neither.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn anatomy(&self, reference: &Reference, platform: &str) -> Result<Anatomy, RegistryError> {
        let first = self.manifest(reference).await?;
        let digest = first.digest.to_string();
        let Some(document) = read(&first.bytes) else { return Ok(Anatomy { digest, ..Anatomy::default() }) };
        if document.manifests.is_empty() {
            let platforms = self.configured(reference, &document).await?.into_iter().collect();
            return Ok(Anatomy { platforms, compressed: compressed(&document), digest });
        }
        let (platforms, child) = index(&document, platform);
        let compressed = match child {
            Some(child) => read(&self.manifest(&reference.at(child)).await?.bytes).as_ref().and_then(compressed),
            None => None,
        };
        Ok(Anatomy { platforms, compressed, digest })
    }

    /// The platform that the configuration of an image names.
    async fn configured(&self, reference: &Reference, document: &Document) -> Result<Option<String>, RegistryError> {
        let Some(digest) = document.config.as_ref().and_then(|config| Digest::parse(&config.digest)) else {
            return Ok(None);
        };
        let text = self.blob(reference, &digest, MAX_CONFIG).await?;
        Ok(serde_json::from_slice::<Platform>(&text).ok().and_then(|platform| platform.word()))
    }
}

fn read(bytes: &[u8]) -> Option<Document> {
    serde_json::from_slice(bytes).ok()
}

fn compressed(document: &Document) -> Option<u64> {
    (!document.layers.is_empty()).then(|| document.layers.iter().map(|layer| layer.size).sum())
}

/// The platforms of an index, and the entry that is weighed.
fn index(document: &Document, platform: &str) -> (Vec<String>, Option<Digest>) {
    let entries = || document.manifests.iter().filter_map(|e| Some((e.platform.as_ref()?.word()?, &e.digest)));
    let mut platforms: Vec<String> = entries().map(|(word, _)| word).collect();
    platforms.sort();
    platforms.dedup();
    let wanted = entries().find(|(word, _)| word == platform).or_else(|| entries().next());
    (platforms, wanted.and_then(|(_, digest)| Digest::parse(digest)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_index_gives_its_platforms_and_the_one_that_is_asked_for() {
        let [one, two, three] = [Digest::of(b"1"), Digest::of(b"2"), Digest::of(b"3")];
        let entry = |digest: &Digest, os: &str, arch: &str| json!({"digest": digest.as_str(), "platform": {"os": os, "architecture": arch}});
        let text = json!({"manifests": [
            entry(&one, "unknown", "unknown"), entry(&two, "linux", "arm64"), entry(&three, "linux", "amd64")]});
        let document = read(text.to_string().as_bytes()).unwrap();
        let both = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
        assert_eq!(index(&document, "linux/amd64"), (both.clone(), Some(three)));
        assert_eq!(index(&document, "linux/s390x"), (both, Some(two)), "the first real one");
    }

    #[test]
    fn layers_are_weighed_and_other_manifests_are_not() {
        let weigh = |text: &str| read(text.as_bytes()).as_ref().and_then(compressed);
        assert_eq!(weigh(r#"{"layers": [{"size": 2}, {"size": 3}]}"#), Some(5));
        assert_eq!((weigh("{}"), weigh("<html>")), (None, None));
    }
}
