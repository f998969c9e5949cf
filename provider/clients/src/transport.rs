//! The seam between the Azure crates and our one HTTP pipeline. Guarantees that a token reaches the wire only as
//! a credential bound to one origin, whatever URL a policy or a service named (`tests/arm.rs`).

use std::fmt;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::request::Body;
use azure_core::http::{AsyncRawResponse, HttpClient, Method, Request, StatusCode};
use mops_core::Secret;
use mops_wire::request::IsTransient;
use mops_wire::{Backoff, Credential, Http, Origin, Redirects, Retry, WireError};

/// How requests of one pipeline are sent.
#[derive(Clone)]
pub(crate) struct Adapter {
    /// Where to.
    pub(crate) http: Http,
    /// The one origin that may see the `Authorization` header; without it the header is dropped.
    pub(crate) credential_for: Option<Origin>,
    /// Whether the machine's metadata service may be asked.
    pub(crate) metadata_service: bool,
    /// What may be sent again.
    pub(crate) retry: Retry,
    /// Pauses between tries.
    pub(crate) backoff: Backoff,
    /// Codes in a body that ask for another try.
    pub(crate) transient: Option<IsTransient>,
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapter").field("retry", &self.retry).finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Adapter {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let request = self.translate(request)?;
        let answer = self.http.send(request).await.map_err(wrap)?;
        let mut headers = Headers::new();
        for (name, value) in &answer.headers {
            if let Ok(value) = value.to_str() {
                headers.insert(HeaderName::from(name.as_str().to_owned()), HeaderValue::from(value.to_owned()));
            }
        }
        Ok(AsyncRawResponse::from_bytes(StatusCode::from(answer.status.as_u16()), headers, answer.body))
    }
}

impl Adapter {
    fn translate(&self, request: &Request) -> azure_core::Result<mops_wire::Request> {
        let Body::Bytes(body) = request.body() else {
            return Err(azure_core::Error::with_message(ErrorKind::Other, "a request with a streamed body"));
        };
        let mut wire = mops_wire::Request::new(method(request.method()), request.url().clone());
        for (name, value) in request.headers().iter() {
            match name.as_str() {
                "authorization" => wire.credential = self.credential(value.as_str()),
                // The client's own says which product calls.
                "user-agent" => {}
                name => {
                    let name = http::HeaderName::from_bytes(name.as_bytes());
                    let value = http::HeaderValue::from_str(value.as_str());
                    if let (Ok(name), Ok(value)) = (name, value) {
                        wire.headers.insert(name, value);
                    }
                }
            }
        }
        if body.is_empty() && request.method() == Method::Post {
            wire.headers.insert(http::header::CONTENT_LENGTH, http::HeaderValue::from_static("0"));
        }
        wire.metadata_service = self.metadata_service;
        wire.body = body.clone();
        wire.retry = self.retry;
        wire.backoff = self.backoff;
        wire.transient = self.transient;
        wire.redirects = Redirects::Return;
        Ok(wire)
    }

    fn credential(&self, header: &str) -> Option<Credential> {
        let origin = self.credential_for.clone()?;
        Some(Credential { origin, header: Secret::from(header) })
    }
}

fn method(method: Method) -> http::Method {
    match method {
        Method::Delete => http::Method::DELETE,
        Method::Head => http::Method::HEAD,
        Method::Patch => http::Method::PATCH,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        _ => http::Method::GET,
    }
}

fn wrap(error: WireError) -> azure_core::Error {
    azure_core::Error::new(ErrorKind::Io, error)
}

/// Finds our own error in what a pipeline gives back, however often it was wrapped.
pub(crate) fn find<T: std::error::Error + 'static>(error: azure_core::Error) -> Result<T, azure_core::Error> {
    let mut current = error;
    loop {
        if current.downcast_ref::<T>().is_some() {
            return current.into_downcast::<T>();
        }
        if current.downcast_ref::<azure_core::Error>().is_none() {
            return Err(current);
        }
        current = current.into_downcast::<azure_core::Error>()?;
    }
}
