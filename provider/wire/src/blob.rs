//! Blobs by shared access signature: list, read, write, delete.
//!
//! Guarantees that the signature goes to the endpoint's own host only and appears in no error: it
//! travels in the query, no redirect is followed, and errors name container and blob (`tests`).

use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderName;
use http::{Method, StatusCode};
use mops_core::{Cancel, Class, Error, Secret};
use url::Url;

use crate::error::WireError;
use crate::pipeline::Http;
use crate::request::{Redirects, Request};
use crate::response::Response;

mod delegation;

pub use delegation::{DelegationKey, delegation_key};

const SERVICE_VERSION: &str = crate::sas::DEFAULT_VERSION;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// No answer.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The service answered no.
    #[error("{0}")]
    Refused(Box<BlobRefusal>),
    /// The endpoint or the signature cannot make an address.
    #[error("{0}")]
    Address(&'static str),
    /// A success without something that it always has.
    #[error("the answer of the blob service has no `{0}` that can be read")]
    Unreadable(&'static str),
}

/// An answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRefusal {
    /// What was asked, for example `list`.
    pub operation: &'static str,
    /// `CONTAINER` or `CONTAINER/BLOB`.
    pub target: String,
    /// The endpoint's host.
    pub host: String,
    /// HTTP status.
    pub status: u16,
    /// For example `AuthenticationFailed`; from the header, else from the body.
    pub code: Option<String>,
    /// `AuthenticationErrorDetail`, at most 300 characters: which part of the signature was refused.
    pub detail: Option<String>,
    /// The id that the service gave the request.
    pub request_id: Option<String>,
    /// The service's clock, as it stands in the answer.
    pub date: Option<String>,
    /// The pause that was asked for.
    pub retry_after: Option<Duration>,
}

impl std::fmt::Display for BlobRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.code.as_deref().unwrap_or("without a code");
        write!(f, "`{}` answered {} {code} to {} `{}`", self.host, self.status, self.operation, self.target)
    }
}

impl BlobError {
    /// Decides what follows; see [`Class`].
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Wire(error) => error.class(),
            Self::Address(_) => Class::User,
            Self::Unreadable(_) => Class::Bug,
            Self::Refused(refusal) => match refusal.status {
                401 | 403 => Class::Auth,
                404 => Class::NotFound,
                409 | 412 => Class::Conflict,
                429 => Class::Throttled(refusal.retry_after),
                408 | 500..=599 => Class::Transient,
                _ => Class::User,
            },
        }
    }

    /// The answer, when there was one.
    #[must_use]
    pub fn refusal(&self) -> Option<&BlobRefusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Wire(error) => error.into(),
            other => {
                let mut plain = Self::new(other.class(), other.to_string());
                if let Some(id) = other.refusal().and_then(|refusal| refusal.request_id.as_deref()) {
                    plain = plain.note(format!("request {id}"));
                }
                plain.caused_by(other)
            }
        }
    }
}

/// An answer that is a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The service's clock, as it stands in the answer.
    pub date: Option<String>,
    /// The id that the service gave the request.
    pub request_id: Option<String>,
    /// The body: of a blob, or the list as XML.
    pub body: Bytes,
}

impl Answer {
    /// The blobs of a list, unescaped.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.body);
        let names = text.split("<Name>").skip(1).filter_map(|rest| rest.split_once("</Name>"));
        names.map(|(name, _)| unescape(name)).collect()
    }
}

/// An account's blobs and a signature for them.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
    endpoint: Url,
    sas: Secret<String>,
    deadline: Duration,
    tries: u32,
    cancel: Option<Cancel>,
}

