//! The ARM client: every call on an `azure_core` pipeline over our transport, answers judged by our own parser.
//! Guarantees that the token goes to the configured ARM host only, that a POST that makes a secret is not
//! repeated, and that every request carries its ids (`tests/arm.rs`).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use azure_core::http::headers::{HeaderName, HeaderValue};
use azure_core::http::policies::Policy;
use azure_core::http::{
    ClientOptions, Context, Method, Pipeline, PipelineSendOptions, Request, RetryOptions, Transport,
};
use mops_core::cloud::Cloud;
use mops_core::{Cancel, Secret};
use mops_host::SharedClock;
use mops_wire::{Backoff, Http, Origin, Retry};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use url::Url;

use super::answer::{Answer, Body};
use super::bearer::BearerPolicy;
use super::error::ArmError;
use super::headers::{RunIdPolicy, to_map};
use super::lro::{Lro, Step, Verb};
use super::remedy::{self, Remedy};
use super::wait::Started;
use crate::error::ClientError;
use crate::identity::{SignInFailed, Tokens};
use crate::transport::{Adapter, find};

/// Talks to ARM with one identity. Clones are cheap and share tokens and run id.
#[derive(Clone)]
pub struct ArmClient {
    inner: Arc<Inner>,
    cancel: Option<Cancel>,
}

struct Inner {
    endpoint: Url,
    repeatable: Pipeline,
    once: Pipeline,
    clock: SharedClock,
    skew: AtomicI64,
    tokens: Arc<Tokens>,
    scope: String,
}

/// What a PUT expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition<'a> {
    /// Anything.
    None,
    /// Nothing: `If-None-Match: *`.
    Absent,
    /// What was read: `If-Match` with its eTag.
    Unchanged(&'a str),
}

/// What a POST does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Reads, or does the same however often it is sent.
    Read,
    /// Reads a credential: its error texts are not quoted.
    Reveal,
    /// Makes a credential: not repeated once it may have arrived, its error texts are not quoted.
    MakeSecret,
}

/// Pauses between tries at ARM.
const BACKOFF: Backoff =
    Backoff { first: Duration::from_secs(8), floor: Duration::from_secs(4), cap: Duration::from_secs(60) };
/// Pauses while another operation holds the parent.
const BUSY_PAUSES: [u64; 3] = [20, 60, 120];
/// Pages of a list; enough for every subscription, and an end.
const MAX_PAGES: usize = 1000;

/// Status, headers and body as they came.
type Delivered = (u16, http::HeaderMap, bytes::Bytes);

/// One page of a list.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Page<T> {
    #[serde(default = "Vec::new")]
    value: Vec<T>,
    #[serde(rename = "nextLink")]
    next_link: Option<String>,
}

pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<&'a Json>,
    pub(super) precondition: Precondition<'a>,
    pub(super) action: Action,
    pub(super) id: String,
}

impl ArmClient {
    /// A client for the ARM of `cloud`.
    ///
    /// # Errors
    /// When the endpoint of the cloud is not an https address.
    pub fn new(cloud: &Cloud, tokens: Arc<Tokens>, http: Http, clock: SharedClock) -> Result<Self, ClientError> {
        let refuse = || ClientError::Configuration {
            summary: format!("the ARM address `{}` of the cloud `{}` cannot be used", cloud.arm, cloud.name),
            hint: "give an https address such as `https://management.azure.com`".to_owned(),
        };
        let endpoint = Url::parse(&cloud.arm).ok().filter(|url| url.scheme() == "https").ok_or_else(refuse)?;
        let origin = Origin::of(&endpoint).ok_or_else(refuse)?;
        let scope = cloud.arm_scope.clone();
        let bearer: Arc<dyn Policy> = Arc::new(BearerPolicy { tokens: Arc::clone(&tokens), scope: scope.clone() });
        let run: Arc<dyn Policy> = Arc::new(RunIdPolicy::new());
        let pipeline = |retry| {
            let transient = (retry == Retry::Idempotent).then_some(remedy::is_transient as _);
            let adapter = Adapter {
                http: http.clone(),
                credential_for: Some(origin.clone()),
                metadata_service: false,
                retry,
                backoff: BACKOFF,
                transient,
            };
            let options = ClientOptions {
                transport: Some(Transport::new(Arc::new(adapter))),
                retry: RetryOptions::none(),
                ..ClientOptions::default()
            };
            let (name, version) = (option_env!("CARGO_PKG_NAME"), option_env!("CARGO_PKG_VERSION"));
            Pipeline::new(name, version, options, vec![run.clone()], vec![bearer.clone()], None)
        };
        let (repeatable, once) = (pipeline(Retry::Idempotent), pipeline(Retry::OnlyIfUnsent));
        let inner = Inner { endpoint, repeatable, once, clock, skew: AtomicI64::new(0), tokens, scope };
        Ok(Self { inner: Arc::new(inner), cancel: None })
    }

