//! A login that nobody has: whoever takes it takes everything, and what it says of real ones proves nothing.

use mops_core::Secret;
use mops_host::{SharedClock, random};
use mops_wire::Http;
use mops_wire::registry::{Auth, RegistryError};

use super::client;
use crate::checks::Watch;
use crate::failure::Failure;
use crate::observation::{Observation, check, code, variant};

/// Sends one invented login to a registry that asks for one; passes when it is refused. The name is that of the run, never
/// a real one: services block users after failed logins.
pub async fn invented(host: &str, run: &str, http: &Http, clock: &SharedClock) -> Observation {
    let username = format!("mops-probe-{run}");
    let auth = Auth::Basic { username, password: Secret::new(random::hex::<16>()) };
    let watch = Watch::start(clock);
    let answer = match client(host, http, auth) {
        Ok(client) => client.ping().await,
        Err(failure) => return failure.observation(check::REGISTRY_INVENTED, variant::BROKEN, host),
    };
    let ok = Observation::ok(check::REGISTRY_INVENTED, variant::BROKEN, host);
    let seen = match answer {
        Ok(_) => ok.status(200).code(code::OPEN).detail("takes a login that nobody has"),
        Err(RegistryError::Refused(refusal)) if [401, 403].contains(&refusal.status) => {
            ok.status(refusal.status).detail("refuses a login that nobody has")
        }
        Err(error) => {
            let failure = Failure::from(&error);
            let skipped = Observation::skipped(check::REGISTRY_INVENTED, variant::BROKEN, host, &failure.code);
            skipped.detail(&failure.detail)
        }
    };
    seen.millis(watch.millis())
}
