//! Blobs of one account by SAS: what a worker can do with the connection string that it has.
//!
//! Guarantees: an account key in a connection string is refused before anything is sent, and no error
//! holds the signature (`tests`).

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use mops_core::{Cancel, Class, Secret};
use url::Url;

use crate::error::WireError;
use crate::pipeline::Http;
use crate::request::{Redirects, Request};

/// The service version that we speak.
const VERSION: &str = crate::sas::VERSION;
/// Longest list page that is read.
const MAX_LIST: usize = 8 << 20;

/// Limits of each request.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Longest time with all tries.
    pub deadline: Duration,
    /// Most tries on 429, 5xx and broken connections; never on 401, 403 and 404.
    pub tries: u32,
    /// Ends requests early.
    pub cancel: Option<Cancel>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(60), tries: 3, cancel: None }
    }
}

/// Why a blob operation has no result.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The connection string cannot be used.
    #[error("the connection string cannot be used: {0}")]
    Connection(&'static str),
    /// No answer.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The service said no.
    #[error("blob storage `{host}` answered {}{}", answer.status, answer.code.as_ref().map_or(String::new(), |c| format!(" ({c})")))]
    Refused {
        /// Host.
        host: String,
        /// What it said.
        answer: Box<Answer>,
    },
}

impl BlobError {
    /// See [`Class`].
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Connection(_) => Class::User,
            Self::Wire(wire) => wire.class(),
            Self::Refused { answer, .. } => match answer.status.as_u16() {
                401 | 403 => Class::Auth,
                404 => Class::NotFound,
                409 | 412 => Class::Conflict,
                429 => Class::Throttled(None),
                500.. => Class::Transient,
                _ => Class::User,
            },
        }
    }
}

/// The outcome of an operation, as far as it may be shown.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// `x-ms-error-code`, else the code in the XML body.
    pub code: Option<String>,
    /// The service's clock.
    pub date: Option<String>,
    /// The id that the service gave the request.
    pub request_id: Option<String>,
    /// The body of a success; empty otherwise.
    pub body: Bytes,
}

/// A blob endpoint and the signature that opens it.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
    endpoint: Url,
    sas: Secret<String>,
    limits: Limits,
}

impl Client {
    /// From `BlobEndpoint=…;SharedAccessSignature=…`.
    ///
    /// # Errors
    /// When a part is missing, or when it holds an account key, which we do not use.
    pub fn from_connection_string(http: Http, text: &Secret<String>, limits: Limits) -> Result<Self, BlobError> {
        let part = |name: &str| {
            let mut parts = text.expose().split(';').filter_map(|p| p.split_once('='));
            parts.find(|(n, _)| n.trim().eq_ignore_ascii_case(name)).map(|(_, v)| v.trim()).filter(|v| !v.is_empty())
        };
        if part("AccountKey").is_some() {
            return Err(BlobError::Connection("it holds an account key; a SAS is expected"));
        }
        let endpoint = part("BlobEndpoint").ok_or(BlobError::Connection("`BlobEndpoint` is missing"))?;
        let endpoint = Url::parse(endpoint).map_err(|_| BlobError::Connection("`BlobEndpoint` is not an address"))?;
        crate::origin::check_scheme(&endpoint).map_err(BlobError::Connection)?;
        let sas = part("SharedAccessSignature");
        let sas = sas.ok_or(BlobError::Connection("`SharedAccessSignature` is missing"))?;
        Ok(Self { http, endpoint, sas: Secret::from(sas.trim_start_matches('?')), limits })
    }

    /// Host of the endpoint.
    #[must_use]
    pub fn host(&self) -> &str {
        self.endpoint.host_str().unwrap_or_default()
    }

    /// The signature, to describe it.
    #[must_use]
    pub const fn sas(&self) -> &Secret<String> {
        &self.sas
    }

    /// Lists at most `max` blobs of a container; the body is the service's XML.
    ///
    /// # Errors
    /// With status and code.
    pub async fn list(&self, container: &str, max: u32) -> Result<Answer, BlobError> {
        let query = format!("restype=container&comp=list&maxresults={max}");
        self.call(Method::GET, &[container], &query, Bytes::new()).await
    }

