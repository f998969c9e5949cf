//! Whether images can be pulled with what this machine has, before anything tries to: as anybody first, then with its
//! logins. Nothing is told by a path: `nvcr.io/nvidia/…` is not always public, nor `nvcr.io/nim/…` always closed (§14 of
//! the credentials' specification; `tests/auth_check.rs`, L-10).

mod text;

pub use text::cause;

use std::collections::BTreeMap;

use mops_logins::Kept;
use mops_probe::checks::{self, Registry};
use mops_probe::observation::{check as probe, variant};
use mops_probe::{Observation, Outcome};
use mops_wire::ngc::Model;
use mops_wire::registry::{Anatomy, Auth, Client, Reference};
use mops_wire::{Allowance, Limits};

use crate::finding::{Finding, classify};
use crate::ngc_reads;
use crate::observed::{Observed, Vantage, check, code};
use crate::request::{Here, Request};
use crate::rule::Severity;
use crate::words::Words;
use crate::workstation::{TRIED, own};

/// The platform whose layers are weighed, as that of most workers.
const WEIGHED: &str = "linux/amd64";

/// How an image is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// To anybody.
    Public,
    /// To anybody, and not with the login of this machine, which its tools would send.
    HarmfulLogin,
    /// With a login of this machine.
    WithLogin,
    /// It wants a login, and this machine has none.
    LoginRequired,
    /// Not with the logins of this machine, or not at all.
    Refused,
    /// Its registry gave no answer that tells.
    Unknown,
}

/// An image, how it is given, and what keeps it from being given.
#[derive(Clone, Debug)]
pub struct Pullable {
    /// As it was named.
    pub image: String,
    /// How it is given.
    pub pull: Pull,
    /// The place of the login that gets it.
    pub login: Option<String>,
    /// What it is made of, where it is given and its manifest says so.
    pub anatomy: Option<Anatomy>,
    /// The causes, the first one deciding; warnings of an image that is given.
    pub findings: Vec<Finding>,
}

/// What is looked at.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Images.
    pub images: Vec<Reference>,
    /// Models of NGC.
    pub models: Vec<Model>,
    /// No login of this machine is read or sent.
    pub anonymous: bool,
}

/// Looks at each image, then at each model; what is seen of one may tell why another is refused.
pub async fn look(request: &Request, here: &Here, asked: &Asked) -> Vec<Pullable> {
    let request = &Request { models: asked.models.iter().map(Model::to_string).collect(), ..request.clone() };
    let mut asking =
        Asking { request, here: &within(request, here), anonymous: asked.anonymous, logins: BTreeMap::new() };
    let mut hosts: Vec<&str> = if asked.models.is_empty() { Vec::new() } else { vec![mops_wire::ngc::REGISTRY] };
    for reference in &asked.images {
        if !hosts.contains(&reference.registry()) {
            hosts.push(reference.registry());
        }
    }
    let mut seen = Vec::new();
    for host in hosts {
        let images: Vec<String> =
            asked.images.iter().filter(|r| r.registry() == host).map(Reference::to_string).collect();
        seen.extend(asking.registry(host, &images).await);
    }
    let findings = causes(&seen);
    let mut all = Vec::new();
    for reference in &asked.images {
        all.push(asking.judged(reference, &seen, &findings).await);
    }
    all.extend(request.models.iter().map(|model| model_judged(model, &seen, &findings)));
    all
}

/// The same with the limits of a run.
fn within(request: &Request, here: &Here) -> Here {
    let limits = Limits { deadline: request.probe_timeout, ..checks::LIMITS };
    Here { http: here.http.within(&Allowance::new(limits)), ..here.clone() }
}

fn causes(seen: &[Observation]) -> Vec<Finding> {
    let observed: Vec<Observed> = seen.iter().cloned().map(|o| Observed::at(Vantage::W, o).named()).collect();
    classify(&observed, &Words::default())
}

fn model_judged(model: &str, seen: &[Observation], findings: &[Finding]) -> Pullable {
    let asked = seen.iter().find(|o| o.check == probe::NGC_MODEL && o.target == model);
    let pull = match asked.map(|o| (o.outcome, o.status)) {
        Some((Outcome::Ok, _)) => Pull::WithLogin,
        Some((Outcome::Failed, Some(_))) => Pull::Refused,
        Some((Outcome::Skipped, _)) => Pull::LoginRequired,
        Some((Outcome::Failed, None)) | None => Pull::Unknown,
    };
    let about = |f: &&Finding| f.target == model || (f.target == mops_wire::ngc::REGISTRY && pull != Pull::WithLogin);
    Pullable {
        image: model.to_owned(),
        pull,
        login: asked.filter(|o| !o.source.is_empty()).map(|o| o.source.clone()),
        anatomy: None,
        findings: findings.iter().filter(about).cloned().collect(),
    }
}

