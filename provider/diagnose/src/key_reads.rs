//! The keys of two secrets for the same host against each other, where both are read; only whether they are equal
//! leaves this file (`tests`).

use k8s_openapi::api::core::v1::Secret;
use mops_core::Secret as Masked;
use mops_probe::Observation;
use mops_probe::dockerconfig;

use crate::observed::{Object, Observed, Vantage, check, code};
use crate::request::Request;
use crate::static_reads::{env_login, value};

/// The one user name that NGC's registry knows.
const NGC_USER: &str = "$oauthtoken";
const NGC_HOST: &str = "nvcr.io";
const NGC_KEY: &str = "NGC_API_KEY";

/// A login that a secret of the environment holds.
struct Held<'a> {
    secret: &'a str,
    host: &'a str,
    username: String,
    key: Masked<String>,
}

/// One comparison for each host for which both kinds of secret hold a key of the same user.
pub(crate) fn look(request: &Request, env: &[(String, Secret)], pull: &[(String, Secret)]) -> Vec<Observed> {
    let held = env.iter().flat_map(|(name, secret)| held(request, name, secret));
    let compared = held.flat_map(|one| pull.iter().filter_map(move |(name, secret)| compare(&one, name, secret)));
    compared.map(|(o, name)| o.about(Object::new("Secret", &request.namespace, &name))).collect()
}

fn held<'a>(request: &'a Request, name: &'a str, secret: &Secret) -> Vec<Held<'a>> {
    let own = request.registry.as_deref().zip(env_login(secret));
    let own = own.map(|(host, login)| Held { secret: name, host, username: login.username, key: login.password });
    let ngc = value(secret, NGC_KEY).map(|key| Held {
        secret: name,
        host: NGC_HOST,
        username: NGC_USER.to_owned(),
        key: key.trim().to_owned().into(),
    });
    own.into_iter().chain(ngc).collect()
}

fn compare(held: &Held<'_>, name: &str, secret: &Secret) -> Option<(Observed, String)> {
    let logins = dockerconfig::logins(&value(secret, dockerconfig::KEY)?, held.host).ok()?;
    let other = logins.into_iter().find(|login| login.username.eq_ignore_ascii_case(&held.username))?;
    let differs = if other.password == held.key { "" } else { code::DIFFERS };
    let seen = Observation::ok(check::SECRETS_COMPARE, "", held.host).code(differs);
    Some((Observed::at(Vantage::W, seen.detail(&format!("{} and {name}", held.secret))), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    fn secret(key: &str, text: &str) -> (String, Secret) {
        let data = [(key.to_owned(), ByteString(text.as_bytes().to_vec()))].into();
        (format!("with-{}", key.to_lowercase()), Secret { data: Some(data), ..Secret::default() })
    }

    fn pull(username: &str, password: &str) -> (String, Secret) {
        let entry = serde_json::json!({"username": username, "password": password});
        secret(dockerconfig::KEY, &serde_json::json!({"auths": {NGC_HOST: entry}}).to_string())
    }

    #[test]
    fn keys_of_the_same_user_are_compared_and_not_shown() {
        let request = Request::new("r", "dev", "ns");
        let env = [secret(NGC_KEY, "canary-1\n")];
        let codes = |pull: &[(String, Secret)]| {
            let seen = look(&request, &env, pull);
            assert!(!format!("{seen:?}").contains("canary"), "{seen:?}");
            seen.iter().map(|o| o.code().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(codes(&[pull(NGC_USER, "canary-1")]), [""]);
        assert_eq!(codes(&[pull(NGC_USER, "canary-2")]), [code::DIFFERS]);
        assert_eq!(codes(&[pull("robot", "canary-2")]), [""; 0], "another user has another key");
        assert_eq!(codes(&[secret("other", "x")]), [""; 0]);
    }
}
