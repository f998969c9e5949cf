//! Which sources give a worker's container the same variable. The values stay here and only whether they are equal is
//! told (`tests`).

use k8s_openapi::api::core::v1::Container;
use mops_probe::Observation;

use crate::env_sources;
use crate::observed::{check, code};
use crate::shelf::Shelf;

/// A source of a variable, and what it gives.
type Source = (String, String);

/// Every variable of the container that more than one source gives, with the source that wins. A source that was not
/// read gives nothing.
pub(crate) fn look(container: &Container, shelf: &Shelf) -> Vec<Observation> {
    let named = |source: env_sources::Source<'_>| Some((source.keeper.to_string(), source.value?));
    let all = env_sources::of(container, shelf).into_iter();
    let read = all.map(|(variable, given)| (variable, given.sources.into_iter().filter_map(named).collect::<Vec<_>>()));
    read.filter(|(_, all)| all.len() > 1).map(|(variable, all)| seen(&variable, &all)).collect()
}

fn seen(variable: &str, all: &[Source]) -> Observation {
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let ok = Observation::ok(check::ENV_OWNERS, "", variable);
    let Some((winner, others)) = names.split_last() else { return ok };
    if all.iter().all(|(_, value)| *value == all[0].1) {
        return ok.detail(&format!("the same in {}", names.join(", ")));
    }
    ok.code(code::DIFFERS).detail(&format!("{winner} wins over {}", others.join(", ")))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Secret};
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
        let map =
            ConfigMap { data: Some([("USER".to_owned(), "canary-map".to_owned())].into()), ..ConfigMap::default() };
        let shelf = Shelf::of([("old", Ok(old)), ("new", Ok(new))]).with_map("map", Ok(map));
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
        let first = json!([{"configMapRef": {"name": "map"}}, {"secretRef": {"name": "old"}}]);
        assert_eq!(
            told(json!({"name": "worker", "envFrom": first})),
            [row("USER", "DIFFERS", "secret old wins over config map map")]
        );
        let key = json!([{"name": "USER", "valueFrom": {"configMapKeyRef": {"name": "map", "key": "USER"}}}]);
        assert_eq!(
            told(json!({"name": "worker", "envFrom": from(["old", "new"]), "env": key}))[1],
            row("USER", "DIFFERS", "config map map wins over secret old, secret new")
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
