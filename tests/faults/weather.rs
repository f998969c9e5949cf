//! Bad weather inside the product's own pipeline: which try meets which fault is drawn from a seed, and what the
//! product did about it is counted on the injected clock.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use mops_host::SharedClock;
use mops_wire::fault::{Call, Fault, FaultLayer};
use sha2::{Digest, Sha256};

/// Everything that can go wrong with one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// 429 and a pause in seconds.
    Throttled(u32),
    /// 429 without a pause.
    Unpaced,
    /// This status, and nothing done.
    Status(u16),
    /// No connection.
    Refused,
    /// No answer in time, and nothing done.
    Hang,
    /// Done, and the connection broke before the answer or within it.
    Lost,
    /// Done, and no answer in time.
    LateHang,
    /// Done, and a page in place of the answer.
    Html,
    /// Done, and half of the answer.
    Cut,
}

const KINDS: [Kind; 13] = [
    Kind::Throttled(1),
    Kind::Throttled(7),
    Kind::Unpaced,
    Kind::Status(500),
    Kind::Status(502),
    Kind::Status(503),
    Kind::Status(504),
    Kind::Refused,
    Kind::Hang,
    Kind::Lost,
    Kind::LateHang,
    Kind::Html,
    Kind::Cut,
];

/// What happened under a [`Weather`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Tries that were sent or would have been.
    pub(crate) tries: usize,
    /// Faults that were met.
    pub(crate) faults: usize,
    /// The most tries of one call.
    pub(crate) most: u32,
    /// Tries that left for a host before the pause that it had asked for was over.
    pub(crate) early: usize,
    /// Pauses that hosts asked for.
    pub(crate) pauses: usize,
}

#[derive(Default)]
struct State {
    seen: Seen,
    /// How often each call was tried, by method and path.
    nth: HashMap<String, u32>,
    /// Until when each host wants no call.
    paused: HashMap<String, Duration>,
    over: bool,
}

/// See the module.
pub(crate) struct Weather {
    seed: u64,
    per_cent: u32,
    clock: SharedClock,
    state: Mutex<State>,
}

fn key(call: Call<'_>) -> String {
    format!("{} {}", call.method, call.url.path())
}

impl Weather {
    /// So many of a hundred tries go wrong.
    pub(crate) fn new(seed: u64, per_cent: u32, clock: SharedClock) -> Self {
        Self { seed, per_cent, clock, state: Mutex::default() }
    }

    /// No fault from now on.
    pub(crate) fn clear_up(&self) {
        self.state().over = true;
    }

    pub(crate) fn seen(&self) -> Seen {
        self.state().seen.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What meets the n-th try of a call: the same for the same seed, in whatever order the calls come.
    fn draw(&self, call: &str, nth: u32) -> Option<Kind> {
        let digest = Sha256::new().chain_update(self.seed.to_be_bytes()).chain_update(call).chain_update([0]);
        let digest = digest.chain_update(nth.to_be_bytes()).finalize();
        let number = |at: usize| u32::from_be_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]]);
        (number(0) % 100 < self.per_cent).then(|| KINDS[number(4) as usize % KINDS.len()])
    }
}

fn answer(status: u16, pause: Option<u32>, body: &str) -> Fault {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = pause {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    let status = StatusCode::from_u16(status).unwrap_or_default();
    Fault::Answer { status, headers, body: body.as_bytes().to_vec() }
}

impl FaultLayer for Weather {
    fn before(&self, call: Call<'_>) -> Option<Fault> {
        let (now, key) = (self.clock.monotonic(), key(call));
        let host = call.url.authority().to_owned();
        let mut state = self.state();
        state.seen.tries += 1;
        state.seen.most = state.seen.most.max(call.attempt);
        if state.paused.get(&host).is_some_and(|until| now < *until) {
            state.seen.early += 1;
        }
        let nth = state.nth.entry(key.clone()).or_default();
        *nth += 1;
        let kind = self.draw(&key, *nth).filter(|_| !state.over)?;
        state.seen.faults += 1;
        let refusal = r#"{"error": {"code": "Made", "message": "made by the weather"}}"#;
        match kind {
            Kind::Throttled(seconds) => {
                state.seen.pauses += 1;
                let until = now + Duration::from_secs(seconds.into());
                state.paused.insert(host, until);
                Some(answer(429, Some(seconds), refusal))
            }
            Kind::Unpaced => Some(answer(429, None, refusal)),
            Kind::Status(status) => Some(answer(status, None, refusal)),
            Kind::Refused => Some(Fault::Refused),
            Kind::Hang => Some(Fault::Hang),
            Kind::Lost | Kind::LateHang | Kind::Html | Kind::Cut => None,
        }
    }

    fn after(&self, call: Call<'_>, status: StatusCode) -> Option<Fault> {
        let (key, state) = (key(call), self.state());
        let nth = state.nth.get(&key).copied().unwrap_or_default();
        match self.draw(&key, nth).filter(|_| !state.over)? {
            Kind::Lost => Some(Fault::Reset),
            Kind::LateHang => Some(Fault::Hang),
            Kind::Html => Some(answer(200, None, "<html><body>Sign in to the network</body></html>")),
            Kind::Cut => Some(answer(status.as_u16(), None, r#"{"id": "/subscriptions/0000"#)),
            _ => None,
        }
    }
}
