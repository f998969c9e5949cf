//! What an engine could not do. Its words alone tell a full disk from a missing GPU; of a login they prove nothing and are
//! never taken for more than a reason to ask the registry (`tests`).

use std::time::Duration;

/// Why a call to the engine gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nobody answers at the socket.
    #[error("no engine answers at `{at}`: {why}")]
    Unreachable {
        /// The socket.
        at: String,
        /// The system's words.
        why: String,
    },
    /// The connection ended before the answer did.
    #[error("the engine at `{at}` broke off: {why}")]
    Broken {
        /// The socket.
        at: String,
        /// What happened.
        why: String,
    },
    /// It answered no.
    #[error("{message}")]
    Answer {
        /// HTTP status; 200 when the error came inside an answer that had begun well.
        status: u16,
        /// The engine's words, without line ends, at most 400 characters.
        message: String,
        /// The pause that was asked for.
        retry_after: Option<Duration>,
    },
}

/// What the engine's words are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no room.
    DiskFull,
    /// No driver or runtime of the GPU.
    NoGpu,
    /// A port is taken.
    PortBusy,
    /// A registry wanted another login, or says so.
    Login,
    /// There is no such image.
    NoImage,
    /// Too many requests.
    Throttled,
    /// The registry could not be reached, or broke down.
    Network,
    /// The engine may not raise limits as far as it is asked to.
    Limits,
    /// The program of the container could not be started.
    Runtime,
    /// Anything else.
    Other,
}

/// Words of engines and of the registries whose words they repeat, the surest first. Recorded of Docker 20.10 and 28 and
/// Podman 4.3 and 5.4, where they differ.
const WORDS: &[(Trouble, &[&str])] = &[
    (Trouble::DiskFull, &["no space left on device", "disk quota exceeded"]),
    (
        Trouble::NoGpu,
        &[
            "could not select device driver",
            "nvidia-container-cli",
            "unresolvable cdi devices",
            "cdi device injection failed",
            "nvidia.com/gpu",
            "unknown or invalid runtime name: nvidia",
        ],
    ),
    (Trouble::PortBusy, &["port is already allocated", "address already in use"]),
    (Trouble::Throttled, &["toomanyrequests", "too many requests", "rate limit"]),
    (
        Trouble::Network,
        &[
            "i/o timeout",
            "tls handshake timeout",
            "connection refused",
            "connection reset",
            "no such host",
            "unexpected eof",
            "request canceled while waiting",
            "context deadline exceeded",
            "network is unreachable",
            "temporary failure in name resolution",
            "received unexpected http status: 5",
            "internal server error",
            "bad gateway",
            "service unavailable",
            "gateway timeout",
        ],
    ),
    (
        Trouble::Login,
        &[
            "unauthorized",
            "denied: ",
            "access denied",
            "access to the resource is denied",
            "authentication required",
            "no basic auth",
            "403 forbidden",
            "insufficient_scope",
        ],
    ),
    (
        Trouble::NoImage,
        &["manifest unknown", "name unknown", "no such image", "image not known", "not found: manifest"],
    ),
    (Trouble::Limits, &["setting rlimit"]),
    (Trouble::Runtime, &["oci runtime", "executable file not found", "runc create failed", "crun: "]),
];

impl Trouble {
    /// What words are about.
    #[must_use]
    pub fn of(words: &str) -> Self {
        let words = words.to_ascii_lowercase();
        let found = WORDS.iter().find(|(_, signs)| signs.iter().any(|sign| words.contains(sign)));
        found.map_or(Self::Other, |(trouble, _)| *trouble)
    }

    /// Whether the same pull may go well in a moment.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(self, Self::Network | Self::Throttled)
    }
}

impl EngineError {
    /// An answer of the engine that is no success.
    pub(crate) fn answer(status: u16, words: &str, retry_after: Option<Duration>) -> Self {
        let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let message: String = line.chars().take(400).collect();
        let message = if message.is_empty() { format!("the engine answered {status} without a word") } else { message };
        Self::Answer { status, message, retry_after }
    }

    /// The status of the answer.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Answer { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether another container has the name. Podman 4 says so with 500.
    #[must_use]
    pub fn is_name_taken(&self) -> bool {
        let taken = |message: &str| message.contains("name") && message.contains("is already in use");
        matches!(self, Self::Answer { status, message, .. } if *status == 409 || (*status == 500 && taken(message)))
    }

    /// What it is about.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Answer { status: 401 | 403, .. } => Trouble::Login,
            Self::Answer { status: 429, .. } => Trouble::Throttled,
            Self::Answer { status: 502..=504, .. } => Trouble::Network,
            Self::Answer { message, .. } => Trouble::of(message),
            Self::Broken { .. } => Trouble::Network,
            Self::Unreachable { .. } => Trouble::Other,
        }
    }

    /// The pause that was asked for.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answer { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart() {
        for (words, trouble) in [
            ("write /var/lib/docker/tmp/x: no space left on device", Trouble::DiskFull),
            ("could not select device driver \"\" with capabilities: [[gpu]]", Trouble::NoGpu),
            ("setting up CDI devices: unresolvable CDI devices nvidia.com/gpu=all", Trouble::NoGpu),
            ("nvidia-container-cli: initialization error: load library failed: libnvidia-ml.so.1", Trouble::NoGpu),
            ("Bind for 127.0.0.1:8888 failed: port is already allocated", Trouble::PortBusy),
            (
                "pull access denied for x, repository does not exist or may require 'docker login': denied: requested access",
                Trouble::Login,
            ),
            ("Get \"https://nvcr.io/v2/\": unauthorized: authentication required", Trouble::Login),
            ("Get \"https://r/v2/\": dial tcp 127.0.0.1:1: connect: connection refused", Trouble::Network),
            ("received unexpected HTTP status: 503 Service Unavailable", Trouble::Network),
            ("toomanyrequests: You have reached your pull rate limit", Trouble::Throttled),
            ("manifest for r/x:1 not found: manifest unknown: manifest unknown", Trouble::NoImage),
            ("OCI runtime create failed: exec: \"sh\": executable file not found in $PATH", Trouble::Runtime),
            ("OCI runtime create failed: error setting rlimit type 8: operation not permitted", Trouble::Limits),
            ("layer does not exist", Trouble::Other),
            ("permission denied while trying to connect", Trouble::Other),
        ] {
            assert_eq!(Trouble::of(words), trouble, "{words}");
        }
        let podman = "creating container storage: the container name \"x\" is already in use by 0a1b: that name is already in use";
        assert!(
            EngineError::answer(500, podman, None).is_name_taken()
                && EngineError::answer(409, "", None).is_name_taken()
        );
        assert!(!EngineError::answer(500, "listen: address already in use", None).is_name_taken());
        assert!(EngineError::answer(500, "a\nb", None).to_string() == "a b");
        assert_eq!(EngineError::answer(403, "no", None).trouble(), Trouble::Login);
    }
}
