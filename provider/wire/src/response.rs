//! Answers: whole ones, and streams for watches and logs. `Debug` shows no body.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use http::{Extensions, HeaderMap, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use url::Url;

use crate::error::WireError;
use crate::redact;

/// A whole answer.
#[derive(Clone)]
pub struct Response {
    /// Status; the caller judges it.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, within the limit of the request.
    pub body: Bytes,
    /// Where it came from, after redirects.
    pub url: Url,
    /// When the certificate of that host ends; none without TLS.
    pub certificate_ends: Option<OffsetDateTime>,
}

impl Response {
    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The service's clock.
    #[must_use]
    pub fn date(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(self.header("date")?, &Rfc2822).ok()
    }

    /// The id that the service gave the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.header("x-ms-request-id").or_else(|| self.header("x-ms-correlation-request-id"))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = redact::url(&self.url);
        write!(f, "Response({} from {url}, {} bytes)", self.status, self.body.len())
    }
}

/// An answer whose body is still coming.
pub struct StreamingResponse {
    /// Status; the caller judges it.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Where it comes from, after redirects.
    pub url: Url,
    /// The body.
    pub body: BodyStream,
    /// What the connection left with the answer.
    pub extensions: Extensions,
}

impl fmt::Debug for StreamingResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamingResponse({} from {})", self.status, redact::url(&self.url))
    }
}

/// The pieces of a body; ends with an error when the connection breaks or the run is cancelled.
pub struct BodyStream(pub(crate) Pin<Box<dyn Stream<Item = Result<Bytes, WireError>> + Send>>);

impl Stream for BodyStream {
    type Item = Result<Bytes, WireError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyStream")
    }
}
