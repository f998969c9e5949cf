//! Image pulls: the sandbox answers them from its registry, the words are the kubelet's.

use std::collections::BTreeMap;
use std::fmt;

use mops_core::BoxFuture;

/// Pulls an image as a node would, with the secrets that the pod names.
pub trait ImagePuller: Send + Sync {
    /// Succeeds when the registry gives the manifest and its blobs. `dockerconfigjson` holds the
    /// decoded `.dockerconfigjson` of every pull secret that exists, in the pod's order.
    fn pull<'a>(&'a self, image: &'a str, dockerconfigjson: &'a [Vec<u8>]) -> BoxFuture<'a, Result<(), PullError>>;

    /// What the program of an image says that ends at once with this environment; most go on.
    fn ends(&self, _image: &str, _env: &BTreeMap<String, String>) -> Option<String> {
        None
    }
}

/// Every pull succeeds; for tests that are not about images.
#[derive(Clone, Copy, Debug)]
pub struct AlwaysPulled;

impl ImagePuller for AlwaysPulled {
    fn pull<'a>(&'a self, _: &'a str, _: &'a [Vec<u8>]) -> BoxFuture<'a, Result<(), PullError>> {
        Box::pin(async { Ok(()) })
    }
}

/// Why a pull failed, in the cases of KUBERNETES.md §5; the text is that of containerd 2.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullError {
    /// Basic challenge and nothing to answer it with.
    NoBasicCredentials,
    /// A status on the manifest: 401 for a wrong password, 403, 429, 5xx.
    Manifest {
        /// `https://HOST/v2/NAME/manifests/TAG`.
        url: String,
        /// The status.
        status: u16,
    },
    /// The realm refused an anonymous token.
    AnonymousToken {
        /// Realm with its query.
        url: String,
        /// The status.
        status: u16,
    },
    /// The realm refused the user's token.
    OauthToken {
        /// Realm with its query.
        url: String,
        /// The status.
        status: u16,
    },
    /// A token was granted without the repository.
    InsufficientScope,
    /// The tag is not there.
    TagMissing {
        /// `HOST/NAME:TAG`.
        reference: String,
    },
    /// The image has no entry for the platform.
    NoPlatform {
        /// Digest of the index.
        digest: String,
    },
    /// A blob is not there.
    BlobMissing {
        /// Its digest.
        digest: String,
        /// Its media type.
        media_type: String,
    },
    /// The request did not get through; `Head "URL": dial tcp …`.
    Request {
        /// The words after `failed to do request: `.
        detail: String,
    },
}

impl PullError {
    /// What the kubelet reports for the reference: the text of the waiting reason and, after
    /// `Failed to pull image "REF": `, of the event.
    #[must_use]
    pub fn message(&self, reference: &str) -> String {
        let unpack = format!("failed to pull and unpack image \"{reference}\": ");
        let code = match self {
            Self::TagMissing { .. } | Self::NoPlatform { .. } | Self::BlobMissing { .. } => {
                "rpc error: code = NotFound desc = "
            }
            _ => "",
        };
        format!("{code}{unpack}{self}")
    }
}

impl fmt::Display for PullError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const R: &str = "failed to resolve image: ";
        const DENIED: &str = "pull access denied, repository does not exist or may require authorization";
        match self {
            Self::NoBasicCredentials => {
                write!(f, "{R}{DENIED}: authorization failed: no basic auth credentials")
            }
            Self::Manifest { url, status } => {
                write!(f, "{R}unexpected status from HEAD request to {url}: {}", status_text(*status))
            }
            Self::AnonymousToken { url, status } => write!(
                f,
                "{R}failed to authorize: failed to fetch anonymous token: unexpected status from GET request to {url}: {}",
                status_text(*status)
            ),
            Self::OauthToken { url, status } => write!(
                f,
                "{R}failed to authorize: failed to fetch oauth token: unexpected status from GET request to {url}: {}",
                status_text(*status)
            ),
            Self::InsufficientScope => {
                write!(f, "{R}{DENIED}: server message: insufficient_scope: authorization failed")
            }
            Self::TagMissing { reference } => write!(f, "{R}{reference}: not found"),
            Self::NoPlatform { digest } => {
                write!(f, "get image config descriptor: no match for platform in manifest {digest}: not found")
            }
            Self::BlobMissing { digest, media_type } => write!(
                f,
                "failed to copy: httpReadSeeker: failed open: could not fetch content descriptor {digest} ({media_type}) \
                 from remote: not found"
            ),
            Self::Request { detail } => write!(f, "{R}failed to do request: {detail}"),
        }
    }
}

fn status_text(status: u16) -> String {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or_default();
    format!("{status} {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_containerd() {
        let error = PullError::Manifest { url: "https://r/v2/a/manifests/1".into(), status: 401 };
        assert_eq!(
            error.message("r/a:1"),
            "failed to pull and unpack image \"r/a:1\": failed to resolve image: unexpected status from HEAD request to \
             https://r/v2/a/manifests/1: 401 Unauthorized"
        );
        let error = PullError::TagMissing { reference: "r/a:1".into() };
        assert!(error.message("r/a:1").starts_with("rpc error: code = NotFound desc = failed to pull and unpack"));
    }
}
