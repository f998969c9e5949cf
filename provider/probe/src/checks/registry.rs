//! The registry: what it asks for, whether it accepts each credential of the worker, and whether
//! the images are there and can be read.

use mops_core::Secret;
use mops_host::SharedClock;
use mops_wire::Http;
use mops_wire::registry::{Auth, Client};

use super::{identity, kubelet, ngc};
use crate::checks::clock::Reading;
use crate::checks::reach::reach;
use crate::failure::Failure;
use crate::observation::{Observation, Outcome, check, code, variant};
use crate::settings::Settings;

mod entry;
pub(super) mod image;
pub(super) mod invented;
pub(super) mod manifest;
mod names;
mod other;
pub(super) mod sign_in;

use entry::{Entries, entries};
use manifest::Platform;
use sign_in::Registry;

/// Everything about the worker's registries, and their clocks. NGC's has a way of its own.
pub(super) async fn all(settings: &Settings, http: &Http, clock: &SharedClock) -> (Vec<Observation>, Vec<Reading>) {
    let others = settings.other_registries.iter().map(|host| other::look(settings, host, http, clock));
    let (own, others) = futures::join!(main(settings, http, clock), futures::future::join_all(others));
    others.into_iter().fold(own, |(mut all, mut readings), (seen, reading)| {
        all.extend(seen);
        readings.extend(reading);
        (all, readings)
    })
}

/// The registry for which the worker has user and password, or its identity.
async fn main(settings: &Settings, http: &Http, clock: &SharedClock) -> (Vec<Observation>, Vec<Reading>) {
    if settings.registry.as_deref() == Some(mops_wire::ngc::REGISTRY) {
        return (Vec::new(), Vec::new());
    }
    let elsewhere =
        |image: &String| ngc::is_of(image) || settings.other_registries.iter().any(|h| other::is_on(image, h));
    let images = settings.images.iter().filter(|image| !elsewhere(image)).cloned().collect();
    let settings = &Settings { images, ..settings.clone() };
    let Some(registry) = &settings.registry else {
        let skipped = [variant::ENV, variant::PULL_SECRET]
            .map(|v| Observation::skipped(check::REGISTRY_V2, v, "registry", code::NOT_GIVEN))
            .map(|o| o.detail("no registry is known"));
        return (skipped.into(), Vec::new());
    };
    let reached = reach(registry, http, settings.cluster_proxy.as_ref(), clock).await;
    let readings = Vec::from_iter(reached.reading(registry, clock));
    let http = reached.way(http);
    let mut all = reached.seen.clone();
    let Some(greeting) = &reached.greeting else {
        let failed = all.iter().find(|o| o.outcome == Outcome::Failed).and_then(|o| o.code.clone());
        if failed.as_deref() == Some(code::NOT_A_HOST) {
            // Nothing was asked; the variable that holds it has failed already.
            all.clear();
        }
        all.extend(behind(settings, registry, failed.as_deref().unwrap_or(code::UNEXPECTED)));
        return (all, readings);
    };
    let platform = Some(Platform::here());
    let registry = Registry { host: registry, greeting, images: &settings.images, platform, http, clock };
    if let Some(node) = &settings.node {
        all.extend(kubelet::look(node, &registry).await);
        return (all, readings);
    }
    let (own, pull) =
        futures::join!(own(settings, &registry), pull_secret(entries(settings, registry.host), &registry));
    all.extend(own.into_iter().chain(pull));
    (all, readings)
}

/// What is not asked of a registry to which no way leads.
fn behind(settings: &Settings, registry: &str, code: &str) -> Vec<Observation> {
    let own = if settings.identity.is_some() { variant::WI } else { variant::ENV };
    let (logins, puller) = match settings.node {
        Some(_) => (vec![variant::KUBELET], variant::KUBELET),
        None => (vec![own, variant::PULL_SECRET], variant::PULL_SECRET),
    };
    let v2 = logins.into_iter().map(|v| Observation::skipped(check::REGISTRY_V2, v, registry, code));
    let skip = |image: &String| Observation::skipped(check::REGISTRY_PULL, puller, image, code);
    let images = settings.images.iter().map(skip);
    v2.chain(images).map(|o| o.detail("no credential was sent, since no way leads there")).collect()
}

