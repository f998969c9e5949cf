//! A bundle of the user's own in the artefact's place: one image in an OCI layout, as `oras`, `skopeo` and `buildah` write
//! it. Guarantees that nothing is pushed whose digest or size is not what its manifest says (`tests`).

use std::path::Path;

use mops_host::fsx::{self, reason};
use mops_wire::registry::Digest;
use serde_json::Value as Json;

use super::artefact::{Artefact, MANIFEST};

/// Most bytes of a bundle: it is a test of the way, and all of it is held in memory.
const MOST: u64 = 256 << 20;
/// Names the run in the manifest, so that the digest is the run's own.
const RUN: &str = "modelops.io/run";

/// Why a folder is no bundle that can be pushed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// A file is not there or cannot be read.
    #[error("`{file}` cannot be read: {why}")]
    Unread {
        /// Its place in the folder.
        file: String,
        /// The system's words.
        why: String,
    },
    /// A file is not what the layout asks for.
    #[error("`{file}` is not valid: {why}")]
    Invalid {
        /// Its place in the folder.
        file: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It is larger than a test of the way may be.
    #[error("the bundle has more than 256 MiB")]
    TooLarge,
}

impl Artefact {
    /// The image of an OCI layout, with the run's id among the annotations of its manifest.
    ///
    /// # Errors
    /// When the layout is not whole: see [`BundleError`].
    pub fn from_layout(dir: &Path, run: &str) -> Result<Self, BundleError> {
        json(dir, "oci-layout")?["imageLayoutVersion"]
            .as_str()
            .filter(|version| version.starts_with("1."))
            .ok_or_else(|| invalid("oci-layout", "it names no version 1 of the layout"))?;
        let index = json(dir, "index.json")?;
        let [entry] = index["manifests"].as_array().map_or(&[][..], Vec::as_slice) else {
            return Err(invalid("index.json", "it must list one manifest"));
        };
        let (file, bytes) = blob(dir, "index.json", entry)?;
        let mut manifest: Json =
            serde_json::from_slice(&bytes).map_err(|_| invalid(&file, "the manifest is not JSON"))?;
        if manifest["schemaVersion"] != 2 || manifest["mediaType"].as_str().is_some_and(|m| m != MANIFEST) {
            return Err(invalid(&file, "it is not the manifest of an OCI image"));
        }
        let layers = manifest["layers"].as_array().ok_or_else(|| invalid(&file, "it lists no layers"))?;
        let parts: Vec<&Json> = std::iter::once(&manifest["config"]).chain(layers).collect();
        let size = parts.iter().filter_map(|part| part["size"].as_u64()).fold(0, u64::saturating_add);
        if size > MOST {
            return Err(BundleError::TooLarge);
        }
        let read = |part: &&Json| blob(dir, &file, part).map(|(_, bytes)| bytes);
        let blobs = parts.iter().map(read).collect::<Result<_, _>>()?;
        manifest["mediaType"] = MANIFEST.into();
        manifest["annotations"][RUN] = run.into();
        Ok(Self { manifest: manifest.to_string().into_bytes(), blobs })
    }
}

fn invalid(file: &str, why: &'static str) -> BundleError {
    BundleError::Invalid { file: file.to_owned(), why }
}

fn read(dir: &Path, file: &str) -> Result<Vec<u8>, BundleError> {
    fsx::read(&dir.join(file)).map_err(|e| BundleError::Unread { file: file.to_owned(), why: reason(&e) })
}

fn json(dir: &Path, file: &str) -> Result<Json, BundleError> {
    serde_json::from_slice(&read(dir, file)?).map_err(|_| invalid(file, "it is not JSON"))
}

/// The blob that an entry of `from` names, with its place.
fn blob(dir: &Path, from: &str, entry: &Json) -> Result<(String, Vec<u8>), BundleError> {
    let named = entry["digest"].as_str().and_then(Digest::parse);
    let digest = named.ok_or_else(|| invalid(from, "it names a part without a sha256 digest"))?;
    let file = format!("blobs/{}", digest.as_str().replace(':', "/"));
    let bytes = read(dir, &file)?;
    if u64::try_from(bytes.len()).ok() != entry["size"].as_u64() {
        return Err(invalid(&file, "its size is not the one that is named"));
    }
    match Digest::of(&bytes) == digest {
        true => Ok((file, bytes)),
        false => Err(invalid(&file, "its digest is not its name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A layout of a tiny image in a folder.
    fn written(dir: &Path) -> Vec<String> {
        let image = Artefact::tiny("made");
        let entry = serde_json::json!({"digest": image.digest().as_str(), "size": image.manifest.len()});
        let index = serde_json::json!({"schemaVersion": 2, "manifests": [entry]});
        let mut files = vec![("oci-layout".to_owned(), br#"{"imageLayoutVersion": "1.0.0"}"#.to_vec())];
        files.push(("index.json".to_owned(), index.to_string().into_bytes()));
        for bytes in [&image.manifest].into_iter().chain(&image.blobs) {
            files.push((format!("blobs/{}", Digest::of(bytes).as_str().replace(':', "/")), bytes.clone()));
        }
        for (file, bytes) in &files {
            let path = dir.join(file);
            fsx::create_dir_all(path.parent().unwrap()).unwrap();
            fsx::replace(&path, bytes).unwrap();
        }
        files.into_iter().map(|(file, _)| file).collect()
    }

    #[test]
    fn a_layout_is_pushed_as_it_is_but_for_the_runs_id() {
        let dir = tempfile::tempdir().unwrap();
        written(dir.path());
        let (one, other) =
            (Artefact::from_layout(dir.path(), "a").unwrap(), Artefact::from_layout(dir.path(), "b").unwrap());
        assert_eq!(one.blobs, Artefact::tiny("made").blobs);
        assert_ne!(one.digest(), other.digest());
    }

    #[test]
    fn each_broken_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        for file in written(dir.path()) {
            let path = dir.path().join(&file);
            let whole = fsx::read(&path).unwrap();
            fsx::replace(&path, &whole[1..]).unwrap();
            let error = Artefact::from_layout(dir.path(), "a").unwrap_err();
            assert!(matches!(&error, BundleError::Invalid { file: named, .. } if *named == file), "{file}: {error}");
            fsx::remove(&path).unwrap();
            let error = Artefact::from_layout(dir.path(), "a").unwrap_err();
            assert!(matches!(&error, BundleError::Unread { file: named, .. } if *named == file), "{file}: {error}");
            fsx::replace(&path, &whole).unwrap();
        }
    }
}
