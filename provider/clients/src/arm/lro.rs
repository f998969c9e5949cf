//! Long-running operations as a pure machine: answers in, the next step out. Guarantees the rules by which ARM
//! operations are followed: an unknown word means running, a new URL replaces the old one, only the configured
//! host is polled, a lost poll URL falls back to the resource itself. `tests/arm.rs` has one row a rule.

use std::fmt;
use std::time::Duration;

use mops_core::Secret;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use url::Url;

use super::answer::{Answer, Body};
use super::error::ArmError;
use crate::error::ClientError;

/// The method that started the operation: it decides what is read at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// Create or replace.
    Put,
    /// Change.
    Patch,
    /// Action.
    Post,
    /// Remove.
    Delete,
}

/// What the next GET looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Phase {
    /// The URL of `Azure-AsyncOperation`.
    Operation,
    /// The URL of `Location`.
    Location,
    /// The resource itself until its state is final.
    Resource,
    /// The resource itself until it is gone.
    Absent,
    /// The `Location` of an action whose operation has succeeded.
    Result,
}

/// An operation under way.
#[derive(Clone, PartialEq, Eq)]
pub struct Lro {
    verb: Verb,
    phase: Phase,
    url: Url,
    resource: Url,
    location: Option<Url>,
    endpoint: Url,
    delay: Duration,
    text: String,
    answered: bool,
    missing: u8,
    broken: u8,
}

/// What the journal keeps of one.
#[derive(Serialize, Deserialize)]
struct Token {
    verb: Verb,
    phase: Phase,
    url: String,
    resource: String,
    location: Option<String>,
}

/// What follows an answer.
#[derive(Debug)]
pub enum Step {
    /// Finished; the body of the result, if it has one.
    Done(Option<Json>),
    /// Wait [`Lro::delay`], GET [`Lro::url`], hand the answer to [`Lro::answered`].
    Poll(Box<Lro>),
}

const DEFAULT_DELAY: Duration = Duration::from_secs(10);
const FLOOR: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(60);
/// Answers of 404 in a row that a fresh poll URL or a fresh resource may give.
const MISSING_LIMIT: u8 = 5;
/// Broken connections, or answers of 5xx, in a row.
const BROKEN_LIMIT: u8 = 3;

impl Lro {
    fn new(endpoint: &Url, verb: Verb, request: &Url, answer: &Answer) -> Self {
        Self {
            verb,
            phase: Phase::Resource,
            url: request.clone(),
            resource: request.clone(),
            location: None,
            endpoint: endpoint.clone(),
            delay: pace(answer.retry_after),
            text: answer.state().unwrap_or("accepted").to_owned(),
            answered: false,
            missing: 0,
            broken: 0,
        }
    }

    /// Waits for a resource to be gone that somebody is removing already.
    #[must_use]
    pub fn watch_gone(endpoint: &Url, request: &Url) -> Step {
        let lro = Self::new(endpoint, Verb::Delete, request, &Answer::default());
        Self { phase: Phase::Absent, delay: Duration::ZERO, text: "Deleting".to_owned(), ..lro }.poll()
    }

    /// Judges the answer of a plain GET: done unless its state says that something is under way.
    #[must_use]
    pub fn watch(endpoint: &Url, request: &Url, answer: Answer) -> Step {
        match answer.state().map(End::of) {
            Some(None) if answer.is_going() => Self::watch_gone(endpoint, request),
            Some(None) => Self { answered: true, ..Self::new(endpoint, Verb::Put, request, &answer) }.poll(),
            _ => Step::Done(answer.into_json()),
        }
    }

    /// Judges the first answer of a request.
    ///
    /// # Errors
    /// When the status is none that starts an operation, or a header names a foreign host.
    pub fn start(endpoint: &Url, verb: Verb, request: &Url, answer: Answer) -> Result<Step, ClientError> {
        if !matches!(answer.status, 200 | 201 | 202 | 204) {
            return Err(ArmError::of(&answer).into());
        }
        let mut lro = Self::new(endpoint, verb, request, &answer);
        lro.location = lro.location_of(&answer)?;
        if let Some(url) = &answer.operation {
            lro.url = lro.resolve(url)?;
            lro.phase = Phase::Operation;
            return Ok(lro.poll());
        }
        if let Some(url) = lro.location.clone() {
            lro.url = url;
            lro.phase = Phase::Location;
            return Ok(lro.poll());
        }
        match verb {
            Verb::Delete if answer.status == 204 => Ok(Step::Done(None)),
            Verb::Delete => {
                lro.delay = if answer.status == 202 { lro.delay } else { Duration::ZERO };
                lro.phase = Phase::Absent;
                Ok(lro.poll())
            }
            Verb::Post => Ok(Step::Done(answer.into_json())),
            Verb::Put | Verb::Patch => lro.by_state(answer),
        }
    }

