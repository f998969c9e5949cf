//! What the probe is asked to check, from its environment alone. Nothing here fails: what is missing
//! or malformed becomes an observation (`tests::nothing_set_is_no_crash`).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use mops_core::{KeyedHash, Nonce, Secret};
use mops_host::Env;
use mops_wire::{Logins, ProxySettings};

use crate::checks::DEADLINE;

/// The variables.
pub mod names {
    /// Login server.
    pub const REGISTRY: &str = "MOPS_PROBE_REGISTRY";
    /// Further registries from which the worker pulls, separated by commas.
    pub const OTHER_REGISTRIES: &str = "MOPS_PROBE_OTHER_REGISTRIES";
    /// Images, separated by commas.
    pub const IMAGES: &str = "MOPS_PROBE_IMAGES";
    /// What the worker fetches with user and password, or its identity.
    pub const BUNDLE: &str = "MOPS_PROBE_BUNDLE";
    /// Models of NGC, separated by commas.
    pub const MODELS: &str = "MOPS_PROBE_MODELS";
    /// Text of a `.dockerconfigjson`; that of further ones has a number behind the name, from 1.
    pub const PULL_SECRET: &str = "MOPS_PROBE_PULL_SECRET";
    /// The names of the pull secrets, in the order of the pod, separated by commas.
    pub const PULL_SECRETS: &str = "MOPS_PROBE_PULL_SECRETS";
    /// Blob containers, separated by commas; `VARIABLE=CONTAINER` for one whose connection string is
    /// not in [`STORAGE`].
    pub const CONTAINER: &str = "MOPS_PROBE_CONTAINER";
    /// Set when a write must be refused.
    pub const VERIFY_READONLY: &str = "MOPS_PROBE_VERIFY_READONLY";
    /// Id of the run.
    pub const RUN: &str = "MOPS_PROBE_RUN";
    /// Longest time of one request, in whole seconds.
    pub const TIMEOUT: &str = "MOPS_PROBE_TIMEOUT";
    /// The cluster's proxy for TLS, of which the worker may not know.
    pub const PROXY: &str = "MOPS_PROBE_PROXY";
    /// Hosts that do not pass it, separated by commas.
    pub const NO_PROXY: &str = "MOPS_PROBE_NO_PROXY";
    /// The run's nonce, with which keys are hashed.
    pub const NONCE: &str = "MOPS_PROBE_NONCE";
    /// Hashes of logins that are not to be sent, separated by commas; set where a run is repeated.
    pub const HELD: &str = "MOPS_PROBE_HELD";
    /// The environment of another process, in the form of `/proc/PID/environ`, which counts in place of the own.
    pub const LIVE: &str = "MOPS_PROBE_LIVE";
    /// Variables whose values are hashed for whoever compares them, separated by commas.
    pub const COMPARE: &str = "MOPS_PROBE_COMPARE";
    /// `HOST=ADDRESS` pairs, separated by commas; sandbox only.
    pub const CONNECT: &str = "MOPS_PROBE_CONNECT";
    /// Set when the worker is none of ModelOps, whose variables it then needs only when it has one of them.
    pub const FOREIGN: &str = "MOPS_PROBE_FOREIGN";
    /// Set when the worker asks for a token of its service account.
    pub const IDENTITY: &str = "MOPS_PROBE_IDENTITY";
    /// Set when the probe stands for the node that it runs on, and not for a worker.
    pub const NODE: &str = "MOPS_PROBE_NODE";
    /// The client id of the identity with which that node pulls.
    pub const KUBELET_ID: &str = "MOPS_PROBE_KUBELET_ID";
    /// The identity that the worker signs in as.
    pub const CLIENT_ID: &str = "AZURE_CLIENT_ID";
    /// Its directory.
    pub const TENANT_ID: &str = "AZURE_TENANT_ID";
    /// Where the token of the service account is.
    pub const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
    /// Where it is traded.
    pub const AUTHORITY: &str = "AZURE_AUTHORITY_HOST";
    /// One more file of trusted roots.
    pub const CERT_FILE: &str = "SSL_CERT_FILE";
    /// The worker's registry.
    pub const BUNDLE_REGISTRY: &str = "MODELOPS_BUNDLE_REGISTRY";
    /// The worker's user.
    pub const USERNAME: &str = "REGISTRY_USERNAME";
    /// The worker's password.
    pub const PASSWORD: &str = "REGISTRY_PASSWORD";
    /// The worker's key for NGC.
    pub const NGC_KEY: &str = "NGC_API_KEY";
    /// That key by all names that its images read, the first one first.
    pub const NGC_KEYS: [&str; 3] = [NGC_KEY, "NIM_NGC_API_KEY", "NVIDIA_API_KEY"];
    /// The worker's storage.
    pub const STORAGE: &str = "AZURE_STORAGE_CONNECTION_STRING";
}

