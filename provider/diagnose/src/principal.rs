//! A service principal's secret as pods have it, shown to the directory that gave it: a registry answers only that it
//! refuses, the directory says why. The secret goes to the sign-in host and nowhere else.

use mops_probe::Observation;
use mops_probe::dockerconfig::Login;
use mops_wire::Http;
use mops_wire::directory::{self, DirectoryError, Grant, Proof};

use crate::observed::check;
use crate::request::Directory;

/// What the directory says to the login in a secret of this name.
pub(crate) async fn look(
    http: &Http,
    directory: &Directory,
    (credential, name): (&str, &str),
    login: &Login,
) -> Observation {
    let wanted = Grant {
        authority: &directory.authority,
        tenant: &directory.tenant,
        client_id: &login.username,
        proof: Proof::Secret(&login.password),
        scope: &directory.scope,
    };
    match directory::grant(&http.about(name), &wanted).await {
        Ok(_) => Observation::ok(check::DIRECTORY, credential, name),
        Err(DirectoryError::Refused { status, code, sentence }) if status < 500 => {
            Observation::failed(check::DIRECTORY, credential, name, &code).status(status).detail(&sentence)
        }
        Err(error) => Observation::skipped(check::DIRECTORY, credential, name, "NO_ANSWER").detail(&error.to_string()),
    }
}
