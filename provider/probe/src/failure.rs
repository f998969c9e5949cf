//! An error of the wire as an observation: one code a kind, a few redacted words.

use mops_wire::WireError;
use mops_wire::blob::BlobError;
use mops_wire::error::TlsFault;
use mops_wire::ngc::NgcError;
use mops_wire::registry::{ChallengeError, LICENCE, Refusal, RegistryError};

use crate::observation::{Observation, code};

/// What a failed check reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The service's code or one of ours.
    pub code: String,
    /// A few words.
    pub detail: String,
    /// Type of a body that is of no use.
    pub content_type: Option<String>,
    /// Its beginning, redacted.
    pub excerpt: Option<String>,
}

impl Failure {
    /// The failed observation; skipped when nothing was sent, by the limit of requests.
    #[must_use]
    pub fn observation(&self, check: &str, variant: &str, target: &str) -> Observation {
        if self.code == code::REQUEST_LIMIT {
            return Observation::skipped(check, variant, target, code::REQUEST_LIMIT).detail("request limit");
        }
        let failed = Observation::failed(check, variant, target, &self.code).detail(&self.detail);
        let (content_type, body_excerpt) = (self.content_type.clone(), self.excerpt.clone());
        let failed = Observation { content_type, body_excerpt, ..failed };
        match self.status {
            Some(status) => failed.status(status),
            None => failed,
        }
    }

    fn ours(code: &str, detail: &dyn std::fmt::Display) -> Self {
        let detail = detail.to_string();
        Self { status: None, code: code.to_owned(), detail, content_type: None, excerpt: None }
    }

    /// An answer that came and does not do.
    pub(crate) fn answered(status: u16, code: &str, detail: &str) -> Self {
        Self { status: Some(status), ..Self::ours(code, &detail) }
    }
}

impl From<&WireError> for Failure {
    fn from(error: &WireError) -> Self {
        let code = match error {
            WireError::Dns { trouble: true, .. } => code::SERVFAIL,
            WireError::Dns { .. } => code::NAME_NOT_RESOLVED,
            WireError::Connect { refused: true, .. } => code::CONNECTION_REFUSED,
            WireError::Connect { .. } | WireError::Broken { .. } => code::CONNECTION_BROKEN,
            WireError::Timeout { .. } => code::TIMEOUT,
            WireError::Allowance { .. } => code::REQUEST_LIMIT,
            WireError::Redirect { .. } => code::REDIRECT_REFUSED,
            WireError::Tls { kind, .. } => certificate(*kind),
            WireError::Throttled { .. } => {
                return Self { status: Some(429), ..Self::ours(code::RATE_LIMITED, error) };
            }
            _ => code::UNEXPECTED,
        };
        Self::ours(code, error)
    }
}

const fn certificate(fault: TlsFault) -> &'static str {
    match fault {
        TlsFault::Untrusted => code::UNTRUSTED_CERTIFICATE,
        TlsFault::OtherName => code::CERTIFICATE_NAME,
        TlsFault::Expired | TlsFault::NotYetValid => code::CERTIFICATE_EXPIRED,
        TlsFault::Plain => code::PLAIN_HTTP,
        TlsFault::Other => code::UNEXPECTED,
    }
}

impl From<&RegistryError> for Failure {
    fn from(error: &RegistryError) -> Self {
        match error {
            RegistryError::Wire(wire) => Self::from(wire),
            RegistryError::Refused(refusal) => refused(refusal),
            RegistryError::Challenge { why, .. } => {
                let missing = *why == ChallengeError::Missing;
                let code = if missing { code::NO_CHALLENGE } else { code::CHALLENGE_UNUSABLE };
                Self::ours(code, error)
            }
            RegistryError::Realm(_) => Self::ours(code::REALM_UNTRUSTED, error),
            RegistryError::Host(_) => Self::ours(code::NOT_A_HOST, error),
            RegistryError::Digest { .. } => Self { status: Some(200), ..Self::ours(code::DIGEST_MISMATCH, error) },
            RegistryError::Answer { .. } => Self::ours(code::UNEXPECTED, error),
        }
    }
}