/// A variable as the worker has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given<T> {
    /// Not set.
    Missing,
    /// Set and blank.
    Empty,
    /// Set.
    Value(T),
}

impl<T> Given<T> {
    /// The value, if there is one.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Missing | Self::Empty => None,
        }
    }
}

/// A pull secret of the worker.
#[derive(Clone, Debug)]
pub struct PullSecret {
    /// Its name; empty when nobody says it.
    pub name: String,
    /// Text of its docker config.
    pub text: Given<Secret<String>>,
}

/// The variable with the text of the pull secret that has this place in the pod's list.
#[must_use]
pub fn pull_secret_variable(place: usize) -> String {
    match place {
        0 => names::PULL_SECRET.to_owned(),
        place => format!("{}_{place}", names::PULL_SECRET),
    }
}

/// A container, and the connection string that opens it.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The variable with the connection string.
    pub variable: String,
    /// Its value.
    pub connection: Given<Secret<String>>,
}

impl Container {
    /// From `CONTAINER` or `VARIABLE=CONTAINER`, and who knows the variables.
    pub fn named(item: &str, connection: impl Fn(&str) -> Given<Secret<String>>) -> Self {
        let (variable, name) = item.split_once('=').unwrap_or((names::STORAGE, item));
        Self { name: name.to_owned(), variable: variable.to_owned(), connection: connection(variable) }
    }
}

/// What the worker signs in with when it has no password.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The identity.
    pub client_id: Given<String>,
    /// Its directory.
    pub tenant: Given<String>,
    /// Where the token of the service account is.
    pub token_file: Given<String>,
    /// Where it is traded.
    pub authority: Given<String>,
}

impl Identity {
    /// The first variable that the worker lacks.
    #[must_use]
    pub fn missing(&self) -> Option<&'static str> {
        let all = [
            (names::TOKEN_FILE, &self.token_file),
            (names::CLIENT_ID, &self.client_id),
            (names::TENANT_ID, &self.tenant),
            (names::AUTHORITY, &self.authority),
        ];
        all.into_iter().find(|(_, given)| given.value().is_none()).map(|(name, _)| name)
    }
}

/// What a probe does that stands for a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The client id of the identity with which it pulls; `None` when nobody knows it.
    pub kubelet: Option<String>,
}

/// What to check.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The node that the probe stands for; a worker's settings mean nothing then.
    pub node: Option<Node>,
    /// Login server: ours, else the worker's.
    pub registry: Option<String>,
    /// Further registries from which the worker pulls; its user and password are not theirs.
    pub other_registries: Vec<String>,
    /// The worker's registry variable.
    pub bundle_registry: Given<String>,
    /// Images to look up.
    pub images: Vec<String>,
    /// What the worker itself fetches.
    pub bundle: Option<String>,
    /// Models of NGC whose files the worker fetches.
    pub models: Vec<String>,
    /// The worker's user.
    pub username: Given<String>,
    /// The worker's password.
    pub password: Given<Secret<String>>,
    /// The worker's key for NGC.
    pub ngc_key: Given<Secret<String>>,
    /// Whether the worker is none of ModelOps.
    pub foreign: bool,
    /// What stands for user and password, when the worker asks for a token.
    pub identity: Option<Identity>,
    /// The worker's pull secrets, in the order in which the kubelet reads them.
    pub pull_secrets: Vec<PullSecret>,
    /// Containers to list.
    pub containers: Vec<Container>,
    /// Whether a write must be refused.
    pub verify_readonly: bool,
    /// Names the blob of a write that must be refused.
    pub run: String,
    /// Longest time of one request with its repetitions.
    pub deadline: Duration,
    /// The cluster's own proxy, when it has one.
    pub cluster_proxy: Option<ProxySettings>,
    /// Hashes the keys, for whoever compares them.
    pub nonce: Option<Nonce>,
    /// Logins that were refused before and are not to be sent; `None` when nobody repeats the run.
    pub held: Option<BTreeSet<KeyedHash>>,
    /// More variables that are hashed.
    pub compared: Vec<(String, Secret<String>)>,
    /// Hosts at loopback addresses.
    pub connect: Vec<(String, SocketAddr)>,
    /// One more file of roots.
    pub cert_file: Option<PathBuf>,
}

