//! What the workstation sees of the registry, without a credential, with the one that ARM lists and with those of this
//! machine, and of the storage by the worker's SAS: the comparison that tells a stale password from a broken network
//! (`tests/diagnose.rs`).

use mops_core::Secret;
use mops_logins::Kept;
use mops_probe::checks::clock::Reading;
use mops_probe::checks::{self, Registry};
use mops_probe::observation::{check as probe, code as probe_code, variant};
use mops_probe::settings::Container;
use mops_probe::{HeldKey, Observation, Outcome};
use mops_wire::ngc;
use mops_wire::registry::{Auth, Client, Reference};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::key_compare;
use crate::ngc_reads;
use crate::observed::{Observed, Vantage, check, code};
use crate::request::{ArmView, Here, Request, TokenView};

/// What was seen from here.
pub(crate) struct FromHere {
    pub(crate) seen: Vec<Observed>,
    /// The keys of this machine that their hosts accept.
    pub(crate) keys: Vec<HeldKey>,
}

/// Most logins of this machine that are tried at one registry: a series of refusals can lock a user out.
pub(crate) const TRIED: usize = 3;

/// All observations from here.
pub(crate) async fn look(
    request: &Request,
    here: &Here,
    images: &[String],
    (containers, cluster_login): (&[Container], bool),
) -> FromHere {
    let (mut seen, mut readings, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(host) = request.registry.as_ref().filter(|host| *host != ngc::REGISTRY) {
        let elsewhere = |image: &String| request.other_registries.iter().any(|other| is_on(image, other));
        let own = images.iter().filter(|image| !checks::ngc::is_of(image) && !elsewhere(image));
        let own: Vec<String> = own.cloned().collect();
        let asked = registry(host, request, here, (&own, cluster_login)).await;
        seen.extend(asked.seen);
        readings.extend(asked.reading);
        keys.extend(asked.keys);
    }
    for host in &request.other_registries {
        let asked = other_registry(host, request, here, images).await;
        seen.extend(asked.seen);
        readings.extend(asked.reading);
        keys.extend(asked.keys);
    }
    let asked = ngc_reads::look(request, here, images).await;
    seen.extend(asked.seen);
    readings.extend(asked.reading);
    keys.extend(asked.keys);
    for container in containers {
        let others: Vec<&str> =
            containers.iter().map(|other| other.name.as_str()).filter(|name| *name != container.name).collect();
        let (asked, reading) = checks::container(container, &others, None, &here.http, &here.clock).await;
        // Whether a write is refused is asked where workers run.
        seen.extend(asked.into_iter().filter(|o| o.check != probe::STORAGE_WRITE_REFUSED));
        readings.extend(reading);
    }
    seen.extend(checks::clock::judge(&readings));
    FromHere { seen: seen.into_iter().map(|o| Observed::at(Vantage::W, o)).collect(), keys }
}

/// What one registry was asked.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) seen: Vec<Observation>,
    pub(crate) reading: Option<Reading>,
    /// The keys of this machine that it accepts.
    pub(crate) keys: Vec<HeldKey>,
}