/// With what the worker has for itself: its identity, else user and password.
async fn own(settings: &Settings, registry: &Registry<'_>) -> Vec<Observation> {
    let Some(identity) = &settings.identity else {
        return environment(settings, registry).await;
    };
    let (token, seen) = match identity::token(identity, registry.http, registry.clock).await {
        Ok(traded) => traded,
        Err(failed) => return vec![*failed],
    };
    let tenant = identity.tenant.value().map_or("", String::as_str);
    let signed_in = match client(registry.host, registry.http, Auth::Anonymous) {
        Ok(client) => client.sign_in_with_directory_token(tenant, &token).await.map_err(|e| Failure::from(&e)),
        Err(failure) => Err(failure),
    };
    let client = match signed_in {
        Ok(client) => client,
        Err(failure) => {
            let refused = [check::IDENTITY_EXCHANGE, check::REGISTRY_V2];
            let refused = refused.map(|check| failure.observation(check, variant::WI, registry.host));
            return std::iter::once(seen).chain(refused).collect();
        }
    };
    let traded = Observation::ok(check::IDENTITY_EXCHANGE, variant::WI, registry.host).status(200);
    let access = identity::access(registry, &client).await;
    let (signed_in, client) = registry.sign_in_by(variant::WI, client).await;
    let mut all = [vec![seen, traded], access, signed_in].concat();
    if let Some(client) = client {
        all.extend(registry.look_up(&client, variant::WI).await);
        all.extend(bundle(settings, registry).look_up(&client, variant::WI).await);
    }
    all
}

pub(super) fn client(registry: &str, http: &Http, auth: Auth) -> Result<Client, Failure> {
    Client::new(http.about(registry), registry, auth).map_err(|e| Failure::from(&e))
}

fn basic(username: &str, password: &Secret<String>) -> Auth {
    Auth::Basic { username: username.to_owned(), password: password.clone() }
}

/// The registry with what the worker itself fetches, in place of images.
fn bundle<'a>(settings: &'a Settings, registry: &Registry<'a>) -> Registry<'a> {
    Registry { images: settings.bundle.as_slice(), ..*registry }
}

/// Pods pull with the pull secret, so user and password of the environment only sign in and fetch the bundle.
async fn environment(settings: &Settings, registry: &Registry<'_>) -> Vec<Observation> {
    match (settings.username.value(), settings.password.value()) {
        (Some(username), Some(password)) => {
            let (mut seen, client) = registry.sign_in(variant::ENV, basic(username, password)).await;
            if let Some(client) = client {
                seen.extend(bundle(settings, registry).look_up(&client, variant::ENV).await);
            }
            seen
        }
        _ => {
            let skipped = Observation::skipped(check::REGISTRY_V2, variant::ENV, registry.host, code::ENV_MISSING);
            vec![skipped.detail("REGISTRY_USERNAME or REGISTRY_PASSWORD is missing")]
        }
    }
}

async fn pull_secret(found: Entries, registry: &Registry<'_>) -> Vec<Observation> {
    let skip = |check, target: &str, code: &str, why: &str| {
        Observation::skipped(check, variant::PULL_SECRET, target, code).detail(why)
    };
    let Entries { logins, seen: mut all } = found;
    if logins.is_empty() {
        let why = all.first().map_or("", |seen| seen.detail.as_str());
        let no = |check, target: &str| skip(check, target, code::NO_CREDENTIAL, why);
        if registry.greeting.challenge.is_none() {
            // Of a registry that asks for no login the node pulls without one.
            all.push(no(check::REGISTRY_V2, registry.host));
            all.extend(registry.as_anybody().await);
            return all;
        }
        let images = registry.images.iter().map(|i| no(check::REGISTRY_PULL, i));
        let skipped: Vec<_> = std::iter::once(no(check::REGISTRY_V2, registry.host)).chain(images).collect();
        return all.into_iter().chain(skipped).collect();
    }
    // As the kubelet does: one entry after the other, of all secrets, until one is accepted.
    let mut refused: Vec<(String, Vec<Observation>)> = Vec::new();
    for (secret, login) in logins {
        let by = |seen: Vec<Observation>| seen.into_iter().map(|o| o.by(&secret)).collect::<Vec<_>>();
        let (seen, client) = registry.sign_in(variant::PULL_SECRET, basic(&login.username, &login.password)).await;
        if let Some(client) = client {
            all.extend(by(seen));
            all.extend(by(registry.look_up(&client, variant::PULL_SECRET).await));
            return all;
        }
        // One refusal of each secret is shown.
        if refused.iter().all(|(known, _)| *known != secret) {
            refused.push((secret.clone(), by(seen)));
        }
    }
    let refused: Vec<Observation> = refused.into_iter().flat_map(|(_, seen)| seen).collect();
    let cut = refused.iter().any(|o| o.has_code(code::REQUEST_LIMIT));
    let (code, why) = match cut {
        true => (code::REQUEST_LIMIT, "not every entry was tried"),
        false => (code::UNAUTHORIZED, "/v2/ did not accept the credential"),
    };
    all.extend(refused);
    all.extend(registry.images.iter().map(|image| skip(check::REGISTRY_PULL, image, code, why)));
    all
}
