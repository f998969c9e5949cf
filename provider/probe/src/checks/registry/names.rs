//! Names near that of an image that is absent: tags of its repository, or repositories of its registry. They suggest and
//! prove nothing, so that a registry which does not list them only says less.

use mops_core::nearest::by_nearness;
use mops_wire::registry::{Client, Reference};

use super::sign_in::Registry;
use crate::checks::Watch;
use crate::failure::Failure;
use crate::observation::{Observation, Outcome, check};

/// Most names that are asked for, and most that are told.
const ASKED: u16 = 1000;
const TOLD: usize = 5;

impl Registry<'_> {
    /// The names near each image that this login has found absent.
    pub async fn near_names(&self, client: &Client, variant: &str, seen: &[Observation]) -> Vec<Observation> {
        let absent = seen.iter().filter(|o| {
            o.check == check::REGISTRY_PULL
                && o.variant == variant
                && o.outcome == Outcome::Failed
                && o.status == Some(404)
        });
        let mut all = Vec::new();
        for image in absent.map(|o| o.target.as_str()) {
            let tags =
                seen.iter().find(|o| o.check == check::REGISTRY_TAGS && o.variant == variant && o.target == image);
            let in_repository = tags.is_some_and(|o| o.outcome == Outcome::Ok);
            if let Some(reference) = self.here(image) {
                all.extend(self.near(client, &reference, (variant, image), in_repository).await);
            }
        }
        all
    }

    async fn near(
        &self,
        client: &Client,
        reference: &Reference,
        (variant, image): (&str, &str),
        in_repository: bool,
    ) -> Option<Observation> {
        let client = client.about(image);
        let watch = Watch::start(self.clock);
        let (word, listed) = match in_repository {
            true => (reference.selector(), client.tags(reference, ASKED).await),
            false => (reference.repository(), client.repositories(ASKED).await),
        };
        let seen = match listed {
            Ok(names) if names.is_empty() => return None,
            Ok(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let near = by_nearness(word, &names, TOLD).join(", ");
                Observation::ok(check::REGISTRY_NAMES, variant, image).status(200).detail(&near)
            }
            Err(error) => {
                let failure = Failure::from(&error);
                Observation::skipped(check::REGISTRY_NAMES, variant, image, &failure.code).detail(&failure.detail)
            }
        };
        Some(seen.millis(watch.millis()))
    }
}
