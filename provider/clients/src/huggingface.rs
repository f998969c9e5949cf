//! The Hub of Hugging Face: whose token it is, and what of a model it gets. What the Hub shows of a model proves nothing, so
//! access is asked for by the check for it and by one file.
//!
//! Guarantees that a token goes to the Hub's own origin only, never after a redirect, and that no answer that repeats it is
//! told on (`tests/tokens_check.rs`).

use std::time::Duration;

use http::Method;
use mops_core::Secret;
use mops_wire::{Credential, Http, Origin, Redirects, Request, Response, Url, WireError};
use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Where it is, where nothing else is said.
pub const BASE: &str = "https://huggingface.co";
/// A file that every model of a library has; one that is absent is no refusal.
const FILE: &str = "config.json";
/// Longest time of one question.
const LIMIT: Duration = Duration::from_secs(30);
/// More than any answer of these.
const LONGEST: usize = 1 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// None came.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A refusal.
    #[error("answered {status}")]
    Said {
        /// HTTP.
        status: u16,
        /// The service's code.
        code: Option<String>,
        /// Its sentence, without the token.
        message: String,
    },
    /// A good answer that is not what was asked for.
    #[error("answered {status} with something else")]
    Unreadable {
        /// HTTP.
        status: u16,
        /// A page.
        html: bool,
    },
}

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reads.
    Read,
    /// Writes, too.
    Write,
    /// Chosen rights.
    FineGrained {
        /// Whether gated models are among them.
        gated: bool,
    },
    /// The Hub did not say.
    Unknown,
}

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Name of the user or the organisation.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it ends, if it does.
    pub ends: Option<OffsetDateTime>,
}

/// The Hub.
#[derive(Clone)]
pub struct Hub {
    http: Http,
    base: Url,
}

impl Hub {
    /// At an address; `None` for one that is no base of addresses.
    #[must_use]
    pub fn new(http: Http, base: &str) -> Option<Self> {
        Some(Self { http, base: base_of(base)? })
    }

    /// Its host, with a port that is not the usual one.
    #[must_use]
    pub fn host(&self) -> String {
        Origin::of(&self.base).map(|origin| origin.authority()).unwrap_or_default()
    }

    /// Where it is asked whose a token is.
    #[must_use]
    pub fn whoami_url(&self) -> String {
        format!("{}/api/whoami-v2", self.base.as_str().trim_end_matches('/'))
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn whoami(&self, token: &Secret<String>) -> Result<Person, Refused> {
        let answer = self.send(Method::GET, "api/whoami-v2", Some(token)).await?;
        let json = json_of(&answer)?;
        let Some(name) = json["name"].as_str() else { return Err(unreadable(&answer)) };
        let access = &json["auth"]["accessToken"];
        let role = match access["role"].as_str() {
            Some("read") => Role::Read,
            Some("write" | "god") => Role::Write,
            Some("fineGrained") => {
                Role::FineGrained { gated: access["fineGrained"]["canReadGatedRepos"].as_bool().unwrap_or(false) }
            }
            _ => Role::Unknown,
        };
        // As the Hub's own client in JavaScript reads it: a token of a person has one, that of a sign-in the other.
        let ends = [&access["expiration"], &json["auth"]["expiresAt"]].into_iter().find_map(Json::as_str);
        let ends = ends.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        Ok(Person { name: name.to_owned(), role, ends })
    }

    /// Whether a token, or anybody, gets the files of a model, `ORG/NAME`.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn access(&self, model: &str, token: Option<&Secret<String>>) -> Result<(), Refused> {
        self.send(Method::GET, &format!("api/models/{model}/auth-check"), token).await?;
        match self.send(Method::HEAD, &format!("{model}/resolve/main/{FILE}"), token).await {
            Err(Refused::Said { status: 404, code, .. }) if code.as_deref() == Some("EntryNotFound") => Ok(()),
            // The file is given by another host.
            Err(Refused::Said { status: 301..=308, .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    async fn send(&self, method: Method, path: &str, token: Option<&Secret<String>>) -> Result<Response, Refused> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        let credential = Origin::of(&url).and_then(|origin| Some(Credential::bearer(origin, token?)));
        judged(&self.http, Request::new(method, url).credential(credential), token).await
    }
}

/// An address that paths can be put behind.
pub(crate) fn base_of(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    (plain && mops_wire::origin::check_scheme(&url).is_ok() && Origin::of(&url).is_some()).then_some(url)
}

/// Sends within our limits; any answer but a good one is a refusal.
pub(crate) async fn judged(http: &Http, request: Request, key: Option<&Secret<String>>) -> Result<Response, Refused> {
    let request = Request { redirects: Redirects::Return, deadline: LIMIT, tries: 2, max_body: LONGEST, ..request };
    let answer = http.send(request).await?;
    if answer.status.is_success() {
        return Ok(answer);
    }
    let json: Option<Json> = serde_json::from_slice(&answer.body).ok();
    let sentence = json.as_ref().and_then(|json| json["error"].as_str().map(str::to_owned));
    let message = answer.header("x-error-message").map(str::to_owned).or(sentence).unwrap_or_default();
    let message = match key {
        Some(key) if !key.expose().is_empty() => message.replace(key.expose().as_str(), "****"),
        _ => message,
    };
    let code = answer.header("x-error-code").map(str::to_owned);
    Err(Refused::Said { status: answer.status.as_u16(), code, message })
}

pub(crate) fn json_of(answer: &Response) -> Result<Json, Refused> {
    serde_json::from_slice(&answer.body).map_err(|_| unreadable(answer))
}

pub(crate) fn unreadable(answer: &Response) -> Refused {
    let html = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    Refused::Unreadable { status: answer.status.as_u16(), html }
}