impl Client {
    /// A client for a blob endpoint, for example `https://NAME.blob.core.windows.net/`.
    ///
    /// # Errors
    /// When endpoint or signature cannot stand in an address.
    pub fn new(http: Http, endpoint: Url, sas: &Secret<String>) -> Result<Self, BlobError> {
        crate::origin::check_scheme(&endpoint).map_err(BlobError::Address)?;
        let sas = Secret::from(sas.expose().trim().trim_start_matches('?'));
        if !sas.expose().bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
            return Err(BlobError::Address("the signature has characters that no address has"));
        }
        Ok(Self { http, endpoint, sas, deadline: Duration::from_secs(60), tries: 4, cancel: None })
    }

    /// Another limit for each request and its repetitions, and for their number.
    #[must_use]
    pub fn with_limits(self, deadline: Duration, tries: u32) -> Self {
        Self { deadline, tries, ..self }
    }

    /// Ends requests when the run is cancelled.
    #[must_use]
    pub fn with_cancel(self, cancel: &Cancel) -> Self {
        Self { cancel: Some(cancel.clone()), ..self }
    }

    /// Lists at most `limit` blobs of a container.
    ///
    /// # Errors
    /// See [`BlobError`].
    pub async fn list(&self, container: &str, limit: u16) -> Result<Answer, BlobError> {
        let query = format!("restype=container&comp=list&maxresults={limit}");
        let request = Request::get(self.url(&[container], &query)?);
        self.send(request, "list", container.to_owned(), &[StatusCode::OK]).await
    }

    /// Reads a blob of at most `limit` bytes.
    ///
    /// # Errors
    /// See [`BlobError`].
    pub async fn get(&self, container: &str, blob: &str, limit: usize) -> Result<Answer, BlobError> {
        let mut request = Request::get(self.url(&path(container, blob), "")?);
        request.max_body = limit;
        self.send(request, "read", format!("{container}/{blob}"), &[StatusCode::OK]).await
    }

    /// Whether a blob can be read, without reading it. A refusal has its code in a header, and no words.
    ///
    /// # Errors
    /// See [`BlobError`].
    pub async fn head(&self, container: &str, blob: &str) -> Result<Answer, BlobError> {
        let request = Request::new(Method::HEAD, self.url(&path(container, blob), "")?);
        self.send(request, "read", format!("{container}/{blob}"), &[StatusCode::OK]).await
    }

    /// Writes a block blob.
    ///
    /// # Errors
    /// See [`BlobError`].
    pub async fn put(&self, container: &str, blob: &str, bytes: Bytes) -> Result<Answer, BlobError> {
        let request = Request::new(Method::PUT, self.url(&path(container, blob), "")?)
            .body("application/octet-stream", bytes)
            .header(HeaderName::from_static("x-ms-blob-type"), "BlockBlob");
        self.send(request, "write", format!("{container}/{blob}"), &[StatusCode::CREATED]).await
    }

    /// Deletes a blob.
    ///
    /// # Errors
    /// See [`BlobError`]; absent is one, with status 404.
    pub async fn delete(&self, container: &str, blob: &str) -> Result<Answer, BlobError> {
        let request = Request::new(Method::DELETE, self.url(&path(container, blob), "")?);
        self.send(request, "delete", format!("{container}/{blob}"), &[StatusCode::ACCEPTED]).await
    }

    async fn send(
        &self,
        mut request: Request,
        operation: &'static str,
        target: String,
        good: &[StatusCode],
    ) -> Result<Answer, BlobError> {
        request = version_header(request);
        // The signature is in the address: whoever we were sent to would have it.
        request.redirects = Redirects::Return;
        request.deadline = self.deadline;
        request.attempt = request.attempt.min(self.deadline);
        request.tries = self.tries;
        request.cancel.clone_from(&self.cancel);
        let response = self.http.send(request).await?;
        if !good.contains(&response.status) {
            let mut refusal = refusal(&self.http, &self.endpoint, (operation, target), &response);
            refusal.detail = refusal.detail.filter(|text| !self.quotes_signature(text)).map(|text| shortened(&text));
            return Err(BlobError::Refused(Box::new(refusal)));
        }
        let (status, date) = (response.status.as_u16(), response.header("date").map(str::to_owned));
        let request_id = response.request_id().map(str::to_owned);
        Ok(Answer { status, date, request_id, body: response.body })
    }

    /// Whether a text repeats our signature, encoded or not.
    fn quotes_signature(&self, text: &str) -> bool {
        let encoded = self.sas.expose().split('&').find_map(|pair| pair.strip_prefix("sig=")).unwrap_or_default();
        let plain = percent_encoding::percent_decode_str(encoded).decode_utf8_lossy();
        !encoded.is_empty() && (text.contains(encoded) || text.contains(plain.as_ref()))
    }

    fn url(&self, segments: &[&str], query: &str) -> Result<Url, BlobError> {
        let odd = |segment: &&str| segment.is_empty() || *segment == "." || *segment == "..";
        if segments.iter().any(odd) {
            return Err(BlobError::Address("a container or blob name has an empty or a dotted part"));
        }
        let mut url = self.endpoint.clone();
        let path = url.path_segments_mut();
        path.map_err(|()| BlobError::Address("the blob endpoint is no address"))?.pop_if_empty().extend(segments);
        let separator = if query.is_empty() { "" } else { "&" };
        url.set_query(Some(&format!("{query}{separator}{}", self.sas.expose())));
        Ok(url)
    }
}

