//! How many requests to a host run at a time: fewer while too many of them are repetitions.

use std::collections::VecDeque;
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);
const MAX: usize = 16;
/// Below this many tries in the window a share says nothing.
const FEWEST: usize = 10;

/// The places of one host; pure, time is given.
///
/// Guarantees that above 30 % repetitions in 10 s the limit is halved, never below 1, and grows by 1 a
/// second when below.
#[derive(Debug)]
pub(super) struct Places {
    tries: VecDeque<(Duration, bool)>,
    limit: usize,
    running: usize,
    changed: Duration,
}

impl Places {
    pub(super) const fn new(now: Duration) -> Self {
        Self { tries: VecDeque::new(), limit: MAX, running: 0, changed: now }
    }

    /// Counts a try that asks for a place.
    pub(super) fn record(&mut self, now: Duration, repeated: bool) {
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

    /// Takes a place, if one is free.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        self.adapt(now);
        let free = self.running < self.limit;
        self.running += usize::from(free);
        free
    }

    /// Gives a place back.
    pub(super) const fn leave(&mut self) {
        self.running -= 1;
    }

    /// Whether a place may come free by time alone.
    pub(super) const fn is_reduced(&self) -> bool {
        self.limit < MAX
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
        let mut places = Places::new(at(0));
        for _ in 0..7 {
            places.record(at(0), false);
        }
        for _ in 0..3 {
            places.record(at(0), true);
        }
        assert_eq!(places.limit, 16, "30 % is not above 30 %");
        places.record(at(1), true);
        assert_eq!(places.limit, 8);
        places.record(at(2), true);
        assert_eq!(places.limit, 8, "one step a second");
        for second in 1..8 {
            places.record(at(second * 1000 + 2), true);
        }
        assert_eq!(places.limit, 1, "never below one");
        places.adapt(at(30_000));
        assert_eq!(places.limit, 16);
        places.limit = 4;
        places.adapt(at(31_000));
        assert_eq!(places.limit, 5, "one more a second");
    }

    #[test]
    fn no_more_places_than_the_limit() {
        let mut places = Places::new(at(0));
        places.limit = 2;
        assert!(places.take(at(0)) && places.take(at(0)) && !places.take(at(0)));
        places.leave();
        assert!(places.take(at(0)));
    }
}
