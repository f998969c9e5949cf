//! Reads the kubelet's sentences by structure: both container runtimes word the same case
//! differently, so only the parts that mean something are matched (`tests::both_runtimes`).

/// What a sentence says.
pub mod reason {
    /// The registry wanted a credential and the node had none.
    pub const ANONYMOUS_REFUSED: &str = "ANONYMOUS_REFUSED";
    /// The registry refused the node's credential.
    pub const CREDENTIAL_REFUSED: &str = "CREDENTIAL_REFUSED";
    /// 401 without more: a Basic registry says so to a wrong password, and old runtimes without one as well.
    pub const REFUSED: &str = "REFUSED";
    /// 403, or a token without the right to the repository.
    pub const DENIED: &str = "DENIED";
    /// The image is not there.
    pub const IMAGE_ABSENT: &str = "IMAGE_ABSENT";
    /// The index has no entry for the platform.
    pub const PLATFORM: &str = "PLATFORM";
    /// The reference does not parse.
    pub const INVALID_NAME: &str = "INVALID_NAME";
    /// Policy Never and no image.
    pub const NEVER_PULL: &str = "NEVER_PULL";
    /// No space on the node.
    pub const DISK_FULL: &str = "DISK_FULL";
    /// The node does not trust the certificate.
    pub const UNTRUSTED: &str = "UNTRUSTED";
    /// The node cannot resolve the host.
    pub const NO_SUCH_HOST: &str = "NO_SUCH_HOST";
    /// The node gets no connection.
    pub const NO_CONNECTION: &str = "NO_CONNECTION";
    /// A pull secret that is named could not be read.
    pub const SECRET_ABSENT: &str = "SECRET_ABSENT";
    /// A secret that the environment comes from is not there.
    pub const ENV_SECRET_ABSENT: &str = "ENV_SECRET_ABSENT";
    /// A key that the environment comes from is not in its secret.
    pub const ENV_KEY_ABSENT: &str = "ENV_KEY_ABSENT";
    /// The container starts and ends again.
    pub const CRASHING: &str = "CRASHING";
    /// A sentence that we do not know.
    pub const OTHER: &str = "OTHER";
}

/// Parts of a sentence and what they mean; the first row whose parts are all there counts.
const TABLE: &[(&[&str], &str)] = &[
    (&["ErrImageNeverPull"], reason::NEVER_PULL),
    (&["pull policy of Never"], reason::NEVER_PULL),
    (&["InvalidImageName"], reason::INVALID_NAME),
    (&["CrashLoopBackOff"], reason::CRASHING),
    (&["secret \"", "\" not found"], reason::ENV_SECRET_ABSENT),
    (&["couldn't find key", "in Secret"], reason::ENV_KEY_ABSENT),
    (&["Unable to retrieve some image pull secrets"], reason::SECRET_ABSENT),
    (&["anonymous token", "401"], reason::ANONYMOUS_REFUSED),
    (&["anonymous token", "403"], reason::ANONYMOUS_REFUSED),
    (&["no basic auth credentials"], reason::ANONYMOUS_REFUSED),
    (&["oauth token", "401"], reason::CREDENTIAL_REFUSED),
    (&["oauth token", "403"], reason::CREDENTIAL_REFUSED),
    (&["no match for platform"], reason::PLATFORM),
    (&["x509:", "unknown authority"], reason::UNTRUSTED),
    (&["no such host"], reason::NO_SUCH_HOST),
    (&["connection refused"], reason::NO_CONNECTION),
    (&["i/o timeout"], reason::NO_CONNECTION),
    (&["no space left on device"], reason::DISK_FULL),
    (&["insufficient_scope"], reason::DENIED),
    (&["401 Unauthorized"], reason::REFUSED),
    (&["403 Forbidden"], reason::DENIED),
    (&[": not found"], reason::IMAGE_ABSENT),
];

/// The secret that a sentence is about: `secret "NAME" not found`, `in Secret NAMESPACE/NAME`.
#[must_use]
pub fn secret_name(message: &str) -> Option<&str> {
    if let Some((_, rest)) = message.split_once("secret \"") {
        return rest.split('"').next();
    }
    let (_, rest) = message.split_once("in Secret ")?;
    rest.split_whitespace().next()?.rsplit('/').next()
}

