//! Image references as users write them. Guarantees that every part is safe inside a URL path (`tests`).

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::origin::Origin;

/// The host that answers for `docker.io`.
const DOCKER_API: &str = "registry-1.docker.io";

/// Why a text is no image reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image reference: {why}")]
pub struct ReferenceError {
    text: String,
    why: &'static str,
}

/// A SHA-256 digest, `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// The digest of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let hex: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        Self(format!("sha256:{hex}"))
    }

    /// Reads a digest; other algorithms are not known.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:")?;
        let good = hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        good.then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `REGISTRY/REPOSITORY:TAG@DIGEST` with docker's defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// The registry as credentials name it: `docker.io`, or `HOST[:PORT]`.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The `HOST[:PORT]` that answers for it.
    #[must_use]
    pub fn api_host(&self) -> &str {
        api_host(&self.registry)
    }

    /// The repository, without the registry.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag as written.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest as written.
    #[must_use]
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same repository at a digest.
    #[must_use]
    pub fn at(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }

    /// What a manifest is asked for by: the digest, else the tag, else `latest`.
    #[must_use]
    pub fn selector(&self) -> &str {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.as_str(),
            (None, Some(tag)) => tag,
            (None, None) => "latest",
        }
    }
}

/// The `HOST[:PORT]` that answers for a registry's name.
#[must_use]
pub(crate) fn api_host(registry: &str) -> &str {
    match registry {
        "docker.io" | "index.docker.io" => DOCKER_API,
        other => other,
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let bad = |why| ReferenceError { text: text.chars().take(300).collect(), why };
        if text.contains("://") {
            return Err(bad("it has a scheme; write the host without `https://`"));
        }
        let (name, digest) = match text.split_once('@') {
            None => (text, None),
            Some((name, digest)) => {
                let digest = Digest::parse(digest).ok_or_else(|| bad("what follows `@` is not a sha256 digest"))?;
                (name, Some(digest))
            }
        };
        let (host, path) = split_host(name);
        let (path, tag) = match path.rsplit_once(':') {
            None => (path, None),
            Some((path, tag)) if is_tag(tag) => (path, Some(tag.to_owned())),
            Some(_) => return Err(bad("its tag has characters that no tag may have")),
        };
        let registry = match host {
            None | Some("index.docker.io" | "registry-1.docker.io") => "docker.io".to_owned(),
            Some(host) if is_host(host) => host.to_ascii_lowercase(),
            Some(_) => return Err(bad("its registry is not a host name")),
        };
        let official = registry == "docker.io" && !path.contains('/');
        let repository = if official { format!("library/{path}") } else { path.to_owned() };
        if !is_repository(&repository) {
            return Err(bad("its repository may have lower-case letters, digits and single separators only"));
        }
        Ok(Self { registry, repository, tag, digest })
    }
}

/// The first part is a host when it could not be a folder of a docker.io image.
fn split_host(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':', '[']) || host == "localhost" => (Some(host), path),
        _ => (None, name),
    }
}

fn is_host(host: &str) -> bool {
    host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]_".contains(&b))
        && Origin::https(host).is_some_and(|origin| !origin.host().ends_with('.'))
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let mut bytes = tag.bytes();
    tag.len() <= 128 && bytes.next().is_some_and(word) && bytes.all(|b| word(b) || b == b'.' || b == b'-')
}

fn is_repository(repository: &str) -> bool {
    repository.len() <= 255 && repository.split('/').all(is_component)
}

/// Runs of letters and digits, between them one dot, one or two underscores, or any number of dashes.
fn is_component(component: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends = bytes.first().copied().is_some_and(word) && bytes.last().copied().is_some_and(word);
    let separators = component.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends && separators.filter(|s| !s.is_empty()).all(|s| matches!(s, "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn defaults_are_dockers() {
        let hex = "a".repeat(64);
        let rows = [
            ("ubuntu", "docker.io/library/ubuntu", "registry-1.docker.io", "latest"),
            ("ubuntu:22.04", "docker.io/library/ubuntu:22.04", "registry-1.docker.io", "22.04"),
            ("bitnami/redis", "docker.io/bitnami/redis", "registry-1.docker.io", "latest"),
            ("index.docker.io/library/a", "docker.io/library/a", "registry-1.docker.io", "latest"),
            ("nvcr.io/nvidia/pytorch:25.12-py3", "nvcr.io/nvidia/pytorch:25.12-py3", "nvcr.io", "25.12-py3"),
            ("My.azurecr.io/a/b__c-d.e:X", "my.azurecr.io/a/b__c-d.e:X", "my.azurecr.io", "X"),
            ("localhost/a", "localhost/a", "localhost", "latest"),
            ("localhost:5000/a:b", "localhost:5000/a:b", "localhost:5000", "b"),
            ("[::1]:5000/a", "[::1]:5000/a", "[::1]:5000", "latest"),
            (&format!("a.b/c:t@sha256:{hex}"), &format!("a.b/c:t@sha256:{hex}"), "a.b", &format!("sha256:{hex}")),
        ];
        for (given, shown, host, selector) in rows {
            let reference: Reference = given.parse().unwrap();
            assert_eq!(
                (reference.to_string().as_str(), reference.api_host(), reference.selector()),
                (shown, host, selector)
            );
            assert_eq!(shown.parse(), Ok(reference), "{shown} reads back");
        }
    }

    #[test]
    fn tricks_are_refused() {
        let rows = [
            "",
            "/",
            "a//b",
            "a/",
            "/a",
            "A",
            "a:",
            "a:b:c",
            "a:.x",
            "a@sha256:00",
            "a@md5:00",
            "https://a.b/c",
            "u@a.b/c",
            "u:p@a.b/c",
            "a.b/c#d",
            "a.b/c?d",
            "a.b/../c",
            "a.b/.",
            "a.b/c d",
            "a.b:x/c",
            "a.b:99999/c",
            "a_.b/..",
            "a.b./c",
            "a.b/c%2f",
            "a.b\\c/d",
            "a.b/c---",
            "a.b/c..d",
            "a.b/c___d",
            "a.b/c:\r\nx",
        ];
        for row in rows {
            assert!(row.parse::<Reference>().is_err(), "{row:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_reads_back(text in "[a-zA-Z0-9./:@_%?#\\[\\] -]{0,40}") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference));
            }
        }
    }
}
