//! Why a registry did not do what it was asked, with everything that a diagnosis needs.
//!
//! Guarantees that no credential is quoted: not from a body that echoes it, not from a challenge.

use mops_core::{Class, Error, Secret};
use serde::Deserialize;

use super::challenge::{Challenge, ChallengeError};
use super::realm::RealmRefused;
use crate::error::WireError;
use crate::origin::Origin;
use crate::redact;
use crate::response::Response;
use crate::retry::server_pause;

/// What NGC says when an organisation has not accepted the licence of an image. Being known, it is quoted of credential
/// calls too.
pub const LICENCE: &str = "Please accept license on the browser to be able to download";

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No answer.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The registry wants its logins sent to a stranger.
    #[error(transparent)]
    Realm(#[from] RealmRefused),
    /// It asks for a login in a way that is not acted on.
    #[error("registry `{registry}` asks for a login in a way that is not acted on: {why}")]
    Challenge {
        /// The registry.
        registry: String,
        /// What is wrong.
        #[source]
        why: ChallengeError,
    },
    /// It answered no.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// Its answer is of no use.
    #[error("registry `{registry}` gave an answer that is of no use: {why}")]
    Answer {
        /// The registry.
        registry: String,
        /// What is wrong.
        why: String,
    },
    /// The content is not what was asked for.
    #[error("registry `{registry}` gave content with digest `{got}` for `{wanted}`")]
    Digest {
        /// The registry.
        registry: String,
        /// Asked for.
        wanted: String,
        /// Received.
        got: String,
    },
    /// What was given as a registry is no host.
    #[error("`{0}` is not a registry's host")]
    Host(String),
}