async fn registry(registry: &str, request: &Request, here: &Here, (images, cluster_login): (&[String], bool)) -> Asked {
    let Here { http, clock, env } = here;
    let reached = checks::reach(registry, http, None, clock).await;
    let reading = reached.reading(registry, clock);
    let http = reached.way(http);
    let mut seen = reached.seen.clone();
    seen.push(listed(registry, &request.arm));
    if let Some(token) = &request.token {
        seen.push(may_sign_in(registry, token, clock.now()));
        seen.extend(images.iter().map(|image| may_pull(image, token)));
    }
    let found = mops_logins::logins(env, registry).await;
    seen.extend(found.seen);
    let listed = matches!(request.arm, ArmView::NotAsked);
    let nobody = !cluster_login && found.logins.is_empty() && listed;
    let asks = reached.greeting.as_ref().is_some_and(|greeting| greeting.challenge.is_some());
    if asks && request.negative_probe {
        let invented = checks::invented(registry, &request.run, http, clock).await;
        let open = invented.has_code(probe_code::OPEN);
        seen.push(invented);
        if open {
            seen.extend([variant::ARM, variant::LOCAL].map(|variant| not_sent(registry, variant)));
            return Asked { seen, reading, keys: Vec::new() };
        }
    }
    let mut keys = Vec::new();
    if let Some(greeting) = &reached.greeting {
        let registry = Registry { host: registry, greeting, images, platform: None, http, clock };
        let (listed, by_arm) = match &request.arm {
            ArmView::Credentials { username, passwords } => current(&registry, username, passwords).await,
            _ => (Vec::new(), None),
        };
        seen.extend(listed);
        let (own, by_own) = own(&registry, found.logins).await;
        seen.extend(own);
        if let Some((_, Kept::Login(login))) = &by_own {
            keys.push(key_compare::local(request, registry.host, login));
        }
        if nobody && asks {
            seen.extend(unclaimed(&registry).await);
        }
        // Whichever login is accepted shows whether an image exists at all; the registry's own may see them all.
        let by = by_arm.map(|client| (client, variant::ARM)).or(by_own.map(|(client, _)| (client, variant::LOCAL)));
        if let Some((client, variant)) = by {
            let looked = registry.look_up(&client, variant).await;
            let near = registry.near_names(&client, variant, &looked).await;
            seen.extend(looked.into_iter().chain(near));
        } else if !asks {
            seen.extend(registry.as_anybody().await);
        }
    }
    Asked { seen, reading, keys }
}

/// What a registry says to somebody without a login where nobody has one. An image that it gives to everybody needs none.
async fn unclaimed(registry: &Registry<'_>) -> Vec<Observation> {
    let gets = |o: &Observation| o.outcome == Outcome::Ok;
    let asked = registry.as_anybody().await.into_iter().filter(|o| o.check == probe::REGISTRY_PULL);
    let mut seen: Vec<Observation> = asked.filter(|o| gets(o) || matches!(o.status, Some(401 | 403))).collect();
    if !seen.iter().any(gets) && !seen.is_empty() {
        seen.push(Observation::failed(check::LOGIN, "", registry.host, code::NONE));
    }
    seen
}

fn is_on(image: &str, host: &str) -> bool {
    image.parse::<Reference>().is_ok_and(|reference| reference.registry().eq_ignore_ascii_case(host))
}

/// A further registry: with the logins of this machine, else as anybody. What Azure lists is for the first one.
async fn other_registry(host: &str, request: &Request, here: &Here, images: &[String]) -> Asked {
    let Here { http, clock, env } = here;
    let images: Vec<String> = images.iter().filter(|image| is_on(image, host)).cloned().collect();
    let reached = checks::reach(host, http, None, clock).await;
    let reading = reached.reading(host, clock);
    let found = mops_logins::logins(env, host).await;
    let http = reached.way(http);
    let mut seen = [reached.seen.clone(), found.seen].concat();
    let mut keys = Vec::new();
    if let Some(greeting) = &reached.greeting {
        let registry = Registry { host, greeting, images: &images, platform: None, http, clock };
        let (asked, accepted) = own(&registry, found.logins).await;
        seen.extend(asked);
        match accepted {
            Some((client, kept)) => {
                if let Kept::Login(login) = &kept {
                    keys.push(key_compare::local(request, host, login));
                }
                seen.extend(registry.look_up(&client, variant::LOCAL).await);
            }
            None => seen.extend(registry.public().await),
        }
    }
    Asked { seen, reading, keys }
}

fn not_sent(registry: &str, variant: &str) -> Observation {
    let skipped = Observation::skipped(probe::REGISTRY_V2, variant, registry, probe_code::OPEN);
    skipped.detail("takes any login, so the real one was not sent")
}

/// Tries the logins of this machine until one is accepted. A refusal is shown only when none was.
pub(crate) async fn own(
    registry: &Registry<'_>,
    logins: Vec<(String, Kept)>,
) -> (Vec<Observation>, Option<(Client, Kept)>) {
    let mut refused = Vec::new();
    for (place, kept) in logins.into_iter().take(TRIED) {
        let (seen, accepted) = registry.sign_in(variant::LOCAL, kept.auth()).await;
        if let Some(client) = accepted {
            return (seen, Some((client, kept)));
        }
        if refused.is_empty() {
            let told = |o: Observation| {
                let words = format!("{} (login of `{place}`)", o.detail);
                o.detail(&words)
            };
            refused = seen.into_iter().map(told).collect();
        }
    }
    (refused, None)
}

