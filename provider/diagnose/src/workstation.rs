//! What the workstation sees of the registry: without a credential, and with the one that ARM
//! lists. The comparison that tells a stale password from a broken network (`tests/diagnose.rs`).

use mops_core::Secret;
use mops_probe::checks;
use mops_probe::observation::variant;
use mops_probe::{Observation, Outcome};
use mops_wire::registry::Auth;

use crate::observed::{Observed, Vantage, check, code};
use crate::request::{ArmView, Request, Services};

/// All observations from here; none when the registry is not known.
pub(crate) async fn look(request: &Request, services: &Services, images: &[String]) -> Vec<Observed> {
    let Some(registry) = &request.registry else { return Vec::new() };
    let Services { http, clock, .. } = services;
    let mut seen = vec![checks::anonymous(registry, http, clock).await];
    seen.push(listed(registry, &request.arm));
    if let ArmView::Credentials { username, passwords } = &request.arm {
        let (first, accepted) = current(registry, username, passwords, services).await;
        seen.extend(first);
        // The registry's own credential shows whether an image exists at all.
        if let Some(auth) = accepted {
            for image in images {
                seen.extend(checks::image(image, variant::ARM, auth.clone(), http, clock).await);
            }
        }
    }
    seen.into_iter().map(|o| Observed::at(Vantage::W, o)).collect()
}

fn listed(registry: &str, arm: &ArmView) -> Observation {
    let (check, variant) = (check::ARM_CREDENTIALS, variant::ARM);
    match arm {
        ArmView::NotAsked => Observation::skipped(check, variant, registry, "NOT_GIVEN"),
        ArmView::Unreadable(why) => Observation::skipped(check, variant, registry, code::FORBIDDEN).detail(why),
        ArmView::AdminDisabled => Observation::failed(check, variant, registry, code::ADMIN_DISABLED),
        ArmView::Credentials { .. } => Observation::ok(check, variant, registry),
    }
}

/// Tries the listed passwords until one is accepted; while one is being renewed the other holds.
async fn current(
    registry: &str,
    username: &str,
    passwords: &[Secret<String>],
    services: &Services,
) -> (Option<Observation>, Option<Auth>) {
    let mut last = None;
    for password in passwords {
        let auth = Auth::Basic { username: username.to_owned(), password: password.clone() };
        let seen = checks::login(registry, variant::ARM, auth.clone(), &services.http, &services.clock).await;
        let accepted = seen.outcome == Outcome::Ok;
        last = Some(seen);
        if accepted {
            return (last, Some(auth));
        }
    }
    (last, None)
}
