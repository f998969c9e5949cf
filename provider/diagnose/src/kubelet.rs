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
    /// The registry has not got a layer that the manifest names.
    pub const BLOB_ABSENT: &str = "BLOB_ABSENT";
    /// The bytes that came hash to another digest.
    pub const DIGEST: &str = "DIGEST";
    /// Fewer bytes came than the manifest says.
    pub const CUT: &str = "CUT";
    /// The runtime gave up a pull without progress.
    pub const STALLED: &str = "STALLED";
    /// The kubelet's own limit on pulls, when it is the only reason: `static_reads` says so, no single sentence.
    pub const QPS: &str = "QPS";
    /// The node has not got the image that every sandbox needs.
    pub const SANDBOX_IMAGE: &str = "SANDBOX_IMAGE";
    /// The node does not trust the certificate.
    pub const UNTRUSTED: &str = "UNTRUSTED";
    /// The certificate has ended or has not begun, by the node's clock.
    pub const EXPIRED: &str = "CERTIFICATE_EXPIRED";
    /// The certificate is for other names.
    pub const CERTIFICATE_NAME: &str = "CERTIFICATE_NAME";
    /// The registry asks for a pause.
    pub const LIMITED: &str = "LIMITED";
    /// The registry answers with an error of its own.
    pub const UNAVAILABLE: &str = "UNAVAILABLE";
    /// A web page came where a manifest was due.
    pub const PAGE: &str = "PAGE";
    /// A pull secret of the pod cannot be read as a docker config.
    pub const SECRET_MALFORMED: &str = "SECRET_MALFORMED";
    /// The host speaks plain HTTP where the node expects TLS.
    pub const PLAIN_HTTP: &str = "PLAIN_HTTP";
    /// The node cannot resolve the host.
    pub const NO_SUCH_HOST: &str = "NO_SUCH_HOST";
    /// The node's resolver refuses, or has a fault of its own.
    pub const NO_RESOLVER: &str = "NO_RESOLVER";
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
    (&["FailedCreatePodSandBox", "sandbox image"], reason::SANDBOX_IMAGE),
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
    (&["x509:", "has expired or is not yet valid"], reason::EXPIRED),
    (&["x509:", "certificate is valid for"], reason::CERTIFICATE_NAME),
    (&["illegal base64 data"], reason::SECRET_MALFORMED),
    (&["server gave HTTP response to HTTPS client"], reason::PLAIN_HTTP),
    (&["first record does not look like a TLS handshake"], reason::PLAIN_HTTP),
    (&["no such host"], reason::NO_SUCH_HOST),
    (&["server misbehaving"], reason::NO_RESOLVER),
    (&["Temporary failure in name resolution"], reason::NO_RESOLVER),
    (&["connection refused"], reason::NO_CONNECTION),
    (&["i/o timeout"], reason::NO_CONNECTION),
    (&["no space left on device"], reason::DISK_FULL),
    (&["low on resource: ephemeral-storage"], reason::DISK_FULL),
    (&["could not fetch content descriptor", "not found"], reason::BLOB_ABSENT),
    (&["unexpected commit digest"], reason::DIGEST),
    (&["short read: expected"], reason::CUT),
    (&["failed to read expected number of bytes"], reason::CUT),
    (&["unexpected media type text/html"], reason::PAGE),
    (&["insufficient_scope"], reason::DENIED),
    (&["429 Too Many Requests"], reason::LIMITED),
    (&["500 Internal Server Error"], reason::UNAVAILABLE),
    (&["502 Bad Gateway"], reason::UNAVAILABLE),
    (&["503 Service Unavailable"], reason::UNAVAILABLE),
    (&["504 Gateway Timeout"], reason::UNAVAILABLE),
    (&["401 Unauthorized"], reason::REFUSED),
    (&["402 Payment Required"], reason::DENIED),
    (&["403 Forbidden"], reason::DENIED),
    (&["451 Unavailable For Legal Reasons"], reason::DENIED),
    (&["context canceled"], reason::STALLED),
    (&["no progress in"], reason::STALLED),
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

/// Say only that something failed before.
const ECHOES: &[&str] = &["Back-off pulling image", "Error: ErrImagePull", "Error: ImagePullBackOff"];
/// The key that a sentence misses in a secret: `couldn't find key KEY in Secret NAMESPACE/NAME`.
pub(crate) fn missing_key(message: &str) -> Option<&str> {
    message.split_once("couldn't find key ")?.1.split_once(" in Secret ").map(|(key, _)| key)
}

/// What a kubelet says of a pull that it does not begin yet.
const TOO_MANY: &str = "pull QPS exceeded";
/// What a kubelet says that has only just heard of a pod, or pulls too much at once; it tries again by itself.
const PASSING: &[&str] = &[TOO_MANY, "failed to sync secret cache", "failed to sync configmap cache"];

/// Whether a sentence is about something that passes by itself.
pub(crate) fn passes(message: &str) -> bool {
    PASSING.iter().any(|part| message.contains(part))
}

/// Whether a kubelet holds a pull back that it will begin later, for there are too many at once.
pub(crate) fn holds_back(message: &str) -> bool {
    message.contains(TOO_MANY)
}

