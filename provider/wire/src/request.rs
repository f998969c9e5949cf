//! One request, complete: what to send, what to do when it fails, how much to take back.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use mops_core::{Cancel, Secret};
use url::Url;

use crate::origin::{Credential, Origin};
use crate::retry::{Backoff, MAX_TRIES, Retry};

/// What to do with an answer that points elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// It is the answer; the caller decides.
    Return,
    /// GET and HEAD follow up to five, https only; credential and caller's headers of that kind stay
    /// with their origin.
    Follow,
}

/// Judges an answer by more than its status.
pub type IsTransient = fn(http::StatusCode, &HeaderMap, &[u8]) -> bool;

/// A request. The fields are public: make one with [`Request::new`] and change what differs.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The address; https, or http to this machine.
    pub url: Url,
    /// Whether the address may be that of the machine's metadata service; only who asks it on purpose says so, since its
    /// answers are credentials. A redirect never leads there.
    pub metadata_service: bool,
    /// Headers; no `Authorization`: that is [`Request::credential`].
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Sent only when the origin is right.
    pub credential: Option<Credential>,
    /// What may be sent again.
    pub retry: Retry,
    /// Most tries.
    pub tries: u32,
    /// The pauses between tries.
    pub backoff: Backoff,
    /// Codes in a body that ask for another try.
    pub transient: Option<IsTransient>,
    /// Codes in a body that make an answer final although its status asks for another try.
    pub settled: Option<IsTransient>,
    /// What to do with a redirect.
    pub redirects: Redirects,
    /// Longest body of a success; a refusal may always have 64 KiB.
    pub max_body: usize,
    /// Longest time of one try; of a stream, until its headers are there.
    pub attempt: Duration,
    /// Longest time of all tries and pauses.
    pub deadline: Duration,
    /// Most tries a minute that its host gets from here, those of other requests counted too.
    pub a_minute: Option<usize>,
    /// Ends it early.
    pub cancel: Option<Cancel>,
}

impl Request {
    /// A request with the defaults of its method: GET, HEAD, PUT and DELETE may be sent again, GET
    /// and HEAD follow redirects, 16 MiB, 60 s a try, 10 min in all.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        let reads = method == Method::GET || method == Method::HEAD;
        let repeatable = reads || method == Method::PUT || method == Method::DELETE;
        Self {
            method,
            url,
            metadata_service: false,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            credential: None,
            retry: if repeatable { Retry::Idempotent } else { Retry::OnlyIfUnsent },
            tries: MAX_TRIES,
            backoff: Backoff::default(),
            transient: None,
            settled: None,
            redirects: if reads { Redirects::Follow } else { Redirects::Return },
            max_body: 16 << 20,
            attempt: Duration::from_secs(60),
            deadline: Duration::from_secs(600),
            a_minute: None,
            cancel: None,
        }
    }

    /// A GET.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// Sets a header; a value that no header may have is left out, which the service will report.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Sets body and content type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header(http::header::CONTENT_TYPE, content_type)
    }

    /// Sets the credential.
    #[must_use]
    pub fn credential(mut self, credential: Option<Credential>) -> Self {
        self.credential = credential;
        self
    }

    /// Takes an `Authorization` header that another library has set and binds it to the one origin
    /// that it was made for.
    pub fn adopt_authorization(&mut self, origin: Origin) {
        if let Some(value) = self.headers.remove(http::header::AUTHORIZATION)
            && let Ok(text) = value.to_str()
        {
            self.credential = Some(Credential { origin, header: Secret::new(text.to_owned()) });
        }
    }
}
