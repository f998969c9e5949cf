//! A diagnosis that is repeated: what each run is asked, which logins it leaves alone, what has changed since the run
//! before, and the numbers for whoever measures.
//!
//! Guarantees that no login that was refused is sent again before it changes or [`BACK_OFF`] is over, and that no run
//! sends an invented one (`tests/diagnose/watch.rs`).

mod change;
mod held;
mod numbers;

use std::time::Duration;

use time::OffsetDateTime;

pub use change::{Change, Changed, Gone};
pub use held::BACK_OFF;
pub use numbers::{CONTENT_TYPE, Numbers};

use crate::capture::Capture;
use crate::reading::Reading;
use crate::report::Report;
use crate::request::Request;
use held::Held;

/// What the runs so far have left.
#[derive(Debug, Default)]
pub struct Watch {
    held: Held,
    last: Option<Report>,
    numbers: Numbers,
}

impl Watch {
    /// Before the first run.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A request as the next run may ask it; `now` is the monotonic time.
    #[must_use]
    pub fn request(&self, request: Request, now: Duration) -> Request {
        let logins = self.held.logins(now);
        Request { nonce: self.held.nonce().clone(), logins: Some(logins), negative_probe: false, ..request }
    }

    /// Takes what a run has seen, with what its hosts were not asked again; the change is `None` for the first one, and
    /// when there is none.
    pub fn take(
        &mut self,
        request: &Request,
        mut capture: Capture,
        reading: &Reading,
        (now, date): (Duration, OffsetDateTime),
    ) -> (&Report, Option<Change>) {
        if let Some(logins) = &request.logins {
            self.held.hear(logins, now);
            self.numbers.held = logins.spared().len();
        }
        self.held.recall(&mut capture.observations);
        let report = capture.read(reading);
        self.numbers.add(&report, date);
        let change = self.last.as_ref().and_then(|last| Change::between(last, &report, date));
        (self.last.insert(report), change)
    }

    /// Counts a run that gave no record.
    pub fn failed(&mut self) {
        self.numbers.fail();
    }

    /// The numbers after the last run.
    #[must_use]
    pub const fn numbers(&self) -> &Numbers {
        &self.numbers
    }
}
