//! How fast requests may follow each other: learned from what a service refuses.
//!
//! A service's own bucket is empty at the moment of a 429. What it took between two such moments, over
//! the time between them, is therefore its true rate, whatever the size of its bucket. After a refusal we
//! go a little slower than that, and then slowly faster until it refuses again: near the last refusal by
//! half a per cent a second, well beyond it (the service has more room than before) ten times as fast.

use std::collections::VecDeque;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// What was taken longer ago than this says nothing about the rate.
const WINDOW: Duration = Duration::from_secs(60);
/// Part of the learned rate that is used after a refusal.
const BACK: f64 = 0.97;
/// Growth a second up to just above the rate at which the service last refused.
const CAREFUL: f64 = 0.005;
/// Growth a second beyond that.
const BOLD: f64 = 0.05;
/// Beyond this multiple of the rate at which it last refused nothing is known any more.
const FORGET: f64 = 8.0;
/// What was not used during a pause is made up for at this multiple of the rate, not at once.
const CATCH_UP: f64 = 1.25;

/// A token bucket whose rate is learned; pure, time is given.
///
/// Guarantees that nothing is let through during a pause, and that one refusal counts once, however many
/// requests were under way when it came.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Requests a second; nothing is known, and nothing limited, without one.
    rate: Option<f64>,
    /// The rate at which the service last refused.
    ceiling: f64,
    tokens: f64,
    most: f64,
    /// Tokens and rate are those of this moment.
    current: Duration,
    /// The last request that was let through may be followed from here.
    next: Duration,
    paused: Duration,
    refused: Option<Duration>,
    /// When answers came that were no refusals, since the last one.
    taken: VecDeque<Duration>,
}

impl Pace {
    /// How long the next request has to wait; zero lets it through.
    pub(super) fn wait(&mut self, now: Duration) -> Duration {
        self.advance(now);
        let pause = self.paused.saturating_sub(now);
        let Some(rate) = self.rate else { return pause };
        let token = seconds((1.0 - self.tokens).max(0.0) / rate);
        pause.max(self.next.saturating_sub(now)).max(token)
    }

    /// Takes what one request needs; [`Pace::wait`] was zero.
    pub(super) fn spend(&mut self, now: Duration) {
        if let Some(rate) = self.rate {
            self.tokens -= 1.0;
            self.next = now + seconds(1.0 / (rate * CATCH_UP));
        }
    }

    /// An answer that is no refusal.
    pub(super) fn took(&mut self, now: Duration) {
        self.taken.push_back(now);
        while self.taken.front().is_some_and(|at| now.saturating_sub(*at) > WINDOW) {
            self.taken.pop_front();
        }
    }

    /// A refusal of a request that had left at `sent`; nothing more before `pause` is over.
    pub(super) fn refuse(&mut self, now: Duration, sent: Duration, pause: Duration) {
        let known = self.refused.is_some_and(|began| sent <= began);
        self.paused = self.paused.max(now + pause);
        if known {
            return;
        }
        let since = self.refused.or(self.taken.front().copied()).unwrap_or(now);
        let over = now.saturating_sub(since).min(WINDOW).max(SECOND);
        self.ceiling = self.taken.len() as f64 / over.as_secs_f64();
        let least = 1.0 / pause.max(SECOND).as_secs_f64();
        let rate = (self.ceiling * BACK).max(least);
        self.rate = Some(rate);
        self.most = (rate * pause.max(SECOND).as_secs_f64()).max(1.0);
        (self.tokens, self.current, self.refused) = (0.0, now, Some(now));
        self.taken.clear();
    }