/// Says only that something failed before.
const ECHO: &str = "Back-off pulling image";
/// What a kubelet says that has only just heard of a pod, or pulls too much at once; it tries again by itself.
const PASSING: &[&str] = &["pull QPS exceeded", "failed to sync secret cache", "failed to sync configmap cache"];

/// Whether a sentence is about something that passes by itself.
pub(crate) fn passes(message: &str) -> bool {
    PASSING.iter().any(|part| message.contains(part))
}

/// The meaning of a waiting reason with its message, or of an event; `None` for an echo.
#[must_use]
pub fn meaning(reason: &str, message: &str) -> Option<&'static str> {
    let text = format!("{reason} {message}");
    if let Some((_, found)) = TABLE.iter().find(|(parts, _)| parts.iter().all(|p| text.contains(p))) {
        return Some(found);
    }
    let echo = message.is_empty() || message.starts_with(ECHO) || passes(message);
    (!echo).then_some(reason::OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: &str = "Failed to pull image \"REF\": failed to pull and unpack image \"REF\": failed to resolve image: ";

    #[test]
    fn both_runtimes() {
        let rows = [
            (
                "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized",
                reason::ANONYMOUS_REFUSED,
            ),
            (
                "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://r/oauth2/token?scope=a&service=b: 401 Unauthorized",
                reason::ANONYMOUS_REFUSED,
            ),
            (
                "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
                reason::ANONYMOUS_REFUSED,
            ),
            (
                "failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized",
                reason::CREDENTIAL_REFUSED,
            ),
            ("pulling from host HOST failed with status code [manifests 1]: 401 Unauthorized", reason::REFUSED),
            (
                "unexpected status from HEAD request to https://HOST/v2/NAME/manifests/TAG: 401 Unauthorized",
                reason::REFUSED,
            ),
            (
                "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
                reason::DENIED,
            ),
            (
                "unexpected status from HEAD request to https://HOST/v2/NAME/manifests/TAG: 403 Forbidden",
                reason::DENIED,
            ),
            ("HOST/NAME:TAG: not found", reason::IMAGE_ABSENT),
            ("get image config descriptor: no match for platform in manifest sha256:1: not found", reason::PLATFORM),
            (
                "failed to do request: Head \"URL\": dial tcp: lookup HOST on 10.0.0.10:53: no such host",
                reason::NO_SUCH_HOST,
            ),
            (
                "failed to do request: Head \"URL\": dial tcp 10.0.0.1:443: connect: connection refused",
                reason::NO_CONNECTION,
            ),
            ("failed to do request: Head \"URL\": dial tcp 10.0.0.1:443: i/o timeout", reason::NO_CONNECTION),
            (
                "failed to do request: Head \"URL\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
                reason::UNTRUSTED,
            ),
            ("something new", reason::OTHER),
        ];
        for (text, want) in rows {
            assert_eq!(meaning("ErrImagePull", &format!("{R}{text}")), Some(want), "{text}");
        }
    }

    #[test]
    fn absent_secrets_are_named() {
        let absent = "secret \"bundle\" not found";
        assert_eq!(meaning("CreateContainerConfigError", absent), Some(reason::ENV_SECRET_ABSENT));
        assert_eq!(secret_name(absent), Some("bundle"));
        let key = "couldn't find key A in Secret ns/bundle";
        assert_eq!(meaning("CreateContainerConfigError", key), Some(reason::ENV_KEY_ABSENT));
        assert_eq!(secret_name(key), Some("bundle"));
        assert_eq!(meaning("ErrImagePull", "HOST/secret:1: not found"), Some(reason::IMAGE_ABSENT));
    }

    #[test]
    fn an_echo_says_nothing() {
        assert_eq!(meaning("ImagePullBackOff", "Back-off pulling image \"REF\""), None);
        assert_eq!(meaning("ErrImagePull", "pull QPS exceeded"), None);
        let early = "failed to sync secret cache: timed out waiting for the condition";
        assert_eq!(meaning("CreateContainerConfigError", early), None);
        assert_eq!(meaning("Failed", &format!("Error: {early}")), None);
        assert_eq!(meaning("ContainerCreating", ""), None);
        assert_eq!(meaning("CrashLoopBackOff", "back-off 5m0s restarting"), Some(reason::CRASHING));
    }
}
