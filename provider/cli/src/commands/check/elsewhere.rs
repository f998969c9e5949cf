//! The places beside the cluster to which a stack brings credentials. Each is asked from this machine while the cluster is
//! looked at, for as long as the run may take, and what it says is told in the same report (`tests/elsewhere.rs`).

mod novita;
mod tokens;

use std::future::Future;
use std::time::Duration;

use mops_diagnose::observed::Vantage;
use mops_diagnose::report::Skipped;
use mops_diagnose::{Capture, Observed};
use mops_engine::state::Snapshot;
use mops_probe::Observation;

use super::{Subject, of_any};
use crate::app::App;

/// What a stack has beside the cluster.
const TYPES: [&str; 3] = [novita::AUTH, novita::INSTANCE, tokens::FILE];

/// What the other places said, and which of them did not in time.
pub(super) struct Elsewhere {
    seen: Vec<Observation>,
    silent: Vec<Skipped>,
}

/// Asks every place that the state of the stack names; none is asked about a workload without a stack.
pub(super) async fn look(app: &App, subject: &Subject<'_>, limit: Duration) -> Elsewhere {
    let (novita, tokens) = tokio::join!(
        within(app, subject, limit, novita::look(app, subject)),
        within(app, subject, limit, tokens::look(app, subject)),
    );
    let mut found = Elsewhere { seen: Vec::new(), silent: Vec::new() };
    for (what, place) in [("Novita", novita), ("the host of tokens", tokens)] {
        match place {
            Ok(seen) => found.seen.extend(seen),
            Err(why) => found.silent.push(Skipped { what: what.to_owned(), why, required: true }),
        }
    }
    found
}

/// What a place says until the time is over or somebody interrupts, else why nothing is known of it.
async fn within(
    app: &App,
    subject: &Subject<'_>,
    limit: Duration,
    place: impl Future<Output = Vec<Observation>>,
) -> Result<Vec<Observation>, String> {
    tokio::select! {
        seen = place => Ok(seen),
        () = subject.session.clock.sleep(limit) => Err(format!("no answer within {} s", limit.as_secs())),
        () = app.cancel.canceled() => Err("interrupted".to_owned()),
    }
}

/// Whether the state names another place at all.
pub(super) fn is_named(snapshot: &Snapshot) -> bool {
    TYPES.iter().any(|token| of_any(snapshot, token).next().is_some())
}

impl Elsewhere {
    /// Into the record of the run.
    pub(super) fn join(self, capture: &mut Capture) {
        let seen = self.seen.into_iter().map(|seen| Observed::at(Vantage::W, seen));
        capture.observations.extend(seen);
        capture.skipped.extend(self.silent);
    }
}
