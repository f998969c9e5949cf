//! One bucket a host: every request of every client, and every repetition, passes through it.
//!
//! Guarantees that retries never amplify an outage (fewer at a time while many are repetitions), that a pause asked
//! for with a 429 holds for everybody who calls that host, and that the rate settles just below what the host takes
//! (`tests` of the parts, `tests/throttling.rs`, R5, P11).
//!
//! Where a host counts reads, writes and deletes apart and says so in its headers, a refusal of one of them pauses
//! that one alone.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use mops_host::SharedClock;
use time::OffsetDateTime;
use tokio::sync::Notify;

use crate::origin::Origin;
use crate::request::Request;
use crate::retry::{MAX_SERVER_PAUSE, server_pause};

mod pace;
mod places;
mod remaining;

use pace::Pace;
use places::Places;
use remaining::{Class, Remaining};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Learned pace and remaining calls, of a host or of one of its classes.
#[derive(Debug, Default)]
struct Gate {
    pace: Pace,
    remaining: Remaining,
}

impl Gate {
    fn wait(&mut self, now: Duration) -> Duration {
        self.pace.wait(now).max(self.remaining.wait(now))
    }

    fn spend(&mut self, now: Duration) {
        self.pace.spend(now);
        self.remaining.spend(now);
    }
}

/// Everything that is known of one host; pure, time is given.
#[derive(Debug)]
struct Bucket {
    places: Places,
    all: Gate,
    classes: [Gate; 3],
    /// When the tries of the last minute left.
    left: VecDeque<Duration>,
}

impl Bucket {
    fn new(now: Duration) -> Self {
        Self { places: Places::new(now), all: Gate::default(), classes: Default::default(), left: VecDeque::new() }
    }

    /// Lets a request of this class through, or says what it waits for.
    fn admit(&mut self, class: Class, now: Duration, a_minute: Option<usize>) -> Admission {
        let crowded = self.crowded(now, a_minute);
        let own = &mut self.classes[class as usize];
        let wait = self.all.wait(now).max(own.wait(now)).max(crowded);
        if !wait.is_zero() {
            return Admission::In(wait);
        }
        if !self.places.take(now) {
            return Admission::Full { reduced: self.places.is_reduced() };
        }
        self.all.spend(now);
        own.spend(now);
        self.left.push_back(now);
        Admission::Now
    }

    /// How long it takes until fewer than so many tries have left within a minute.
    fn crowded(&mut self, now: Duration, a_minute: Option<usize>) -> Duration {
        while self.left.front().is_some_and(|at| now.saturating_sub(*at) >= MINUTE) {
            self.left.pop_front();
        }
        let Some(oldest) = a_minute.and_then(|most| self.left.len().checked_sub(most)) else { return Duration::ZERO };
        self.left.get(oldest).map_or(MINUTE, |at| (*at + MINUTE).saturating_sub(now))
    }

    /// Learns from an answer to a request that left at `sent`.
    fn learn(&mut self, class: Class, sent: Duration, now: Duration, heard: &Heard<'_>) {
        if let Some(left) = remaining::of_host(heard.headers) {
            self.all.remaining.told(left);
        }
        for counted in Class::ALL {
            if let Some(left) = remaining::of_class(heard.headers, counted) {
                self.classes[counted as usize].remaining.told(left);
            }
        }
        if heard.status != StatusCode::TOO_MANY_REQUESTS {
            self.all.pace.took(now);
            self.classes[class as usize].pace.took(now);
            return;
        }
        let own = &mut self.classes[class as usize];
        let gate = if own.remaining.is_used_up() { own } else { &mut self.all };
        gate.pace.refuse(now, sent, heard.pause().unwrap_or(SECOND));
    }
}

/// Whether a request may leave.
enum Admission {
    Now,
    /// Its pace allows it after this time.
    In(Duration),
    /// Too many are running; a limit that was reduced grows with time.
    Full {
        reduced: bool,
    },
}

/// What an answer tells the bucket.
pub(crate) struct Heard<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) at: OffsetDateTime,
}

impl Heard<'_> {
    fn pause(&self) -> Option<Duration> {
        server_pause(self.headers, self.at)
    }
}

#[derive(Debug)]
struct Host {
    bucket: Mutex<Bucket>,
    freed: Notify,
    /// One queue a class: who comes first leaves first, and only the first one watches the clock.
    queues: [tokio::sync::Mutex<()>; 3],
}

impl Host {
    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The buckets of all hosts. Clones share them, so that two pipelines to one host do.
#[derive(Clone, Debug, Default)]
pub struct Budgets(Arc<Mutex<HashMap<Origin, Arc<Host>>>>);

/// The wait for a place would be longer than the request may take; nothing was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLong(pub(crate) Duration);

impl Budgets {
    /// Waits for its turn, for the pace and for a place; the pace at most for `left`.
    pub(crate) async fn enter(
        &self,
        clock: &SharedClock,
        origin: &Origin,
        request: &Request,
        repeated: bool,
        left: Duration,
    ) -> Result<Place, TooLong> {
        let host = self.host(origin, clock.monotonic());
        host.bucket().places.record(clock.monotonic(), repeated);
        let class = Class::of(&request.method);
        let latest = clock.monotonic().saturating_add(left.min(MAX_SERVER_PAUSE));
        let turn = host.queues[class as usize].lock().await;
        loop {
            let freed = host.freed.notified();
            let now = clock.monotonic();
            let admission = host.bucket().admit(class, now, request.a_minute);
            match admission {
                Admission::Now => break,
                Admission::In(wait) if now + wait > latest => return Err(TooLong(wait)),
                Admission::In(wait) => clock.sleep(wait).await,
                Admission::Full { reduced: false } => freed.await,
                Admission::Full { reduced: true } => {
                    tokio::select! { () = freed => {} () = clock.sleep(SECOND) => {} }
                }
            }
        }
        drop(turn);
        Ok(Place { host, class, sent: clock.monotonic() })
    }

    fn host(&self, origin: &Origin, now: Duration) -> Arc<Host> {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let bucket = Mutex::new(Bucket::new(now));
            Arc::new(Host { bucket, freed: Notify::new(), queues: Default::default() })
        };
        Arc::clone(hosts.entry(origin.clone()).or_insert_with(new))
    }
}

/// A place among the running requests of a host; given back when dropped.
pub(crate) struct Place {
    host: Arc<Host>,
    class: Class,
    sent: Duration,
}

impl Place {
    /// Tells the bucket what came of the request.
    pub(crate) fn heard(&self, now: Duration, heard: &Heard<'_>) {
        self.host.bucket().learn(self.class, self.sent, now, heard);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.host.bucket().places.leave();
        self.host.freed.notify_one();
    }
}
