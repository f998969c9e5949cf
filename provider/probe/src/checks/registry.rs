//! The registry: what it asks for, whether it accepts each credential of the worker, and whether
//! the images are there. A HEAD that is refused with 404 is followed by a GET of the tag list,
//! since a HEAD has no body to say which of the two is missing.

use mops_core::Secret;
use mops_host::SharedClock;
use mops_wire::Http;
use mops_wire::registry::{Auth, Client, Login as Accepted, Reference};

use super::{DEADLINE, TRIES, Watch, identity};
use crate::checks::reach::reach;
use crate::failure::Failure;
use crate::observation::{Observation, Outcome, check, code, variant};
use crate::settings::Settings;

mod entry;

use entry::entry;

pub(super) async fn all(settings: &Settings, http: &Http, clock: &SharedClock) -> Vec<Observation> {
    let Some(registry) = &settings.registry else {
        return [variant::ENV, variant::PULL_SECRET]
            .map(|v| Observation::skipped(check::REGISTRY_V2, v, "registry", code::NOT_GIVEN))
            .map(|o| o.detail("no registry is known"))
            .into();
    };
    let reached = reach(registry, http, clock).await;
    let obstacle = reached.obstacle().map(str::to_owned);
    let mut all = reached.seen;
    if let Some(code) = obstacle {
        all.extend(behind(settings, registry, &code));
        return all;
    }
    let (own, pull) =
        futures::join!(own(settings, registry, http, clock), pull_secret(settings, registry, http, clock));
    all.extend(own.into_iter().chain(pull));
    all
}

/// What is not asked of a registry to which no way leads.
fn behind(settings: &Settings, registry: &str, code: &str) -> Vec<Observation> {
    let own = if settings.identity.is_some() { variant::WI } else { variant::ENV };
    let v2 = [own, variant::PULL_SECRET].map(|v| Observation::skipped(check::REGISTRY_V2, v, registry, code));
    let skip = |image: &String| Observation::skipped(check::REGISTRY_PULL, variant::PULL_SECRET, image, code);
    let images = settings.images.iter().map(skip);
    v2.into_iter().chain(images).map(|o| o.detail("no credential was sent, since no way leads there")).collect()
}

/// With what the worker has for itself: its identity, else user and password.
async fn own(settings: &Settings, registry: &str, http: &Http, clock: &SharedClock) -> Vec<Observation> {
    let Some(identity) = &settings.identity else {
        return vec![environment(settings, registry, http, clock).await];
    };
    let (token, seen) = match identity::token(identity, http, clock).await {
        Ok(traded) => traded,
        Err(failed) => return vec![*failed],
    };
    let tenant = identity.tenant.value().map_or("", String::as_str);
    let signed_in = match client(registry, http, Auth::Anonymous) {
        Ok(client) => client.sign_in_with_directory_token(tenant, &token).await.map_err(|e| Failure::from(&e)),
        Err(failure) => Err(failure),
    };
    let client = match signed_in {
        Ok(client) => client,
        Err(failure) => return vec![seen, failure.observation(check::REGISTRY_V2, variant::WI, registry)],
    };
    let mut all = vec![seen, ping(&client, registry, variant::WI, clock).await];
    for image in &settings.images {
        all.extend(one_image(&client, registry, (variant::WI, image), clock).await);
    }
    all
}

/// `GET /v2/` with a login.
pub async fn login(registry: &str, variant: &str, auth: Auth, http: &Http, clock: &SharedClock) -> Observation {
    match client(registry, http, auth) {
        Ok(client) => ping(&client, registry, variant, clock).await,
        Err(failure) => failure.observation(check::REGISTRY_V2, variant, registry),
    }
}

/// HEAD of an image's manifest with a login; on 404 also whether its repository exists.
pub async fn image(image: &str, variant: &str, auth: Auth, http: &Http, clock: &SharedClock) -> Vec<Observation> {
    let reference: Reference = match image.parse() {
        Ok(reference) => reference,
        Err(error) => return vec![not_a_reference(variant, image, &error)],
    };
    match client(reference.registry(), http, auth) {
        Ok(client) => look_up(&client, &reference, (variant, image), clock).await,
        Err(failure) => vec![failure.observation(check::REGISTRY_PULL, variant, image)],
    }
}

pub(super) fn client(registry: &str, http: &Http, auth: Auth) -> Result<Client, Failure> {
    let client = Client::new(http.clone(), registry, auth);
    client.map(|c| c.with_limits(DEADLINE, TRIES)).map_err(|e| Failure::from(&e))
}

fn basic(username: &str, password: &Secret<String>) -> Auth {
    Auth::Basic { username: username.to_owned(), password: password.clone() }
}