    /// Reads a blob of at most 8 MiB.
    ///
    /// # Errors
    /// With status and code.
    pub async fn get(&self, container: &str, name: &str) -> Result<Answer, BlobError> {
        self.call(Method::GET, &[container, name], "", Bytes::new()).await
    }

    /// Writes a block blob.
    ///
    /// # Errors
    /// With status and code.
    pub async fn put(&self, container: &str, name: &str, bytes: Bytes) -> Result<Answer, BlobError> {
        self.call(Method::PUT, &[container, name], "", bytes).await
    }

    /// Deletes a blob.
    ///
    /// # Errors
    /// With status and code.
    pub async fn delete(&self, container: &str, name: &str) -> Result<Answer, BlobError> {
        self.call(Method::DELETE, &[container, name], "", Bytes::new()).await
    }

    async fn call(&self, method: Method, path: &[&str], query: &str, body: Bytes) -> Result<Answer, BlobError> {
        let mut url = self.endpoint.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.iter().flat_map(|part| part.split('/')));
        }
        let joined =
            if query.is_empty() { self.sas.clone() } else { Secret::new(format!("{query}&{}", self.sas.expose())) };
        url.set_query(Some(joined.expose()));
        let mut request = Request::new(method.clone(), url);
        // A redirect would carry the signature elsewhere.
        request.redirects = Redirects::Return;
        request.max_body = MAX_LIST;
        request.deadline = self.limits.deadline;
        request.attempt = self.limits.deadline;
        request.tries = self.limits.tries;
        request.cancel.clone_from(&self.limits.cancel);
        set(&mut request.headers, "x-ms-version", VERSION);
        if method == Method::PUT {
            set(&mut request.headers, "x-ms-blob-type", "BlockBlob");
            request = request.body("application/octet-stream", body);
        }
        let answer = self.http.send(request).await?;
        let header = |name: &str| answer.header(name).map(str::to_owned);
        let seen = Answer {
            status: answer.status,
            code: header("x-ms-error-code").or_else(|| xml_code(&answer.body)),
            date: header("date"),
            request_id: header("x-ms-request-id"),
            body: if answer.status.is_success() { answer.body.clone() } else { Bytes::new() },
        };
        if answer.status.is_success() {
            return Ok(seen);
        }
        Err(BlobError::Refused { host: self.host().to_owned(), answer: Box::new(seen) })
    }
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &'static str) {
    headers.insert(name, http::HeaderValue::from_static(value));
}

/// The text of `<Code>` in an error body.
fn xml_code(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let rest = &text[text.find("<Code>")? + 6..];
    let code = &rest[..rest.find("</Code>")?];
    (code.len() <= 64 && code.chars().all(|c| c.is_ascii_alphanumeric())).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::HttpConfig;

    fn client(text: &str) -> Result<Client, BlobError> {
        let http = Http::new(HttpConfig::new()).unwrap();
        Client::from_connection_string(http, &Secret::from(text), Limits::default())
    }

    #[test]
    fn only_a_sas_over_https_is_taken() {
        let good =
            client("BlobEndpoint=https://a.blob.core.windows.net/;SharedAccessSignature=sv=1&sig=canary%3D").unwrap();
        assert_eq!((good.host(), good.sas().expose().as_str()), ("a.blob.core.windows.net", "sv=1&sig=canary%3D"));
        assert!(!format!("{good:?}").contains("canary"));
        for bad in [
            "",
            "BlobEndpoint=https://a/",
            "SharedAccessSignature=sig=1",
            "BlobEndpoint=http://a/;SharedAccessSignature=sig=1",
            "BlobEndpoint=nonsense;SharedAccessSignature=sig=1",
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=canary==;BlobEndpoint=https://a/;SharedAccessSignature=s",
        ] {
            let error = client(bad).unwrap_err();
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn code_of_an_xml_body() {
        let body = b"\xef\xbb\xbf<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code></Error>";
        assert_eq!(xml_code(body).as_deref(), Some("AuthenticationFailed"));
        assert_eq!(xml_code(b"<Code>a b</Code>"), None);
        assert_eq!(xml_code(b"<Code>"), None);
    }
}
