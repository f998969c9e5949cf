//! The first gate. NGC refuses a bad key, a missing right and a wrong path alike, so a refusal is never left alone: the
//! key by itself, an image that everybody gets and one that nobody has are asked the same.

use mops_wire::registry::{Auth, Client, Reference};

use super::Key;
use crate::checks::Watch;
use crate::checks::registry::client;
use crate::checks::registry::sign_in::Registry;
use crate::failure::Failure;
use crate::observation::{Observation, Outcome, check, code, variant};

/// An image that NGC is thought to give to everybody; it counts only where that is seen.
const PUBLIC: &str = "nvcr.io/nvidia/cuda:12.4.1-base-ubuntu22.04";
/// What NGC refuses with.
const REFUSALS: [u16; 5] = [401, 402, 403, 412, 451];

/// The images, and who asks for them.
pub(super) struct Gate<'a> {
    registry: Registry<'a>,
    keys: &'a [Key],
}

impl<'a> Gate<'a> {
    pub(super) const fn new(registry: Registry<'a>, keys: &'a [Key]) -> Self {
        Self { registry, keys }
    }

    /// Asks for every image.
    pub(super) async fn pass(&self) -> Vec<Observation> {
        let mut seen = Vec::new();
        let mut missing: Vec<(&str, Reference)> = self
            .registry
            .images
            .iter()
            .filter_map(|image| Some((image.as_str(), self.registry.here(image)?)))
            .collect();
        for (image, reference) in &missing {
            seen.extend(self.anonymously(image, reference, check::REGISTRY_PULL).await);
        }
        let mut refused = Vec::new();
        for key in self.keys {
            let client = match client(self.registry.host, self.registry.http, key.login()) {
                Ok(client) => client,
                Err(failure) => {
                    seen.push(failure.observation(check::NGC_TOKEN, key.variant, self.registry.host));
                    continue;
                }
            };
            let asked = self.with_key(key, &client, &missing).await;
            let asked: Vec<Observation> = asked.into_iter().map(|o| o.by(&key.source)).collect();
            let pulls = |outcome| asked.iter().filter(move |o| o.check == check::REGISTRY_PULL && o.outcome == outcome);
            missing.retain(|(image, _)| pulls(Outcome::Ok).all(|o| o.target != *image));
            match pulls(Outcome::Ok).next() {
                // An image that the key gets is known to be there.
                Some(got) if pulls(Outcome::Failed).next().is_some() => {
                    seen.push(Observation { check: check::REGISTRY_KNOWN.to_owned(), ..got.clone() });
                }
                None if pulls(Outcome::Failed).next().is_some() => {
                    let taken = asked.iter().any(|o| o.check == check::NGC_TOKEN && o.outcome == Outcome::Ok);
                    refused.push((key, client, taken));
                }
                _ => {}
            }
            seen.extend(asked);
        }
        seen.extend(self.known(&refused).await);
        seen
    }

    /// Whether everybody gets an image. A refusal is no failure then: most images are not for everybody.
    async fn anonymously(&self, image: &str, reference: &Reference, pull: &str) -> Vec<Observation> {
        let Ok(client) = client(self.registry.host, self.registry.http, Auth::Anonymous) else { return Vec::new() };
        let client = client.about(image);
        let unless = |check, failure: &Failure| {
            let seen = Observation::skipped(check, variant::ANON, image, &failure.code).detail(&failure.detail);
            vec![Observation { status: failure.status, ..seen }]
        };
        let watch = Watch::start(self.registry.clock);
        if let Err(failure) = self.token(&client, reference).await {
            return unless(check::NGC_TOKEN, &failure);
        }
        let ok = |check| Observation::ok(check, variant::ANON, image).status(200);
        let token = ok(check::NGC_TOKEN).millis(watch.millis());
        let watch = Watch::start(self.registry.clock);
        match client.head_manifest(reference).await.map_err(|error| Failure::from(&error)) {
            Ok(_) => vec![token, ok(pull).millis(watch.millis())],
            // The endpoint gives nobody a token that opens nothing.
            Err(failure) => unless(pull, &failure),
        }
    }

    async fn with_key(&self, key: &Key, client: &Client, images: &[(&str, Reference)]) -> Vec<Observation> {
        let (mut seen, mut login) = (Vec::new(), None);
        for (image, reference) in images {
            let client = &client.about(image);
            let watch = Watch::start(self.registry.clock);
            let failure = match self.token(client, reference).await {
                Ok(()) => {
                    seen.push(Observation::ok(check::NGC_TOKEN, key.variant, image).status(200).millis(watch.millis()));
                    seen.extend(self.registry.image(client, key.variant, image).await);
                    continue;
                }
                Err(failure) => failure,
            };
            if login.is_none() && failure.status.is_some_and(|status| REFUSALS.contains(&status)) {
                login = Some(self.login(key, client).await);
            }
            let accepted = login.as_ref().is_some_and(|login| login.outcome == Outcome::Ok);
            if !accepted {
                seen.push(failure.observation(check::NGC_TOKEN, key.variant, image).millis(watch.millis()));
            }
            seen.push(failure.observation(check::REGISTRY_PULL, key.variant, image));
            if accepted && matches!(failure.status, Some(401 | 403)) {
                seen.push(self.registry.random(client, reference, (key.variant, image), &failure).await);
            }
        }
        seen.extend(login.filter(|login| login.outcome == Outcome::Ok));
        seen
    }

    /// Whether NGC takes the key by itself.
    async fn login(&self, key: &Key, client: &Client) -> Observation {
        let (check, host) = (check::NGC_TOKEN, self.registry.host);
        let Some(challenge) = &self.registry.greeting.challenge else {
            return Observation::skipped(check, key.variant, host, code::OPEN);
        };
        let watch = Watch::start(self.registry.clock);
        let seen = match client.login_token(challenge).await {
            Ok(()) => Observation::ok(check, key.variant, host).status(200),
            Err(error) => Failure::from(&error).observation(check, key.variant, host),
        };
        seen.millis(watch.millis())
    }

    /// An image that everybody gets, with the keys that got none: a key that NGC takes and that does not get even that one
    /// gets nothing.
    async fn known(&self, refused: &[(&Key, Client, bool)]) -> Vec<Observation> {
        let Some(reference) = self.registry.here(PUBLIC).filter(|_| !refused.is_empty()) else { return Vec::new() };
        let mut all = self.anonymously(PUBLIC, &reference, check::REGISTRY_KNOWN).await;
        let shown = all.iter().any(|o| o.check == check::REGISTRY_KNOWN && o.outcome == Outcome::Ok);
        for (key, client, _) in refused.iter().filter(|(.., taken)| shown && *taken) {
            let watch = Watch::start(self.registry.clock);
            let asked = client.about(PUBLIC).head_manifest(&reference).await.map_err(|error| Failure::from(&error));
            let seen = match asked {
                Ok(_) => Observation::ok(check::REGISTRY_KNOWN, key.variant, PUBLIC).status(200),
                Err(failure) => failure.observation(check::REGISTRY_KNOWN, key.variant, PUBLIC),
            };
            all.push(seen.millis(watch.millis()).by(&key.source));
        }
        all
    }

    async fn token(&self, client: &Client, reference: &Reference) -> Result<(), Failure> {
        match &self.registry.greeting.challenge {
            Some(challenge) => client.pull_token(challenge, reference).await.map(|_| ()).map_err(|e| Failure::from(&e)),
            None => Ok(()),
        }
    }
}
