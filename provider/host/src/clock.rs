//! Time, injected: whoever waits, expires or rotates asks a [`Clock`].
//!
//! Guarantees that a test with a [`ManualClock`] never sleeps in earnest (`tests` below).

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use mops_core::BoxFuture;
use time::OffsetDateTime;

/// The time of day, a time that never runs backwards, and a way to wait.
pub trait Clock: Send + Sync {
    /// The time of day, UTC.
    fn now(&self) -> OffsetDateTime;
    /// Time since some fixed moment of this process.
    fn monotonic(&self) -> Duration;
    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// A clock that many hold.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock; needs a tokio runtime with time only to sleep.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts its monotonic time now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// The same, ready to be shared.
    #[must_use]
    pub fn shared() -> SharedClock {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the one clock")]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async move { tokio::time::sleep(duration).await })
    }
}

#[derive(Debug)]
struct Manual {
    elapsed: Duration,
    start: OffsetDateTime,
    automatic: bool,
    wakers: Vec<Waker>,
}

/// A clock for tests. Clones share one time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Manual>>);

impl ManualClock {
    /// Whoever sleeps moves the time to the end of the sleep. Sleeps that began together end together.
    #[must_use]
    pub fn automatic(start: OffsetDateTime) -> Self {
        Self::with(start, true)
    }

    /// Whoever sleeps waits until [`ManualClock::advance`] has moved the time far enough.
    #[must_use]
    pub fn stepped(start: OffsetDateTime) -> Self {
        Self::with(start, false)
    }

    fn with(start: OffsetDateTime, automatic: bool) -> Self {
        Self(Arc::new(Mutex::new(Manual { elapsed: Duration::ZERO, start, automatic, wakers: Vec::new() })))
    }

    /// Moves the time on and wakes the sleepers.
    pub fn advance(&self, by: Duration) {
        let wakers = {
            let mut state = self.state();
            state.elapsed += by;
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The same clock, ready to be shared.
    #[must_use]
    pub fn shared(&self) -> SharedClock {
        Arc::new(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, Manual> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        let state = self.state();
        state.start + state.elapsed
    }

    fn monotonic(&self) -> Duration {
        self.state().elapsed
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let end = self.monotonic().saturating_add(duration);
        Box::pin(ManualSleep { clock: self.clone(), end, yielded: false })
    }
}

struct ManualSleep {
    clock: ManualClock,
    end: Duration,
    yielded: bool,
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut state = clock.state();
        if state.elapsed >= self.end {
            return Poll::Ready(());
        }
        if !state.automatic {
            state.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        // One turn for the others first, so that whoever can go on without waiting does.
        if !std::mem::replace(&mut self.yielded, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        state.elapsed = self.end;
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(future: &mut BoxFuture<'static, ()>) -> bool {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn stepped_sleep_ends_when_the_time_was_advanced() {
        let clock = ManualClock::stepped(OffsetDateTime::UNIX_EPOCH);
        let mut sleep = clock.sleep(Duration::from_secs(10));
        assert!(!poll(&mut sleep));
        clock.advance(Duration::from_secs(9));
        assert!(!poll(&mut sleep));
        clock.advance(Duration::from_secs(1));
        assert!(poll(&mut sleep));
        assert_eq!(clock.now(), OffsetDateTime::UNIX_EPOCH + Duration::from_secs(10));
    }

    #[test]
    fn automatic_sleeps_that_began_together_end_together() {
        let clock = ManualClock::automatic(OffsetDateTime::UNIX_EPOCH);
        let mut sleeps = [clock.sleep(Duration::from_secs(5)), clock.sleep(Duration::from_secs(5))];
        for sleep in &mut sleeps {
            while !poll(sleep) {}
        }
        assert_eq!(clock.monotonic(), Duration::from_secs(5));
    }
}
