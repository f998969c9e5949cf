//! What keeps Novita from doing what it was asked: one word a kind, as the service's own tools name them.

use std::fmt;
use std::time::Duration;

use mops_core::{Class, Error};
use mops_wire::WireError;

use super::limits::Fault;

/// What a request is about; decides the words of its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The registry logins.
    Auths,
    /// Instances, templates and what they are made from.
    Instances,
}

/// A refusal of the service.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What was asked.
    pub subject: Subject,
    /// HTTP status.
    pub status: u16,
    /// The service's own code, when it gives one.
    pub code: Option<String>,
    /// Its words, without what could be a secret.
    pub words: String,
    /// The beginning of the body, redacted, where it has not the form of a refusal.
    pub body: Option<String>,
    /// Whether it is a web page, so that a proxy or a portal answered.
    pub page: bool,
    /// The pause that it asks for.
    pub pause: Option<Duration>,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No registry login has the id.
    AuthNotFound,
    /// An answer of another form than it should have.
    InvalidResponse,
    /// No machine of the kind is free.
    InsufficientResource,
    /// Another mistake in the request.
    BadRequest,
    /// The key is not taken.
    AuthenticationFailed,
    /// A limit of the account.
    ResourceConstraints,
    /// The key may not do this.
    AccessForbidden,
    /// It is not there.
    NotFound,
    /// It is there already, or in use.
    ResourceConflict,
    /// A value is out of its limits.
    ValidationError,
    /// Too many requests.
    RateLimit,
    /// An error of the service's own.
    ServerError,
    /// No answer in time.
    RequestTimeout,
    /// No connection.
    NetworkError,
    /// The other side could not prove who it is.
    TlsError,
    /// Nothing is sent for a while.
    CircuitBreakerOpen,
    /// Anything else.
    UnknownError,
}

impl Kind {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AuthNotFound => "REGISTRY_AUTH_NOT_FOUND",
            Self::InvalidResponse => "INVALID_RESPONSE",
            Self::InsufficientResource => "INSUFFICIENT_RESOURCE",
            Self::BadRequest => "BAD_REQUEST",
            Self::AuthenticationFailed => "AUTHENTICATION_FAILED",
            Self::ResourceConstraints => "RESOURCE_CONSTRAINTS",
            Self::AccessForbidden => "ACCESS_FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::ResourceConflict => "RESOURCE_CONFLICT",
            Self::ValidationError => "VALIDATION_ERROR",
            Self::RateLimit => "RATE_LIMIT",
            Self::ServerError => "SERVER_ERROR",
            Self::RequestTimeout => "REQUEST_TIMEOUT",
            Self::NetworkError => "NETWORK_ERROR",
            Self::TlsError => "TLS_ERROR",
            Self::CircuitBreakerOpen => "CIRCUIT_BREAKER_OPEN",
            Self::UnknownError => "UNKNOWN_ERROR",
        }
    }
}

/// Why Novita did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum NovitaError {
    /// No answer came.
    #[error("{}", silence(.0))]
    Wire(#[from] WireError),
    /// It said no.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// It said something else than it should have.
    #[error("Invalid response format from {what} API: {detail}")]
    Answer {
        /// Which list or object.
        what: &'static str,
        /// HTTP status.
        status: u16,
        /// What was there instead, redacted.
        detail: String,
    },
    /// No registry login has this id, or name.
    #[error("Registry authentication not found for {by} `{wanted}`")]
    AuthNotFound {
        /// `ID` or `name`.
        by: &'static str,
        /// What was looked for.
        wanted: String,
        /// The nearest that exist.
        nearest: Vec<String>,
    },
    /// Several registry logins fit.
    #[error("several registry logins fit: {}", .0.join(", "))]
    Several(Vec<String>),
    /// A login that was created does not show in the list.
    #[error("the registry login was taken, and the list does not show it")]
    NotListed,
    /// It is not known whether it was created.
    #[error("it is not known whether `{name}` was created: {source}")]
    Unsettled {
        /// Its own name, by which it can be looked for.
        name: String,
        /// What was lost.
        source: Box<NovitaError>,
    },
    /// Values out of their limits; nothing was sent.
    #[error("{}", listed(.0))]
    Limits(Vec<Fault>),
    /// Too much failed: nothing is sent for a while.
    #[error("Novita failed five times in a row: nothing is sent for another {} s", .0.as_secs().max(1))]
    BreakerOpen(Duration),
}

