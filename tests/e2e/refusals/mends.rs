//! What `--fix` mends by itself: workers that cannot start, while what they need lies somewhere in their namespace.

use mops_tests::real::hosted::BOT;
use serde_json::json;

use super::case::Case;
use super::environment::{self, keys, secret};
use super::secrets::{broken, for_another_host, lying_elsewhere, of_another_type, right, without_login};
use crate::existing::password;

/// Workers that cannot start for what their pull secret is or lacks, while a secret of their environment has the login.
pub(super) fn pull_secrets(way: &str, host: &str) -> Vec<Case> {
    let case = |name: &str, cause: &'static str| {
        let mut case = lying_elsewhere(&format!("mend-{way}-{name}"), host);
        case.wanted = [cause].into();
        case.env = json!([{"name": "MODELOPS_BUNDLE_REGISTRY", "value": host}]);
        case.env_from = vec!["bundle-credentials"];
        case.beside.push(keys(&password()));
        case
    };
    let without_search = |name: &str, cause| Case { flags: &[], ..case(name, cause) };
    vec![
        case("other-namespace", "SECRET_WRONG_NAMESPACE"),
        without_search("absent", "PULL_SECRET_MISSING"),
        without_search("wrong-type", "SECRET_WRONG_TYPE").with(of_another_type(host)),
        without_search("wrong-host", "PULL_SECRET_HOST_MISMATCH").with(for_another_host()),
        without_search("broken-entry", "DOCKERCONFIG_MALFORMED").with(broken(host)),
        without_search("no-login", "PULL_SECRET_NO_CREDENTIAL").with(without_login(host)),
        without_search("other-key", "SECRET_KEY_MISSING").with(right(host)).named_by_another_key(),
    ]
}

/// Workers that run with an environment that is mended in its secret and by making them again.
pub(super) fn environments() -> Vec<Case> {
    let without = secret("bundle-credentials", &[("REGISTRY_USERNAME", BOT)]);
    let mut stale = environment::whole("mend-env-stale");
    stale.beside.retain(|object| object["metadata"]["name"] != "bundle-credentials");
    stale.beside.push(keys("an-old-one"));
    let mut renewed = keys(&password());
    renewed["metadata"]["namespace"] = json!(stale.name);
    stale.after = vec![renewed];
    stale.wanted = ["ENV_STALE"].into();
    let cases = [
        environment::worker("mend-env-missing", &["ENV_MISSING"], vec![without]),
        environment::worker("mend-env-empty", &["ENV_EMPTY"], vec![keys("")]),
        stale,
    ];
    // Their image has nothing that prints a variable: only a container with the probe can look into it.
    cases.map(|case| Case { replaced: true, flags: &["--vantage", "w,p,c"], ..case }).into()
}

impl Case {
    /// A variable of its workers is to come from a key that is a letter off in the secret.
    fn named_by_another_key(mut self) -> Self {
        let by_key = json!({"secretKeyRef": {"name": "bundle-credentials", "key": "REGISTRY_PASSWORD"}});
        self.env.as_array_mut().into_iter().for_each(|env| {
            env.push(json!({"name": "REGISTRY_PASSWORD", "valueFrom": by_key}));
        });
        self.env_from.clear();
        self.beside.retain(|object| object["metadata"]["name"] != "bundle-credentials");
        let off = [("REGISTRY_USERNAME", BOT), ("REGISTRY_PASWORD", &password())];
        self.beside.push(secret("bundle-credentials", &off));
        self
    }
}
