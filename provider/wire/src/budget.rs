//! How many requests go to a host at a time: fewer while too many of them are repetitions.
//!
//! Guarantees that retries never amplify an outage: above 30 % repetitions in 10 s the limit is
//! halved, never below 1, and grows by 1 a second when below (`tests`).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mops_host::SharedClock;
use tokio::sync::Notify;

use crate::origin::Origin;

const WINDOW: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);
const MAX: usize = 16;
/// Below this many tries in the window a share says nothing.
const FEWEST: usize = 10;

/// The state of one host; pure, time is given.
#[derive(Debug)]
struct Bucket {
    tries: VecDeque<(Duration, bool)>,
    limit: usize,
    running: usize,
    changed: Duration,
}

impl Bucket {
    const fn new(now: Duration) -> Self {
        Self { tries: VecDeque::new(), limit: MAX, running: 0, changed: now }
    }

    fn record(&mut self, now: Duration, repeated: bool) {
        self.tries.push_back((now, repeated));
        self.adapt(now);
    }

    fn adapt(&mut self, now: Duration) {
        while self.tries.front().is_some_and(|(at, _)| now.saturating_sub(*at) > WINDOW) {
            self.tries.pop_front();
        }
        let since = now.saturating_sub(self.changed);
        let repeated = self.tries.iter().filter(|(_, repeated)| *repeated).count();
        if self.tries.len() >= FEWEST && repeated * 10 > self.tries.len() * 3 {
            if since >= SECOND || self.limit == MAX {
                self.limit = (self.limit / 2).max(1);
                self.changed = now;
            }
        } else if self.limit < MAX && since >= SECOND {
            let seconds = usize::try_from(since.as_secs()).unwrap_or(MAX);
            self.limit = (self.limit + seconds).min(MAX);
            self.changed = now;
        }
    }

    fn take(&mut self, now: Duration) -> bool {
        self.adapt(now);
        let free = self.running < self.limit;
        self.running += usize::from(free);
        free
    }
}

#[derive(Debug)]
struct Host {
    bucket: Mutex<Bucket>,
    freed: Notify,
}

impl Host {
    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One bucket a host.
pub(crate) struct Budget {
    clock: SharedClock,
    hosts: Mutex<HashMap<Origin, Arc<Host>>>,
}

impl Budget {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self { clock, hosts: Mutex::default() }
    }

    /// Waits for a place and counts the try.
    pub(crate) async fn enter(&self, origin: &Origin, repeated: bool) -> Place {
        let host = self.host(origin);
        host.bucket().record(self.clock.monotonic(), repeated);
        loop {
            let freed = host.freed.notified();
            if host.bucket().take(self.clock.monotonic()) {
                break;
            }
            // The limit also grows with time, without anybody leaving.
            tokio::select! { () = freed => {} () = self.clock.sleep(SECOND) => {} }
        }
        Place(host)
    }

    fn host(&self, origin: &Origin) -> Arc<Host> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Host { bucket: Mutex::new(Bucket::new(self.clock.monotonic())), freed: Notify::new() };
        Arc::clone(hosts.entry(origin.clone()).or_insert_with(|| Arc::new(new())))
    }
}

/// A place among the running requests of a host; given back when dropped.
pub(crate) struct Place(Arc<Host>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.bucket().running -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn repetitions_halve_and_quiet_seconds_restore() {
        let mut bucket = Bucket::new(at(0));
        for _ in 0..7 {
            bucket.record(at(0), false);
        }
        for _ in 0..3 {
            bucket.record(at(0), true);
        }
        assert_eq!(bucket.limit, 16, "30 % is not above 30 %");
        bucket.record(at(1), true);
        assert_eq!(bucket.limit, 8);
        bucket.record(at(2), true);
        assert_eq!(bucket.limit, 8, "one step a second");
        for second in 1..8 {
            bucket.record(at(second * 1000 + 2), true);
        }
        assert_eq!(bucket.limit, 1, "never below one");
        bucket.adapt(at(30_000));
        assert_eq!(bucket.limit, 16);
        bucket.limit = 4;
        bucket.adapt(at(31_000));
        assert_eq!(bucket.limit, 5, "one more a second");
    }

    #[test]
    fn no_more_places_than_the_limit() {
        let mut bucket = Bucket::new(at(0));
        bucket.limit = 2;
        assert!(bucket.take(at(0)) && bucket.take(at(0)) && !bucket.take(at(0)));
    }
}
