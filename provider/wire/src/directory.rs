//! A token of Azure's directory for an application: for its secret, or for a token of a service account that it trusts
//! (RFC 7523). Guarantees that what proves it goes to the sign-in host only, is never redirected, and that a refusal is
//! told by its code and its first sentence (`tests`).

use http::{Method, StatusCode};
use mops_core::Secret;
use serde::Deserialize;
use url::Url;

use crate::error::WireError;
use crate::pipeline::Http;
use crate::request::Request;
use crate::retry::Retry;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Longest answer of a sign-in host.
const MAX_ANSWER: usize = 256 << 10;

/// The application's secret has run out.
pub const SECRET_EXPIRED: &str = "AADSTS7000222";
/// It is not the application's secret.
pub const SECRET_WRONG: &str = "AADSTS7000215";
/// The directory has no such application.
pub const APPLICATION_UNKNOWN: &str = "AADSTS700016";

/// What shows that somebody is the application.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// A secret of its own.
    Secret(&'a Secret<String>),
    /// A token of somebody whom it trusts.
    Assertion(&'a Secret<String>),
}

impl<'a> Proof<'a> {
    /// The form's fields.
    fn fields(self) -> Vec<(&'static str, &'a str)> {
        match self {
            Self::Secret(secret) => vec![("client_secret", secret.expose())],
            Self::Assertion(token) => {
                vec![("client_assertion_type", ASSERTION), ("client_assertion", token.expose())]
            }
        }
    }
}

/// Who asks, with what, for what.
#[derive(Debug)]
pub struct Grant<'a> {
    /// The sign-in host, an https address.
    pub authority: &'a str,
    /// The directory.
    pub tenant: &'a str,
    /// The application or identity.
    pub client_id: &'a str,
    /// What shows that it is the one.
    pub proof: Proof<'a>,
    /// What the new token is for, ending in `/.default`.
    pub scope: &'a str,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The answer never came.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The address of the sign-in host is none.
    #[error("`{0}` is not the address of a sign-in host")]
    Authority(String),
    /// The sign-in host said no.
    #[error("{code}: {sentence}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// `AADSTS` with its number, else the standard's word.
        code: String,
        /// Without the ids and times that follow it.
        sentence: String,
    },
    /// A success without a token.
    #[error("the answer of the sign-in host holds no token")]
    Answer,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    access_token: Option<String>,
    error: String,
    error_description: String,
}

/// Asks for a token.
///
/// # Errors
/// See [`DirectoryError`].
pub async fn grant(http: &Http, wanted: &Grant<'_>) -> Result<Secret<String>, DirectoryError> {
    let host = wanted.authority.trim_end_matches('/');
    let refuse = || DirectoryError::Authority(wanted.authority.to_owned());
    let url = Url::parse(&format!("{host}/{}/oauth2/v2.0/token", wanted.tenant)).map_err(|_| refuse())?;
    if url.scheme() != "https" {
        return Err(refuse());
    }
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", wanted.client_id)
        .extend_pairs(wanted.proof.fields())
        .append_pair("scope", wanted.scope)
        .finish();
    let mut request = Request::new(Method::POST, url).body("application/x-www-form-urlencoded", form);
    // Asking twice for a token changes nothing at the service.
    request.retry = Retry::Idempotent;
    request.max_body = MAX_ANSWER;
    let response = http.send(request).await?;
    let answer: Answer = serde_json::from_slice(&response.body).unwrap_or_default();
    if response.status == StatusCode::OK {
        return answer.access_token.filter(|token| !token.is_empty()).map(Secret::new).ok_or(DirectoryError::Answer);
    }
    Err(refused(response.status.as_u16(), &answer))
}

fn refused(status: u16, answer: &Answer) -> DirectoryError {
    let text = answer.error_description.split(" Trace ID:").next().unwrap_or_default().trim();
    let (code, sentence) = match text.split_once(':') {
        Some((code, rest)) if code.starts_with("AADSTS") => (code.to_owned(), rest.trim().to_owned()),
        _ => (answer.error.clone(), text.to_owned()),
    };
    DirectoryError::Refused { status, code, sentence }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_its_code_and_first_sentence() {
        let answer = Answer {
            error: "invalid_client".into(),
            error_description: "AADSTS700213: No matching record. Trace ID: a Correlation ID: b".into(),
            ..Answer::default()
        };
        assert_eq!(refused(401, &answer).to_string(), "AADSTS700213: No matching record.");
        let plain = Answer { error: "invalid_request".into(), ..Answer::default() };
        assert_eq!(refused(400, &plain).to_string(), "invalid_request: ");
    }
}
