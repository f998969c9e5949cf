//! Refused for what a pull secret is or lacks, or for a name that the registry does not have: at a registry with Basic and
//! at one with tokens, both docker-registry itself.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use mops_tests::real::hosted::{BOT, GENERIC, GHCR};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::case::Case;
use crate::existing::password;

/// The registry with Basic and the one with tokens.
pub(super) const HOSTS: [&str; 2] = [GENERIC, GHCR];

/// A namespace where the right pull secret lies, which helps nobody.
pub(super) const ELSEWHERE: &str = "elsewhere";

/// The kind of secret that kubelets read.
pub(super) const DOCKER_CONFIG: &str = "kubernetes.io/dockerconfigjson";

pub(super) fn cases() -> Vec<Case> {
    [("basic", GENERIC), ("bearer", GHCR)].into_iter().flat_map(|(way, host)| at(way, host)).collect()
}

fn at(way: &str, host: &str) -> Vec<Case> {
    let worker = format!("{host}/example-org/worker:1");
    let case = |name: &str, wanted: &[&'static str]| Case::new(format!("{way}-{name}"), worker.clone(), wanted);
    let named = |name: &str, image: &str, wanted: &[&'static str]| {
        Case::new(format!("{way}-{name}"), format!("{host}/{image}"), wanted).with(right(host))
    };
    let mut absent = case("secret-absent", &["PULL_SECRET_MISSING"]);
    absent.linked = vec!["login"];
    vec![
        case("wrong-password", &["KUBELET_BAD_CREDENTIALS"]).with(login(&[host], "not-it")),
        case("no-secret", &["NOT_LOGGED_IN"]),
        absent,
        lying_elsewhere(&format!("{way}-other-namespace"), host),
        case("wrong-type", &["SECRET_WRONG_TYPE"]).with(of_another_type(host)),
        case("wrong-host", &["PULL_SECRET_HOST_MISMATCH"]).with(for_another_host()),
        case("broken-entry", &["DOCKERCONFIG_MALFORMED"]).with(broken(host)),
        case("ended-token", &["SECRET_SHORT_LIVED"]).with(login(&[host], &ended())),
        named("no-repository", "example-org/absent:1", &["REPOSITORY_NOT_FOUND"]),
        named("no-tag", "example-org/worker:9", &["TAG_NOT_FOUND"]),
    ]
}

/// Its workers name a pull secret that lies in another namespace.
pub(super) fn lying_elsewhere(name: &str, host: &str) -> Case {
    let mut case = Case::new(name.to_owned(), format!("{host}/example-org/worker:1"), &["SECRET_WRONG_NAMESPACE"]);
    case.linked = vec!["login"];
    case.flags = &["--search-namespace", ELSEWHERE];
    case
}

/// That namespace and its secret.
pub(super) fn elsewhere() -> Value {
    let mut secret = login(&HOSTS, &password());
    secret["metadata"]["namespace"] = json!(ELSEWHERE);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ELSEWHERE}});
    json!({"apiVersion": "v1", "kind": "List", "items": [namespace, secret]})
}

pub(super) fn right(host: &str) -> Value {
    login(&[host], &password())
}

fn login(hosts: &[&str], password: &str) -> Value {
    secret(DOCKER_CONFIG, &config(hosts, password))
}

fn config(hosts: &[&str], password: &str) -> Value {
    config_of(BOT, hosts, password)
}

/// The login of a user for these hosts.
pub(super) fn config_of(user: &str, hosts: &[&str], password: &str) -> Value {
    let auth = STANDARD.encode(format!("{user}:{password}"));
    let auths: serde_json::Map<String, Value> =
        hosts.iter().map(|host| ((*host).to_owned(), json!({"auth": auth}))).collect();
    json!({"auths": auths})
}

/// JSON, since the API server takes nothing else, with an entry that says nothing.
pub(super) fn broken(host: &str) -> Value {
    secret(DOCKER_CONFIG, &json!({"auths": {host: {"auth": "no login, and no base64 either"}}}))
}

/// An entry for the host, with nothing in it.
pub(super) fn without_login(host: &str) -> Value {
    secret(DOCKER_CONFIG, &json!({"auths": {host: {}}}))
}

/// What no kubelet reads.
pub(super) fn of_another_type(host: &str) -> Value {
    secret("Opaque", &config(&[host], &password()))
}

pub(super) fn for_another_host() -> Value {
    login(&["registry.other.example"], &password())
}

/// A password that is a token of an hour, which is over.
fn ended() -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let claims = json!({"sub": BOT, "iat": now - 7200, "exp": now - 3600});
    format!("{}.{}.{}", part(json!({"alg": "RS256", "typ": "JWT"})), part(claims), "c2lnbmF0dXJl")
}

/// A docker config in a secret, as a pull secret when it is of the right kind.
pub(super) fn secret(kind: &str, config: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": {"name": "login"},
        "stringData": {".dockerconfigjson": config.to_string()},
    })
}
