//! Keys against each other, by the hashes of one run: those of two secrets, and those of a worker against this
//! machine's. Only whether they are equal leaves this file (`tests`).

use k8s_openapi::api::core::v1::Secret;
use mops_probe::Observation;
use mops_probe::dockerconfig;
use mops_probe::keys::{self, HeldKey};
use mops_probe::observation::{check as probe, variant};

use crate::observed::{Object, Observed, Status, Vantage, check, code};
use crate::request::Request;
use crate::shelf::value;

/// One comparison for each host for which both kinds of secret hold a key of the same user.
pub(crate) fn secrets(request: &Request, env: &[(&str, &Secret)], pull: &[(&str, &Secret)]) -> Vec<Observed> {
    let (nonce, registry) = (&request.nonce, request.registry.as_deref());
    let held = env.iter().flat_map(|(name, secret)| {
        let keys = keys::of_variables(nonce, registry, |variable| value(secret, variable).map(Into::into));
        keys.into_iter().map(move |key| (*name, key))
    });
    let held: Vec<(&str, HeldKey)> = held.collect();
    let compare = |(name, secret): &(&str, &Secret)| {
        let text = value(secret, dockerconfig::KEY).unwrap_or_default();
        let pulls = keys::of_docker_config(nonce, request.registries(), &text);
        let compared = held.iter().filter_map(|(own, key)| {
            let same = pulls.iter().find_map(|pull| key.same_as(pull))?;
            let code = if same { "" } else { code::DIFFERS };
            Some(Observation::ok(check::SECRETS_COMPARE, "", &key.host).code(code).detail(&format!("{own} and {name}")))
        });
        let about = |o| Observed::at(Vantage::W, o).about(Object::new("Secret", &request.namespace, name));
        compared.map(about).collect::<Vec<_>>()
    };
    pull.iter().flat_map(compare).collect()
}

/// The keys of a worker against those of this machine that their host accepts; a pull secret's first key of a user
/// counts, as for the kubelet. A key that was seen to differ from one that ARM lists and the host accepts is not told
/// a second time.
pub(crate) fn with_local(worker: &[HeldKey], local: &[HeldKey], known: &[Observed]) -> Vec<Observation> {
    let mut seen: Vec<Observation> = Vec::new();
    for key in worker {
        // Of several keys of this machine that are accepted, any may be the worker's.
        let Some(same) = local.iter().filter_map(|own| key.same_as(own)).max() else { continue };
        if rotated(known, key) || seen.iter().any(|o| o.variant == key.variant && o.target == key.host) {
            continue;
        }
        seen.push(match same {
            true => Observation::ok(check::KEY_COMPARE, &key.variant, &key.host),
            false => Observation::failed(check::KEY_COMPARE, &key.variant, &key.host, code::DIFFERS),
        });
    }
    seen
}

fn rotated(known: &[Observed], key: &HeldKey) -> bool {
    let differs = |o: &Observed| o.check == check::PASSWORD && o.credential == key.variant && o.code() == code::DIFFERS;
    let accepted = |o: &Observed| {
        o.check == probe::REGISTRY_V2
            && o.credential == variant::ARM
            && o.target == key.host
            && o.status == Status::Pass
    };
    known.iter().any(differs) && known.iter().any(accepted)
}

/// The key of this machine for a host, when it is of a user.
pub(crate) fn local(request: &Request, host: &str, login: &dockerconfig::Login) -> HeldKey {
    HeldKey::of(&request.nonce, variant::LOCAL, host, login)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use mops_probe::dockerconfig::Login;
    use mops_probe::keys::{NGC_HOST, NGC_USER};
    use mops_probe::observation::Outcome;
    use mops_probe::settings::names;

    use super::*;

    fn secret(key: &str, text: &str) -> Secret {
        let data = [(key.to_owned(), ByteString(text.as_bytes().to_vec()))].into();
        Secret { data: Some(data), ..Secret::default() }
    }

    fn pull(username: &str, password: &str) -> Secret {
        let entry = serde_json::json!({"username": username, "password": password});
        secret(dockerconfig::KEY, &serde_json::json!({"auths": {NGC_HOST: entry}}).to_string())
    }

    #[test]
    fn keys_of_the_same_user_are_compared_and_not_shown() {
        let request = Request::new("r", "dev", "ns");
        let env = secret(names::NGC_KEY, "canary-1");
        let codes = |pull: Secret| {
            let seen = secrets(&request, &[("env", &env)], &[("pull", &pull)]);
            assert!(!format!("{seen:?}").contains("canary"), "{seen:?}");
            seen.iter().map(|o| o.code().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(codes(pull(NGC_USER, "canary-1")), [""]);
        assert_eq!(codes(pull(NGC_USER, "canary-2")), [code::DIFFERS]);
        assert_eq!(codes(pull("robot", "canary-2")), [""; 0], "another user has another key");
        assert_eq!(codes(secret("other", "x")), [""; 0]);
    }

    #[test]
    fn a_workers_key_is_compared_with_the_one_of_its_host_and_user() {
        let request = Request::new("r", "dev", "ns");
        let login = |user: &str, password: &str| Login { username: user.into(), password: password.into() };
        let worker =
            |variant: &str, password| HeldKey::of(&request.nonce, variant, "reg.io", &login("robot", password));
        let here = [local(&request, "reg.io", &login("robot", "new"))];
        let seen =
            with_local(&[worker("env", "new"), worker("pullsecret", "old"), worker("pullsecret", "new")], &here, &[]);
        let seen: Vec<_> = seen.iter().map(|o| (o.variant.as_str(), o.target.as_str(), o.outcome)).collect();
        assert_eq!(seen, [("env", "reg.io", Outcome::Ok), ("pullsecret", "reg.io", Outcome::Failed)]);
        let several = [local(&request, "reg.io", &login("robot", "first")), here[0].clone()];
        let seen = with_local(&[worker("env", "new"), worker("pullsecret", "old")], &several, &[]);
        assert_eq!(
            seen.iter().map(|o| o.outcome).collect::<Vec<_>>(),
            [Outcome::Ok, Outcome::Failed],
            "any may be its own"
        );
        let other = [local(&request, "reg.io", &login("me", "new")), local(&request, "b.io", &login("robot", "new"))];
        assert_eq!(with_local(&[worker("env", "old")], &other, &[]), []);
        let listed = [
            Observation::failed(check::PASSWORD, "env", "secret", code::DIFFERS),
            Observation::ok(probe::REGISTRY_V2, variant::ARM, "reg.io"),
        ]
        .map(|o| Observed::at(Vantage::W, o));
        assert_eq!(with_local(&[worker("env", "old")], &here, &listed), []);
        assert_eq!(with_local(&[worker("pullsecret", "old")], &here, &listed).len(), 1);
        assert_eq!(with_local(&[worker("env", "old")], &here, &listed[..1]).len(), 1);
    }
}
