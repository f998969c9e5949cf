//! NGC's two gates: whether its registry gives an image to nobody and to each key, and whether its API gives the files
//! of a model to the key of the environment. A refusal at one says nothing about the other.

use mops_core::Secret;
use mops_host::SharedClock;
use mops_wire::ngc::{Api, Model, REGISTRY, USER};
use mops_wire::registry::{Auth, Reference};
use mops_wire::{Http, ProxySettings};

use super::Watch;
use super::clock::Reading;
use super::reach::reach;
use super::registry::manifest::Platform;
use super::registry::sign_in::Registry;
use crate::dockerconfig;
use crate::failure::Failure;
use crate::observation::{Observation, Outcome, check, code, variant};
use crate::settings::Settings;

mod form;
mod gate;

/// A key, and where it comes from.
#[derive(Clone, Debug)]
pub struct Key {
    /// One of [`variant`].
    pub variant: &'static str,
    /// Which of several of that kind; empty where there is one.
    pub source: String,
    /// The user's name that goes with it.
    pub username: String,
    /// The key itself.
    pub secret: Secret<String>,
}

impl Key {
    /// A key by itself.
    #[must_use]
    pub fn new(variant: &'static str, secret: &Secret<String>) -> Self {
        Self { variant, source: String::new(), username: USER.to_owned(), secret: secret.clone() }
    }

    fn login(&self) -> Auth {
        Auth::Basic { username: self.username.clone(), password: self.secret.clone() }
    }
}

/// The keys that have the form of one, and what was seen of them all. Another one is not sent: every byte counts, and
/// what NGC would say of it is known.
#[must_use]
pub fn well_formed(keys: impl IntoIterator<Item = Key>) -> (Vec<Key>, Vec<Observation>) {
    let (mut good, mut seen) = (Vec::new(), Vec::new());
    for key in keys {
        match form::judge(key.secret.expose()) {
            Ok(()) => {
                seen.push(Observation::ok(check::KEY_FORM, key.variant, REGISTRY).by(&key.source));
                good.push(key);
            }
            Err((code, words)) => {
                let failed = Observation::failed(check::KEY_FORM, key.variant, REGISTRY, code).by(&key.source);
                seen.push(failed.detail(words));
            }
        }
    }
    (good, seen)
}

/// Whether an image is NGC's.
#[must_use]
pub fn is_of(image: &str) -> bool {
    image.parse::<Reference>().is_ok_and(|reference| reference.registry().eq_ignore_ascii_case(REGISTRY))
}

/// Both gates with what the worker has, and the clock of the registry. Nothing for a worker that has nothing of NGC.
pub(super) async fn all(settings: &Settings, http: &Http, clock: &SharedClock) -> (Vec<Observation>, Vec<Reading>) {
    let images: Vec<String> = settings.images.iter().filter(|image| is_of(image)).cloned().collect();
    if images.is_empty() && settings.models.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let own = settings.ngc_key.value().map(|key| Key::new(variant::ENV, key));
    let (keys, mut seen) = well_formed(pull_secret(settings).into_iter().chain(own));
    // The kubelet pulls with the pull secret; the container's own key is asked where that does not do, if it is another.
    let mut others: Vec<Key> = Vec::new();
    for key in &keys {
        if others.iter().all(|known| known.secret != key.secret) {
            others.push(key.clone());
        }
    }
    let way = (http, settings.cluster_proxy.as_ref());
    let first = async {
        match images.is_empty() {
            true => (Vec::new(), None),
            false => gate_of_images(&images, &others, Some(Platform::here()), way, clock).await,
        }
    };
    let second = gate_of_models(&settings.models, variant::ENV, &keys, http, clock);
    let ((first, reading), second) = futures::join!(first, second);
    seen.extend(first.into_iter().chain(second));
    (seen, reading.into_iter().collect())
}

/// The logins of the pull secrets for NGC's registry; what is wrong with a docker config is seen where it is read.
fn pull_secret(settings: &Settings) -> Vec<Key> {
    let mut found = Vec::new();
    for secret in &settings.pull_secrets {
        let Some(text) = secret.text.value() else { continue };
        for (length, login) in dockerconfig::entries(text.expose(), REGISTRY).unwrap_or_default() {
            let dockerconfig::Login { username, password } = login;
            let key = Key { variant: variant::PULL_SECRET, source: secret.name.clone(), username, secret: password };
            found.push((length, key));
        }
    }
    found.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    found.into_iter().map(|(_, key)| key).collect()
}

/// The first gate, for images of NGC: without a key, then with one after the other until one gets the image.
pub async fn gate_of_images(
    images: &[String],
    keys: &[Key],
    platform: Option<Platform>,
    (http, cluster): (&Http, Option<&ProxySettings>),
    clock: &SharedClock,
) -> (Vec<Observation>, Option<Reading>) {
    let reached = reach(REGISTRY, http, cluster, clock).await;
    let reading = reached.reading(REGISTRY, clock);
    let http = reached.way(http);
    let mut seen = reached.seen.clone();
    let Some(greeting) = &reached.greeting else {
        let failed = seen.iter().find(|o| o.outcome == Outcome::Failed).and_then(|o| o.code.clone());
        let code = failed.unwrap_or_else(|| code::UNEXPECTED.to_owned());
        let skip = |image| Observation::skipped(check::NGC_TOKEN, variant::ANON, image, &code);
        seen.extend(images.iter().map(|image| skip(image).detail("no way leads there")));
        return (seen, reading);
    };
    let registry = Registry { host: REGISTRY, greeting, images, platform, http, clock };
    seen.extend(gate::Gate::new(registry, keys).pass().await);
    (seen, reading)
}

/// The second gate: the files of each model, with one key of this kind after the other until one gets them. A refusal is
/// shown only when none did.
pub async fn gate_of_models(
    models: &[String],
    variant: &str,
    keys: &[Key],
    http: &Http,
    clock: &SharedClock,
) -> Vec<Observation> {
    let mut seen = Vec::new();
    for name in models {
        let mut asked: Vec<Observation> = Vec::new();
        for key in keys.iter().filter(|key| key.variant == variant) {
            let watch = Watch::start(clock);
            let one = match name.parse::<Model>() {
                Ok(model) => model_files(&Api::new(http.about(name)), &model, key).await,
                Err(error) => Observation::failed(check::NGC_MODEL, variant, name, code::REFERENCE_INVALID)
                    .detail(&error.to_string()),
            };
            asked.push(one.millis(watch.millis()).by(&key.source));
            if asked.last().is_some_and(|o| o.outcome == Outcome::Ok) {
                break;
            }
        }
        let got = asked.iter().position(|o| o.outcome == Outcome::Ok).unwrap_or_default();
        seen.push(match asked.is_empty() {
            true => Observation::skipped(check::NGC_MODEL, variant, name, code::ENV_MISSING)
                .detail("no key of NGC is there for it"),
            false => asked.swap_remove(got),
        });
    }
    seen
}

async fn model_files(api: &Api, model: &Model, key: &Key) -> Observation {
    let name = model.to_string();
    match api.files(model, &key.secret).await {
        Ok(files) => {
            Observation::ok(check::NGC_MODEL, key.variant, &name).status(200).moved_to(files.elsewhere.as_deref())
        }
        Err(error) => Failure::from(&error).observation(check::NGC_MODEL, key.variant, &name),
    }
}