fn silence(error: &WireError) -> String {
    match NovitaError::kind_of(error) {
        Kind::NetworkError => format!("Network error - unable to connect to Novita: {error}"),
        _ => error.to_string(),
    }
}

fn listed(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = match (self.status, self.subject) {
            (401, Subject::Auths) if !self.page => Some("Unauthorized access to registry auths"),
            (401, Subject::Instances) if !self.page => Some("Authentication failed - check API key"),
            _ => None,
        };
        match (known, self.words.as_str()) {
            (Some(known), "") => f.write_str(known),
            (Some(known), words) if words.eq_ignore_ascii_case(known) => f.write_str(known),
            (Some(known), words) => write!(f, "{known}: {words}"),
            (None, "") => write!(f, "Novita answered {}", self.status),
            (None, words) => write!(f, "Novita answered {}: {words}", self.status),
        }
    }
}

impl Refusal {
    fn kind(&self) -> Kind {
        let says = |word: &str| {
            let found = |text: &str| text.to_ascii_lowercase().contains(word);
            found(&self.words) || self.code.as_deref().is_some_and(found)
        };
        match self.status {
            _ if self.page => Kind::UnknownError,
            400 if says("insufficient_resource") => Kind::InsufficientResource,
            400 => Kind::BadRequest,
            401 => Kind::AuthenticationFailed,
            403 if ["insufficient", "quota", "limit"].into_iter().any(says) => Kind::ResourceConstraints,
            403 => Kind::AccessForbidden,
            404 => Kind::NotFound,
            408 => Kind::RequestTimeout,
            409 => Kind::ResourceConflict,
            422 => Kind::ValidationError,
            429 => Kind::RateLimit,
            500..=599 => Kind::ServerError,
            _ => Kind::UnknownError,
        }
    }
}

impl NovitaError {
    /// See [`Kind`].
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Wire(error) => Self::kind_of(error),
            Self::Refused(refusal) => refusal.kind(),
            Self::Answer { .. } => Kind::InvalidResponse,
            Self::AuthNotFound { .. } => Kind::AuthNotFound,
            Self::Several(_) => Kind::ResourceConflict,
            Self::NotListed => Kind::UnknownError,
            Self::Unsettled { source, .. } => source.kind(),
            Self::Limits(_) => Kind::ValidationError,
            Self::BreakerOpen(_) => Kind::CircuitBreakerOpen,
        }
    }

    const fn kind_of(error: &WireError) -> Kind {
        match error {
            WireError::Dns { .. } | WireError::Connect { .. } | WireError::Broken { .. } => Kind::NetworkError,
            WireError::Timeout { .. } => Kind::RequestTimeout,
            WireError::Throttled { .. } => Kind::RateLimit,
            WireError::Tls { .. } => Kind::TlsError,
            _ => Kind::UnknownError,
        }
    }

    /// Whether what was asked for may have been done all the same.
    #[must_use]
    pub fn may_be_done(&self) -> bool {
        match self {
            Self::Wire(error) => error.may_have_arrived(),
            Self::Refused(refusal) => {
                refusal.page || matches!(refusal.kind(), Kind::ServerError | Kind::RequestTimeout)
            }
            Self::Answer { .. } | Self::Unsettled { .. } => true,
            _ => false,
        }
    }

    /// Whether the service, or the way to it, is out of order.
    pub(super) fn is_outage(&self) -> bool {
        matches!(self.kind(), Kind::NetworkError | Kind::RequestTimeout | Kind::ServerError)
    }

    /// Whether the service says that the thing is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self.kind(), Kind::NotFound | Kind::AuthNotFound)
    }

    /// Decides exit code and voice.
    #[must_use]
    pub fn class(&self) -> Class {
        match self.kind() {
            Kind::AuthenticationFailed | Kind::AccessForbidden => Class::Auth,
            Kind::AuthNotFound | Kind::NotFound => Class::NotFound,
            Kind::ResourceConflict | Kind::ResourceConstraints | Kind::InsufficientResource => Class::Conflict,
            Kind::ValidationError | Kind::BadRequest | Kind::TlsError => Class::User,
            Kind::RateLimit => Class::Throttled(self.pause()),
            Kind::ServerError | Kind::RequestTimeout | Kind::NetworkError => Class::Transient,
            Kind::InvalidResponse | Kind::CircuitBreakerOpen => Class::Transient,
            Kind::UnknownError => match self {
                Self::Wire(error) => error.class(),
                _ => Class::Conflict,
            },
        }
    }

    fn pause(&self) -> Option<Duration> {
        match self {
            Self::Wire(WireError::Throttled { after, .. }) => Some(*after),
            Self::Refused(refusal) => refusal.pause,
            _ => None,
        }
    }

    /// The one thing to do, where it follows from what happened.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Wire(error) => error.hint(),
            Self::AuthNotFound { nearest, .. } if nearest.is_empty() => {
                Some("there is no registry login at all: `mops novita auth create` makes one".to_owned())
            }
            Self::AuthNotFound { nearest, .. } => Some(format!("nearest: {}", nearest.join(", "))),
            Self::Several(_) => Some("look at them with `mops novita auth list`, and name one by its id".to_owned()),
            Self::NotListed => Some("look for it with `mops novita auth list`".to_owned()),
            Self::Unsettled { name, .. } => {
                Some(format!("look for it with `mops novita instance list --name {name}` before you run it again"))
            }
            Self::BreakerOpen(_) => Some("run the same command after that time".to_owned()),
            _ => None,
        }
    }
}