    /// Judges the answer of a poll.
    ///
    /// # Errors
    /// When the operation failed, or polling it did for good.
    pub fn answered(mut self, answer: Answer) -> Result<Step, ClientError> {
        if matches!(answer.status, 408 | 429) || answer.status >= 500 {
            self.broken += 1;
            self.delay = pace(answer.retry_after);
            if self.broken > BROKEN_LIMIT {
                return Err(ArmError::of(&answer).into());
            }
            return Ok(self.poll());
        }
        self.broken = 0;
        self.delay = pace(answer.retry_after);
        if matches!(answer.status, 404 | 410) {
            return self.not_found(&answer);
        }
        if !(200..300).contains(&answer.status) {
            return Err(ArmError::of(&answer).into());
        }
        self.answered = true;
        self.missing = 0;
        match self.phase {
            Phase::Operation => self.operation(answer),
            Phase::Location => self.at_location(answer),
            Phase::Resource => self.by_state(answer),
            Phase::Absent => Ok(self.poll()),
            Phase::Result if answer.status == 202 => Ok(self.poll()),
            Phase::Result => Ok(Step::Done(answer.into_json())),
        }
    }

    /// Counts a connection that broke; three in a row are borne.
    #[must_use]
    pub fn broke(mut self) -> Option<Self> {
        self.broken += 1;
        self.delay = DEFAULT_DELAY;
        (self.broken <= BROKEN_LIMIT).then_some(self)
    }

    /// `status` of an operation: every word but the final ones means running.
    fn operation(mut self, answer: Answer) -> Result<Step, ClientError> {
        self.follow(&answer)?;
        let status = match &answer.body {
            Body::Json(json) => json.get("status").and_then(Json::as_str).unwrap_or_default().to_owned(),
            Body::Empty if answer.status == 204 => "Succeeded".to_owned(),
            _ => String::new(),
        };
        match End::of(&status) {
            Some(End::Succeeded) => Ok(self.succeeded(answer)),
            Some(End::Failed) => Err(ArmError::of_operation(&answer, &status).into()),
            None => {
                self.text = if status.is_empty() { "running".to_owned() } else { status };
                Ok(self.poll())
            }
        }
    }

    /// What the finished operation leaves to be read. Recorded: a final `Succeeded` with the error
    /// `NotLatestOperation`; the resource says what is true.
    fn succeeded(mut self, answer: Answer) -> Step {
        self.delay = Duration::ZERO;
        match (self.verb, self.location.clone()) {
            (Verb::Delete, _) => Step::Done(None),
            (Verb::Put | Verb::Patch, _) => {
                (self.phase, self.url) = (Phase::Resource, self.resource.clone());
                self.poll()
            }
            (Verb::Post, Some(url)) => {
                (self.phase, self.url) = (Phase::Result, url);
                self.poll()
            }
            (Verb::Post, None) => Step::Done(answer.json().and_then(|j| j.get("properties")).cloned()),
        }
    }

    fn at_location(mut self, answer: Answer) -> Result<Step, ClientError> {
        self.follow(&answer)?;
        if answer.status == 202 {
            return Ok(self.poll());
        }
        let status = answer.json().and_then(|j| j.get("status")).and_then(Json::as_str);
        let state = answer.state().or(status).unwrap_or("Succeeded").to_owned();
        if let Some(End::Failed) = End::of(&state) {
            return Err(ArmError::of_operation(&answer, &state).into());
        }
        match self.verb {
            Verb::Delete => Ok(Step::Done(None)),
            Verb::Post => Ok(Step::Done(answer.into_json())),
            Verb::Put | Verb::Patch if answer.json().is_some_and(is_resource) => self.by_state(answer),
            Verb::Put | Verb::Patch => {
                (self.phase, self.url, self.delay) = (Phase::Resource, self.resource.clone(), Duration::ZERO);
                Ok(self.poll())
            }
        }
    }

