//! Whether a password in a secret has an end of its own: some are tokens that say when they end, some go with users
//! whose passwords live for hours. Read from the text, by this machine's clock (`tests`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::api::core::v1::Secret;
use mops_probe::Observation;
use mops_probe::dockerconfig::Login;
use mops_probe::observation::code as seen;
use serde::Deserialize;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::observed::{check, code};

/// What ends within this time, or within the last fifth of a shorter life, is named while it works.
const SOON: Duration = Duration::days(3);
/// A token with a shorter life is no password for a secret.
const SHORT: Duration = Duration::days(1);
/// Users whose passwords are tokens of some hours: of Azure, Amazon and Google.
const USERS: [&str; 3] = ["00000000-0000-0000-0000-000000000000", "AWS", "oauth2accesstoken"];

#[derive(Deserialize)]
struct Claims {
    exp: i64,
    iat: Option<i64>,
}

/// Judges a secret's login; `None` when nothing says that it ends.
pub(crate) fn look(
    credential: &str,
    name: &str,
    secret: &Secret,
    login: &Login,
    now: OffsetDateTime,
) -> Option<Observation> {
    let claims = claims(login.password.expose());
    let end = claims.as_ref().and_then(|c| OffsetDateTime::from_unix_timestamp(c.exp).ok());
    let ok = Observation::ok(check::LIFETIME, credential, name).ending(end);
    let stamp = |end: OffsetDateTime| format!("it ends {}", end.format(&Rfc3339).unwrap_or_default());
    if let Some(end) = end.filter(|end| *end <= now) {
        let failed = Observation::failed(check::LIFETIME, credential, name, seen::EXPIRED).ending(Some(end));
        return Some(failed.detail(&stamp(end)));
    }
    let life = claims.and_then(|c| Some(Duration::seconds(c.exp.checked_sub(c.iat?)?)));
    let short = USERS.contains(&login.username.as_str()) || life.is_some_and(|life| life < SHORT);
    if short && secret.metadata.owner_references.as_ref().is_some_and(|owners| !owners.is_empty()) {
        return Some(ok.detail("its owner in the cluster renews it"));
    }
    if short {
        let words = end.map_or_else(|| "its user goes with tokens of some hours".to_owned(), stamp);
        return Some(ok.code(code::SHORT_LIVED).detail(&words));
    }
    let end = end?;
    let window = life.map_or(SOON, |life| SOON.min(life / 5));
    let soon = if end - now < window { seen::EXPIRES_SOON } else { "" };
    Some(ok.code(soon).detail(&stamp(end)))
}

/// What a token says of itself; nothing is verified, since nothing is granted by it.
fn claims(password: &str) -> Option<Claims> {
    let mut parts = password.split('.');
    let (_, payload, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use mops_probe::observation::{Outcome, variant};
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-27 10:00 UTC);

    fn token(life: Duration, left: Duration) -> String {
        let end = (NOW + left).unix_timestamp();
        let claims = serde_json::json!({"exp": end, "iat": end - life.whole_seconds(), "sub": "canary"});
        format!("e30.{}.canary", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    fn judged(user: &str, password: &str, owned: bool, now: OffsetDateTime) -> Option<(Outcome, String)> {
        let owners = owned.then(|| vec![k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference::default()]);
        let mut secret = Secret::default();
        secret.metadata.owner_references = owners;
        let login = Login { username: user.into(), password: password.into() };
        let seen = look(variant::PULL_SECRET, "pull", &secret, &login, now)?;
        assert!(!format!("{seen:?}").contains("canary"), "{seen:?}");
        Some((seen.outcome, seen.code.unwrap_or_default()))
    }

    #[test]
    fn a_token_in_a_secret_is_judged_by_its_end() {
        let (day, hour) = (Duration::DAY, Duration::HOUR);
        let long = token(90 * day, 10 * day);
        let rows = [
            (long.as_str(), NOW, Outcome::Ok, ""),
            (long.as_str(), NOW + 7 * day, Outcome::Ok, ""),
            (long.as_str(), NOW + 7 * day + hour, Outcome::Ok, seen::EXPIRES_SOON),
            (long.as_str(), NOW + 10 * day, Outcome::Failed, seen::EXPIRED),
            (&token(5 * day, 2 * day), NOW, Outcome::Ok, ""),
            (&token(5 * day, 23 * hour), NOW, Outcome::Ok, seen::EXPIRES_SOON),
            (&token(3 * hour, hour), NOW, Outcome::Ok, code::SHORT_LIVED),
        ];
        for (password, now, outcome, code) in rows {
            assert_eq!(judged("u", password, false, now), Some((outcome, code.to_owned())), "{now}");
        }
        assert_eq!(judged("u", &token(3 * hour, hour), true, NOW), Some((Outcome::Ok, String::new())), "renewed");
        assert_eq!(judged("AWS", "canary", false, NOW), Some((Outcome::Ok, code::SHORT_LIVED.to_owned())));
        assert_eq!(judged("u", "canary.with.dots", false, NOW), None, "a password may look like a token");
    }
}
