//! The identity of the worker: its token is there, and Azure's directory trades it for one that the registry takes. Shows
//! the identity's id and the directory's words, never a token.

use std::future::Future;
use std::time::Duration;

use mops_core::Secret;
use mops_host::{SharedClock, fsx};
use mops_wire::Http;
use mops_wire::directory::{DirectoryError, Grant, Proof, grant};
use mops_wire::registry::{Access, Client, DIRECTORY_SCOPE};
use time::format_description::well_known::Rfc3339;

use super::Watch;
use super::registry::sign_in::Registry;
use crate::failure::Failure;
use crate::observation::{Observation, check, code, variant};
use crate::settings::{Given, Identity, names};

/// What the directory answers while it does not know a new federated credential everywhere.
const LATE: [&str; 2] = ["AADSTS700211", "AADSTS70021"];
/// How long that is waited for: a probe has to end within the time of its run.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(3);

/// Asks again while the directory does not know the credential, within [`PATIENCE`]; the last answer stays.
async fn patiently<T, F>(clock: &SharedClock, mut ask: impl FnMut() -> F) -> Result<T, DirectoryError>
where
    F: Future<Output = Result<T, DirectoryError>>,
{
    let end = clock.monotonic() + PATIENCE;
    loop {
        let answer = ask().await;
        let late = matches!(&answer, Err(DirectoryError::Refused { code, .. }) if LATE.contains(&code.as_str()));
        if !late || clock.monotonic() + PAUSE > end {
            return answer;
        }
        clock.sleep(PAUSE).await;
    }
}

/// The directory's token, or what stands against it.
pub(super) async fn token(
    identity: &Identity,
    http: &Http,
    clock: &SharedClock,
) -> Result<(Secret<String>, Observation), Box<Observation>> {
    let text = |given: &Given<String>| given.value().cloned().unwrap_or_default();
    let client_id = text(&identity.client_id);
    let failed = |code: &str, why: &str| {
        Box::new(Observation::failed(check::IDENTITY, variant::WI, &client_id, code).detail(why))
    };
    if let Some(name) = identity.missing() {
        return Err(failed(code::ENV_MISSING, name));
    }
    let file = text(&identity.token_file);
    let assertion = fsx::read_text(std::path::Path::new(&file));
    let Ok(assertion) = assertion.map(|token| Secret::new(token.trim().to_owned())) else {
        return Err(failed(code::ENV_MISSING, &format!("the file of {}", names::TOKEN_FILE)));
    };
    let (authority, tenant) = (text(&identity.authority), text(&identity.tenant));
    let wanted = Grant {
        authority: &authority,
        tenant: &tenant,
        client_id: &client_id,
        proof: Proof::Assertion(&assertion),
        scope: DIRECTORY_SCOPE,
    };
    let watch = Watch::start(clock);
    match patiently(clock, || grant(http, &wanted)).await {
        Ok(token) => {
            Ok((token, Observation::ok(check::IDENTITY, variant::WI, &client_id).status(200).millis(watch.millis())))
        }
        Err(DirectoryError::Wire(error)) => {
            Err(Box::new(Failure::from(&error).observation(check::IDENTITY, variant::WI, &client_id)))
        }
        Err(DirectoryError::Refused { status, code, sentence }) => {
            Err(Box::new(failed(&code, &sentence).status(status).millis(watch.millis())))
        }
        Err(error) => Err(failed(code::UNEXPECTED, &error.to_string())),
    }
}

/// The second trade at the registry, for each image there: whether it gives an access token, and whether that opens the
/// image.
pub(super) async fn access(registry: &Registry<'_>, client: &Client) -> Vec<Observation> {
    let Some(challenge) = &registry.greeting.challenge else { return Vec::new() };
    let mut seen = Vec::new();
    for image in registry.images {
        let Some(reference) = registry.here(image) else { continue };
        let watch = Watch::start(registry.clock);
        let one = match client.about(image).access(challenge, &reference).await {
            Ok(Some(Access { pulls: false, .. })) => {
                Observation::failed(check::IDENTITY_ACCESS, variant::WI, image, code::NOT_GRANTED)
                    .status(200)
                    .detail("the access token that was given opens nothing of this repository")
            }
            Ok(access) => {
                let ends = access.and_then(|access| access.ends?.format(&Rfc3339).ok());
                let words = ends.map(|end| format!("until {end}")).unwrap_or_default();
                Observation::ok(check::IDENTITY_ACCESS, variant::WI, image).status(200).detail(&words)
            }
            Err(error) => Failure::from(&error).observation(check::IDENTITY_ACCESS, variant::WI, image),
        };
        seen.push(one.millis(watch.millis()));
    }
    seen
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use mops_host::clock::ManualClock;

    use super::*;

    /// How often the directory was asked, how long that took, and how it ended, when it learns at this try.
    async fn asked(code: &str, learns: u32) -> (u32, Duration, bool) {
        let clock = ManualClock::automatic(time::OffsetDateTime::UNIX_EPOCH).shared();
        let tries = Cell::new(0);
        let answer = patiently(&clock, || {
            tries.set(tries.get() + 1);
            let refused = DirectoryError::Refused { status: 401, code: code.to_owned(), sentence: String::new() };
            std::future::ready(if tries.get() == learns { Ok(()) } else { Err(refused) })
        })
        .await;
        (tries.get(), clock.monotonic(), answer.is_ok())
    }

    #[tokio::test]
    async fn a_new_federated_credential_is_waited_for_within_a_bound() {
        assert_eq!(asked("AADSTS70021", 3).await, (3, PAUSE * 2, true));
        assert_eq!(asked("AADSTS700211", 100).await, (11, PATIENCE, false));
        assert_eq!(asked("AADSTS700213", 100).await, (1, Duration::ZERO, false), "no time helps against this one");
    }
}
