//! An image of the stack that its pods cannot pull with the credential that they will have. Where that comes into being
//! with this run, as in a registry that it makes, nothing is looked at.

use std::collections::BTreeMap;
use std::time::Duration;

use mops_core::preflight::{Planned, Preflight};
use mops_core::{Error, Urn};
use mops_wire::registry::{Auth, Client, Reference, RegistryError};
use serde_json::Value as Json;

use super::Look;
use super::layout::typed;
use crate::azure::role_assignment::RoleAssignment;
use crate::kubernetes::image_pull_secret::{self, ImagePullSecret};
use crate::kubernetes::manifest::Manifest;
use crate::principal_login::{self, Principal};
use crate::resource::Resource as _;

pub(super) const WHAT: &str = "images";

/// One request and its repetition.
const PATIENCE: Duration = Duration::from_secs(8);

/// An image with the credential that its pods pull it with.
type Pulls<'a> = BTreeMap<String, (&'a Urn, image_pull_secret::Inputs)>;

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let mut found = Preflight::default();
    let pulls = pulls(look, &mut found);
    if pulls.is_empty() {
        return Ok(found);
    }
    let http = look.services.pipeline()?;
    for (image, (urn, login)) in pulls {
        let Ok(reference) = image.parse::<Reference>() else { continue };
        let username = look.services.resolve(&login.username).await?.into_exposed();
        let password = look.services.resolve(&login.password).await?;
        if login.service_principal {
            let principal = Principal { client_id: &username, secret: &password, source: &login.password };
            // The check of the credentials says it, once for all images.
            if principal_login::refusal(look.services, &http, &principal).await?.is_some() {
                continue;
            }
        }
        let auth = Auth::Basic { username, password };
        let client = Client::new(http.clone(), reference.registry(), auth).map_err(Error::from)?;
        let client = client.with_limits(PATIENCE, 2).with_cancel(&look.planning.cancel);
        if let Err(error) = client.head_manifest(&reference).await {
            judge(&image, urn, &error, &mut found);
        }
    }
    Ok(found)
}

fn judge(image: &str, urn: &Urn, error: &RegistryError, found: &mut Preflight) {
    let status = error.refusal().map(|refusal| refusal.status);
    let (reason, hint) = match status {
        Some(404) => (format!("there is no image `{image}`"), "push it first, or correct name and tag"),
        Some(401 | 403) => (
            format!("the pods will not be able to pull `{image}`: {error}"),
            "correct the credential of the registry, or give it the right to pull; `mops diagnose-auth` says more",
        ),
        _ => {
            found.notes.push(format!("whether `{image}` can be pulled is not known: {error}"));
            return;
        }
    };
    found.refuse(urn, "image", reason, hint);
}

/// The images of workloads that change, as far as their credential can be had now.
fn pulls<'a>(look: &Look<'a>, found: &mut Preflight) -> Pulls<'a> {
    let secrets: Vec<&Planned> =
        look.planning.resources.iter().filter(|p| p.urn.token() == ImagePullSecret::TOKEN).collect();
    let is_known = |secret: &Planned| is_known(secret) && !waits_for_its_right(look, secret);
    let logins: Vec<image_pull_secret::Inputs> =
        secrets.iter().filter(|p| is_known(p)).filter_map(|p| typed(&p.inputs)).collect();
    let open = secrets.iter().any(|secret| !is_known(secret));
    let mut pulls = Pulls::new();
    for (planned, inputs) in look.layout.changing::<Manifest>() {
        for image in images(&inputs.object) {
            let Ok(reference) = image.parse::<Reference>() else { continue };
            let host = reference.registry();
            if let Some(login) = logins.iter().find(|login| is_for(&login.registry, host)) {
                pulls.insert(image, (&planned.urn, login.clone()));
            } else if open {
                found.notes.push(format!("`{image}` is not looked at: its credential comes into being with this run"));
            }
        }
    }
    pulls
}

/// Whether host, user and password can be had before anything is made.
fn is_known(secret: &Planned) -> bool {
    let known = |field: &&str| secret.inputs.get(field).is_some_and(|value| !value.has_unknown());
    ["registry", "username", "password"].iter().all(known)
}

/// Whether this run gives the right without which the credential opens nothing.
fn waits_for_its_right(look: &Look<'_>, secret: &Planned) -> bool {
    look.layout.changing::<RoleAssignment>().any(|(right, _)| secret.dependencies.contains(&right.urn))
}

/// Docker's own registry has a name of its own in credentials.
fn is_for(registry: &str, host: &str) -> bool {
    registry == host || (host == "docker.io" && registry == "https://index.docker.io/v1/")
}

fn images(object: &Json) -> Vec<String> {
    let containers = object.pointer("/spec/template/spec/containers").and_then(Json::as_array);
    let images = containers.into_iter().flatten().filter_map(|c| c.get("image")?.as_str());
    images.map(str::to_owned).collect()
}
