//! The images of a registry with one login: HEAD of each, then its manifest and a layer, or what tells a refusal apart.

use mops_host::random;
use mops_wire::ngc;
use mops_wire::registry::{Client, Digest, Layer, Reference, RegistryError};
use mops_wire::{Http, Origin, ProxySettings};

use super::manifest::{self, Content};
use super::sign_in::Registry;
use crate::checks::reach::addresses_of;
use crate::checks::{DEADLINE, Watch};
use crate::failure::Failure;
use crate::observation::{Observation, Outcome, check, code};

/// Registries that answer alike for what does not exist and for what may not be pulled; elsewhere the comparison is shown
/// and proves nothing.
const HIDING: [&str; 1] = [ngc::REGISTRY];
/// What begins the name of a repository that is looked up as a whole, and not one image of it.
const REPOSITORY: &str = "oci://";
/// Most tags that are asked for where they only prove that the repository is there.
const TAGS: u16 = 5;

/// The host of the layers, when the proxy does not lead there and the direct way does.
async fn past_proxy(http: &Http, read: &Result<Layer, RegistryError>) -> Option<Observation> {
    let Ok(Layer { elsewhere: Some(host), whole: Err(RegistryError::Wire(_)) }) = read else { return None };
    let origin = Origin::https(host).filter(|origin| http.by_proxy(origin))?;
    let direct = http.with_proxy(ProxySettings::none()).ok()?;
    let limit = direct.patience().unwrap_or(DEADLINE);
    let found = direct.addresses(&origin, limit).await.ok()?;
    direct.connects(origin.host(), &found.addresses, limit).await.ok()?;
    let words =
        "the registry sends there for its layers; no answer by the proxy of the environment, a connection without it";
    Some(Observation::failed(check::NET_PROXY, "", host, code::REACHED_DIRECT).detail(words))
}

