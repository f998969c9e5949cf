//! The pipeline that every request of the product passes: address check, credential by origin, place
//! in the host's budget, faults, time limits, redirects, retry.
//!
//! Guarantees three things: a request ends within its deadline, an answer takes no more memory than
//! the request allows, and nothing but method and masked address is logged (`tests/pipeline.rs`, R5, R14).

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mops_core::{Cancel, Secret};
use mops_host::{SharedClock, SystemClock, random};

use crate::PemBytes;
use crate::allowance::Share;
use crate::budget::{Budgets, Heard, TooLong};
use crate::connect::ConnectMap;
use crate::error::WireError;
use crate::fault::{Fault, FaultLayer};
use crate::logins::Logins;
use crate::origin::Origin;
use crate::proxy::ProxySettings;
use crate::redact;
use crate::request::{IsTransient, Request};
use crate::response::{Response, StreamingResponse};
use crate::retry::{self, MAX_SERVER_PAUSE, Outcome};
use crate::transport::Transport;

mod attempt;

use attempt::{Answer, Attempt, Mode};

/// How to reach services. Start from [`HttpConfig::new`] and change what differs.
#[derive(Clone)]
pub struct HttpConfig {
    /// More roots to trust, PEM.
    pub roots: Vec<PemBytes>,
    /// Trusts [`HttpConfig::roots`] and nothing else.
    pub only_roots: bool,
    /// Trusts the roots inside the binary, and the system's if there are any; needs feature `bundled-roots`.
    pub bundled_roots: bool,
    /// Host names that are reached at loopback addresses.
    pub connect: ConnectMap,
    /// Proxies.
    pub proxy: ProxySettings,
    /// Time for pauses.
    pub clock: SharedClock,
    /// Faults on purpose; tests only.
    pub faults: Option<Arc<dyn FaultLayer>>,
    /// Certificate chain and key, PEM, shown to servers that ask.
    pub client_identity: Option<(PemBytes, Secret<PemBytes>)>,
    /// Speaks HTTP/1.1 only: a connection that is to become a WebSocket cannot be one of HTTP/2.
    pub http1_only: bool,
    /// Product and version.
    pub user_agent: String,
    /// Refuses every address but those of this machine; tests only.
    pub this_machine_only: bool,
    /// One bucket a host; pipelines made from clones of a configuration share them.
    pub budgets: Budgets,
}

impl HttpConfig {
    /// The system's roots, no proxy, the system's clock.
    #[must_use]
    pub fn new() -> Self {
        Self {
            roots: Vec::new(),
            only_roots: false,
            bundled_roots: false,
            connect: ConnectMap::default(),
            proxy: ProxySettings::none(),
            clock: SystemClock::shared(),
            faults: None,
            client_identity: None,
            http1_only: false,
            user_agent: concat!("mops/", env!("CARGO_PKG_VERSION")).into(),
            this_machine_only: false,
            budgets: Budgets::default(),
        }
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpConfig")
            .field("roots", &self.roots.len())
            .field("only_roots", &self.only_roots)
            .field("bundled_roots", &self.bundled_roots)
            .field("connect", &self.connect)
            .field("proxy", &self.proxy)
            .field("client_identity", &self.client_identity.is_some())
            .finish_non_exhaustive()
    }
}

struct Inner {
    config: HttpConfig,
    transport: OnceLock<Transport>,
}

/// The pipeline; clones share connections and budgets.
#[derive(Clone)]
pub struct Http {
    inner: Arc<Inner>,
    /// What a run of probes may ask.
    share: Option<Share>,
    /// What is known of logins, where a run is repeated.
    logins: Option<Logins>,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.config.fmt(f)
    }
}

impl Http {
    /// Makes a pipeline; roots are loaded with the first request.
    ///
    /// # Errors
    /// None today; what can be checked without loading roots is checked here.
    pub fn new(config: HttpConfig) -> Result<Self, WireError> {
        Ok(Self { inner: Arc::new(Inner { config, transport: OnceLock::new() }), share: None, logins: None })
    }

    /// What it was made from, to make another one that differs, for example in its roots.
    #[must_use]
    pub fn config(&self) -> &HttpConfig {
        &self.inner.config
    }

    pub(crate) fn with_share(&self, share: Share) -> Self {
        Self { share: Some(share), ..self.clone() }
    }

    /// The same pipeline, which hears how logins end and sends none that is held.
    #[must_use]
    pub fn minding(&self, logins: &Logins) -> Self {
        Self { logins: Some(logins.clone()), ..self.clone() }
    }

    pub(crate) const fn logins(&self) -> Option<&Logins> {
        self.logins.as_ref()
    }

    pub(crate) const fn share(&self) -> Option<&Share> {
        self.share.as_ref()
    }

    /// Sends a request and takes the whole answer, whatever its status.
    ///
    /// # Errors
    /// When there is no answer, or the service asks for a pause above 5 min; see [`WireError`].
    pub async fn send(&self, request: Request) -> Result<Response, WireError> {
        Ok(self.run(&request, Mode::Whole).await?.into_whole())
    }

    /// Sends a request and hands over the body while it comes. The time limits end with the
    /// headers. An answer that is no success is taken whole first, as [`Http::send`] does; one that changes the
    /// protocol brings the connection among its extensions.
    ///
    /// # Errors
    /// As [`Http::send`].
    pub async fn send_streaming(&self, request: Request) -> Result<StreamingResponse, WireError> {
        Ok(self.run(&request, Mode::Stream).await?.into_stream())
    }

