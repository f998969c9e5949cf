//! A token of an identity that the machine has, from Azure's metadata service: at one address, without proxy and
//! redirect, in clear, which the service asks for. A refusal is told by its words (`tests`).

use http::StatusCode;
use http::header::HeaderName;
use mops_core::Secret;
use serde::Deserialize;
use url::Url;

use crate::error::WireError;
use crate::pipeline::Http;
use crate::request::{Redirects, Request};

const ADDRESS: &str = "http://169.254.169.254/metadata/identity/oauth2/token";
const API_VERSION: &str = "2018-02-01";
/// The header by which the service knows that nobody was tricked into asking.
const ASKED: HeaderName = HeaderName::from_static("metadata");
/// Longest answer.
const MAX_ANSWER: usize = 256 << 10;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// The answer never came.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The service said no.
    #[error("{words}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its description.
        words: String,
    },
}

impl MetadataError {
    /// Whether the machine has no such identity.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Refused { status: 400, words } if words.contains("Identity not found"))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    access_token: Option<String>,
    error_description: String,
}

/// Asks for a token of the identity with this client id, made for `resource`.
///
/// # Errors
/// See [`MetadataError`].
pub async fn token(http: &Http, client_id: &str, resource: &str) -> Result<Secret<String>, MetadataError> {
    let query = [("api-version", API_VERSION), ("resource", resource), ("client_id", client_id)];
    let url = Url::parse_with_params(ADDRESS, query).map_err(|error| WireError::Build { reason: error.to_string() })?;
    let mut request = Request::get(url).header(ASKED, "true");
    request.metadata_service = true;
    request.redirects = Redirects::Return;
    request.max_body = MAX_ANSWER;
    let response = http.send(request).await?;
    read(response.status, &response.body)
}

fn read(status: StatusCode, body: &[u8]) -> Result<Secret<String>, MetadataError> {
    let answer: Answer = serde_json::from_slice(body).unwrap_or_default();
    let token = answer.access_token.filter(|token| status == StatusCode::OK && !token.is_empty());
    token.map(Secret::new).ok_or(MetadataError::Refused { status: status.as_u16(), words: answer.error_description })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_its_words_and_an_absent_identity_is_known() {
        let body = br#"{"error":"invalid_request","error_description":"Identity not found"}"#;
        let refused = read(StatusCode::BAD_REQUEST, body).unwrap_err();
        assert!(refused.is_unknown() && refused.to_string() == "Identity not found");
        assert!(!read(StatusCode::BAD_REQUEST, b"<html>").unwrap_err().is_unknown());
        assert!(read(StatusCode::OK, b"{}").is_err());
        let token = read(StatusCode::OK, br#"{"access_token":"t"}"#).unwrap();
        assert_eq!(token.expose(), "t");
    }
}
