//! Why there is no answer. An answer with a bad status is not an error here: its reader knows more.
//!
//! Guarantees that no variant holds a body, a query or a header (`tests`).

use std::io;
use std::time::Duration;

use mops_core::{Class, Error};
use url::Url;

use crate::origin::Origin;
use crate::retry::Outcome;

/// What is wrong with a TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// The issuer is not trusted here.
    Untrusted,
    /// The certificate is for another name.
    OtherName,
    /// The certificate has run out.
    Expired,
    /// The certificate does not hold yet.
    NotYetValid,
    /// The other side speaks no TLS at all.
    Plain,
    /// Something else, the protocol for example.
    Other,
}

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
        /// Whether the resolver has trouble of its own: it does not say that there is no such name.
        trouble: bool,
        /// What the resolver says.
        reason: String,
    },
    /// The other side could not prove who it is, or speaks no TLS that we accept.
    #[error("the TLS connection to `{host}` was refused: {reason}")]
    Tls {
        /// The host.
        host: String,
        /// Which of the usual faults it is.
        kind: TlsFault,
        /// What is wrong with the certificate or the protocol.
        reason: String,
    },
    /// No connection; nothing was sent.
    #[error("no connection to `{host}`: {reason}")]
    Connect {
        /// The host.
        host: String,
        /// Whether the other side refused it: the machine is there, nobody listens.
        refused: bool,
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
    /// As many requests were sent as the run may send; this one was not.
    #[error("`{host}` was asked {most} times about one thing, which is the limit")]
    Allowance {
        /// The host.
        host: String,
        /// The limit.
        most: usize,
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
            Self::TooLarge { .. } | Self::Allowance { .. } => Class::Transient,
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
            let (kind, reason) = tls_fault(tls);
            return Self::Tls { host, kind, reason };
        }
        if let Some(unresolved) = find::<Unresolved>(error) {
            return Self::unresolved(&host, &unresolved.0);
        }
        let reason = innermost(error);
        if !error.is_connect() {
            return Self::Broken { host, reason };
        }
        let refused = find::<io::Error>(error).is_some_and(is_refused);
        Self::Connect { host, refused, reason }
    }

    /// The same where a proxy stood between: it is the proxy whose name was looked up and to which the connection was
    /// to go.
    pub(crate) fn by_proxy(self, proxy: &Url) -> Self {
        let Some(origin) = Origin::of(proxy) else { return self };
        match self {
            Self::Dns { trouble, reason, .. } => Self::Dns { host: origin.host().to_owned(), trouble, reason },
            Self::Connect { host, refused, reason } => {
                let reason = format!("by the proxy `{}`: {reason}", origin.authority());
                Self::Connect { host, refused, reason }
            }
            other => other,
        }
    }

    /// A name without an address.
    pub(crate) fn unresolved(host: &str, error: &io::Error) -> Self {
        let reason = error.to_string();
        // The words of the two C libraries; the kind of the error does not tell.
        let trouble = ["Temporary failure", "Try again"].iter().any(|words| reason.contains(words));
        Self::Dns { host: host.to_owned(), trouble, reason }
    }

    /// A connection that did not come about.
    pub(crate) fn unconnected(host: &str, error: &io::Error) -> Self {
        Self::Connect { host: host.to_owned(), refused: is_refused(error), reason: error.to_string() }
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

fn is_refused(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
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

fn tls_fault(error: &rustls::Error) -> (TlsFault, String) {
    use rustls::CertificateError as Bad;
    if let rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) = error {
        return (TlsFault::Plain, "it speaks no TLS at this port".to_owned());
    }
    let rustls::Error::InvalidCertificate(bad) = error else { return (TlsFault::Other, error.to_string()) };
    let (kind, words) = match bad {
        // An issuer of the right name and another key shows as a bad signature.
        Bad::UnknownIssuer | Bad::BadSignature => {
            (TlsFault::Untrusted, "its certificate comes from an issuer that is not trusted here")
        }
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
            (TlsFault::OtherName, "its certificate is for another name")
        }
        Bad::Expired | Bad::ExpiredContext { .. } => (TlsFault::Expired, "its certificate has expired"),
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            (TlsFault::NotYetValid, "its certificate is not valid yet")
        }
        other => return (TlsFault::Other, format!("its certificate cannot be trusted ({other})")),
    };
    (kind, words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_inside_io_errors_are_found() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let nested = io::Error::other(io::Error::other(tls));
        let found = find::<rustls::Error>(&nested).unwrap();
        assert_eq!(tls_fault(found).0, TlsFault::Untrusted);
    }

    #[test]
    fn class_and_hint_follow_the_variant() {
        let error = WireError::Throttled { host: "a".into(), after: Duration::from_secs(900) };
        assert_eq!(error.class(), Class::Throttled(Some(Duration::from_secs(900))));
        let error: Error = WireError::Connect { host: "a".into(), refused: true, reason: "refused".into() }.into();
        assert_eq!((error.class(), error.summary()), (Class::Transient, "no connection to `a`: refused"));
        assert!(error.hint_text().is_some());
    }
}