    /// Goes by `properties.provisioningState`: absent, a 200 is done and a 201 or 202 is looked at again.
    fn by_state(mut self, answer: Answer) -> Result<Step, ClientError> {
        let state = answer.state().map(str::to_owned);
        match (state.as_deref().map(End::of), answer.status) {
            (Some(Some(End::Failed)), _) => {
                let state = state.unwrap_or_default();
                Err(ArmError::of_operation(&answer, &state).into())
            }
            (Some(Some(End::Succeeded)), 200 | 201) => Ok(Step::Done(answer.into_json())),
            (None, 200) if answer.json().is_some() => Ok(Step::Done(answer.into_json())),
            _ => {
                (self.phase, self.url) = (Phase::Resource, self.resource.clone());
                if let Some(state) = state {
                    self.text = state;
                } else {
                    // Nothing says that it is still running: the read only confirms it.
                    self.delay = Duration::ZERO;
                }
                Ok(self.poll())
            }
        }
    }

    fn not_found(mut self, answer: &Answer) -> Result<Step, ClientError> {
        match (self.phase, self.verb) {
            (Phase::Absent, _) | (Phase::Location, Verb::Delete) => return Ok(Step::Done(None)),
            // A fresh operation, or a resource that other replicas do not show yet.
            _ if self.missing < MISSING_LIMIT && (!self.answered || self.phase == Phase::Resource) => {
                self.missing += 1;
                return Ok(self.poll());
            }
            (Phase::Operation | Phase::Location, Verb::Put | Verb::Patch) => self.phase = Phase::Resource,
            (Phase::Operation, Verb::Delete) => self.phase = Phase::Absent,
            _ => return Err(ArmError::of(answer).into()),
        }
        // The record of the operation is gone (an old one that is resumed): the resource knows.
        (self.url, self.missing, self.delay) = (self.resource.clone(), 0, Duration::ZERO);
        Ok(self.poll())
    }

    /// Takes the URL that a poll answer carries; without one the old URL stays.
    fn follow(&mut self, answer: &Answer) -> Result<(), ClientError> {
        let next = match self.phase {
            Phase::Operation => answer.operation.as_deref(),
            _ => answer.location.as_deref(),
        };
        if let Some(next) = next {
            self.url = self.resolve(next)?;
        }
        Ok(())
    }

    /// `Location` counts on a 202, and on a 201 only when absolute and not the resource itself
    /// (recorded: identities answer 201 with a relative one that is no operation).
    fn location_of(&self, answer: &Answer) -> Result<Option<Url>, ClientError> {
        let Some(text) = answer.location.as_deref() else { return Ok(None) };
        let absolute = Url::parse(text).is_ok();
        let takes = match answer.status {
            202 => true,
            201 => absolute,
            _ => false,
        };
        if !takes {
            return Ok(None);
        }
        let url = self.resolve(text)?;
        let itself = answer.status == 201 && url.path().eq_ignore_ascii_case(self.resource.path());
        Ok((!itself).then_some(url))
    }

    /// Verbatim when absolute; a relative one gets our endpoint and, when it lacks one, our api-version.
    fn resolve(&self, text: &str) -> Result<Url, ClientError> {
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(_) => self.relative(text)?,
        };
        if url.origin() == self.endpoint.origin() {
            return Ok(url);
        }
        Err(ClientError::ForeignOperation { host: url.host_str().unwrap_or("no host").to_owned() })
    }

    fn relative(&self, text: &str) -> Result<Url, ClientError> {
        let mut url = self.endpoint.join(text).map_err(|_| ClientError::ForeignOperation { host: "no host".into() })?;
        if !url.query_pairs().any(|(name, _)| name == "api-version") {
            let ours = self.resource.query_pairs().find(|(name, _)| name == "api-version").map(|(_, v)| v.into_owned());
            url.query_pairs_mut().append_pair("api-version", &ours.unwrap_or_default());
        }
        Ok(url)
    }

    fn poll(self) -> Step {
        Step::Poll(Box::new(self))
    }

    /// The next URL to GET. Its query may carry a signature: shown to nobody.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// How long to wait before it.
    #[must_use]
    pub const fn delay(&self) -> Duration {
        self.delay
    }

    /// The service's word for what it is doing.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The operation as text for the journal; [`Lro::resume`] takes it back in a later run.
    #[must_use]
    pub fn token(&self) -> Secret<String> {
        let token = Token {
            verb: self.verb,
            phase: self.phase,
            url: self.url.to_string(),
            resource: self.resource.to_string(),
            location: self.location.as_ref().map(Url::to_string),
        };
        Secret::new(serde_json::to_string(&token).unwrap_or_default())
    }

    /// Takes an operation from the journal; `None` when the text is none, or of another endpoint.
    #[must_use]
    pub fn resume(endpoint: &Url, token: &Secret<String>) -> Option<Self> {
        let token: Token = serde_json::from_str(token.expose()).ok()?;
        let ours = |text: &str| Url::parse(text).ok().filter(|url| url.origin() == endpoint.origin());
        Some(Self {
            verb: token.verb,
            phase: token.phase,
            url: ours(&token.url)?,
            resource: ours(&token.resource)?,
            location: token.location.as_deref().and_then(ours),
            endpoint: endpoint.clone(),
            delay: Duration::ZERO,
            text: "resumed".to_owned(),
            answered: true,
            missing: 0,
            broken: 0,
        })
    }

    /// Whether this operation is one of `verb` on `resource`.
    #[must_use]
    pub fn is_of(&self, verb: Verb, resource: &Url) -> bool {
        self.verb == verb && self.resource.path().eq_ignore_ascii_case(resource.path())
    }
}

