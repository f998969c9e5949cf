//! `--fix`: what a diagnosis can mend by itself in the cluster. A plan is made of the findings and of what is there, shown
//! by hashes, and carried out only after consent: one cause after another, each looked at again, and taken back where it
//! did not help (`tests/diagnose/fix.rs`).

mod carry;
mod change;
mod edit;
mod field;
mod ground;
mod keeper;
pub(crate) mod kept;
mod mends;
pub mod ngc;
mod owned;
mod plan;
mod secret;
mod write;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub use change::{Change, Fixing, State, Unfixed};
pub use plan::{Allowed, Plan};

use crate::capture::Capture;
use crate::cluster::Cluster;
use crate::finding::Finding;
use crate::request::{Request, Services};

/// A plan with what it was made for.
pub struct Repair {
    plan: Plan,
    request: Request,
    moment: String,
}

/// The causes that can be mended, for tests that hold each of them to its promise.
#[must_use]
pub fn mendable() -> Vec<&'static str> {
    mends::ALL.iter().map(|mend| mend.cause).collect()
}

impl Repair {
    /// Plans what may be done about these findings. Writes nothing.
    pub async fn plan(
        findings: &[Finding],
        seen: &Capture,
        request: &Request,
        services: &Services,
        allowed: &Allowed,
    ) -> Self {
        let request = Request { registry: seen.run.registry.clone().or(request.registry.clone()), ..request.clone() };
        let moment = restart_mark(services.clock.now());
        let cluster = Cluster::new(services.kube.clone(), &request.namespace);
        let ground = ground::Ground::read(&cluster, &request, (findings, &seen.observations), &moment).await;
        let plan = ground.map(|ground| plan::plan(findings, &ground, allowed)).unwrap_or_default();
        Self { plan, request, moment }
    }

    /// What it changes, for people.
    #[must_use]
    pub fn told(&self) -> Fixing {
        self.plan.told()
    }

    /// How many changes wait for consent.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.plan.waiting()
    }

    /// Carries it out; gives back what is seen in the end, with what became of each change.
    pub async fn carry_out(self, first: Capture, services: &Services) -> Capture {
        carry::carry_out(self.plan, first, &self.request, services, &self.moment).await
    }
}

/// As `kubectl rollout restart` writes it, to the second.
fn restart_mark(now: OffsetDateTime) -> String {
    now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default()
}
