//! Leaves a service that fails alone for a while. Pure, time is given (`tests`, V-12).

use std::time::Duration;

/// Failures in a row that open it.
const FAILURES: u32 = 5;
/// How long it stays open.
const OPEN: Duration = Duration::from_secs(60);
/// Successes in a row that close it again.
const SUCCESSES: u32 = 3;

/// Whether requests are sent.
#[derive(Debug)]
pub(super) enum Breaker {
    /// They are; so many failed in a row.
    Closed(u32),
    /// None is, until this moment.
    Open(Duration),
    /// They are, and one failure ends it; so many succeeded in a row.
    Trying(u32),
}

impl Breaker {
    /// Lets a request through, or says how long none is sent.
    pub(super) fn admit(&mut self, now: Duration) -> Result<(), Duration> {
        match *self {
            Self::Open(until) if now < until => Err(until.saturating_sub(now)),
            Self::Open(_) => {
                *self = Self::Trying(0);
                Ok(())
            }
            Self::Closed(_) | Self::Trying(_) => Ok(()),
        }
    }

    /// Learns how a request ended.
    pub(super) const fn heard(&mut self, now: Duration, failed: bool) {
        *self = match (&self, failed) {
            (Self::Closed(before), true) if *before + 1 < FAILURES => Self::Closed(*before + 1),
            (Self::Trying(before), false) if *before + 1 < SUCCESSES => Self::Trying(*before + 1),
            (_, true) => Self::Open(now.saturating_add(OPEN)),
            (_, false) => Self::Closed(0),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn v_12_five_failures_open_it_for_a_minute_and_three_successes_close_it() {
        let mut breaker = Breaker::Closed(0);
        for second in 0..4 {
            breaker.heard(after(second), true);
            assert_eq!(breaker.admit(after(second)), Ok(()));
        }
        breaker.heard(after(4), true);
        assert_eq!((breaker.admit(after(4)), breaker.admit(after(63))), (Err(after(60)), Err(after(1))));
        assert_eq!(breaker.admit(after(64)), Ok(()));
        breaker.heard(after(64), false);
        breaker.heard(after(65), false);
        breaker.heard(after(66), true);
        assert_eq!(breaker.admit(after(67)), Err(after(59)), "one failure of a trial opens it again");
        assert_eq!(breaker.admit(after(126)), Ok(()));
        for second in 127..130 {
            breaker.heard(after(second), false);
        }
        for second in 130..134 {
            breaker.heard(after(second), true);
        }
        assert_eq!(breaker.admit(after(134)), Ok(()), "four failures of a closed one do not");
    }

    #[test]
    fn v_12_a_success_between_failures_counts() {
        let mut breaker = Breaker::Closed(0);
        for second in 0..20 {
            breaker.heard(after(second), second % 5 != 4);
        }
        assert_eq!(breaker.admit(after(20)), Ok(()));
    }
}