impl Settings {
    /// What is known of logins, when the run is repeated.
    #[must_use]
    pub fn logins(&self) -> Option<Logins> {
        Some(Logins::new(self.nonce.clone()?, self.held.clone()?))
    }

    /// Reads the environment.
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        let bundle_registry = given(env, names::BUNDLE_REGISTRY);
        Self {
            node: env.has(names::NODE).then(|| Node { kubelet: env.get(names::KUBELET_ID).map(str::to_owned) }),
            registry: env.get(names::REGISTRY).map(str::to_owned).or_else(|| bundle_registry.value().cloned()),
            other_registries: list(env, names::OTHER_REGISTRIES),
            images: list(env, names::IMAGES),
            bundle: env.get(names::BUNDLE).map(str::to_owned),
            models: list(env, names::MODELS),
            ngc_key: ngc_key(env),
            username: given(env, names::USERNAME),
            password: secret(env, names::PASSWORD),
            foreign: env.has(names::FOREIGN),
            identity: env.has(names::IDENTITY).then(|| identity(env)),
            pull_secrets: pull_secrets(env),
            containers: list(env, names::CONTAINER)
                .iter()
                .map(|item| Container::named(item, |v| secret(env, v)))
                .collect(),
            verify_readonly: env.has(names::VERIFY_READONLY),
            run: env.get(names::RUN).unwrap_or("manual").to_owned(),
            deadline: env.get(names::TIMEOUT).and_then(|s| s.parse().ok()).map_or(DEADLINE, Duration::from_secs),
            cluster_proxy: cluster_proxy(env),
            nonce: env.get(names::NONCE).and_then(Nonce::parse),
            held: env
                .get(names::HELD)
                .map(|_| list(env, names::HELD).iter().filter_map(|h| KeyedHash::parse(h)).collect()),
            compared: compared(env),
            connect: list(env, names::CONNECT).iter().filter_map(|pair| pair_of(pair)).collect(),
            cert_file: env.get(names::CERT_FILE).map(PathBuf::from),
            bundle_registry,
        }
    }
}

/// A blank value is one, and no value is none.
fn compared(env: &Env) -> Vec<(String, Secret<String>)> {
    let value = |name: &String| env.iter().find(|(known, _)| known == name).map(|(_, value)| value.into());
    list(env, names::COMPARE).into_iter().filter_map(|name| Some((name.clone(), value(&name)?))).collect()
}

fn cluster_proxy(env: &Env) -> Option<ProxySettings> {
    let proxy = env.get(names::PROXY)?;
    let none = env.get(names::NO_PROXY).unwrap_or_default();
    Some(ProxySettings::from_env(&Env::of([("HTTPS_PROXY", proxy), ("NO_PROXY", none)])))
}

/// The first key that is set, else the first that is blank.
fn ngc_key(env: &Env) -> Given<Secret<String>> {
    let all = names::NGC_KEYS.map(|name| secret(env, name));
    let blank = all.iter().find(|given| **given == Given::Empty).cloned();
    all.into_iter().find(|given| given.value().is_some()).or(blank).unwrap_or(Given::Missing)
}

fn pull_secrets(env: &Env) -> Vec<PullSecret> {
    let text = |place| secret(env, &pull_secret_variable(place));
    let named = list(env, names::PULL_SECRETS);
    if named.is_empty() {
        return vec![PullSecret { name: String::new(), text: text(0) }];
    }
    named.into_iter().enumerate().map(|(place, name)| PullSecret { name, text: text(place) }).collect()
}

fn identity(env: &Env) -> Identity {
    Identity {
        client_id: given(env, names::CLIENT_ID),
        tenant: given(env, names::TENANT_ID),
        token_file: given(env, names::TOKEN_FILE),
        authority: given(env, names::AUTHORITY),
    }
}

fn given(env: &Env, name: &str) -> Given<String> {
    match env.iter().find(|(n, _)| *n == name).map(|(_, value)| value) {
        None => Given::Missing,
        Some(value) if value.trim().is_empty() => Given::Empty,
        Some(value) => Given::Value(value.to_owned()),
    }
}

fn secret(env: &Env, name: &str) -> Given<Secret<String>> {
    match given(env, name) {
        Given::Missing => Given::Missing,
        Given::Empty => Given::Empty,
        Given::Value(value) => Given::Value(Secret::from(value)),
    }
}

