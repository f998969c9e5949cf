//! Workers that run, and whose environment or network is not what they need to reach their registry.

use mops_tests::real::hosted::{BOT, GHCR};
use serde_json::{Value, json};

use super::case::Case;
use super::secrets::right;
use crate::existing::password;

pub(super) fn cases() -> Vec<Case> {
    let good = || keys(&password());
    vec![
        whole("env-right"),
        worker("env-missing", &["ENV_MISSING"], vec![secret("bundle-credentials", &[("REGISTRY_USERNAME", BOT)])]),
        worker("env-empty", &["ENV_EMPTY", "w:SECRETS_DISAGREE"], vec![keys("")]),
        worker("env-wrong-password", &["REGISTRY_CREDENTIAL_REFUSED", "w:SECRETS_DISAGREE"], vec![keys("not-it")]),
        twice(good()),
        at("env-wrong-host", &format!("https://{GHCR}"), &["REGISTRY_URL_WRONG"], vec![good()]),
    ]
}

/// What workers sign in with, with this password.
pub(super) fn keys(password: &str) -> Value {
    secret("bundle-credentials", &[("REGISTRY_USERNAME", BOT), ("REGISTRY_PASSWORD", password)])
}

/// Workers that lack nothing.
pub(super) fn whole(name: &str) -> Case {
    worker(name, &[], vec![keys(&password())])
}

/// Workers of an image of this registry, which asks for no login, with these variables beside what they need.
pub(super) fn with_variables(name: &str, host: &str, wanted: &[&'static str], more: &[(&str, &str)]) -> Case {
    let mut case = at(name, host, wanted, vec![keys(&password())]);
    case.image = format!("{host}/example-org/worker:1");
    case.linked.clear();
    let more = more.iter().map(|(name, value)| json!({"name": name, "value": value}));
    case.env.as_array_mut().into_iter().for_each(|env| env.extend(more.clone()));
    case
}

/// Workers of GitHub's registry, with what is in these secrets.
pub(super) fn worker(name: &str, wanted: &[&'static str], secrets: Vec<Value>) -> Case {
    at(name, GHCR, wanted, secrets)
}

fn at(name: &str, registry: &str, wanted: &[&'static str], secrets: Vec<Value>) -> Case {
    let mut case = Case::new(name.to_owned(), format!("{GHCR}/example-org/worker:1"), wanted).with(right(GHCR));
    case.runs = true;
    case.wanted = wanted.iter().copied().collect();
    case.env = json!([{"name": "MODELOPS_BUNDLE_REGISTRY", "value": registry}]);
    case.env_from = vec!["bundle-credentials"];
    case.beside.extend(secrets);
    case
}

/// Two secrets give the same variable, and not the same value; the last one counts.
fn twice(good: Value) -> Case {
    let old = secret("old-credentials", &[("REGISTRY_PASSWORD", "an-old-one")]);
    let mut case = worker("env-twice", &["w:ENV_DUPLICATE_SOURCE"], vec![good, old]);
    case.env_from = vec!["old-credentials", "bundle-credentials"];
    case
}

/// A secret with these keys.
pub(super) fn secret(name: &str, keys: &[(&str, &str)]) -> Value {
    let keys: serde_json::Map<String, Value> =
        keys.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": keys})
}