impl Registry<'_> {
    /// Looks all images up. When some can be pulled and others cannot, says which one is known to work.
    pub async fn look_up(&self, client: &Client, variant: &str) -> Vec<Observation> {
        let mut all = Vec::new();
        for image in self.images {
            all.extend(self.image(client, variant, image).await);
        }
        let pulls = || all.iter().filter(|o| o.check == check::REGISTRY_PULL);
        let refused = pulls().any(|o| o.outcome == Outcome::Failed);
        let known = pulls().find(|o| o.outcome == Outcome::Ok).filter(|_| refused);
        let known = known.map(|o| Observation { check: check::REGISTRY_KNOWN.to_owned(), ..o.clone() });
        all.extend(known);
        all
    }

    /// A repository as a whole: whether it is there and can be read.
    async fn whole(&self, client: &Client, reference: &Reference, (variant, name): (&str, &str)) -> Observation {
        let watch = Watch::start(self.clock);
        let seen = match client.tags(reference, TAGS).await {
            Ok(tags) => Observation::ok(check::REGISTRY_PULL, variant, name).status(200).detail(&tags.join(", ")),
            Err(error) => Failure::from(&error).observation(check::REGISTRY_PULL, variant, name),
        };
        seen.millis(watch.millis())
    }

    /// Looks one image up, with all that tells a refusal of it apart.
    pub(in crate::checks) async fn image(&self, client: &Client, variant: &str, named: &str) -> Vec<Observation> {
        let image = named.strip_prefix(REPOSITORY).unwrap_or(named);
        let reference = match image.parse::<Reference>() {
            Err(error) => {
                let failed = Observation::failed(check::REGISTRY_PULL, variant, image, code::REFERENCE_INVALID);
                return vec![failed.detail(&error.to_string())];
            }
            Ok(_) => self.here(image),
        };
        let Some(reference) = reference else {
            let skipped = Observation::skipped(check::REGISTRY_PULL, variant, image, code::OTHER_HOST);
            return vec![skipped.detail("it is on another registry")];
        };
        let client = &client.about(image);
        if image != named {
            return vec![self.whole(client, &reference, (variant, image)).await];
        }
        let watch = Watch::start(self.clock);
        let error = match client.head_manifest(&reference).await {
            Ok(_) => {
                let seen = Observation::ok(check::REGISTRY_PULL, variant, image).status(200).millis(watch.millis());
                return [vec![seen], self.content(client, &reference, (variant, image)).await].concat();
            }
            Err(error) => self.worded(client, &reference, error).await,
        };
        let failure = Failure::from(&error);
        let seen = failure.observation(check::REGISTRY_PULL, variant, image).millis(watch.millis());
        match failure.status {
            Some(401 | 403) => vec![seen, self.random(client, &reference, (variant, image), &failure).await],
            Some(404) => self.absent(client, &reference, (variant, image), seen).await,
            _ => vec![seen],
        }
    }

    /// A refusal with the words that a HEAD has no place for, which may be the one thing that tells.
    async fn worded(&self, client: &Client, reference: &Reference, error: RegistryError) -> RegistryError {
        let bare = error.refusal().is_some_and(|r| {
            // That a login is wanted, or something is not there, needs no words, but at a registry that says so of what
            // it hides.
            let plain = [401, 404].contains(&r.status) && !HIDING.contains(&self.host);
            r.message.is_none() && (400..500).contains(&r.status) && !plain
        });
        if !bare {
            return error;
        }
        client.manifest(reference).await.err().unwrap_or(error)
    }

    /// Which of repository and tag is missing: a HEAD has no body to say so.
    async fn absent(
        &self,
        client: &Client,
        reference: &Reference,
        (variant, image): (&str, &str),
        seen: Observation,
    ) -> Vec<Observation> {
        let watch = Watch::start(self.clock);
        let tags = match client.tags(reference, TAGS).await {
            Ok(tags) => Observation::ok(check::REGISTRY_TAGS, variant, image).status(200).detail(&tags.join(", ")),
            Err(error) => Failure::from(&error).observation(check::REGISTRY_TAGS, variant, image),
        };
        let seen = match tags.outcome {
            _ if tags.has_code(code::NAME_UNKNOWN) => seen.code(code::NAME_UNKNOWN),
            // Nobody has said which of both it is.
            Outcome::Skipped => seen.code(""),
            _ => seen.code(code::MANIFEST_UNKNOWN),
        };
        vec![seen, tags.millis(watch.millis())]
    }

    /// The same of a repository that nobody has: a registry that hides what exists gives the same answer.
    pub(in crate::checks) async fn random(
        &self,
        client: &Client,
        reference: &Reference,
        (variant, image): (&str, &str),
        refusal: &Failure,
    ) -> Observation {
        let check = check::REGISTRY_RANDOM;
        let path = reference.repository().rsplit_once('/').map_or(String::new(), |(path, _)| format!("{path}/"));
        let name = format!("{}/{path}mops-probe-{:016x}", self.host, u64::from_le_bytes(random::bytes::<8>()));
        let Ok(nobodys) = name.parse::<Reference>() else {
            return Observation::skipped(check, variant, image, code::UNEXPECTED);
        };
        let watch = Watch::start(self.clock);
        let seen = match client.head_manifest(&nobodys).await.map_err(|e| Failure::from(&e)) {
            Ok(_) => Observation::failed(check, variant, image, code::UNEXPECTED)
                .status(200)
                .detail("the registry gives an image that nobody has pushed"),
            Err(failure) => match failure.status {
                Some(status @ (401 | 403 | 404)) => {
                    let alike = refusal.status == Some(status) && refusal.code == failure.code;
                    let (code, words) = match alike {
                        true => (code::ALIKE, "answered like the image"),
                        false => (code::ANSWERS_DIFFER, "answered otherwise than the image"),
                    };
                    let code = if HIDING.contains(&self.host) { code } else { "" };
                    Observation::ok(check, variant, image).status(status).code(code).detail(words)
                }
                _ => Observation::skipped(check, variant, image, &failure.code).detail(&failure.detail),
            },
        };
        seen.millis(watch.millis())
    }

    /// The manifest with its digest and its platform, and the smallest layer.
    async fn content(
        &self,
        client: &Client,
        reference: &Reference,
        (variant, image): (&str, &str),
    ) -> Vec<Observation> {
        let watch = Watch::start(self.clock);
        let (seen, smallest) = match self.smallest(client, reference).await {
            Ok(smallest) => (Observation::ok(check::REGISTRY_MANIFEST, variant, image), smallest),
            Err(failure) => (failure.observation(check::REGISTRY_MANIFEST, variant, image), None),
        };
        let seen = if seen.status.is_none() && seen.outcome == Outcome::Ok { seen.status(200) } else { seen };
        let mut all = vec![seen.millis(watch.millis())];
        if let Some((digest, size)) = smallest {
            let watch = Watch::start(self.clock);
            let read = client.layer(reference, &digest, size).await;
            let past = past_proxy(self.http, &read).await;
            let seen = match &past {
                Some(_) => Observation::skipped(check::REGISTRY_BLOB, variant, image, code::REACHED_DIRECT)
                    .detail("the proxy does not lead to the host of the layers"),
                None => self.layer(&read, (variant, image), &digest),
            };
            all.push(seen.millis(watch.millis()));
            all.extend(past);
            all.extend(self.addresses(&read).await);
        }
        all
    }

    /// The addresses of the host to which the registry sends; one without an address has failed the layer already.
    async fn addresses(&self, read: &Result<Layer, RegistryError>) -> Option<Observation> {
        let origin = Origin::https(read.as_ref().ok()?.elsewhere.as_deref()?)?;
        if self.http.by_proxy(&origin) {
            return None;
        }
        Some(addresses_of((&origin, &origin.authority()), self.http, self.clock).await.0)
            .filter(|seen| seen.outcome == Outcome::Ok)
    }

    /// The smallest layer of the image for the platform; none when the manifest is of another kind.
    async fn smallest(&self, client: &Client, reference: &Reference) -> Result<Option<(Digest, u64)>, Failure> {
        let failed = |error: &RegistryError| Failure::from(error);
        let first = client.manifest(reference).await.map_err(|e| failed(&e))?;
        let entry = match manifest::read(&first.bytes, self.platform) {
            Content::Smallest(digest, size) => return Ok(Some((digest, size))),
            Content::Unknown => return Ok(None),
            Content::Entry(digest) => digest,
            Content::NoEntry(have) => {
                let wanted = self.platform.map(|p| p.to_string()).unwrap_or_default();
                let detail = format!("wanted {wanted}, the index has {have}");
                return Err(Failure::answered(200, code::PLATFORM_MISSING, &detail));
            }
        };
        let child = client.manifest(&reference.at(entry)).await.map_err(|e| failed(&e))?;
        match manifest::read(&child.bytes, self.platform) {
            Content::Smallest(digest, size) => Ok(Some((digest, size))),
            _ => Ok(None),
        }
    }

    fn layer(
        &self,
        read: &Result<Layer, RegistryError>,
        (variant, image): (&str, &str),
        digest: &Digest,
    ) -> Observation {
        let check = check::REGISTRY_BLOB;
        let (elsewhere, error) = match read {
            Ok(Layer { elsewhere, whole: Ok(_) }) => {
                return Observation::ok(check, variant, image).status(200).moved_to(elsewhere.as_deref());
            }
            Ok(Layer { elsewhere, whole: Err(error) }) => (elsewhere.as_deref(), error),
            Err(error) => (None, error),
        };
        let failure = Failure::from(error);
        let seen = failure.observation(check, variant, image);
        let Some(host) = elsewhere else {
            return if failure.status == Some(404) { seen.detail(digest.as_str()) } else { seen };
        };
        let blocked = matches!(error, RegistryError::Wire(_)) || failure.status == Some(403);
        let seen = seen.moved_to(Some(host));
        if !blocked || failure.code == code::REDIRECT_REFUSED {
            return seen;
        }
        let ours = if mops_wire::registry::is_azure(self.host) { code::DATA_HOST } else { code::REDIRECT_HOST };
        seen.code(ours).detail(&format!("{host}: {}", failure.detail))
    }
}