fn listed(registry: &str, arm: &ArmView) -> Observation {
    let (check, variant) = (check::ARM_CREDENTIALS, variant::ARM);
    match arm {
        ArmView::NotAsked => Observation::skipped(check, variant, registry, "NOT_GIVEN"),
        ArmView::Unreadable(why) => Observation::skipped(check, variant, registry, code::FORBIDDEN).detail(why),
        ArmView::AdminDisabled => Observation::failed(check, variant, registry, code::ADMIN_DISABLED),
        ArmView::Credentials { .. } => Observation::ok(check, variant, registry),
    }
}

/// A token whose password ends within this time is named while it works.
const SOON: time::Duration = time::Duration::days(3);

fn may_sign_in(registry: &str, token: &TokenView, now: OffsetDateTime) -> Observation {
    let failed = |code| Observation::failed(check::ARM_TOKEN, variant::ARM, registry, code).ending(token.ends);
    let ok = Observation::ok(check::ARM_TOKEN, variant::ARM, registry).ending(token.ends);
    match token.ends {
        Some(end) if end <= now => failed(code::EXPIRED),
        _ if !token.enabled => failed(code::DISABLED),
        Some(end) if end - now < SOON => {
            let words = format!("its password ends {}", end.format(&Rfc3339).unwrap_or_default());
            ok.code(probe_code::EXPIRES_SOON).detail(&words)
        }
        _ => ok,
    }
}

fn may_pull(image: &str, token: &TokenView) -> Observation {
    let listed = image.parse::<Reference>().is_ok_and(|reference| {
        let patterns =
            token.actions.iter().filter_map(|a| a.strip_prefix("repositories/")?.strip_suffix("/content/read"));
        let mut fitting = patterns.filter(|pattern| match pattern.strip_suffix('*') {
            Some(start) => reference.repository().starts_with(start),
            None => reference.repository() == *pattern,
        });
        fitting.next().is_some()
    });
    if listed {
        return Observation::ok(check::SCOPE_MAP, variant::ARM, image);
    }
    Observation::failed(check::SCOPE_MAP, variant::ARM, image, code::NOT_LISTED)
}

/// Tries the listed passwords until one is accepted; while one is being renewed the other holds.
async fn current(
    registry: &Registry<'_>,
    username: &str,
    passwords: &[Secret<String>],
) -> (Vec<Observation>, Option<Client>) {
    let mut last = (Vec::new(), None);
    for password in passwords {
        let auth = Auth::Basic { username: username.to_owned(), password: password.clone() };
        last = registry.sign_in(variant::ARM, auth).await;
        if last.1.is_some() {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use mops_probe::observation::Outcome;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_token_is_judged_by_its_end_and_its_switch() {
        let now = datetime!(2026-11-27 10:00 UTC);
        let judged = |ends, enabled| {
            let seen = may_sign_in("reg.azurecr.io", &TokenView { enabled, ends, actions: Vec::new() }, now);
            (seen.outcome, seen.code.unwrap_or_default())
        };
        let at = |after: i64| Some(now + time::Duration::seconds(after));
        let rows = [
            (judged(None, true), Outcome::Ok, ""),
            (judged(at(0), true), Outcome::Failed, code::EXPIRED),
            (judged(at(1), true), Outcome::Ok, probe_code::EXPIRES_SOON),
            (judged(at(SOON.whole_seconds() - 1), true), Outcome::Ok, probe_code::EXPIRES_SOON),
            (judged(at(SOON.whole_seconds()), true), Outcome::Ok, ""),
            (judged(at(1), false), Outcome::Failed, code::DISABLED),
        ];
        for ((outcome, code), want, word) in rows {
            assert_eq!((outcome, code.as_str()), (want, word));
        }
    }
}