impl fmt::Debug for Lro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lro").field("verb", &self.verb).field("phase", &self.phase).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Succeeded,
    Failed,
}

impl End {
    fn of(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "succeeded" => Some(Self::Succeeded),
            "failed" | "canceled" | "cancelled" => Some(Self::Failed),
            _ => None,
        }
    }
}

fn is_resource(json: &Json) -> bool {
    json.get("id").is_some() || json.get("properties").is_some()
}

fn pace(asked: Option<Duration>) -> Duration {
    asked.unwrap_or(DEFAULT_DELAY).clamp(FLOOR, CAP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const RESOURCE: &str = "https://arm.test/subscriptions/s/resourceGroups/g?api-version=2023-07-01";

    fn endpoint() -> Url {
        Url::parse("https://arm.test/").unwrap()
    }

    fn start(verb: Verb, answer: Answer) -> Result<Step, ClientError> {
        Lro::start(&endpoint(), verb, &Url::parse(RESOURCE).unwrap(), answer)
    }

    fn polling(step: Result<Step, ClientError>) -> Lro {
        match step {
            Ok(Step::Poll(lro)) => *lro,
            other => unreachable!("expected a poll, got {other:?}"),
        }
    }

    fn with_operation(status: u16, url: &str) -> Answer {
        Answer { status, operation: Some(url.into()), ..Answer::default() }
    }

    #[test]
    fn polls_go_to_the_configured_host_only() {
        for url in ["https://evil.test/op", "https://arm.test:444/op", "http://arm.test/op", "//evil.test/op"] {
            let error = start(Verb::Put, with_operation(201, url)).unwrap_err();
            assert!(matches!(error, ClientError::ForeignOperation { .. }), "{url}");
        }
        let lro = polling(start(Verb::Put, with_operation(201, "https://arm.test/op?t=1&c=2")));
        let moved = Answer { operation: Some("https://evil.test/op".into()), ..running("InProgress") };
        assert!(matches!(lro.answered(moved), Err(ClientError::ForeignOperation { .. })));
    }

    fn running(word: &str) -> Answer {
        Answer { status: 200, body: Body::Json(json!({"status": word})), ..Answer::default() }
    }

    #[test]
    fn delays_have_floor_and_cap() {
        for (asked, got) in [(Some(0), 1), (Some(17), 17), (Some(600), 60), (None, 10)] {
            let retry_after = asked.map(Duration::from_secs);
            let lro = polling(start(Verb::Delete, Answer { status: 202, retry_after, ..Answer::default() }));
            assert_eq!(lro.delay(), Duration::from_secs(got));
        }
    }

    #[test]
    fn tokens_come_back_for_the_same_endpoint_only() {
        let lro = polling(start(Verb::Put, with_operation(201, "https://arm.test/op?sig=canary")));
        let back = Lro::resume(&endpoint(), &lro.token()).unwrap();
        assert_eq!((back.url(), back.phase), (lro.url(), Phase::Operation));
        assert!(Lro::resume(&Url::parse("https://other.test").unwrap(), &lro.token()).is_none());
        assert!(!format!("{lro:?} {:?}", lro.token()).contains("canary"));
    }

    #[test]
    fn an_expired_operation_asks_the_resource() {
        let lro = polling(start(Verb::Put, with_operation(201, "https://arm.test/op")));
        let lro = polling(lro.answered(running("Creating")));
        let gone = Answer { status: 404, ..Answer::default() };
        let lro = polling(lro.answered(gone));
        assert_eq!((lro.phase, lro.url().as_str()), (Phase::Resource, RESOURCE));
    }
}