/// The meaning of a waiting reason with its message, or of an event; `None` for an echo.
#[must_use]
pub fn meaning(reason: &str, message: &str) -> Option<&'static str> {
    let text = format!("{reason} {message}");
    if let Some((_, found)) = TABLE.iter().find(|(parts, _)| parts.iter().all(|p| text.contains(p))) {
        return Some(found);
    }
    let echo = message.is_empty() || ECHOES.iter().any(|echo| message.starts_with(echo)) || passes(message);
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
                "failed to do request: Head \"URL\": dial tcp: lookup HOST on 10.0.0.10:53: server misbehaving",
                reason::NO_RESOLVER,
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
            ("failed to do request: Head \"URL\": http: server gave HTTP response to HTTPS client", reason::PLAIN_HTTP),
            (
                "failed to do request: Head \"URL\": tls: first record does not look like a TLS handshake",
                reason::PLAIN_HTTP,
            ),
            (
                "failed to copy: httpReadSeeker: failed open: could not fetch content descriptor sha256:1 (application/vnd.oci.image.layer.v1.tar+gzip) from remote: not found",
                reason::BLOB_ABSENT,
            ),
            (
                "failed commit on ref \"manifest-sha256:1\": unexpected commit digest sha256:2, expected sha256:1: failed precondition",
                reason::DIGEST,
            ),
            ("failed to read expected number of bytes: unexpected EOF", reason::CUT),
            ("short read: expected 312 bytes but got 156: unexpected EOF", reason::CUT),
            (
                "unexpected status from HEAD request to https://HOST/v2/NAME/manifests/TAG: 402 Payment Required",
                reason::DENIED,
            ),
            (
                "pulling from host HOST failed with status code [manifests 1]: 451 Unavailable For Legal Reasons",
                reason::DENIED,
            ),
            ("something new", reason::OTHER),
        ];
        for (text, want) in rows {
            assert_eq!(meaning("ErrImagePull", &format!("{R}{text}")), Some(want), "{text}");
        }
    }

    #[test]
    fn a_pull_that_stopped_has_a_reason_unless_a_refusal_stands_beside_it() {
        let rows = [
            ("failed to copy: httpReadSeeker: context canceled", reason::STALLED),
            ("pull image REF: no progress in 5m0s", reason::STALLED),
            ("write /var/lib/containerd/ingest/1/data: no space left on device", reason::DISK_FULL),
            (
                "[rpc error: write data: no space left on device, rpc error: failed to fetch oauth token: unexpected status: 401 Unauthorized]",
                reason::CREDENTIAL_REFUSED,
            ),
            (
                "[rpc error: context canceled, rpc error: failed to fetch oauth token: unexpected status: 401 Unauthorized]",
                reason::CREDENTIAL_REFUSED,
            ),
        ];
        for (text, want) in rows {
            assert_eq!(meaning("ErrImagePull", &format!("{R}{text}")), Some(want), "{text}");
        }
        let low = "The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 8Gi.";
        assert_eq!(meaning("Evicted", low), Some(reason::DISK_FULL));
    }

    #[test]
    fn a_sandbox_fails_for_its_image_or_for_something_else() {
        let pause = "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image \"mcr.microsoft.com/oss/kubernetes/pause:3.6\": failed to pull image: dial tcp 10.0.0.1:443: i/o timeout";
        assert_eq!(meaning("FailedCreatePodSandBox", pause), Some(reason::SANDBOX_IMAGE));
        let plugin = "Failed to create pod sandbox: plugin type=\"azure-vnet\" failed (add): no addresses left";
        assert_eq!(meaning("FailedCreatePodSandBox", plugin), Some(reason::OTHER));
    }

    #[test]
    fn absent_secrets_are_named() {
        let absent = "secret \"bundle\" not found";
        assert_eq!(meaning("CreateContainerConfigError", absent), Some(reason::ENV_SECRET_ABSENT));
        assert_eq!(secret_name(absent), Some("bundle"));
        let key = "couldn't find key A in Secret ns/bundle";
        assert_eq!(meaning("CreateContainerConfigError", key), Some(reason::ENV_KEY_ABSENT));
        assert_eq!(secret_name(key), Some("bundle"));
        assert_eq!((missing_key(key), missing_key(absent)), (Some("A"), None));
        assert_eq!(meaning("ErrImagePull", "HOST/secret:1: not found"), Some(reason::IMAGE_ABSENT));
    }

    #[test]
    fn an_echo_says_nothing() {
        assert_eq!(meaning("ImagePullBackOff", "Back-off pulling image \"REF\""), None);
        assert_eq!(meaning("ErrImagePull", "pull QPS exceeded"), None);
        assert_eq!(meaning("Failed", "Error: ErrImagePull"), None);
        assert_eq!(meaning("Failed", "Error: ImagePullBackOff"), None);
        let early = "failed to sync secret cache: timed out waiting for the condition";
        assert_eq!(meaning("CreateContainerConfigError", early), None);
        assert_eq!(meaning("Failed", &format!("Error: {early}")), None);
        assert_eq!(meaning("ContainerCreating", ""), None);
        assert_eq!(meaning("CrashLoopBackOff", "back-off 5m0s restarting"), Some(reason::CRASHING));
    }
}
