//! The identity of the worker: its token is there, and Azure's directory trades it for one that the registry takes. Shows
//! the identity's id and the directory's words, never a token.

use mops_core::Secret;
use mops_host::{SharedClock, fsx};
use mops_wire::Http;
use mops_wire::directory::{DirectoryError, Grant, Proof, grant};

use super::Watch;
use crate::failure::Failure;
use crate::observation::{Observation, check, code, variant};
use crate::settings::{Given, Identity, names};

/// What the registry takes, in every cloud.
const SCOPE: &str = "https://containerregistry.azure.net/.default";

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
        scope: SCOPE,
    };
    let watch = Watch::start(clock);
    match grant(http, &wanted).await {
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