    /// The same client, whose calls end when `cancel` is on.
    #[must_use]
    pub fn canceled_by(&self, cancel: &Cancel) -> Self {
        Self { inner: self.inner.clone(), cancel: Some(cancel.clone()) }
    }

    /// Reads a resource; `None` when it is not there.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn get(&self, path: &str, api: &str) -> Result<Option<Json>, ClientError> {
        let answer = self.read(self.url(path, api)?).await?;
        Ok(answer.and_then(Answer::into_json))
    }

    /// Reads a list to its last page.
    ///
    /// # Errors
    /// See [`ClientError`]; also when a page names the next one at another host.
    pub async fn list(&self, path: &str, api: &str) -> Result<Vec<Json>, ClientError> {
        let mut url = self.url(path, api)?;
        let mut all = Vec::new();
        for _ in 0..MAX_PAGES {
            let Some(mut page) = self.read(url).await?.and_then(Answer::into_json) else { break };
            if let Some(Json::Array(items)) = page.get_mut("value").map(Json::take) {
                all.extend(items);
            }
            let Some(next) = page.get("nextLink").and_then(Json::as_str).filter(|next| !next.is_empty()) else { break };
            url = self.on_our_host(next)?;
        }
        Ok(all)
    }

    async fn read(&self, url: Url) -> Result<Option<Answer>, ClientError> {
        match self.send(&Call::new(Method::Get, url)).await? {
            answer if answer.status == 404 => Ok(None),
            answer if answer.status >= 400 => Err(ArmError::of(&answer).into()),
            answer => Ok(Some(answer)),
        }
    }

    /// Creates or replaces.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn put(
        &self,
        path: &str,
        api: &str,
        body: &Json,
        precondition: Precondition<'_>,
    ) -> Result<Started, ClientError> {
        let call = Call { body: Some(body), precondition, ..Call::new(Method::Put, self.url(path, api)?) };
        self.start(Verb::Put, call).await
    }

    /// Changes what the body names.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn patch(&self, path: &str, api: &str, body: &Json) -> Result<Started, ClientError> {
        let call = Call { body: Some(body), ..Call::new(Method::Patch, self.url(path, api)?) };
        self.start(Verb::Patch, call).await
    }

    /// Removes; already gone is success.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn delete(&self, path: &str, api: &str) -> Result<Started, ClientError> {
        let call = Call::new(Method::Delete, self.url(path, api)?);
        match self.start(Verb::Delete, call).await {
            Err(error) if error.is_not_found() => Ok(Started::finished()),
            other => other,
        }
    }

    /// Runs an action.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn action(
        &self,
        path: &str,
        api: &str,
        body: Option<&Json>,
        action: Action,
    ) -> Result<Started, ClientError> {
        let call = Call { body, action, ..Call::new(Method::Post, self.url(path, api)?) };
        self.start(Verb::Post, call).await
    }

    /// Looks at a resource and, when something is still being done to it, gives that to wait for; `None` when it
    /// is not there.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn watch(&self, path: &str, api: &str) -> Result<Option<Started>, ClientError> {
        let url = self.url(path, api)?;
        let Some(answer) = self.read(url.clone()).await? else { return Ok(None) };
        let step = Lro::watch(&self.inner.endpoint, &url, answer);
        Ok(Some(Started { step, id: new_id(), quiet: false }))
    }

    /// Somebody is removing a resource already: gives that to wait for.
    ///
    /// # Errors
    /// When the path is not one of this ARM.
    pub fn watch_gone(&self, path: &str, api: &str) -> Result<Started, ClientError> {
        let url = self.url(path, api)?;
        Ok(Started { step: Lro::watch_gone(&self.inner.endpoint, &url), id: new_id(), quiet: false })
    }

    /// How far this machine's clock is from the service's, by the last answer; positive when ours is ahead.
    #[must_use]
    pub fn clock_skew(&self) -> time::Duration {
        time::Duration::seconds(self.inner.skew.load(Ordering::Relaxed))
    }

    /// The operation that the journal kept, if it is one of `verb` on `path` at this ARM.
    #[must_use]
    pub fn resume(&self, verb: Verb, path: &str, api: &str, token: &mops_core::Secret<String>) -> Option<Started> {
        let url = self.url(path, api).ok()?;
        let lro = Lro::resume(&self.inner.endpoint, token).filter(|lro| lro.is_of(verb, &url))?;
        Some(Started { step: Step::Poll(Box::new(lro)), id: new_id(), quiet: false })
    }

    async fn start(&self, verb: Verb, call: Call<'_>) -> Result<Started, ClientError> {
        let quiet = call.action != Action::Read;
        let answer = self.send_when_free(&call).await.map_err(|e| hush(e, quiet))?;
        let step = Lro::start(&self.inner.endpoint, verb, &call.url, answer).map_err(|e| hush(e, quiet))?;
        Ok(Started { step, id: call.id, quiet })
    }

    /// Sends, waits while another operation holds the parent, registers a resource provider once.
    async fn send_when_free(&self, call: &Call<'_>) -> Result<Answer, ClientError> {
        let mut pauses = BUSY_PAUSES.iter();
        let mut registered = false;
        loop {
            let answer = self.send(call).await?;
            if answer.status < 400 {
                return Ok(answer);
            }
            let error = ArmError::of(&answer);
            match error.remedy() {
                // What was read is out of date: only the caller can read and merge again.
                Remedy::Serialise if !call.is_conditional() => match pauses.next() {
                    Some(seconds) => self.pause(Duration::from_secs(*seconds)).await?,
                    None => return Err(error.into()),
                },
                Remedy::Register if !registered => {
                    registered = true;
                    self.register(call.url.path(), error).await?;
                }
                _ => return Err(error.into()),
            }
        }
    }

    /// Reads a list that is too long to be held as a tree: each page is taken apart while it is parsed.
    pub(super) async fn pages<T: DeserializeOwned>(&self, path: &str, api: &str) -> Result<Vec<T>, ClientError> {
        let mut url = self.url(path, api)?;
        let mut all = Vec::new();
        for _ in 0..MAX_PAGES {
            let (status, headers, body) = self.deliver(&Call::new(Method::Get, url)).await?;
            if status >= 400 {
                return Err(ArmError::of(&Answer::read(status, &headers, &body, self.inner.clock.now())).into());
            }
            let page: Page<T> = serde_json::from_slice(&body).map_err(|_| self.not_json())?;
            all.extend(page.value);
            let Some(next) = page.next_link.filter(|next| !next.is_empty()) else { break };
            url = self.on_our_host(&next)?;
        }
        Ok(all)
    }

    /// Sends one request; the pipeline below repeats what may be repeated.
    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Answer, ClientError> {
        let (status, headers, body) = self.deliver(call).await?;
        let answer = Answer::read(status, &headers, &body, self.inner.clock.now());
        // Taken for an empty answer, a page of some proxy would say that a resource is not there.
        if answer.status < 300 && matches!(answer.body, Body::Text(_)) {
            return Err(self.not_json());
        }
        if let Some(date) = answer.date {
            let skew = self.inner.clock.now() - date;
            self.inner.skew.store(skew.whole_seconds(), Ordering::Relaxed);
        }
        Ok(answer)
    }

    fn not_json(&self) -> ClientError {
        ClientError::NotJson { host: self.inner.endpoint.host_str().unwrap_or_default().to_owned() }
    }

    /// A 401 forgets the token, so the request goes once more with a new one: nothing was done by the first.
    async fn deliver(&self, call: &Call<'_>) -> Result<Delivered, ClientError> {
        match self.deliver_once(call).await? {
            delivered if delivered.0 == 401 => self.deliver_once(call).await,
            delivered => Ok(delivered),
        }
    }

    async fn deliver_once(&self, call: &Call<'_>) -> Result<Delivered, ClientError> {
        if self.cancel.as_ref().is_some_and(Cancel::is_canceled) {
            return Err(ClientError::Canceled);
        }
        let pipeline = if call.action == Action::MakeSecret { &self.inner.once } else { &self.inner.repeatable };
        let mut request = call.request()?;
        let context = Context::new();
        let options = PipelineSendOptions { skip_checks: true, ..PipelineSendOptions::default() };
        let sent = self.until_canceled(pipeline.send(&context, &mut request, Some(options))).await?;
        let (status, headers, body) = sent.map_err(from_pipeline)?.deconstruct();
        Ok((status.into(), to_map(&headers), body.into()))
    }

    /// The token that requests are signed with.
    pub(super) async fn token(&self) -> Result<Secret<String>, ClientError> {
        self.inner.tokens.token(&self.inner.scope).await.map_err(from_pipeline)
    }

    /// Waits on the clock.
    ///
    /// # Errors
    /// When the run is interrupted meanwhile.
    pub async fn pause(&self, duration: Duration) -> Result<(), ClientError> {
        self.until_canceled(self.inner.clock.sleep(duration)).await
    }

    async fn until_canceled<T>(&self, work: impl Future<Output = T>) -> Result<T, ClientError> {
        let Some(cancel) = &self.cancel else { return Ok(work.await) };
        match futures::future::select(std::pin::pin!(cancel.canceled()), std::pin::pin!(work)).await {
            futures::future::Either::Left(_) => Err(ClientError::Canceled),
            futures::future::Either::Right((done, _)) => Ok(done),
        }
    }

    pub(super) fn cancel_switch(&self) -> Cancel {
        self.cancel.clone().unwrap_or_default()
    }

    pub(super) fn clock(&self) -> &SharedClock {
        &self.inner.clock
    }

    /// The address of an ARM path (which may hold a query of its own).
    pub(super) fn url(&self, path: &str, api: &str) -> Result<Url, ClientError> {
        let mut url = self.on_our_host(path)?;
        url.query_pairs_mut().append_pair("api-version", api);
        Ok(url)
    }

    fn on_our_host(&self, text: &str) -> Result<Url, ClientError> {
        let endpoint = &self.inner.endpoint;
        let url = endpoint.join(text).ok().filter(|url| url.origin() == endpoint.origin());
        url.ok_or_else(|| {
            let host = Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned));
            ClientError::ForeignOperation { host: host.unwrap_or_else(|| "no host".to_owned()) }
        })
    }
}

