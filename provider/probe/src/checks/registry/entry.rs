//! The entries of the pull secrets for a registry, as a kubelet puts them together.

use std::cmp::Reverse;

use crate::dockerconfig::{self, Defect, Login};
use crate::observation::{Observation, check, code, variant};
use crate::settings::Settings;

/// What the pull secrets hold for a registry.
#[derive(Default)]
pub(super) struct Entries {
    /// The logins in the order in which a kubelet tries them, each with the name of its secret.
    pub(super) logins: Vec<(String, Login)>,
    /// What was seen of each secret.
    pub(super) seen: Vec<Observation>,
}

/// The most specific entry of any secret comes first, then the secrets by their order in the pod.
pub(super) fn entries(settings: &Settings, registry: &str) -> Entries {
    let (check, variant) = (check::PULL_SECRET, variant::PULL_SECRET);
    let (mut logins, mut seen, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for secret in &settings.pull_secrets {
        let Some(text) = secret.text.value() else { continue };
        match dockerconfig::entries(text.expose(), registry) {
            Ok(found) => {
                let form = match dockerconfig::is_identity_token(text.expose(), registry) {
                    true => code::IDENTITY_TOKEN,
                    false => "",
                };
                seen.push(Observation::ok(check, variant, registry).code(form).by(&secret.name));
                logins.extend(found.into_iter().map(|(length, login)| (length, secret.name.clone(), login)));
            }
            Err(defect) => {
                let failed = Observation::failed(check, variant, registry, code_of(defect)).by(&secret.name);
                let list = if defect == Defect::NoEntry { &mut others } else { &mut seen };
                list.push(failed.detail(&defect.to_string()));
            }
        }
    }
    // A secret for other hosts is in nobody's way.
    if logins.is_empty() {
        seen.extend(others);
    }
    if seen.is_empty() {
        let skipped = Observation::skipped(check, variant, registry, code::NOT_GIVEN);
        seen.push(skipped.detail("the worker names no pull secret, or the secret is absent or of another type"));
    }
    logins.sort_by_key(|(length, ..)| Reverse(*length));
    Entries { logins: logins.into_iter().map(|(_, name, login)| (name, login)).collect(), seen }
}

const fn code_of(defect: Defect) -> &'static str {
    match defect {
        Defect::NoEntry => code::NO_ENTRY,
        Defect::NoCredential => code::NO_CREDENTIAL,
        Defect::Malformed | Defect::Auth | Defect::Contradiction => code::MALFORMED,
    }
}

#[cfg(test)]
mod tests {
    use mops_host::Env;

    use super::*;
    use crate::settings::names;

    fn code_of(text: &str) -> Option<String> {
        let settings = Settings::from_env(&Env::of([(names::PULL_SECRET, text)]));
        entries(&settings, "reg.io").seen.into_iter().next().and_then(|o| o.code)
    }

    #[test]
    fn each_defect_of_the_pull_secret_has_its_code() {
        assert_eq!(code_of("").as_deref(), Some(code::NOT_GIVEN));
        assert_eq!(code_of("{").as_deref(), Some(code::MALFORMED));
        assert_eq!(code_of(r#"{"auths":{"other.io":{}}}"#).as_deref(), Some(code::NO_ENTRY));
        assert_eq!(code_of(r#"{"auths":{"reg.io":{}}}"#).as_deref(), Some(code::NO_CREDENTIAL));
        assert_eq!(code_of(r#"{"auths":{"reg.io":{"username":"u","password":"p"}}}"#), None);
    }

    #[test]
    fn secrets_are_put_together_as_the_kubelet_does() {
        let config = |host: &str, user: &str| {
            serde_json::json!({"auths": {host: {"username": user, "password": "p"}}}).to_string()
        };
        let of = |texts: [&str; 3]| {
            let texts = texts.iter().enumerate().map(|(n, text)| (crate::settings::pull_secret_variable(n), *text));
            let env = Env::of(texts.chain([(names::PULL_SECRETS.to_owned(), "a,b,c")]));
            let found = entries(&Settings::from_env(&env), "reg.io");
            let logins: Vec<_> = found.logins.into_iter().map(|(name, login)| (name, login.username)).collect();
            let seen: Vec<_> = found.seen.into_iter().map(|o| (o.source, o.code.unwrap_or_default())).collect();
            (logins, seen)
        };
        let pair = |one: &str, two: &str| (one.to_owned(), two.to_owned());
        let (wide, own, other) = (config("*.io", "wide"), config("reg.io", "own"), config("b.com", "x"));
        let (logins, seen) = of([&wide, &own, &other]);
        assert_eq!(logins, [pair("b", "own"), pair("a", "wide")], "the most specific first");
        assert_eq!(seen, [pair("a", ""), pair("b", "")], "the one for another host is no fault");
        let (logins, seen) = of([&other, "{", &own]);
        assert_eq!((logins, seen), (vec![pair("c", "own")], vec![pair("b", code::MALFORMED), pair("c", "")]));
        assert_eq!(of([&other, "", &other]).1, [pair("a", code::NO_ENTRY), pair("c", code::NO_ENTRY)]);
    }
}
