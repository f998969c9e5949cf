//! Which sources give a worker's container the same variable. The values stay here and only whether they are equal is
//! told (`tests`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvVar, Secret};
use mops_probe::Observation;

use crate::observed::{check, code};
use crate::secret_shelf::{Shelf, value};

/// A source of a variable, and what it gives.
struct Source {
    name: String,
    value: String,
}

/// Every variable of the container that more than one source gives, with the source that wins. A source that was not
/// read gives nothing.
pub(crate) fn look(container: &Container, shelf: &Shelf) -> Vec<Observation> {
    let several = sources(container, shelf).into_iter().filter(|(_, all)| all.len() > 1);
    several.map(|(variable, all)| seen(&variable, &all)).collect()
}

fn seen(variable: &str, all: &[Source]) -> Observation {
    let names: Vec<&str> = all.iter().map(|source| source.name.as_str()).collect();
    let ok = Observation::ok(check::ENV_OWNERS, "", variable);
    let Some((winner, others)) = names.split_last() else { return ok };
    if all.iter().all(|source| source.value == all[0].value) {
        return ok.detail(&format!("the same in {}", names.join(", ")));
    }
    ok.code(code::DIFFERS).detail(&format!("{winner} wins over {}", others.join(", ")))
}

/// By variable, in the order in which the kubelet reads them: the last one wins.
fn sources(container: &Container, shelf: &Shelf) -> BTreeMap<String, Vec<Source>> {
    let mut all: BTreeMap<String, Vec<Source>> = BTreeMap::new();
    for from in container.env_from.iter().flatten() {
        let Some(name) = from.secret_ref.as_ref().map(|reference| reference.name.as_str()) else { continue };
        let prefix = from.prefix.as_deref().unwrap_or_default();
        for (key, value) in shelf.found(name).into_iter().flat_map(texts) {
            all.entry(format!("{prefix}{key}")).or_default().push(Source { name: format!("secret {name}"), value });
        }
    }
    for variable in container.env.iter().flatten() {
        if let Some(source) = own(variable, shelf) {
            all.entry(variable.name.clone()).or_default().push(source);
        }
    }
    all
}

/// What an entry of `env` gives, by its text or by its secret.
fn own(variable: &EnvVar, shelf: &Shelf) -> Option<Source> {
    if let Some(value) = &variable.value {
        return Some(Source { name: "the pod's own `env`".to_owned(), value: value.clone() });
    }
    let key = variable.value_from.as_ref()?.secret_key_ref.as_ref()?;
    let value = value(shelf.found(&key.name)?, &key.key)?;
    Some(Source { name: format!("secret {}", key.name), value })
}

fn texts(secret: &Secret) -> impl Iterator<Item = (String, String)> {
    let keys = secret.data.iter().flat_map(BTreeMap::keys);
    keys.filter_map(|key| Some((key.clone(), value(secret, key)?)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(keys: &[(&str, &str)]) -> Secret {
        let data =
            keys.iter().map(|(key, value)| ((*key).to_owned(), k8s_openapi::ByteString(value.as_bytes().into())));
        Secret { data: Some(data.collect()), ..Secret::default() }
    }

    fn told(container: serde_json::Value) -> Vec<(String, String, String)> {
        let container: Container = serde_json::from_value(container).unwrap();
        let old = secret(&[("PASSWORD", "canary-old"), ("USER", "u"), ("ALONE", "canary")]);
        let new = secret(&[("PASSWORD", "canary-new"), ("USER", "u")]);
        let shelf = Shelf::of([("old", Ok(old)), ("new", Ok(new))]);
        let seen = look(&container, &shelf);
        assert!(!format!("{seen:?}").contains("canary"), "{seen:?}");
        seen.into_iter().map(|o| (o.target, o.code.unwrap_or_default(), o.detail)).collect()
    }

    fn row(variable: &str, code: &str, words: &str) -> (String, String, String) {
        (variable.to_owned(), code.to_owned(), words.to_owned())
    }

    #[test]
    fn the_last_source_wins_and_is_named() {
        let from = |names: [&str; 2]| json!(names.map(|name| json!({"secretRef": {"name": name}})));
        assert_eq!(
            told(json!({"name": "worker", "envFrom": from(["old", "new"])})),
            [
                row("PASSWORD", "DIFFERS", "secret new wins over secret old"),
                row("USER", "", "the same in secret old, secret new")
            ]
        );
        let own = json!([{"name": "ALONE", "value": "x"}]);
        assert_eq!(
            told(json!({"name": "worker", "envFrom": [{"secretRef": {"name": "old"}}], "env": own})),
            [row("ALONE", "DIFFERS", "the pod's own `env` wins over secret old")]
        );
    }

    #[test]
    fn one_source_and_one_that_was_not_read_are_no_two() {
        let from = json!([{"secretRef": {"name": "old"}}, {"secretRef": {"name": "unread"}}]);
        assert_eq!(told(json!({"name": "worker", "envFrom": from})), []);
        let from = json!([{"secretRef": {"name": "old"}}, {"prefix": "OTHER_", "secretRef": {"name": "new"}}]);
        assert_eq!(told(json!({"name": "worker", "envFrom": from})), [], "a prefix makes it another variable");
    }
}
