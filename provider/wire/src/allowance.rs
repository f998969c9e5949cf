//! How much a run of probes may ask: so many requests of one host about one target, so many at a time, each within its
//! time and its tries.
//!
//! Guarantees that repetitions count by themselves, and that a request beyond the limit is never sent (`tests`,
//! `tests/diagnose/limits.rs`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::WireError;
use crate::origin::Origin;
use crate::pipeline::Http;
use crate::request::Request;

/// The limits of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most requests of one host about one target; a repetition is no new one.
    pub requests: usize,
    /// Most requests at a time.
    pub at_once: usize,
    /// Most tries of a request.
    pub tries: u32,
    /// Longest time of a request with its repetitions.
    pub deadline: Duration,
}

/// How many requests went to a host about a target.
type Used = HashMap<(Origin, Arc<str>), usize>;

/// What is left of a run's limits; clones share it.
#[derive(Clone, Debug)]
pub struct Allowance {
    limits: Limits,
    places: Arc<Semaphore>,
    used: Arc<Mutex<Used>>,
}

impl Allowance {
    /// Nothing used yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, places: Arc::new(Semaphore::new(limits.at_once)), used: Arc::default() }
    }
}

/// An allowance, and what is asked about.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    allowance: Allowance,
    target: Arc<str>,
}

impl Share {
    /// Counts a request and waits for a place.
    ///
    /// # Errors
    /// [`WireError::Allowance`] when as many were sent already.
    pub(crate) async fn enter(&self, origin: &Origin) -> Result<Option<SemaphorePermit<'_>>, WireError> {
        self.count(origin)?;
        // The semaphore is never closed.
        Ok(self.allowance.places.acquire().await.ok())
    }

    fn count(&self, origin: &Origin) -> Result<(), WireError> {
        let most = self.allowance.limits.requests;
        let mut used = self.allowance.used.lock().unwrap_or_else(PoisonError::into_inner);
        let count = used.entry((origin.clone(), Arc::clone(&self.target))).or_default();
        if *count >= most {
            return Err(WireError::Allowance { host: origin.host().to_owned(), most });
        }
        *count += 1;
        Ok(())
    }

    /// The longest time of a request.
    pub(crate) fn deadline(&self, request: &Request) -> Duration {
        request.deadline.min(self.allowance.limits.deadline)
    }

    /// The most tries of a request.
    pub(crate) fn tries(&self, request: &Request) -> u32 {
        request.tries.min(self.allowance.limits.tries)
    }
}

impl Http {
    /// The same pipeline within an allowance.
    #[must_use]
    pub fn within(&self, allowance: &Allowance) -> Self {
        self.with_share(Share { allowance: allowance.clone(), target: Arc::default() })
    }

    /// The same pipeline, whose requests are counted for this target; without an allowance nothing is counted.
    #[must_use]
    pub fn about(&self, target: &str) -> Self {
        match self.share() {
            Some(share) => self.with_share(Share { allowance: share.allowance.clone(), target: target.into() }),
            None => self.clone(),
        }
    }

    /// The longest time that its allowance gives a request.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        self.share().map(|share| share.allowance.limits.deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_and_target_has_its_own_number_of_requests() {
        let limits = Limits { requests: 2, at_once: 1, tries: 1, deadline: Duration::from_secs(1) };
        let allowance = Allowance::new(limits);
        let share = |target: &str| Share { allowance: allowance.clone(), target: target.into() };
        let [one, two] = ["a.example", "b.example"].map(|host| Origin::https(host).unwrap());
        let sent = |share: &Share, origin: &Origin| (0..5).filter(|_| share.count(origin).is_ok()).count();
        assert_eq!([sent(&share("x"), &one), sent(&share("y"), &one), sent(&share("x"), &two)], [2, 2, 2]);
        assert_eq!(sent(&share("x").clone(), &one), 0, "clones share what is left");
        let refused = share("x").count(&one).unwrap_err();
        assert_eq!(refused.to_string(), "`a.example` was asked 2 times about one thing, which is the limit");
    }
}
