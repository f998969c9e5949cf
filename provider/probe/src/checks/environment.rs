//! The worker's variables: exact names, and blank is not missing. Shows the registry's host and no
//! other value.

use super::ngc;
use crate::observation::{Observation, check, code};
use crate::settings::{Given, Settings, names};

pub(super) fn look(settings: &Settings) -> Vec<Observation> {
    let mut all = Vec::new();
    // A server of NGC's models, or somebody else's pod, has nothing to fetch from a registry of bundles.
    let fetches = !is_of_ngc(settings) && !is_foreign(settings);
    if fetches {
        all.push(host(settings));
    }
    // Who signs in as an identity needs no password; what that one needs is checked with it.
    if fetches && settings.identity.is_none() {
        all.push(present(names::USERNAME, &settings.username));
        all.push(present(names::PASSWORD, &settings.password));
    }
    if !settings.models.is_empty() {
        all.push(present(names::NGC_KEY, &settings.ngc_key));
    }
    // A workload without a container to read may do without a connection string.
    let mut variables: Vec<&str> = Vec::new();
    for container in &settings.containers {
        if !variables.contains(&container.variable.as_str()) {
            variables.push(&container.variable);
            all.push(present(&container.variable, &container.connection));
        }
    }
    all
}

/// Whether the registry is named.
pub(super) fn registry(settings: &Settings) -> Observation {
    present(names::BUNDLE_REGISTRY, &settings.bundle_registry)
}

/// Whether the pod is none of ModelOps, by its labels and by what it has.
fn is_foreign(settings: &Settings) -> bool {
    let texts = [&settings.bundle_registry, &settings.username];
    let none = texts.iter().all(|given| **given == Given::Missing) && settings.password == Given::Missing;
    settings.foreign && none
}

/// Whether the images are NGC's, and no other registry is named.
fn is_of_ngc(settings: &Settings) -> bool {
    let other = settings.registry.as_deref().is_some_and(|registry| registry != mops_wire::ngc::REGISTRY);
    !other && !settings.images.is_empty() && settings.images.iter().all(|image| ngc::is_of(image))
}

fn present<T>(name: &str, given: &Given<T>) -> Observation {
    match given {
        Given::Missing => Observation::failed(check::ENV, "", name, code::ENV_MISSING),
        Given::Empty => Observation::failed(check::ENV, "", name, code::ENV_EMPTY),
        Given::Value(_) => Observation::ok(check::ENV, "", name),
    }
}

fn host(settings: &Settings) -> Observation {
    let name = names::BUNDLE_REGISTRY;
    let Given::Value(value) = &settings.bundle_registry else { return present(name, &settings.bundle_registry) };
    let bare = bare_host(value);
    if bare != value.as_str() {
        return Observation::failed(check::ENV, "", name, code::NOT_A_HOST).detail(&format!("write {bare}"));
    }
    let ok = Observation::ok(check::ENV, "", name).detail(value);
    match &settings.registry {
        Some(registry) if !registry.eq_ignore_ascii_case(value) => ok.code(code::OTHER_HOST),
        _ => ok,
    }
}

/// The host in a value that may have scheme, user and path.
fn bare_host(value: &str) -> &str {
    let rest = value.trim().split_once("://").map_or(value.trim(), |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    host.rsplit_once('@').map_or(host, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use mops_host::Env;

    use super::*;

    #[test]
    fn a_server_of_ngc_needs_its_own_key_alone() {
        let image = (names::IMAGES, "nvcr.io/nim/meta/llama:1");
        let model = (names::MODELS, "nim/meta/llama:1");
        assert_eq!(codes(&[image]), []);
        let missing = Some(code::ENV_MISSING.to_owned());
        assert_eq!(codes(&[image, model]), [("NGC_API_KEY".to_owned(), missing)]);
        assert_eq!(codes(&[image, model, ("NIM_NGC_API_KEY", "k")]), [("NGC_API_KEY".to_owned(), None)]);
        assert_eq!(codes(&[image, (names::REGISTRY, "reg.io")]).len(), 3, "a worker of both");
        assert_eq!(codes(&[(names::IMAGES, "reg.io/a:1,nvcr.io/a/b:1")]).len(), 3);
    }

    fn codes(env: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
        let settings = Settings::from_env(&Env::of(env.iter().copied()));
        look(&settings).into_iter().map(|o| (o.target, o.code)).collect()
    }

    fn code_of(env: &[(&str, &str)], name: &str) -> Option<String> {
        codes(env).into_iter().find(|(n, _)| n == name).and_then(|(_, code)| code)
    }

    #[test]
    fn each_variable_is_set_missing_or_blank() {
        for name in [names::BUNDLE_REGISTRY, names::USERNAME, names::PASSWORD] {
            assert_eq!(code_of(&[(name, "value")], name), None, "{name}");
            assert_eq!(code_of(&[], name).as_deref(), Some(code::ENV_MISSING), "{name}");
            assert_eq!(code_of(&[(name, " ")], name).as_deref(), Some(code::ENV_EMPTY), "{name}");
        }
    }

    #[test]
    fn somebody_elses_pod_needs_all_of_them_only_when_it_has_one() {
        let foreign = (names::FOREIGN, "1");
        assert_eq!(codes(&[foreign]), []);
        assert_eq!(codes(&[foreign, (names::CONTAINER, "c")]).len(), 1, "what the stack gives it");
        for name in [names::BUNDLE_REGISTRY, names::USERNAME, names::PASSWORD] {
            let missing = codes(&[foreign, (name, "")]).into_iter().filter(|(_, code)| code.is_some()).count();
            assert_eq!(missing, 3, "{name}");
        }
    }

    #[test]
    fn an_identity_needs_no_password() {
        let seen = codes(&[(names::IDENTITY, "1")]);
        assert_eq!(seen.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), [names::BUNDLE_REGISTRY]);
    }

    #[test]
    fn storage_may_be_absent_unless_a_container_is_named() {
        assert_eq!(codes(&[]).len(), 3);
        assert_eq!(code_of(&[(names::CONTAINER, "c")], names::STORAGE).as_deref(), Some(code::ENV_MISSING));
    }

    #[test]
    fn a_registry_is_a_bare_host_and_no_credential_is_shown() {
        let settings = Settings::from_env(&Env::of([(names::BUNDLE_REGISTRY, "https://u:canary@reg.io/v2/")]));
        let seen = host(&settings);
        assert!(seen.has_code(code::NOT_A_HOST));
        assert_eq!(seen.detail, "write reg.io");
        let other = [(names::BUNDLE_REGISTRY, "a.io"), (names::REGISTRY, "b.io")];
        assert_eq!(code_of(&other, names::BUNDLE_REGISTRY).as_deref(), Some(code::OTHER_HOST));
        assert_eq!(code_of(&[(names::BUNDLE_REGISTRY, "localhost:5000")], names::BUNDLE_REGISTRY), None);
    }
}
