//! What the workstation sees of NGC: both gates with the keys of this machine, one after the other, and what the catalogue says of an image that
//! nobody here gets. The catalogue is what tells a wrong path from a missing right (`tests/diagnose/ngc.rs`).

use std::collections::BTreeSet;

use mops_core::{Secret, near_paths};
use mops_logins::Kept;
use mops_probe::checks::ngc::{self, Key};
use mops_probe::dockerconfig::Login;
use mops_probe::failure::Failure;
use mops_probe::observation::{check as probe, code as seen_code, variant};
use mops_probe::{Observation, Outcome};
use mops_wire::ngc::{Api, NgcError, Organisation, REGISTRY};
use mops_wire::registry::Reference;

use crate::key_compare;
use crate::observed::{check, code};
use crate::request::{Here, Request};
use crate::workstation::{Asked, TRIED};

/// Most names that are suggested.
const NEAREST: usize = 3;

/// All of it. Nothing is read or asked for a run that has nothing of NGC.
pub(crate) async fn look(request: &Request, here: &Here, images: &[String]) -> Asked {
    let Here { http, clock, env } = here;
    let images: Vec<String> = images.iter().filter(|image| ngc::is_of(image)).cloned().collect();
    if images.is_empty() && request.models.is_empty() {
        return Asked::default();
    }
    let found = mops_logins::logins(env, REGISTRY).await;
    let logins: Vec<(String, Login)> = found.logins.into_iter().filter_map(login).take(TRIED).collect();
    let (keys, forms) = ngc::well_formed(logins.iter().enumerate().map(key));
    let mut seen = [found.seen, forms].concat();
    let key = keys.first().map(|key| &key.secret);
    let mut reading = None;
    if !images.is_empty() {
        let asked;
        (asked, reading) = ngc::gate_of_images(&images, &keys, None, (http, None), clock).await;
        seen.extend(asked);
        for image in images.iter().filter(|image| !is_given(&seen, image)).cloned().collect::<Vec<_>>() {
            seen.push(Catalogue { api: Api::new(http.about(&image)), key }.look_up(&image).await);
        }
    }
    seen.extend(ngc::gate_of_models(&request.models, variant::LOCAL, &keys, http, clock).await);
    let accepted = accepted(&seen);
    let known = |(number, one): (usize, &(String, Login))| {
        accepted.contains(&source(number, &one.0)).then(|| key_compare::local(request, REGISTRY, &one.1))
    };
    let keys = logins.iter().enumerate().filter_map(known).collect();
    Asked { seen: without_refusals(seen, &accepted), reading, keys }
}

fn login((place, kept): (String, Kept)) -> Option<(String, Login)> {
    match kept {
        Kept::Login(login) => Some((place, login)),
        Kept::Identity(_) => None,
    }
}

/// The first is the one that the tools use, and needs no name.
fn source(number: usize, place: &str) -> String {
    if number == 0 { String::new() } else { place.to_owned() }
}

fn key((number, (place, login)): (usize, &(String, Login))) -> Key {
    let (username, secret) = (login.username.clone(), login.password.clone());
    Key { variant: variant::LOCAL, source: source(number, place), username, secret }
}

/// The keys of this machine that NGC takes.
fn accepted(seen: &[Observation]) -> BTreeSet<String> {
    let taken = |o: &&Observation| {
        let gate = [probe::NGC_TOKEN, probe::NGC_MODEL].contains(&o.check.as_str());
        gate && o.variant == variant::LOCAL && o.outcome == Outcome::Ok
    };
    seen.iter().filter(taken).map(|o| o.source.clone()).collect()
}

/// Where one key of this machine is taken, a refusal of another is nobody's trouble; nor is one of an image that some key
/// gets.
fn without_refusals(mut seen: Vec<Observation>, accepted: &BTreeSet<String>) -> Vec<Observation> {
    let got: BTreeSet<String> = seen
        .iter()
        .filter(|o| o.check == probe::REGISTRY_PULL && o.outcome == Outcome::Ok)
        .map(|o| o.target.clone())
        .collect();
    seen.retain(|o| {
        let refused = o.variant == variant::LOCAL && o.outcome == Outcome::Failed;
        let other = !accepted.is_empty() && !accepted.contains(&o.source);
        !(refused && (other || (o.check == probe::REGISTRY_PULL && got.contains(&o.target))))
    });
    seen
}