fn version_header(request: Request) -> Request {
    request.header(HeaderName::from_static("x-ms-version"), SERVICE_VERSION)
}

/// What a refusal says.
fn refusal(
    http: &Http,
    endpoint: &Url,
    (operation, target): (&'static str, String),
    response: &Response,
) -> BlobRefusal {
    let body = String::from_utf8_lossy(&response.body);
    let code = response.header("x-ms-error-code").map(str::to_owned).or_else(|| element(&body, "Code"));
    // Cut only after it was looked at as a whole: a part of a signature is not known as one.
    let detail = element(&body, "AuthenticationErrorDetail");
    BlobRefusal {
        operation,
        target,
        host: endpoint.host_str().unwrap_or_default().to_owned(),
        status: response.status.as_u16(),
        code: code.filter(|code| code.len() <= 100 && code.bytes().all(|b| b.is_ascii_alphanumeric())),
        detail,
        request_id: response.request_id().map(str::to_owned),
        date: response.header("date").map(str::to_owned),
        retry_after: crate::retry::server_pause(&response.headers, http.clock().now()),
    }
}

/// At most 300 characters on one line.
fn shortened(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

fn path<'a>(container: &'a str, blob: &'a str) -> Vec<&'a str> {
    std::iter::once(container).chain(blob.split('/')).collect()
}

/// The text of the first element of a name; the service's answers are flat and have no attributes here.
fn element(body: &str, name: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| unescape(text))
}

fn unescape(text: &str) -> String {
    let replaced = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    replaced.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::HttpConfig;

    fn client(endpoint: &str, sas: &str) -> Result<Client, BlobError> {
        let http = Http::new(HttpConfig::new()).unwrap();
        Client::new(http, Url::parse(endpoint).unwrap(), &Secret::from(sas))
    }

    #[test]
    fn addresses_are_encoded_and_the_signature_stays_as_it_is() {
        let client = client("https://a.blob.core.windows.net", "?sv=1&sig=a%2Bb%3D").unwrap();
        let url = client.url(&path("data", "a folder/grün?.txt"), "").unwrap();
        assert_eq!(url.path(), "/data/a%20folder/gr%C3%BCn%3F.txt");
        assert_eq!(url.query(), Some("sv=1&sig=a%2Bb%3D"));
        assert!(client.url(&path("data", "../x"), "").is_err());
        assert!(client.quotes_signature("signature a+b= is bad") && !client.quotes_signature("fine"));
        assert!(!format!("{client:?}").contains("a%2Bb"));
    }

    #[test]
    fn odd_endpoints_and_signatures_are_refused() {
        for (endpoint, sas) in [("http://a.b/", "sv=1"), ("https://u@a.b/", "sv=1"), ("https://a.b/", "sv=1#x\n")] {
            assert!(matches!(client(endpoint, sas), Err(BlobError::Address(_))), "{endpoint} {sas}");
        }
    }

    #[test]
    fn names_and_codes_are_read_from_xml() {
        let body = "<EnumerationResults><Blobs><Blob><Name>a&amp;b</Name></Blob><Blob><Name>c</Name></Blob></Blobs>";
        let answer = Answer { status: 200, date: None, request_id: None, body: body.into() };
        assert_eq!(answer.names(), ["a&b", "c"]);
        let error = "<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code><Message>m</Message></Error>";
        assert_eq!(element(error, "Code").as_deref(), Some("AuthenticationFailed"));
        assert_eq!(element(error, "AuthenticationErrorDetail"), None);
    }
}
