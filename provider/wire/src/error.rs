//! Why there is no answer. An answer with a bad status is not an error here: its reader knows more.
//!
//! Guarantees that no variant holds a body, a query or a header (`tests`).

use std::io;
use std::time::Duration;

use mops_core::{Class, Error};

use crate::retry::Outcome;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Something in the configuration cannot be used.
    #[error("{what}")]
    Configuration {
        /// What, and why.
        what: String,
    },
    /// An address that we do not speak to.
    #[error("`{url}` is refused: {why}")]
    Refused {
        /// The address, masked.
        url: String,
        /// The rule.
        why: &'static str,
    },
    /// A redirect that is not followed.
    #[error("`{from}` redirects to `{to}`, which is not followed: {why}")]
    Redirect {
        /// Where the redirect came from, masked.
        from: String,
        /// Where it points, masked.
        to: String,
        /// The rule.
        why: &'static str,
    },
    /// The name has no address.
    #[error("host `{host}` was not found: {reason}")]
    Dns {
        /// The name.
        host: String,
        /// What the resolver says.
        reason: String,
    },
    /// The other side could not prove who it is, or speaks no TLS that we accept.
    #[error("the TLS connection to `{host}` was refused: {reason}")]
    Tls {
        /// The host.
        host: String,
        /// What is wrong with the certificate or the protocol.
        reason: String,
    },
    /// No connection; nothing was sent.
    #[error("no connection to `{host}`: {reason}")]
    Connect {
        /// The host.
        host: String,
        /// The innermost reason.
        reason: String,
    },
    /// The connection broke; the request may have arrived.
    #[error("the connection to `{host}` broke: {reason}")]
    Broken {
        /// The host.
        host: String,
        /// The innermost reason.
        reason: String,
    },
    /// No answer in time; the request may have arrived.
    #[error("`{host}` did not answer within {} s", after.as_secs())]
    Timeout {
        /// The host.
        host: String,
        /// The limit.
        after: Duration,
    },
    /// The answer is longer than is taken.
    #[error("the answer of `{host}` is longer than {limit} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit.
        limit: usize,
    },
    /// The service wants a longer pause than is waited for.
    #[error("`{host}` asks for a pause of {} s", after.as_secs())]
    Throttled {
        /// The host.
        host: String,
        /// The pause.
        after: Duration,
    },
    /// The run was interrupted.
    #[error("the request to `{host}` was interrupted")]
    Canceled {
        /// The host.
        host: String,
    },
    /// A fault of ours.
    #[error("a request could not be built: {reason}")]
    Build {
        /// What the library says.
        reason: String,
    },
}

impl WireError {
    /// Decides what follows; see [`Class`].
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Configuration { .. } | Self::Refused { .. } | Self::Redirect { .. } | Self::Tls { .. } => Class::User,
            Self::Dns { .. } | Self::Connect { .. } | Self::Broken { .. } | Self::Timeout { .. } => Class::Transient,
            Self::TooLarge { .. } => Class::Transient,
            Self::Throttled { after, .. } => Class::Throttled(Some(*after)),
            Self::Canceled { .. } => Class::Canceled,
            Self::Build { .. } => Class::Bug,
        }
    }

    /// Whether the request can have reached the service: then it may have taken effect.
    #[must_use]
    pub const fn may_have_arrived(&self) -> bool {
        matches!(
            self,
            Self::Broken { .. }
                | Self::Timeout { .. }
                | Self::TooLarge { .. }
                | Self::Canceled { .. }
                | Self::Redirect { .. }
        )
    }

    /// The one thing to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Dns { host, .. } => Some(format!("check the spelling of `{host}` and the resolver of this machine")),
            Self::Connect { .. } | Self::Broken { .. } | Self::Timeout { .. } => {
                Some("check network and proxy (`HTTPS_PROXY`, `NO_PROXY`), then run the same command again".into())
            }
            Self::Tls { .. } => {
                Some("if a proxy of yours signs its own certificates, name its root with `ca_file`".into())
            }
            Self::Throttled { .. } => Some("run the same command after that time".into()),
            _ => None,
        }
    }

    pub(crate) const fn outcome(&self) -> Outcome {
        match self {
            Self::Dns { .. } | Self::Connect { .. } => Outcome::Unsent,
            Self::Broken { .. } | Self::Timeout { .. } => Outcome::Lost,
            _ => Outcome::Final,
        }
    }

    /// Turns the transport library's error into ours, by the innermost cause that is known.
    pub(crate) fn from_transport(host: &str, error: &reqwest::Error) -> Self {
        let host = host.to_owned();
        if error.is_builder() {
            return Self::Build { reason: innermost(error) };
        }
        if let Some(tls) = find::<rustls::Error>(error)
            && !matches!(tls, rustls::Error::General(_))
        {
            return Self::Tls { host, reason: tls_reason(tls) };
        }
        if let Some(unresolved) = find::<Unresolved>(error) {
            return Self::Dns { host, reason: unresolved.0.to_string() };
        }
        let reason = innermost(error);
        if error.is_connect() { Self::Connect { host, reason } } else { Self::Broken { host, reason } }
    }
}

impl From<WireError> for Error {
    fn from(error: WireError) -> Self {
        let plain = Self::new(error.class(), error.to_string());
        let hinted = match error.hint() {
            Some(hint) => plain.hint(hint),
            None => plain,
        };
        hinted.caused_by(error)
    }
}

/// A name without address, as our resolver reports it to the transport.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unresolved(pub(crate) io::Error);

/// Looks for a cause of a type; an `io::Error` hides its inner error from `source()`.
fn find<'a, T: std::error::Error + 'static>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a T> {
    let mut current = Some(error);
    for _ in 0..16 {
        let error = current?;
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        current = inner.map(|e| e as _).or_else(|| error.source());
    }
    None
}

/// The innermost message; the outer ones of the transport quote the whole address.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    // The outermost of a chain of one is the transport's own, with the address in it.
    if std::ptr::addr_eq(current, error) { "no reason given".into() } else { current.to_string() }
}

fn tls_reason(error: &rustls::Error) -> String {
    use rustls::CertificateError as Bad;
    match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer => "its certificate comes from an issuer that is not trusted here".into(),
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => "its certificate is for another name".into(),
            Bad::Expired | Bad::ExpiredContext { .. } => "its certificate has expired".into(),
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => "its certificate is not valid yet".into(),
            other => format!("its certificate cannot be trusted ({other})"),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_inside_io_errors_are_found() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let nested = io::Error::other(io::Error::other(tls));
        let found = find::<rustls::Error>(&nested).unwrap();
        assert!(tls_reason(found).contains("not trusted"));
    }

    #[test]
    fn class_and_hint_follow_the_variant() {
        let error = WireError::Throttled { host: "a".into(), after: Duration::from_secs(900) };
        assert_eq!(error.class(), Class::Throttled(Some(Duration::from_secs(900))));
        let error: Error = WireError::Connect { host: "a".into(), reason: "refused".into() }.into();
        assert_eq!((error.class(), error.summary()), (Class::Transient, "no connection to `a`: refused"));
        assert!(error.hint_text().is_some());
    }
}
