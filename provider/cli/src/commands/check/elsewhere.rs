//! The places beside the cluster to which a stack brings credentials. Each is asked from this machine while the cluster is
//! looked at, and what it says is told in the same report (`tests/elsewhere.rs`).

mod novita;
mod tokens;

use mops_diagnose::observed::Vantage;
use mops_diagnose::{Capture, Observed};
use mops_probe::Observation;

use mops_engine::state::Snapshot;

use super::{Subject, of_any};
use crate::app::App;

/// What a stack has beside the cluster.
const TYPES: [&str; 3] = [novita::AUTH, novita::INSTANCE, tokens::FILE];

/// What the other places said.
pub(super) struct Elsewhere(Vec<Observation>);

/// Asks every place that the state of the stack names; none is asked about a workload without a stack.
pub(super) async fn look(app: &App, subject: &Subject<'_>) -> Elsewhere {
    let (novita, tokens) = tokio::join!(novita::look(app, subject), tokens::look(app, subject));
    Elsewhere([novita, tokens].concat())
}

/// Whether the state names another place at all.
pub(super) fn is_named(snapshot: &Snapshot) -> bool {
    TYPES.iter().any(|token| of_any(snapshot, token).next().is_some())
}

impl Elsewhere {
    /// Into the record of the run.
    pub(super) fn join(self, capture: &mut Capture) {
        let seen = self.0.into_iter().map(|seen| Observed::at(Vantage::W, seen));
        capture.observations.extend(seen);
    }
}