fn list(env: &Env, name: &str) -> Vec<String> {
    let text = env.get(name).unwrap_or_default();
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn pair_of(text: &str) -> Option<(String, SocketAddr)> {
    let (host, address) = text.split_once('=')?;
    Some((host.to_owned(), address.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_is_no_crash() {
        let settings = Settings::from_env(&Env::default());
        assert_eq!((settings.registry, settings.deadline), (None, DEADLINE));
        assert_eq!(settings.password, Given::Missing);
        assert!(!settings.verify_readonly);
    }

    #[test]
    fn names_are_exact_and_blank_is_not_missing() {
        let env = Env::of([("REGISTRY_PASSWORD_OLD", "x"), ("REGISTRY_USERNAME", " "), ("REGISTRY_PASSWORD", "0")]);
        let settings = Settings::from_env(&env);
        assert_eq!(settings.username, Given::Empty);
        assert_eq!(settings.password, Given::Value(Secret::from("0")));
    }

    #[test]
    fn an_identity_is_asked_for_and_says_what_it_lacks() {
        assert!(Settings::from_env(&Env::of([(names::CLIENT_ID, "c")])).identity.is_none());
        let env = Env::of([(names::IDENTITY, "1"), (names::TOKEN_FILE, "/t"), (names::CLIENT_ID, "c")]);
        assert_eq!(Settings::from_env(&env).identity.unwrap().missing(), Some(names::TENANT_ID));
    }

    #[test]
    fn pull_secrets_have_their_names_and_their_order() {
        let of = |pairs: &[(&str, &str)]| {
            let all = Settings::from_env(&Env::of(pairs.iter().copied())).pull_secrets;
            all.into_iter().map(|s| (s.name, s.text.value().map(|t| t.expose().clone()))).collect::<Vec<_>>()
        };
        let seen = |name: &str, text: Option<&str>| (name.to_owned(), text.map(str::to_owned));
        assert_eq!(of(&[(names::PULL_SECRET, "a")]), [seen("", Some("a"))]);
        let named =
            [(names::PULL_SECRETS, "one,two,three"), (names::PULL_SECRET, "a"), ("MOPS_PROBE_PULL_SECRET_2", "c")];
        assert_eq!(of(&named), [seen("one", Some("a")), seen("two", None), seen("three", Some("c"))]);
    }

    #[test]
    fn a_key_of_ngc_has_several_names() {
        let key = |pairs: &[(&str, &str)]| Settings::from_env(&Env::of(pairs.iter().copied())).ngc_key;
        assert_eq!(key(&[]), Given::Missing);
        assert_eq!(key(&[("NGC_API_KEY", "")]), Given::Empty);
        assert_eq!(key(&[("NGC_API_KEY", ""), ("NIM_NGC_API_KEY", "a")]), Given::Value(Secret::from("a")));
        assert_eq!(key(&[("NIM_NGC_API_KEY", "a"), ("NGC_API_KEY", "b")]), Given::Value(Secret::from("b")));
    }

    #[test]
    fn our_registry_wins_over_the_workers() {
        let env = Env::of([(names::BUNDLE_REGISTRY, "worker.io")]);
        assert_eq!(Settings::from_env(&env).registry.as_deref(), Some("worker.io"));
        let env = Env::of([(names::BUNDLE_REGISTRY, "worker.io"), (names::REGISTRY, "ours.io")]);
        assert_eq!(Settings::from_env(&env).registry.as_deref(), Some("ours.io"));
    }

    #[test]
    fn a_container_may_name_its_variable() {
        let env = Env::of([(names::CONTAINER, "a, OTHER=b"), (names::STORAGE, "x"), ("OTHER", "y")]);
        let all = Settings::from_env(&env).containers;
        let seen: Vec<_> = all.iter().map(|c| (c.name.as_str(), c.variable.as_str())).collect();
        assert_eq!(seen, [("a", names::STORAGE), ("b", "OTHER")]);
        assert_eq!(all[1].connection, Given::Value(Secret::from("y")));
    }

    #[test]
    fn a_request_has_the_time_that_is_given() {
        let of = |text: &str| Settings::from_env(&Env::of([(names::TIMEOUT, text)])).deadline;
        assert_eq!((of("3"), of("soon")), (Duration::from_secs(3), DEADLINE));
    }

    #[test]
    fn pairs_that_do_not_parse_are_left_out() {
        let env = Env::of([(names::CONNECT, "*.azurecr.io=127.0.0.1:5000, nonsense,b=c")]);
        let want = vec![("*.azurecr.io".to_owned(), "127.0.0.1:5000".parse().unwrap())];
        assert_eq!(Settings::from_env(&env).connect, want);
    }
}