    pub(crate) fn transport(&self) -> Result<&Transport, WireError> {
        if let Some(transport) = self.inner.transport.get() {
            return Ok(transport);
        }
        // Two first callers may both build one; one of the two is kept.
        let built = Transport::new(&self.inner.config)?;
        Ok(self.inner.transport.get_or_init(|| built))
    }

    async fn run(&self, request: &Request, mode: Mode) -> Result<Answer, WireError> {
        let origin = attempt::check(self, request)?;
        let login = self.logins.as_ref().and_then(|logins| Some((logins, logins.of(request, &origin)?)));
        let Some((logins, login)) = login else { return self.ask(request, mode, origin).await };
        if logins.spares(&login) {
            return Ok(Answer::held(request));
        }
        let answer = self.ask(request, mode, origin).await?;
        logins.hear(login, answer.status);
        Ok(answer)
    }

    async fn ask(&self, request: &Request, mode: Mode, origin: Origin) -> Result<Answer, WireError> {
        let cancel = request.cancel.clone().unwrap_or_default();
        let _place = match &self.share {
            Some(share) => or_cancel(&cancel, &origin, share.enter(&origin)).await??,
            None => None,
        };
        let (deadline, most) = self
            .share
            .as_ref()
            .map_or((request.deadline, request.tries), |share| (share.deadline(request), share.tries(request)));
        let started = self.clock().monotonic();
        let mut tries = 0;
        let mut last = None;
        loop {
            tries += 1;
            let left = || deadline.saturating_sub(self.clock().monotonic().saturating_sub(started));
            let attempt = self.attempt(request, mode, &origin, &left, tries);
            let result = match or_cancel(&cancel, &origin, attempt).await? {
                Ok(result) => result,
                // No time for another try: the last one decides, and before the first the host is too busy.
                Err(TooLong(after)) => {
                    let busy = || Err(WireError::Throttled { host: origin.host().to_owned(), after });
                    return last.unwrap_or_else(busy);
                }
            };
            let Some(pause) = self.pause_after(request, &origin, tries, &result)? else { return result };
            if pause >= left() || tries >= most {
                return result;
            }
            tracing::debug!(tries, pause = pause.as_millis(), url = redact::url(&request.url), "again");
            or_cancel(&cancel, &origin, self.clock().sleep(pause)).await?;
            last = Some(result);
        }
    }

    /// One try, logged, in its place and with its faults; the bucket of the host learns from it.
    async fn attempt(
        &self,
        request: &Request,
        mode: Mode,
        origin: &Origin,
        left: &(dyn Fn() -> Duration + Sync),
        tries: u32,
    ) -> Result<Result<Answer, WireError>, TooLong> {
        let budgets = &self.inner.config.budgets;
        let place = budgets.enter(self.clock(), origin, request, tries > 1, left()).await?;
        let began = self.clock().monotonic();
        let attempt = Attempt { http: self, request, mode, limit: left().min(request.attempt), number: tries };
        let result = attempt.run().await;
        if let Ok(answer) = &result {
            let heard = Heard { status: answer.status, headers: &answer.headers, at: self.clock().now() };
            place.heard(self.clock().monotonic(), &heard);
        }
        drop(place);
        let millis = self.clock().monotonic().saturating_sub(began).as_millis();
        let (method, url) = (&request.method, redact::url(&request.url));
        match &result {
            Ok(answer) => tracing::debug!(%method, url, tries, millis, status = answer.status.as_u16(), "answer"),
            Err(error) => tracing::debug!(%method, url, tries, millis, %error, "no answer"),
        }
        Ok(result)
    }

    /// The pause before the next try; none when this result is final.
    fn pause_after(
        &self,
        request: &Request,
        origin: &Origin,
        tries: u32,
        result: &Result<Answer, WireError>,
    ) -> Result<Option<Duration>, WireError> {
        let (outcome, asked) = match result {
            Err(error) => (error.outcome(), None),
            Ok(answer) => (answer.outcome(request), retry::server_pause(&answer.headers, self.clock().now())),
        };
        if !request.retry.allows(outcome) {
            return Ok(None);
        }
        let asked = asked.unwrap_or_default();
        if asked > MAX_SERVER_PAUSE {
            return Err(WireError::Throttled { host: origin.host().to_owned(), after: asked });
        }
        Ok(Some(asked.max(request.backoff.pause(tries, random::fraction()))))
    }

    pub(crate) fn clock(&self) -> &SharedClock {
        &self.inner.config.clock
    }

    fn fault(&self, decide: impl FnOnce(&dyn FaultLayer) -> Option<Fault>) -> Option<Fault> {
        self.inner.config.faults.as_deref().and_then(decide)
    }
}

/// Runs a future until the run is cancelled.
async fn or_cancel<T>(cancel: &Cancel, origin: &Origin, work: impl Future<Output = T>) -> Result<T, WireError> {
    tokio::select! {
        biased;
        () = cancel.canceled() => Err(WireError::Canceled { host: origin.host().to_owned() }),
        done = work => Ok(done),
    }
}

impl Answer {
    fn outcome(&self, request: &Request) -> Outcome {
        let says = |judge: IsTransient| judge(self.status, &self.headers, self.bytes());
        match retry::judge(self.status) {
            Outcome::Done if request.transient.is_some_and(says) => Outcome::Again { throttled: false },
            Outcome::Again { .. } if request.settled.is_some_and(says) => Outcome::Done,
            other => other,
        }
    }
}
