//! Requests and answers as plain values, so that a fake is a function from one to the other.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::Value;

/// The largest body that a fake reads.
const MAX_BODY: usize = 64 << 20;

/// The connection ends here without an answer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the fake broke the connection")]
pub struct Broken;

/// What a listener serves: a request in, an answer or a broken connection out.
pub type Handler =
    std::sync::Arc<dyn Fn(Request<Body>) -> BoxFuture<'static, Result<Response<Body>, Broken>> + Send + Sync>;

/// The name that a request is for, without the port: in the address of version 2, in a header of version 1.
#[must_use]
pub fn host_of(request: &Request<Body>) -> String {
    let header = request.headers().get("host").and_then(|h| h.to_str().ok());
    let host = request.uri().host().or(header).unwrap_or_default();
    host.split(':').next().unwrap_or_default().to_lowercase()
}

/// One request, read to its end.
#[derive(Clone, Debug)]
pub struct Call {
    /// The verb.
    pub method: Method,
    /// The `Host` header, without the port.
    pub host: String,
    /// The path as sent, still percent-encoded.
    pub path: String,
    /// The query as sent, without the question mark.
    pub raw_query: String,
    /// The query, decoded, in order.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Call {
    /// Reads a request to its end.
    ///
    /// # Errors
    /// When the client breaks off or the body is too large.
    pub async fn read(request: Request<Body>) -> Result<Self, Broken> {
        let host = host_of(&request);
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, MAX_BODY).await.map_err(|_| Broken)?;
        let raw_query = parts.uri.query().unwrap_or_default().to_owned();
        let query = url::form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect();
        let path = parts.uri.path().to_owned();
        Ok(Self { method: parts.method, host, path, raw_query, query, headers: parts.headers, body })
    }

    /// A query parameter by name, without case.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// The bearer token, when there is one.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization").and_then(|v| v.strip_prefix("Bearer "))
    }

    /// The body as JSON; `None` when it is not.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as a form.
    #[must_use]
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers in order; a name may repeat.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// Status only, with `Content-Length: 0`.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// A JSON body.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::body(status, "application/json; charset=utf-8", body.to_string())
    }

    /// Any body.
    #[must_use]
    pub fn body(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }.header("content-type", content_type)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The answer for the wire. A `HEAD` keeps the headers and loses the body.
    #[must_use]
    pub fn into_response(self, method: &Method) -> Response<Body> {
        let length = self.body.len();
        let body = if method == Method::HEAD { Body::empty() } else { Body::from(self.body) };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().append(name, value);
            }
        }
        if self.status != 204 && !response.headers().contains_key("content-length") {
            response.headers_mut().insert("content-length", HeaderValue::from(length));
        }
        response
    }
}

/// Serves a function of one request to one answer.
pub fn handler(answer: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Handler {
    let answer = std::sync::Arc::new(answer);
    std::sync::Arc::new(move |request| {
        let answer = std::sync::Arc::clone(&answer);
        Box::pin(async move {
            let call = Call::read(request).await?;
            Ok(answer(&call).into_response(&call.method))
        })
    })
}