/// The code of a refusal that gives none of its own.
const fn code_of(status: u16, page: bool) -> &'static str {
    match status {
        _ if page => code::HTML,
        401 => code::UNAUTHORIZED,
        403 => code::DENIED,
        407 => code::PROXY_AUTH,
        429 => code::RATE_LIMITED,
        500.. => code::SERVER_ERROR,
        _ => code::UNEXPECTED,
    }
}

fn refused(refusal: &Refusal) -> Failure {
    let licence = refusal.message.as_deref().is_some_and(|words| words.contains(LICENCE));
    let ours = if licence { code::LICENSE_SENTENCE } else { code_of(refusal.status, refusal.html) };
    let own = refusal.code.clone().filter(|_| !refusal.html && !licence);
    let kind = refusal.content_type.as_deref().filter(|_| refusal.html);
    let words = refusal.message.as_deref().or(kind).unwrap_or("refused");
    let detail = format!("{}: {words}", refusal.operation);
    Failure {
        content_type: refusal.content_type.clone().filter(|_| refusal.excerpt.is_some()),
        excerpt: refusal.excerpt.clone(),
        ..Failure::answered(refusal.status, own.as_deref().unwrap_or(ours), detail.trim_end_matches([' ', ':']))
    }
}

impl From<&NgcError> for Failure {
    fn from(error: &NgcError) -> Self {
        match error {
            NgcError::Wire(wire) => Self::from(wire),
            NgcError::Refused { status, page } => Self::answered(*status, code_of(*status, *page), &error.to_string()),
            NgcError::Answer(_) => Self::ours(code::UNEXPECTED, error),
            NgcError::Path(_) => Self::ours(code::REFERENCE_INVALID, error),
        }
    }
}

impl From<&BlobError> for Failure {
    fn from(error: &BlobError) -> Self {
        match error {
            BlobError::Wire(wire) => Self::from(wire),
            BlobError::Address(_) | BlobError::Unreadable(_) => Self::ours(code::MALFORMED, error),
            BlobError::Refused(refusal) => {
                let ours = if refusal.status >= 500 { code::SERVER_ERROR } else { code::UNEXPECTED };
                let code = refusal.code.clone().unwrap_or_else(|| ours.to_owned());
                let detail = refusal.detail.clone().unwrap_or_else(|| refusal.to_string());
                Self::answered(refusal.status, &code, &detail)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_kind_of_silence_has_its_code() {
        let host = || "h".to_owned();
        let rows = [
            (WireError::Dns { host: host(), trouble: false, reason: "x".into() }, code::NAME_NOT_RESOLVED),
            (WireError::Dns { host: host(), trouble: true, reason: "x".into() }, code::SERVFAIL),
            (WireError::Connect { host: host(), refused: true, reason: "x".into() }, code::CONNECTION_REFUSED),
            (WireError::Connect { host: host(), refused: false, reason: "x".into() }, code::CONNECTION_BROKEN),
            (WireError::Timeout { host: host(), after: Duration::from_secs(10) }, code::TIMEOUT),
            (WireError::Throttled { host: host(), after: Duration::from_secs(900) }, code::RATE_LIMITED),
            (WireError::Allowance { host: host(), most: 12 }, code::REQUEST_LIMIT),
        ];
        for (error, want) in rows {
            assert_eq!(Failure::from(&error).code, want, "{error}");
        }
    }

    #[test]
    fn certificates_are_told_apart() {
        let rows = [
            (TlsFault::Untrusted, code::UNTRUSTED_CERTIFICATE),
            (TlsFault::OtherName, code::CERTIFICATE_NAME),
            (TlsFault::Expired, code::CERTIFICATE_EXPIRED),
            (TlsFault::NotYetValid, code::CERTIFICATE_EXPIRED),
            (TlsFault::Plain, code::PLAIN_HTTP),
        ];
        for (kind, want) in rows {
            let error = WireError::Tls { host: "h".into(), kind, reason: "x".into() };
            assert_eq!(Failure::from(&error).code, want, "{error}");
        }
    }
}