struct Asking<'a> {
    request: &'a Request,
    here: &'a Here,
    anonymous: bool,
    /// Those of this machine that may be sent, by host: a credential program is run once.
    logins: BTreeMap<String, Vec<(String, Kept)>>,
}

impl Asking<'_> {
    /// Reads the logins of this machine for a host; what is wrong with their places is seen.
    async fn find_logins(&mut self, host: &str) -> Vec<Observation> {
        if self.anonymous {
            return Vec::new();
        }
        let found = mops_logins::logins(&self.here.env, host).await;
        self.logins.insert(host.to_owned(), found.logins.into_iter().take(TRIED).collect());
        found.seen
    }

    fn logins(&self, host: &str) -> &[(String, Kept)] {
        self.logins.get(host).map(Vec::as_slice).unwrap_or_default()
    }

    async fn registry(&mut self, host: &str, images: &[String]) -> Vec<Observation> {
        if host == mops_wire::ngc::REGISTRY && !self.anonymous {
            return self.ngc(images).await;
        }
        let here = self.here;
        let Here { http, clock, .. } = here;
        let reached = checks::reach(host, http, None, clock).await;
        let mut seen = reached.seen.clone();
        let Some(greeting) = &reached.greeting else { return seen };
        let registry = Registry { host, greeting, images, platform: None, http: reached.way(http), clock };
        let anybody = registry.as_anybody().await;
        seen.extend(self.find_logins(host).await);
        let logins = self.logins(host);
        if logins.is_empty() {
            if anybody.iter().any(is_refusal) && !self.anonymous {
                seen.push(Observation::failed(check::LOGIN, "", host, code::NONE));
            }
            seen.extend(anybody);
            return seen;
        }
        // What the logins get or not is what counts; of the rest only what everybody gets.
        seen.extend(anybody.into_iter().filter(|o| o.outcome == Outcome::Ok));
        let (asked, accepted) = own(&registry, logins.to_vec()).await;
        seen.extend(asked);
        if let Some((client, _)) = accepted {
            seen.extend(registry.look_up(&client, variant::LOCAL).await);
        }
        seen
    }

    /// NGC's registry, whose refusals take its catalogue to tell apart.
    async fn ngc(&mut self, images: &[String]) -> Vec<Observation> {
        let host = mops_wire::ngc::REGISTRY;
        let mut seen = ngc_reads::look(self.request, self.here, images).await.seen;
        // What is wrong with their places was seen by that look.
        self.find_logins(host).await;
        if self.logins(host).is_empty() {
            wants_login(&mut seen);
            seen.push(Observation::failed(check::LOGIN, "", host, code::NONE));
        }
        seen
    }

    async fn judged(&self, reference: &Reference, seen: &[Observation], findings: &[Finding]) -> Pullable {
        let (image, host) = (reference.to_string(), reference.registry());
        let pull = pull(&image, host, seen);
        let given = matches!(pull, Pull::Public | Pull::HarmfulLogin | Pull::WithLogin);
        let about = |target: &str| -> Vec<Finding> {
            let counts = |f: &&Finding| f.target == target && (f.severity != Severity::Note || !given);
            findings.iter().filter(counts).cloned().collect()
        };
        let own = about(&image);
        // What is wrong with the registry as a whole is told where nothing is known of the image itself.
        let findings =
            if own.is_empty() && !matches!(pull, Pull::Public | Pull::WithLogin) { about(host) } else { own };
        let (login, anatomy) = match given {
            true => self.anatomy(reference, pull).await,
            false => (None, None),
        };
        Pullable { image, pull, login, anatomy, findings }
    }

    /// The login that gets an image, and what the image is made of.
    async fn anatomy(&self, reference: &Reference, pull: Pull) -> (Option<String>, Option<Anatomy>) {
        if pull != Pull::WithLogin {
            return (None, self.read(reference, Auth::Anonymous).await);
        }
        for (place, kept) in self.logins(reference.registry()) {
            if let Some(anatomy) = self.read(reference, kept.auth()).await {
                return (Some(place.clone()), Some(anatomy));
            }
        }
        (None, None)
    }

    async fn read(&self, reference: &Reference, auth: Auth) -> Option<Anatomy> {
        let http = self.here.http.about(&reference.to_string());
        let client = Client::new(http, reference.registry(), auth).ok()?;
        client.anatomy(reference, WEIGHED).await.ok()
    }
}