    /// Lets time pass: tokens come in, also during a pause; the rate grows, but not during one.
    fn advance(&mut self, now: Duration) {
        let Some(rate) = self.rate else { return };
        let passed = now.saturating_sub(self.current);
        let free = now.saturating_sub(self.current.max(self.paused));
        self.current = self.current.max(now);
        self.tokens = rate.mul_add(passed.as_secs_f64(), self.tokens).min(self.most);
        let growth = if rate < self.ceiling * 1.05 { CAREFUL } else { BOLD };
        let grown = rate * (1.0 + growth).powf(free.as_secs_f64());
        self.rate = (grown <= self.ceiling.max(1.0) * FORGET).then_some(grown);
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A service with a token bucket, and as many requests as it is ever sent.
    struct Service {
        rate: f64,
        size: f64,
        tokens: f64,
        last: Duration,
    }

    impl Service {
        fn take(&mut self, now: Duration) -> bool {
            let passed = (now - self.last).as_secs_f64();
            self.tokens = passed.mul_add(self.rate, self.tokens).min(self.size);
            self.last = now;
            let free = self.tokens >= 1.0;
            self.tokens -= f64::from(u8::from(free));
            free
        }
    }

    /// Sends until `wanted` were taken, `latency` after each other at most 16 at a time; the seconds it took and
    /// the refusals, all and those after the first tenth.
    fn run(service: &mut Service, wanted: usize, latency: Duration) -> (f64, usize, usize) {
        let (mut pace, mut now) = (Pace::default(), at(0));
        let mut running: VecDeque<(Duration, Duration, bool)> = VecDeque::new();
        let (mut taken, mut refused, mut late) = (0, 0, 0);
        while taken < wanted {
            if running.len() < 16 && pace.wait(now).is_zero() {
                pace.spend(now);
                running.push_back((now, now + latency, service.take(now)));
                continue;
            }
            // What comes first: an answer, or the moment when the next may leave.
            let answer = running.front().map(|(_, done, _)| *done);
            let leave = (running.len() < 16).then(|| now + pace.wait(now).max(at(1)));
            now = [answer, leave].into_iter().flatten().min().unwrap();
            while let Some(&(sent, done, good)) = running.front().filter(|(_, done, _)| *done <= now) {
                running.pop_front();
                if good {
                    pace.took(done);
                    taken += 1;
                } else {
                    pace.refuse(done, sent, SECOND);
                    refused += 1;
                    late += usize::from(taken > wanted / 10);
                }
            }
        }
        (now.as_secs_f64(), refused, late)
    }

    #[test]
    fn the_rate_of_a_service_is_found_and_kept() {
        for (rate, size, latency) in [(20.0, 20.0, 5), (20.0, 20.0, 200), (20.0, 200.0, 5), (100.0, 100.0, 20)] {
            let mut service = Service { rate, size, tokens: size, last: at(0) };
            let wanted = 3000;
            let (took, refused, late) = run(&mut service, wanted, at(latency));
            let ideal = (wanted as f64 - size) / rate;
            assert!(took <= ideal * 1.1, "{rate}/s, bucket of {size}: {took:.1} s of {ideal:.1} s");
            assert!(late * 50 <= wanted, "{rate}/s, bucket of {size}: {late} refused once warm, {refused} in all");
        }
    }

    #[test]
    fn a_pause_is_for_everybody_and_one_refusal_counts_once() {
        let mut pace = Pace::default();
        for _ in 0..20 {
            pace.took(at(500));
        }
        pace.refuse(at(1000), at(900), at(3000));
        let first = pace.rate;
        assert_eq!(pace.wait(at(1500)), at(2500));
        pace.refuse(at(1010), at(950), at(4000));
        assert_eq!((pace.rate, pace.wait(at(1500))), (first, at(3510)), "same refusal, longer pause");
        pace.refuse(at(9000), at(8000), at(1000));
        assert!(pace.rate < first, "nothing was taken in between");
    }

    #[test]
    fn a_service_that_refuses_no_more_is_trusted_again() {
        let mut pace = Pace::default();
        pace.refuse(at(0), at(0), at(60_000));
        assert!(pace.rate.is_some());
        let minutes = (1..10).find(|m| {
            pace.wait(at(60_000 * (m + 1)));
            pace.rate.is_none()
        });
        assert!(minutes.is_some_and(|m| m <= 5), "{minutes:?}");
    }
}