/// An answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked, for example `read manifest`.
    pub operation: &'static str,
    /// Of what, for example `myacr.azurecr.io/team/image:1`.
    pub target: String,
    /// Who answered, `HOST[:PORT]`: not the registry after a redirect.
    pub host: String,
    /// HTTP status.
    pub status: u16,
    /// The registry's own code, for example `MANIFEST_UNKNOWN`.
    pub code: Option<String>,
    /// The registry's own words, at most 200 characters; of credential calls only [`LICENCE`].
    pub message: Option<String>,
    /// The id that the service gave the request.
    pub request_id: Option<String>,
    /// Content type of the body.
    pub content_type: Option<String>,
    /// The beginning of a body that is not the registry's form, redacted; none for credential calls.
    pub excerpt: Option<String>,
    /// Whether the body is a web page: then a proxy or a portal answered.
    pub html: bool,
    /// What the registry asked for in the same answer.
    pub challenge: Option<Challenge>,
    /// Whether a credential went with the request.
    pub with_credential: bool,
    /// The pause that was asked for.
    pub retry_after: Option<std::time::Duration>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` answered {}", self.host, self.status)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        write!(f, " to {} `{}`", self.operation, self.target)
    }
}

impl RegistryError {
    /// Decides what follows; see [`Class`].
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Wire(error) => error.class(),
            Self::Realm(_) | Self::Challenge { .. } => Class::Auth,
            Self::Refused(refusal) => refusal.class(),
            Self::Answer { .. } | Self::Digest { .. } => Class::Transient,
            Self::Host(_) => Class::User,
        }
    }

    /// The answer, when there was one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl From<RegistryError> for Error {
    fn from(error: RegistryError) -> Self {
        let error = match error {
            RegistryError::Wire(error) => return error.into(),
            other => other,
        };
        let mut plain = Self::new(error.class(), error.to_string());
        if let Some(message) = error.refusal().and_then(|refusal| refusal.message.as_deref()) {
            plain = plain.note(format!("the registry says: {message}"));
        }
        if let Some(id) = error.refusal().and_then(|refusal| refusal.request_id.as_deref()) {
            plain = plain.note(format!("request {id}"));
        }
        if let RegistryError::Realm(_) = &error {
            plain = plain.hint("if this is right, name the pair under `realms` in the configuration");
        }
        plain.caused_by(error)
    }
}

impl Refusal {
    fn class(&self) -> Class {
        match self.status {
            401 | 403 => Class::Auth,
            404 => Class::NotFound,
            409 | 412 => Class::Conflict,
            429 => Class::Throttled(self.retry_after),
            408 | 500..=599 => Class::Transient,
            _ => Class::User,
        }
    }
}

/// What was asked, for errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) operation: &'static str,
    pub(crate) target: &'a str,
}

/// How much of an answer may be quoted.
#[derive(Clone, Copy)]
pub(crate) enum Quote<'a> {
    /// A credential call: code only.
    CodeOnly,
    /// Words too, unless they contain this.
    Unless(Option<&'a Secret<String>>),
}

#[derive(Deserialize)]
struct Body {
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    code: Option<String>,
    message: Option<String>,
}

pub(crate) fn refusal(
    asked: Asked<'_>,
    response: &Response,
    quote: Quote<'_>,
    now: time::OffsetDateTime,
) -> RegistryError {
    let entry = serde_json::from_slice::<Body>(&response.body).ok().and_then(|body| body.errors.into_iter().next());
    let odd = entry.is_none() && !response.body.is_empty();
    let (code, message) = entry.map_or((None, None), |entry| (entry.code, entry.message));
    let content_type = response.header("content-type").map(|text| printable(text, 100));
    let known = String::from_utf8_lossy(&response.body).contains(LICENCE).then(|| LICENCE.to_owned());
    let message = message.filter(|text| may_quote(text, quote)).map(|text| printable(&text, 200));
    RegistryError::Refused(Box::new(Refusal {
        operation: asked.operation,
        target: asked.target.to_owned(),
        host: Origin::of(&response.url).map(|origin| origin.authority()).unwrap_or_default(),
        status: response.status.as_u16(),
        code: code.filter(|code| is_code(code)),
        message: known.or(message),
        request_id: response.request_id().map(|id| printable(id, 100)),
        html: is_page(response),
        excerpt: excerpt(response, quote).filter(|_| odd),
        content_type,
        challenge: Challenge::of(&response.headers).ok(),
        with_credential: !matches!(quote, Quote::Unless(None)),
        retry_after: server_pause(&response.headers, now),
    }))
}

/// Whether a web page was given.
#[must_use]
pub fn is_page(response: &Response) -> bool {
    let content_type = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let start = response.body.iter().copied().find(|b| !b.is_ascii_whitespace());
    content_type.starts_with("text/html") || (start == Some(b'<') && !content_type.contains("xml"))
}

/// The beginning of a body, where nothing of it can be a credential's echo.
fn excerpt(response: &Response, quote: Quote<'_>) -> Option<String> {
    const LENGTH: usize = 120;
    let Quote::Unless(None) = quote else { return None };
    Some(redact::words(&response.body, LENGTH))
}

fn may_quote(text: &str, quote: Quote<'_>) -> bool {
    match quote {
        Quote::CodeOnly => false,
        Quote::Unless(None) => true,
        // The header is `Scheme value`; the value may come back decoded, so both halves count.
        Quote::Unless(Some(secret)) => {
            let value = secret.expose().split(' ').next_back().unwrap_or_default();
            !text.contains(value) && !decoded_password(value).is_some_and(|password| text.contains(&password))
        }
    }
}

fn decoded_password(value: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(value).ok()?;
    let pair = String::from_utf8(bytes).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned()).filter(|password| !password.is_empty())
}

fn is_code(code: &str) -> bool {
    (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn printable(text: &str, limit: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Credential;

    fn answer(body: &str) -> Response {
        Response {
            status: http::StatusCode::UNAUTHORIZED,
            headers: http::HeaderMap::new(),
            body: body.to_owned().into(),
            url: url::Url::parse("https://reg.example/v2/").unwrap(),
            certificate_ends: None,
        }
    }

    fn refused(body: &str, quote: Quote<'_>) -> Refusal {
        let asked = Asked { operation: "read", target: "reg.example/a" };
        let error = refusal(asked, &answer(body), quote, time::OffsetDateTime::UNIX_EPOCH);
        error.refusal().unwrap().clone()
    }

    #[test]
    fn a_body_of_another_form_is_quoted_without_what_could_be_secret() {
        let page = "<html> <input name=token value=canary1>\n sign in, canary-canary-canary-canary \"canary2\"";
        let found = refused(page, Quote::Unless(None)).excerpt.unwrap();
        assert!(found.contains("<html>") && found.contains("sign in") && !found.contains("canary"), "{found}");
        assert_eq!(refused(page, Quote::CodeOnly).excerpt, None, "nothing of a credential call");
        assert_eq!(refused(r#"{"errors":[{"code":"DENIED"}]}"#, Quote::Unless(None)).excerpt, None);
    }

    #[test]
    fn code_and_words_are_kept() {
        let found = refused(r#"{"errors":[{"code":"UNAUTHORIZED","message":"no\nway"}]}"#, Quote::Unless(None));
        assert_eq!((found.code.as_deref(), found.message.as_deref()), (Some("UNAUTHORIZED"), Some("no way")));
        assert_eq!(found.to_string(), "`reg.example` answered 401 UNAUTHORIZED to read `reg.example/a`");
        assert!(refused("<html>", Quote::Unless(None)).html);
    }

    #[test]
    fn the_sentence_about_a_licence_is_known_wherever_it_stands() {
        let bodies = [
            format!(r#"{{"errors":[{{"code":"DENIED","message":"{LICENCE} canary"}}]}}"#),
            format!(r#"{{"details":"{LICENCE}","token":"canary"}}"#),
            format!("<html>{LICENCE} canary</html>"),
        ];
        for body in bodies {
            assert_eq!(refused(&body, Quote::CodeOnly).message.as_deref(), Some(LICENCE), "{body}");
        }
        assert_eq!(refused(r#"{"details":"accept a licence"}"#, Quote::CodeOnly).message, None);
    }

    #[test]
    fn an_echoed_credential_is_not() {
        let origin = Origin::https("reg.example").unwrap();
        let basic = Credential::basic(origin, "user", &Secret::from("canary-password"));
        let encoded = basic.header.expose().replace("Basic ", "");
        for echo in ["canary-password", encoded.as_str()] {
            let body = format!(r#"{{"errors":[{{"code":"x y","message":"bad {echo}"}}]}}"#);
            for quote in [Quote::CodeOnly, Quote::Unless(Some(&basic.header))] {
                let found = format!("{:?}", refused(&body, quote));
                assert!(!found.contains(echo) && !found.contains("x y"), "{found}");
            }
        }
    }
}
