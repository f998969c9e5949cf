//! All checks of a probe, side by side, each within its deadline.

pub mod clock;
mod environment;
mod identity;
mod kubelet;
pub mod ngc;
mod reach;
mod registry;
mod sas;
mod storage;

use std::time::Duration;

use mops_host::SharedClock;
use mops_wire::{Allowance, Http, Limits};

use crate::observation::Observation;
use crate::settings::Settings;

pub use reach::{Reached, Ways, reach, reach_either};
pub use registry::invented::invented;
pub use registry::manifest::Platform;
pub use registry::sign_in::Registry;
pub use storage::container;

/// Longest time of one request with its repetitions, when nobody says it.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// What may be asked from one place. Nothing is repeated after 401, 403 and 404.
pub const LIMITS: Limits = Limits { requests: 12, at_once: 4, tries: 3, deadline: DEADLINE };

/// Time, for how long a check took.
pub(crate) struct Watch<'a> {
    clock: &'a SharedClock,
    began: Duration,
}

impl<'a> Watch<'a> {
    pub(crate) fn start(clock: &'a SharedClock) -> Self {
        Self { clock, began: clock.monotonic() }
    }

    pub(crate) fn millis(&self) -> u64 {
        let elapsed = self.clock.monotonic().saturating_sub(self.began);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

/// What can be said without asking anybody: which variables are there, and what the text of a SAS promises. Whether that
/// is over is not judged, since only the storage's own clock tells.
#[must_use]
pub fn written(settings: &Settings) -> Vec<Observation> {
    let texts = settings.containers.iter().map(storage::written);
    std::iter::once(environment::registry(settings)).chain(texts).collect()
}

/// Makes every check; the order of the result does not depend on the network.
pub async fn run(settings: &Settings, http: &Http, clock: &SharedClock) -> Vec<Observation> {
    let limits = Limits { deadline: settings.deadline, ..LIMITS };
    let http = &http.within(&Allowance::new(limits));
    if settings.node.is_some() {
        let (mut all, readings) = registry::all(settings, http, clock).await;
        all.extend(clock::judge(&readings));
        return all;
    }
    let mut all = environment::look(settings);
    let ((registry, readings), (ngc, ngc_readings), (storage, more)) = futures::join!(
        registry::all(settings, http, clock),
        ngc::all(settings, http, clock),
        storage::all(settings, http, clock)
    );
    let readings = [readings, ngc_readings, more].concat();
    all.extend(registry.into_iter().chain(ngc).chain(storage));
    all.extend(clock::judge(&readings));
    all
}