async fn ping(client: &Client, registry: &str, variant: &str, clock: &SharedClock) -> Observation {
    let watch = Watch::start(clock);
    let seen = match client.ping().await {
        // Whoever answers everybody has not looked at the credential.
        Ok(Accepted::Open) => Observation::skipped(check::REGISTRY_V2, variant, registry, code::OPEN)
            .status(200)
            .detail("asks for no credential, so none was tried"),
        Ok(Accepted::Basic | Accepted::Bearer) => Observation::ok(check::REGISTRY_V2, variant, registry).status(200),
        Err(error) => Failure::from(&error).observation(check::REGISTRY_V2, variant, registry),
    };
    seen.millis(watch.millis())
}

async fn environment(settings: &Settings, registry: &str, http: &Http, clock: &SharedClock) -> Observation {
    match (settings.username.value(), settings.password.value()) {
        (Some(username), Some(password)) => login(registry, variant::ENV, basic(username, password), http, clock).await,
        _ => Observation::skipped(check::REGISTRY_V2, variant::ENV, registry, code::ENV_MISSING)
            .detail("REGISTRY_USERNAME or REGISTRY_PASSWORD is missing"),
    }
}

async fn pull_secret(settings: &Settings, registry: &str, http: &Http, clock: &SharedClock) -> Vec<Observation> {
    let entry = entry(settings, registry);
    let logins = match entry {
        Ok(logins) => logins,
        Err(seen) => {
            let why = seen.detail.clone();
            let no = |check, target: &str| {
                Observation::skipped(check, variant::PULL_SECRET, target, code::NO_CREDENTIAL).detail(&why)
            };
            let images = settings.images.iter().map(|i| no(check::REGISTRY_PULL, i));
            return std::iter::once(*seen).chain([no(check::REGISTRY_V2, registry)]).chain(images).collect();
        }
    };
    let mut all = vec![Observation::ok(check::PULL_SECRET, variant::PULL_SECRET, registry)];
    // As the kubelet does: one entry after the other until one is accepted.
    let mut accepted = None;
    let mut refused = Vec::new();
    for login in logins {
        let Ok(client) = client(registry, http, basic(&login.username, &login.password)) else { continue };
        let seen = ping(&client, registry, variant::PULL_SECRET, clock).await;
        if seen.outcome != Outcome::Failed {
            all.push(seen);
            accepted = Some(client);
            break;
        }
        refused.push(seen);
    }
    let Some(client) = accepted else {
        all.extend(refused.into_iter().next());
        let skip = |image: &String| {
            Observation::skipped(check::REGISTRY_PULL, variant::PULL_SECRET, image, code::UNAUTHORIZED)
                .detail("/v2/ did not accept the credential")
        };
        all.extend(settings.images.iter().map(skip));
        return all;
    };
    for image in &settings.images {
        all.extend(one_image(&client, registry, (variant::PULL_SECRET, image), clock).await);
    }
    all
}

async fn one_image(
    client: &Client,
    registry: &str,
    (variant, image): (&str, &str),
    clock: &SharedClock,
) -> Vec<Observation> {
    match image.parse::<Reference>() {
        Err(error) => vec![not_a_reference(variant, image, &error)],
        Ok(reference) if !reference.registry().eq_ignore_ascii_case(registry) => {
            let skipped = Observation::skipped(check::REGISTRY_PULL, variant, image, code::OTHER_HOST);
            vec![skipped.detail("it is on another registry")]
        }
        Ok(reference) => look_up(client, &reference, (variant, image), clock).await,
    }
}

async fn look_up(
    client: &Client,
    reference: &Reference,
    (variant, image): (&str, &str),
    clock: &SharedClock,
) -> Vec<Observation> {
    let watch = Watch::start(clock);
    let error = match client.head_manifest(reference).await {
        Ok(_) => {
            let seen = Observation::ok(check::REGISTRY_PULL, variant, image).status(200);
            return vec![seen.millis(watch.millis())];
        }
        Err(error) => error,
    };
    let failure = Failure::from(&error);
    let seen = failure.observation(check::REGISTRY_PULL, variant, image).millis(watch.millis());
    if failure.status != Some(404) {
        return vec![seen];
    }
    let watch = Watch::start(clock);
    let tags = match client.tags(reference, 5).await {
        Ok(tags) => Observation::ok(check::REGISTRY_TAGS, variant, image).status(200).detail(&tags.join(", ")),
        Err(error) => Failure::from(&error).observation(check::REGISTRY_TAGS, variant, image),
    };
    let name = if tags.has_code(code::NAME_UNKNOWN) { code::NAME_UNKNOWN } else { code::MANIFEST_UNKNOWN };
    vec![seen.code(name), tags.millis(watch.millis())]
}

fn not_a_reference(variant: &str, image: &str, error: &dyn std::fmt::Display) -> Observation {
    Observation::failed(check::REGISTRY_PULL, variant, image, code::REFERENCE_INVALID).detail(&error.to_string())
}