fn is_given(seen: &[Observation], image: &str) -> bool {
    seen.iter().any(|o| o.check == probe::REGISTRY_PULL && o.outcome == Outcome::Ok && o.target == image)
}

/// The catalogue, and who asks.
struct Catalogue<'a> {
    api: Api,
    key: Option<&'a Secret<String>>,
}

impl Catalogue<'_> {
    fn variant(&self) -> &'static str {
        if self.key.is_some() { variant::LOCAL } else { variant::ANON }
    }

    /// Whether the name exists. What the catalogue does not show to everybody only the key's own organisation can tell, so
    /// without an answer there nothing is said.
    async fn look_up(&self, image: &str) -> Observation {
        let Ok(reference) = image.parse::<Reference>() else {
            return Observation::skipped(check::NGC_CATALOGUE, self.variant(), image, seen_code::REFERENCE_INVALID);
        };
        let repository = reference.repository();
        let organisation = repository.split('/').next().unwrap_or_default();
        let ok = || Observation::ok(check::NGC_CATALOGUE, self.variant(), image).status(200);
        let failed =
            |code, words: &str| Observation::failed(check::NGC_CATALOGUE, self.variant(), image, code).detail(words);
        let listed = self.api.listed(organisation).await;
        let names: Vec<&str> = listed.as_ref().map(|all| all.iter().map(String::as_str).collect()).unwrap_or_default();
        if names.contains(&repository) {
            return ok();
        }
        let own = self.own(organisation, repository).await;
        let nearest = near_paths(repository, &names, NEAREST).join(", ");
        match own {
            Some(Own::Displayed(name)) => failed(code::DISPLAY_NAME, &name),
            Some(Own::Known(Ok(true))) => ok(),
            Some(Own::Known(Ok(false))) => failed(code::NOT_FOUND, &nearest),
            // An organisation that shows its images to everybody shows them all.
            _ if !names.is_empty() => failed(code::NOT_FOUND, &nearest),
            own => self.unknown(image, listed.err(), own),
        }
    }

    /// What the key says of an organisation and an image in it.
    async fn own(&self, organisation: &str, repository: &str) -> Option<Own> {
        let key = self.key?;
        let organisations = self.api.organisations(key).await.unwrap_or_default();
        if let Some(displayed) = organisations.iter().find(|one| is_displayed(one, organisation)) {
            return Some(Own::Displayed(displayed.name.clone()));
        }
        Some(Own::Known(self.api.knows(repository, key).await))
    }

    fn unknown(&self, image: &str, listed: Option<NgcError>, own: Option<Own>) -> Observation {
        let error = match own {
            Some(Own::Known(Err(error))) => Some(error),
            _ => listed,
        };
        let skip = |code| Observation::skipped(check::NGC_CATALOGUE, self.variant(), image, code);
        match error.map(|error| Failure::from(&error)) {
            Some(failure) => {
                let seen = skip(&failure.code).detail(&failure.detail);
                Observation { status: failure.status, ..seen }
            }
            None => skip(seen_code::NOT_GIVEN).detail("the organisation shows no images to everybody"),
        }
    }
}

/// What the key's own organisation says.
enum Own {
    /// The word is what pages show for an organisation of this name.
    Displayed(String),
    /// Whether the image is there.
    Known(Result<bool, NgcError>),
}

/// Whether a word is how pages show an organisation, in small letters and with `-` for a space, and not its name.
fn is_displayed(one: &Organisation, word: &str) -> bool {
    let shown = one.display_name.trim().to_lowercase();
    let word = word.to_lowercase();
    one.name != word && !shown.is_empty() && (shown == word || shown.replace(' ', "-") == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_displayed_name_is_known_by_its_words() {
        let one = Organisation { name: "acmrl0x7q2".into(), display_name: "Acme Research Labs".into() };
        assert!(is_displayed(&one, "acme-research-labs") && is_displayed(&one, "Acme-Research-Labs"));
        assert!(!is_displayed(&one, "acmrl0x7q2") && !is_displayed(&one, "acme"));
        let same = Organisation { name: "nim".into(), display_name: "NIM".into() };
        assert!(!is_displayed(&same, "nim"), "its name and what is shown may be the same word");
    }
}
