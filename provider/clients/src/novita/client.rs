//! Requests to Novita: one key, one host, one bucket of a hundred tries a minute, and a breaker.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderName, Method};
use mops_core::{Cancel, Secret};
use mops_host::SharedClock;
use mops_wire::registry::is_page;
use mops_wire::retry::{Backoff, server_pause};
use mops_wire::{Credential, Http, Redirects, Request, Response, Url};
use serde_json::Value as Json;

use super::base::Base;
use super::breaker::Breaker;
use super::error::{NovitaError, Refusal, Subject};
use super::quote;

/// Longest time of one try.
const TRY: Duration = Duration::from_secs(30);
/// Longest time of all tries of a request, pauses and turns in the bucket among them.
const WHOLE: Duration = Duration::from_secs(300);
/// A read is tried once, and three times more.
const TRIES: u32 = 4;
/// The pauses between tries.
const PAUSES: Backoff = Backoff { first: Duration::from_secs(1), floor: Duration::ZERO, cap: Duration::from_secs(30) };
/// Most tries a minute.
const A_MINUTE: usize = 100;
/// The header by which a request is known in logs of both sides.
const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

/// The API with a key; clones share the breaker.
#[derive(Clone)]
pub struct Novita {
    http: Http,
    base: Base,
    key: Secret<String>,
    clock: SharedClock,
    cancel: Cancel,
    breaker: Arc<Mutex<Breaker>>,
}

impl std::fmt::Debug for Novita {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Novita").field("base", &self.base).finish_non_exhaustive()
    }
}

/// What is sent.
pub(super) struct Call<'a> {
    /// What it is about.
    pub(super) subject: Subject,
    /// Below the base.
    pub(super) path: &'a str,
    /// Of the address.
    pub(super) query: &'a [(&'a str, &'a str)],
    /// A body makes it a POST.
    pub(super) body: Option<&'a Json>,
    /// What of the body is shown to nobody.
    pub(super) secrets: &'a [&'a Secret<String>],
}

impl Novita {
    /// By this way, at this address, with this key.
    #[must_use]
    pub fn new(http: Http, base: Base, key: Secret<String>) -> Self {
        let clock = http.config().clock.clone();
        Self { http, base, key, clock, cancel: Cancel::new(), breaker: Arc::new(Mutex::new(Breaker::Closed(0))) }
    }

    /// The same; a run that is interrupted ends its requests.
    #[must_use]
    pub fn with_cancel(self, cancel: &Cancel) -> Self {
        Self { cancel: cancel.clone(), ..self }
    }

    /// Where it is.
    #[must_use]
    pub const fn base(&self) -> &Base {
        &self.base
    }

    /// Waits on its clock.
    pub(super) async fn pause(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    /// What an answer looks like, without secrets.
    pub(super) fn quoted(&self, answer: &Response) -> String {
        quote::body(answer, &[&self.key])
    }

    /// Sends a request and takes a success, whatever is in it; one that says `success: false` is none.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Response, NovitaError> {
        self.breaker().admit(self.clock.monotonic()).map_err(NovitaError::BreakerOpen)?;
        let request = self.request(&call);
        let secrets: Vec<&Secret<String>> = call.secrets.iter().copied().chain([&self.key]).collect();
        let result = match self.http.send(request).await {
            Ok(answer) => judged(call.subject, answer, &secrets, self.clock.now()),
            Err(error) => Err(error.into()),
        };
        let failed = result.as_ref().is_err_and(NovitaError::is_outage);
        self.breaker().heard(self.clock.monotonic(), failed);
        result
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self, call: &Call<'_>) -> Request {
        let mut url: Url = self.base.join(call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let method = if call.body.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::new(method, url);
        if let Some(body) = call.body {
            request = request.body("application/json", body.to_string());
        }
        let correlation = uuid::Uuid::new_v4().to_string();
        tracing::debug!(correlation, path = call.path, "request to Novita");
        request = request.header(http::header::ACCEPT, "application/json").header(CORRELATION, &correlation);
        request.credential = self.base.origin().map(|origin| Credential::bearer(origin, &self.key));
        request.redirects = Redirects::Return;
        request.tries = TRIES;
        request.backoff = PAUSES;
        request.attempt = TRY;
        request.deadline = WHOLE;
        request.a_minute = Some(A_MINUTE);
        request.cancel = Some(self.cancel.clone());
        request
    }
}

fn judged(
    subject: Subject,
    answer: Response,
    secrets: &[&Secret<String>],
    now: time::OffsetDateTime,
) -> Result<Response, NovitaError> {
    let json: Option<Json> = serde_json::from_slice(&answer.body).ok();
    let refuses = json.as_ref().is_some_and(|json| json["success"] == false);
    if answer.status.is_success() && !refuses {
        return Ok(answer);
    }
    let code = json.as_ref().and_then(code).filter(|code| is_code(code));
    let said = json.as_ref().and_then(message).map(|text| quote::words(text, secrets));
    let told = said.is_some() || answer.body.is_empty();
    Err(NovitaError::Refused(Box::new(Refusal {
        subject,
        status: answer.status.as_u16(),
        code,
        words: said.unwrap_or_default(),
        body: (!told || refuses).then(|| quote::body(&answer, secrets)),
        page: is_page(&answer),
        pause: server_pause(&answer.headers, now),
    })))
}

/// The service's own word for a refusal; a number is the status again.
fn code(json: &Json) -> Option<String> {
    let members = ["reason", "code", "error_code", "errorCode"];
    members.into_iter().filter_map(|name| json[name].as_str()).map(str::to_owned).next()
}

fn message(json: &Json) -> Option<&str> {
    let members = ["message", "msg", "error", "reason"];
    members.into_iter().find_map(|name| json[name].as_str()).or_else(|| json["error"]["message"].as_str())
}

fn is_code(code: &str) -> bool {
    (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
