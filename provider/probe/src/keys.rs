//! Which keys a place holds, by keyed hashes: enough to compare two places of one run, and nothing else
//! (`tests::a_place_tells_hashes_and_no_key`).

use std::collections::BTreeMap;

use mops_core::{KeyedHash, Nonce, Secret};
use serde::{Deserialize, Serialize};

use crate::dockerconfig::{self, Login};
use crate::observation::variant;
use crate::settings::{Settings, names};

pub use mops_wire::ngc::{REGISTRY as NGC_HOST, USER as NGC_USER};

/// A key in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldKey {
    /// One of [`variant`].
    pub variant: String,
    /// The host that it is for.
    pub host: String,
    /// Hash of the user's name.
    user: KeyedHash,
    /// Hash of the key, byte for byte.
    key: KeyedHash,
}

impl HeldKey {
    /// A login for a host, as it is told to others.
    #[must_use]
    pub fn of(nonce: &Nonce, variant: &str, host: &str, login: &Login) -> Self {
        Self {
            variant: variant.to_owned(),
            host: host.to_ascii_lowercase(),
            user: nonce.hash(&login.username.to_ascii_lowercase().into()),
            key: nonce.hash(&login.password),
        }
    }

    /// Whether both places hold the same key; `None` when they are not for the same user of the same host, whose keys
    /// differ anyway.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> Option<bool> {
        (self.host == other.host && self.user == other.user).then(|| self.key == other.key)
    }
}

/// The keys of an environment: user and password of its registry, and a key of NGC.
pub fn of_variables(
    nonce: &Nonce,
    registry: Option<&str>,
    variable: impl Fn(&str) -> Option<Secret<String>>,
) -> Vec<HeldKey> {
    let login = |username: String, password| Login { username, password };
    let own = registry.zip(variable(names::USERNAME)).zip(variable(names::PASSWORD));
    let own = own.map(|((host, user), password)| (host, login(user.into_exposed(), password)));
    let ngc = variable(names::NGC_KEY).map(|key| (NGC_HOST, login(NGC_USER.to_owned(), key)));
    own.into_iter().chain(ngc).map(|(host, login)| HeldKey::of(nonce, variant::ENV, host, &login)).collect()
}

/// The keys that a docker config holds for these registries and for NGC; none when it cannot be read.
#[must_use]
pub fn of_docker_config<'a>(nonce: &Nonce, registries: impl Iterator<Item = &'a str>, text: &str) -> Vec<HeldKey> {
    let hosts = registries.filter(|host| *host != NGC_HOST).chain([NGC_HOST]);
    let held = |host| {
        let logins = dockerconfig::logins(text, host).unwrap_or_default();
        logins.into_iter().map(move |login| HeldKey::of(nonce, variant::PULL_SECRET, host, &login))
    };
    hosts.flat_map(held).collect()
}

/// The hashes of the variables that a probe is asked for; one that is not set has none.
#[must_use]
pub fn of_compared(settings: &Settings) -> BTreeMap<String, KeyedHash> {
    let Some(nonce) = &settings.nonce else { return BTreeMap::new() };
    settings.compared.iter().map(|(name, value)| (name.clone(), nonce.hash(value))).collect()
}

/// The keys of the place where a probe runs; none when nobody wants to compare.
#[must_use]
pub fn of_settings(settings: &Settings) -> Vec<HeldKey> {
    let Some(nonce) = &settings.nonce else { return Vec::new() };
    let registry = settings.registry.as_deref();
    let variable = |name: &str| match name {
        names::USERNAME => settings.username.value().map(|user| Secret::from(user.as_str())),
        names::PASSWORD => settings.password.value().cloned(),
        _ => settings.ngc_key.value().cloned(),
    };
    let mut held = of_variables(nonce, registry, variable);
    let texts = settings.pull_secrets.iter().filter_map(|secret| secret.text.value());
    let registries = || registry.into_iter().chain(settings.other_registries.iter().map(String::as_str));
    held.extend(texts.flat_map(|text| of_docker_config(nonce, registries(), text.expose())));
    held
}

#[cfg(test)]
mod tests {
    use mops_host::Env;
    use serde_json::json;

    use super::*;

    fn place(nonce: u8, password: &str) -> Vec<HeldKey> {
        place_with(nonce, password, "")
    }

    fn place_with(nonce: u8, password: &str, others: &str) -> Vec<HeldKey> {
        let entry = json!({"username": "Robot", "password": "canary-2"});
        let config = json!({"auths": {"reg.io": entry, NGC_HOST: entry, "other.io": entry}}).to_string();
        let env = [
            (names::NONCE, Nonce::new([nonce; 32]).text()),
            (names::REGISTRY, "reg.io".to_owned()),
            (names::OTHER_REGISTRIES, others.to_owned()),
            (names::USERNAME, "robot".to_owned()),
            (names::PASSWORD, password.to_owned()),
            (names::NGC_KEY, "canary-3".to_owned()),
            (names::PULL_SECRET, config),
        ];
        of_settings(&Settings::from_env(&Env::of(env)))
    }

    #[test]
    fn a_place_tells_hashes_and_no_key() {
        let held = place(1, "canary-1");
        let places: Vec<_> = held.iter().map(|k| (k.variant.as_str(), k.host.as_str())).collect();
        let (env, pull) = (variant::ENV, variant::PULL_SECRET);
        assert_eq!(places, [(env, "reg.io"), (env, NGC_HOST), (pull, "reg.io"), (pull, NGC_HOST)]);
        let told = serde_json::to_string(&held).unwrap() + &format!("{held:?}");
        assert!(!told.contains("canary") && !told.to_lowercase().contains("robot"), "{told}");
        assert_eq!(of_settings(&Settings::from_env(&Env::of([(names::NGC_KEY, "canary")]))), []);
    }

    #[test]
    fn keys_of_every_registry_that_is_asked_are_told() {
        let pulls = |others| {
            let held = place_with(1, "canary-1", others).into_iter().filter(|key| key.variant == variant::PULL_SECRET);
            held.map(|key| key.host).collect::<Vec<_>>()
        };
        assert_eq!(pulls(""), ["reg.io", NGC_HOST]);
        assert_eq!(pulls("other.io,absent.io"), ["reg.io", "other.io", NGC_HOST]);
    }

    #[test]
    fn variables_are_hashed_as_they_are() {
        let nonce = Nonce::new([1; 32]);
        let env = [
            (names::NONCE, nonce.text()),
            (names::COMPARE, "A,B,C".into()),
            ("A", " canary".into()),
            ("B", String::new()),
        ];
        let told = of_compared(&Settings::from_env(&Env::of(env)));
        let want = [("A", " canary"), ("B", "")].map(|(name, value)| (name.to_owned(), nonce.hash(&value.into())));
        assert_eq!(told, want.into());
    }

    #[test]
    fn keys_of_one_user_of_one_host_are_compared() {
        let (one, same, other, later) = (place(1, "k"), place(1, "k"), place(1, "l"), place(2, "k"));
        assert_eq!(one[0].same_as(&same[0]), Some(true));
        assert_eq!(one[0].same_as(&other[0]), Some(false));
        assert_eq!(one[0].same_as(&one[2]), Some(false), "the user's name in another spelling");
        assert_eq!(one[1].same_as(&one[3]), None, "another user of NGC");
        assert_eq!(one[0].same_as(&one[1]), None, "another host");
        assert_eq!(one[0].same_as(&later[0]), None, "another run");
    }
}
