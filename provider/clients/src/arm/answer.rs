//! One answer of ARM, reduced to what the client decides by. Its `Debug` shows no body: answers carry
//! passwords and signatures.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use mops_wire::retry::server_pause;
use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::error::RequestIds;

/// A body as far as it could be read.
#[derive(Clone, Default, PartialEq)]
pub enum Body {
    /// No bytes.
    #[default]
    Empty,
    /// JSON.
    Json(Json),
    /// Anything else that is text.
    Text(String),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Json(_) => "Json(..)",
            Self::Text(_) => "Text(..)",
        })
    }
}

/// Status, body and the headers that matter.
#[derive(Clone, Default, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// See [`Body`].
    pub body: Body,
    /// `Azure-AsyncOperation`.
    pub operation: Option<String>,
    /// `Location`.
    pub location: Option<String>,
    /// `Retry-After`, from seconds or a date.
    pub retry_after: Option<Duration>,
    /// `Date`.
    pub date: Option<OffsetDateTime>,
    /// `ETag`.
    pub etag: Option<String>,
    /// `x-ms-error-code`.
    pub error_code: Option<String>,
    /// See [`RequestIds`].
    pub ids: RequestIds,
}

impl Answer {
    /// Builds an answer from status, headers and body.
    #[must_use]
    pub fn read(status: u16, headers: &HeaderMap, body: &[u8], now: OffsetDateTime) -> Self {
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        let text = |name: &str| header(name).map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned);
        Self {
            status,
            body: read_body(body),
            operation: text("azure-asyncoperation"),
            location: text("location"),
            retry_after: server_pause(headers, now),
            date: header("date").and_then(|value| OffsetDateTime::parse(value, &Rfc2822).ok()),
            etag: text("etag"),
            error_code: text("x-ms-error-code"),
            ids: RequestIds {
                request: text("x-ms-request-id"),
                correlation: text("x-ms-correlation-request-id"),
                routing: text("x-ms-routing-request-id"),
            },
        }
    }

    /// The JSON body, if there is one.
    #[must_use]
    pub fn json(&self) -> Option<&Json> {
        match &self.body {
            Body::Json(json) => Some(json),
            _ => None,
        }
    }

    /// Gives up all but the JSON body.
    #[must_use]
    pub fn into_json(self) -> Option<Json> {
        match self.body {
            Body::Json(json) => Some(json),
            _ => None,
        }
    }

    /// `properties.provisioningState`.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.json()?.pointer("/properties/provisioningState")?.as_str()
    }

    /// Whether it is on its way out.
    #[must_use]
    pub fn is_going(&self) -> bool {
        self.state().is_some_and(|state| state.eq_ignore_ascii_case("Deleting"))
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).field("ids", &self.ids).finish_non_exhaustive()
    }
}

fn read_body(bytes: &[u8]) -> Body {
    // Some services send a byte order mark before XML and JSON.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Body::Empty;
    }
    match serde_json::from_slice::<Json>(bytes) {
        Ok(Json::Null) => Body::Empty,
        Ok(json) => Body::Json(json),
        Err(_) => Body::Text(String::from_utf8_lossy(bytes).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_text_or_nothing() {
        assert_eq!(read_body(b" \n"), Body::Empty);
        assert_eq!(read_body(b"\xef\xbb\xbf{\"a\":1}"), Body::Json(serde_json::json!({"a": 1})));
        assert_eq!(read_body(b"<Error/>"), Body::Text("<Error/>".into()));
    }

    #[test]
    fn debug_shows_no_body() {
        let answer = Answer { body: Body::Json(serde_json::json!({"value": "pw-canary"})), ..Answer::default() };
        assert!(!format!("{answer:?}").contains("canary"));
    }
}
