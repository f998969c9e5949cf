//! A further registry from which the worker pulls: its images with the entries of the pull secrets, else as anybody. User
//! and password of the environment are for another host, and are not sent (`tests/diagnose/registries.rs`).

use mops_host::SharedClock;
use mops_wire::Http;
use mops_wire::registry::{Auth, Reference};

use super::entry::entries;
use super::sign_in::Registry;
use crate::checks::clock::Reading;
use crate::checks::reach::reach;
use crate::checks::registry::manifest::Platform;
use crate::observation::{Observation, Outcome, check, code, variant};
use crate::settings::Settings;

/// Whether an image is on this registry.
pub(super) fn is_on(image: &str, host: &str) -> bool {
    image.parse::<Reference>().is_ok_and(|reference| reference.registry().eq_ignore_ascii_case(host))
}

/// Everything about it, and its clock.
pub(super) async fn look(
    settings: &Settings,
    host: &str,
    http: &Http,
    clock: &SharedClock,
) -> (Vec<Observation>, Option<Reading>) {
    let images: Vec<String> = settings.images.iter().filter(|image| is_on(image, host)).cloned().collect();
    let reached = reach(host, http, settings.cluster_proxy.as_ref(), clock).await;
    let reading = reached.reading(host, clock);
    let http = reached.way(http);
    let mut all = reached.seen.clone();
    let Some(greeting) = &reached.greeting else {
        let failed = all.iter().find(|o| o.outcome == Outcome::Failed).and_then(|o| o.code.clone());
        let code = failed.unwrap_or_else(|| code::UNEXPECTED.to_owned());
        let skip = |image| Observation::skipped(check::REGISTRY_PULL, variant::PULL_SECRET, image, &code);
        all.extend(images.iter().map(|image| skip(image).detail("no way leads there")));
        return (all, reading);
    };
    let platform = Some(Platform::here());
    let registry = Registry { host, greeting, images: &images, platform, http, clock };
    // A node has no worker's secret.
    let found = if settings.node.is_some() { super::Entries::default() } else { entries(settings, host) };
    if !found.logins.is_empty() {
        all.extend(super::pull_secret(found, &registry).await);
        return (all, reading);
    }
    let public = registry.public().await;
    // Where anybody gets the images, nobody needs a secret.
    if settings.node.is_none() && public.len() < images.len() {
        let missing = |image: &&String| public.iter().all(|o| o.target != **image);
        let skip = |image| Observation::skipped(check::REGISTRY_PULL, variant::PULL_SECRET, image, code::NO_CREDENTIAL);
        let why = "no pull secret of the worker is for this registry, and it does not give the image to everybody";
        all.extend(found.seen);
        all.extend(images.iter().filter(missing).map(|image| skip(image).detail(why)));
    }
    all.extend(public);
    (all, reading)
}

impl Registry<'_> {
    /// Looks the images up without a login.
    pub async fn as_anybody(&self) -> Vec<Observation> {
        match super::client(self.host, self.http, Auth::Anonymous) {
            Ok(client) => self.look_up(&client, variant::ANON).await,
            Err(_) => Vec::new(),
        }
    }

    /// The images that the registry gives to anybody.
    pub async fn public(&self) -> Vec<Observation> {
        let seen = self.as_anybody().await;
        seen.into_iter().filter(|o| o.check == check::REGISTRY_PULL && o.outcome == Outcome::Ok).collect()
    }
}
