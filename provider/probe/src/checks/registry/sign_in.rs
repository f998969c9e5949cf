//! A registry that answers, and a sign-in at it in its two steps: the token, then `/v2/` with it.

use mops_host::SharedClock;
use mops_wire::Http;
use mops_wire::registry::{Auth, Client, Greeting, Login as Accepted, Reference};

use super::client;
use super::manifest::Platform;
use crate::checks::Watch;
use crate::failure::Failure;
use crate::observation::{Observation, check, code};

/// A registry that was reached, and what is looked up there.
#[derive(Clone, Copy)]
pub struct Registry<'a> {
    /// Its host.
    pub host: &'a str,
    /// What it said to somebody without a login.
    pub greeting: &'a Greeting,
    /// Images, also those of other registries, which are skipped.
    pub images: &'a [String],
    /// The platform that an index must have an entry for; none when that is not known here.
    pub platform: Option<Platform>,
    /// The way to it.
    pub http: &'a Http,
    /// Time.
    pub clock: &'a SharedClock,
}

impl std::fmt::Debug for Registry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registry({})", self.host)
    }
}

impl Registry<'_> {
    /// Signs in. No client when the login was refused, or the registry cannot be asked.
    pub async fn sign_in(&self, variant: &str, auth: Auth) -> (Vec<Observation>, Option<Client>) {
        match client(self.host, self.http, auth) {
            Ok(client) => self.sign_in_by(variant, client).await,
            Err(failure) => (vec![failure.observation(check::REGISTRY_V2, variant, self.host)], None),
        }
    }

    /// As [`Registry::sign_in`] with a client that has its login.
    pub(in crate::checks) async fn sign_in_by(
        &self,
        variant: &str,
        client: Client,
    ) -> (Vec<Observation>, Option<Client>) {
        let first = self.images.iter().find_map(|image| Some((image, self.here(image)?)));
        let mut seen = Vec::new();
        let mut scope = None;
        if let (Some(challenge), Some((image, reference))) = (&self.greeting.challenge, &first) {
            let watch = Watch::start(self.clock);
            match client.about(image).pull_token(challenge, reference).await {
                Ok(true) => {
                    seen.push(
                        Observation::ok(check::REGISTRY_TOKEN, variant, image).status(200).millis(watch.millis()),
                    );
                    scope = Some(reference);
                }
                Ok(false) => {}
                // Some registries refuse the token for a repository and take the login: the next step tells.
                Err(error) => {
                    let failed = Failure::from(&error).observation(check::REGISTRY_TOKEN, variant, image);
                    seen.push(failed.millis(watch.millis()));
                }
            }
        }
        let watch = Watch::start(self.clock);
        let answer = client.ping_with(scope).await;
        let accepted = answer.is_ok();
        let v2 = match answer {
            // Whoever answers everybody has not looked at the credential.
            Ok(Accepted::Open) => Observation::skipped(check::REGISTRY_V2, variant, self.host, code::OPEN)
                .status(200)
                .detail("asks for no credential, so none was tried"),
            Ok(Accepted::Basic | Accepted::Bearer) => {
                Observation::ok(check::REGISTRY_V2, variant, self.host).status(200)
            }
            Err(error) => Failure::from(&error).observation(check::REGISTRY_V2, variant, self.host),
        };
        seen.push(v2.millis(watch.millis()));
        (seen, accepted.then_some(client))
    }

    /// The reference of an image that is on this registry.
    pub(in crate::checks) fn here(&self, image: &str) -> Option<Reference> {
        let reference: Reference = image.parse().ok()?;
        reference.registry().eq_ignore_ascii_case(self.host).then_some(reference)
    }
}