/// Where nobody has a key, that an image is not for everybody is what keeps it from being pulled.
fn wants_login(seen: &mut [Observation]) {
    for o in seen.iter_mut().filter(|o| o.variant == variant::ANON && o.outcome == Outcome::Skipped) {
        if matches!(o.status, Some(401 | 403)) {
            probe::REGISTRY_PULL.clone_into(&mut o.check);
            o.outcome = Outcome::Failed;
        }
    }
}

/// No key gets what the catalogue does not know.
fn is_absent(o: &Observation) -> bool {
    o.check == check::NGC_CATALOGUE && o.outcome == Outcome::Failed
}

fn is_refusal(o: &Observation) -> bool {
    o.check == probe::REGISTRY_PULL && matches!(o.status, Some(401 | 403))
}

/// How an image is given, by what was seen of it.
fn pull(image: &str, host: &str, seen: &[Observation]) -> Pull {
    let pulls = |variant: &str, outcome: Outcome| {
        seen.iter().any(|o| {
            o.check == probe::REGISTRY_PULL && o.target == image && o.variant == variant && o.outcome == outcome
        })
    };
    let anybody = pulls(variant::ANON, Outcome::Ok);
    let own = pulls(variant::LOCAL, Outcome::Ok);
    let login_refused = pulls(variant::LOCAL, Outcome::Failed)
        || seen.iter().any(|o| {
            o.variant == variant::LOCAL
                && o.outcome == Outcome::Failed
                && [host, image].contains(&o.target.as_str())
                && matches!(o.status, Some(401 | 403))
        });
    let refused = seen.iter().any(|o| o.target == image && is_refusal(o));
    let nobody = seen.iter().any(|o| o.check == check::LOGIN && o.target == host);
    let absent = seen.iter().any(|o| o.target == image && is_absent(o));
    match (anybody, own) {
        (true, false) if login_refused => Pull::HarmfulLogin,
        (true, _) => Pull::Public,
        (false, true) => Pull::WithLogin,
        _ if nobody && refused && !absent => Pull::LoginRequired,
        _ if refused || login_refused || pulls(variant::ANON, Outcome::Failed) => Pull::Refused,
        _ => Pull::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = "reg.io/team/image:1";

    fn said(seen: &[Observation]) -> Pull {
        pull(IMAGE, "reg.io", seen)
    }

    #[test]
    fn what_everybody_gets_is_public_unless_the_login_spoils_it() {
        let anybody = Observation::ok(probe::REGISTRY_PULL, variant::ANON, IMAGE).status(200);
        let own = Observation::ok(probe::REGISTRY_PULL, variant::LOCAL, IMAGE).status(200);
        let login = Observation::failed(probe::REGISTRY_V2, variant::LOCAL, "reg.io", "UNAUTHORIZED").status(401);
        let elsewhere = Observation::failed(probe::REGISTRY_V2, variant::LOCAL, "other.io", "UNAUTHORIZED").status(401);
        assert_eq!(said(std::slice::from_ref(&anybody)), Pull::Public);
        assert_eq!(said(&[anybody.clone(), own.clone()]), Pull::Public);
        assert_eq!(said(&[anybody.clone(), elsewhere]), Pull::Public);
        assert_eq!(said(&[anybody, login.clone()]), Pull::HarmfulLogin);
        assert_eq!(said(&[own]), Pull::WithLogin);
        assert_eq!(said(&[login]), Pull::Refused);
    }

    #[test]
    fn a_refusal_wants_a_login_only_where_there_is_none() {
        let refused = Observation::failed(probe::REGISTRY_PULL, variant::ANON, IMAGE, "UNAUTHORIZED").status(401);
        let none = Observation::failed(check::LOGIN, "", "reg.io", code::NONE);
        assert_eq!(said(&[refused.clone(), none]), Pull::LoginRequired);
        assert_eq!(said(&[refused]), Pull::Refused);
        let absent = Observation::failed(probe::REGISTRY_PULL, variant::ANON, IMAGE, "MANIFEST_UNKNOWN").status(404);
        assert_eq!(said(&[absent]), Pull::Refused);
        let silent = Observation::failed(probe::NET_TCP, "", "reg.io", "TIMEOUT");
        assert_eq!(said(&[silent]), Pull::Unknown);
    }
}
