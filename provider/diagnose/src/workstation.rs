//! What the workstation sees of the registry: without a credential, and with the one that ARM
//! lists. The comparison that tells a stale password from a broken network.

use k8s_openapi::api::core::v1::Pod;
use mops_probe::Observation;
use mops_probe::observation::variant;

use crate::observed::{Observed, Vantage, check, code};
use crate::request::{ArmView, Request, Services};

/// All observations from here; none when the registry is not known.
pub(crate) async fn look(request: &Request, _services: &Services, _workers: &[Pod]) -> Vec<Observed> {
    let Some(registry) = &request.registry else { return Vec::new() };
    let mut seen = Vec::new();
    match &request.arm {
        ArmView::NotAsked => {}
        ArmView::Unreadable(why) => {
            seen.push(
                Observation::skipped(check::ARM_CREDENTIALS, variant::ARM, registry, code::FORBIDDEN).detail(why),
            );
        }
        ArmView::AdminDisabled => {
            seen.push(Observation::failed(check::ARM_CREDENTIALS, variant::ARM, registry, code::ADMIN_DISABLED));
        }
        ArmView::Credentials { .. } => seen.push(Observation::ok(check::ARM_CREDENTIALS, variant::ARM, registry)),
    }
    seen.into_iter().map(|o| Observed::at(Vantage::W, o)).collect()
}