impl Call<'_> {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self { method, url, body: None, precondition: Precondition::None, action: Action::Read, id: new_id() }
    }

    const fn is_conditional(&self) -> bool {
        matches!(self.precondition, Precondition::Unchanged(_))
    }

    fn request(&self) -> Result<Request, ClientError> {
        let mut request = Request::new(self.url.clone(), self.method);
        let mut set = |name: &'static str, value: &str| {
            request.insert_header(HeaderName::from_static(name), HeaderValue::from(value.to_owned()));
        };
        set("accept", "application/json");
        set("x-ms-client-request-id", &self.id);
        match self.precondition {
            Precondition::None => {}
            Precondition::Absent => set("if-none-match", "*"),
            Precondition::Unchanged(etag) => set("if-match", etag),
        }
        if let Some(body) = self.body {
            set("content-type", "application/json");
            let bytes = serde_json::to_vec(body);
            request.set_body(bytes.map_err(|_| ClientError::Unreadable { what: "a request", field: "JSON form" })?);
        }
        Ok(request)
    }
}

fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

pub(super) fn hush(error: ClientError, quiet: bool) -> ClientError {
    match error {
        ClientError::Arm(error) if quiet => error.without_text().into(),
        other => other,
    }
}

/// Our own errors come back out of the pipeline as what they were.
fn from_pipeline(error: azure_core::Error) -> ClientError {
    let error = match find::<mops_wire::WireError>(error) {
        Ok(wire) => return ClientError::Wire(wire),
        Err(error) => error,
    };
    match find::<SignInFailed>(error) {
        Ok(failed) => failed.into(),
        Err(error) => ClientError::Configuration {
            summary: format!("the request to ARM could not be sent: {error}"),
            hint: "report this with the version of mops".to_owned(),
        },
    }
}