impl From<NovitaError> for Error {
    fn from(error: NovitaError) -> Self {
        let plain = Self::new(error.class(), error.to_string()).note(format!("Novita: {}", error.kind().word()));
        let quoted = match &error {
            NovitaError::Refused(refusal) => refusal.body.clone(),
            _ => None,
        };
        let noted = match quoted {
            Some(body) => plain.note(format!("the answer, redacted: {body}")),
            None => plain,
        };
        match error.hint() {
            Some(hint) => noted.hint(hint),
            None => noted,
        }
        .caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str, words: &str) -> NovitaError {
        let (code, words) = ((!code.is_empty()).then(|| code.to_owned()), words.to_owned());
        let subject = Subject::Auths;
        NovitaError::Refused(Box::new(Refusal { subject, status, code, words, body: None, page: false, pause: None }))
    }

    #[test]
    fn v_08_every_refusal_has_its_kind_and_its_near_miss() {
        let rows = [
            (refused(400, "INSUFFICIENT_RESOURCE", ""), Kind::InsufficientResource),
            (refused(400, "", "INSUFFICIENT_RESOURCE: none free"), Kind::InsufficientResource),
            (refused(400, "INVALID_PARAM", "rootfsSize"), Kind::BadRequest),
            (refused(401, "", "Authentication failed - check API key"), Kind::AuthenticationFailed),
            (refused(401, "", "Unauthorized access to registry auths"), Kind::AuthenticationFailed),
            (refused(403, "", "instance quota exceeded"), Kind::ResourceConstraints),
            (refused(403, "", "Insufficient balance"), Kind::ResourceConstraints),
            (refused(403, "LIMIT_REACHED", ""), Kind::ResourceConstraints),
            (refused(403, "", "not your team"), Kind::AccessForbidden),
            (refused(404, "", ""), Kind::NotFound),
            (refused(409, "", ""), Kind::ResourceConflict),
            (refused(422, "", ""), Kind::ValidationError),
            (refused(429, "", ""), Kind::RateLimit),
            (refused(503, "", ""), Kind::ServerError),
            (refused(500, "", "quota"), Kind::ServerError),
            (refused(418, "", "quota"), Kind::UnknownError),
        ];
        for (error, kind) in rows {
            assert_eq!(error.kind(), kind, "{error:?}");
        }
    }

    #[test]
    fn v_08_silence_is_told_apart_and_no_page_is_a_refusal_of_the_key() {
        let host = || "api.novita.ai".to_owned();
        let broken = NovitaError::from(WireError::Broken { host: host(), reason: "reset".into() });
        assert!(broken.to_string().starts_with("Network error - unable to connect"), "{broken}");
        let late = NovitaError::from(WireError::Timeout { host: host(), after: Duration::from_secs(30) });
        assert_eq!((broken.kind(), late.kind()), (Kind::NetworkError, Kind::RequestTimeout));
        assert!(broken.may_be_done() && late.may_be_done() && !refused(400, "", "").may_be_done());
        let NovitaError::Refused(refusal) = refused(401, "", "") else { unreachable!() };
        let page = NovitaError::Refused(Box::new(Refusal { page: true, ..*refusal }));
        assert_eq!(page.kind(), Kind::UnknownError);
    }

    #[test]
    fn both_texts_of_a_refused_key_are_said() {
        assert_eq!(refused(401, "", "").to_string(), "Unauthorized access to registry auths");
        let both = refused(401, "", "Authentication failed - check API key").to_string();
        assert_eq!(both, "Unauthorized access to registry auths: Authentication failed - check API key");
    }
}
