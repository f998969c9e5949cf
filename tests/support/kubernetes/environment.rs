//! The environment of a container, resolved as the kubelet does it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::store::{Store, text};

/// All variables of a container, or the message of `CreateContainerConfigError`.
pub(super) fn resolve(store: &Store, pod: &Json, container: &Json) -> Result<BTreeMap<String, String>, String> {
    let mut env = BTreeMap::new();
    for from in container["envFrom"].as_array().into_iter().flatten() {
        env_from(store, pod, from, &mut env)?;
    }
    for variable in container["env"].as_array().into_iter().flatten() {
        let name = text(variable, "/name").to_owned();
        if variable["valueFrom"].is_object() {
            if let Some(value) = value_from(store, pod, &variable["valueFrom"])? {
                env.insert(name, value);
            }
        } else {
            let value = expand(text(variable, "/value"), &env);
            env.insert(name, value);
        }
    }
    Ok(env)
}

fn env_from(store: &Store, pod: &Json, from: &Json, env: &mut BTreeMap<String, String>) -> Result<(), String> {
    let prefix = text(from, "/prefix");
    let kind = if from["configMapRef"].is_object() { CONFIG_MAP } else { SECRET };
    let reference = &from[kind.whole];
    let name = text(reference, "/name");
    let Some(values) = values(store, pod, kind, name) else {
        let optional = reference["optional"] == true;
        return if optional { Ok(()) } else { Err(format!("{} \"{name}\" not found", kind.name.to_lowercase())) };
    };
    env.extend(values.into_iter().map(|(key, value)| (format!("{prefix}{key}"), value)));
    Ok(())
}

fn value_from(store: &Store, pod: &Json, from: &Json) -> Result<Option<String>, String> {
    if let Some(path) = from["fieldRef"]["fieldPath"].as_str() {
        let value = path.split('.').fold(pod, |at, step| &at[step]);
        return Ok(Some(value.as_str().unwrap_or_default().to_owned()));
    }
    let kind = if from["configMapKeyRef"].is_object() { CONFIG_MAP } else { SECRET };
    let reference = &from[kind.key];
    let (name, key) = (text(reference, "/name"), text(reference, "/key"));
    let optional = reference["optional"] == true;
    let Some(mut values) = values(store, pod, kind, name) else {
        return if optional { Ok(None) } else { Err(format!("{} \"{name}\" not found", kind.name.to_lowercase())) };
    };
    match values.remove(key) {
        Some(value) => Ok(Some(value)),
        None if optional => Ok(None),
        None => Err(format!("couldn't find key {key} in {} {}/{name}", kind.name, text(pod, "/metadata/namespace"))),
    }
}

/// A kind of object that gives variables, and the words by which a container refers to one.
#[derive(Clone, Copy)]
struct Keeper {
    name: &'static str,
    whole: &'static str,
    key: &'static str,
}

const SECRET: Keeper = Keeper { name: "Secret", whole: "secretRef", key: "secretKeyRef" };
const CONFIG_MAP: Keeper = Keeper { name: "ConfigMap", whole: "configMapRef", key: "configMapKeyRef" };

/// What an object of the pod's namespace holds; none when it is not there.
fn values(store: &Store, pod: &Json, kind: Keeper, name: &str) -> Option<BTreeMap<String, String>> {
    let object = store.get(kind.name, text(pod, "/metadata/namespace"), name)?;
    let plain = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let read = |value| if kind.name == SECRET.name { decoded(value) } else { plain(value) };
    let all = object["data"].as_object().into_iter().flatten();
    Some(all.map(|(key, value)| (key.clone(), read(value))).collect())
}

fn decoded(value: &Json) -> String {
    let bytes = STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `$(NAME)` of variables that come before; `$$(NAME)` stays as `$(NAME)`.
fn expand(value: &str, env: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some(at) = rest.find("$(") {
        let end = rest[at..].find(')').map(|e| at + e);
        let Some(end) = end else { break };
        out.push_str(&rest[..at]);
        let name = &rest[at + 2..end];
        match env.get(name) {
            Some(_) if out.ends_with('$') => out.push_str(&rest[at + 1..=end]),
            Some(known) => out.push_str(known),
            None => out.push_str(&rest[at..=end]),
        }
        rest = &rest[end + 1..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn world() -> Store {
        let mut store = Store::default();
        store.put(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"},
            "data": {"TOKEN": STANDARD.encode("t0ken")}}));
        store.put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "n"},
            "data": {"PLACE": "here"}}));
        store
    }

    #[test]
    fn references_resolve_or_say_what_is_missing() {
        let pod = json!({"metadata": {"name": "p", "namespace": "n"}});
        let reference = |name: &str, key: &str, optional: bool| {
            json!({"env": [{"name": "X", "valueFrom":
                {"secretKeyRef": {"name": name, "key": key, "optional": optional}}}]})
        };
        let rows = [
            (reference("s", "TOKEN", false), Ok(Some("t0ken"))),
            (reference("s", "OTHER", false), Err("couldn't find key OTHER in Secret n/s")),
            (reference("s", "OTHER", true), Ok(None)),
            (reference("gone", "TOKEN", false), Err("secret \"gone\" not found")),
            (reference("gone", "TOKEN", true), Ok(None)),
        ];
        for (container, want) in rows {
            let got = resolve(&world(), &pod, &container);
            assert_eq!(got.map(|e| e.get("X").cloned()), want.map(|v| v.map(str::to_owned)).map_err(str::to_owned));
        }
        let from = json!({"envFrom": [{"secretRef": {"name": "s"}, "prefix": "P_"}],
            "env": [{"name": "Y", "value": "a-$(P_TOKEN)-$(NONE)"}]});
        let env = resolve(&world(), &pod, &from).expect("all there");
        assert_eq!((env["P_TOKEN"].as_str(), env["Y"].as_str()), ("t0ken", "a-t0ken-$(NONE)"));
        let map = |name: &str, key: &str| {
            let reference = json!({"configMapKeyRef": {"name": name, "key": key}});
            json!({"envFrom": [{"configMapRef": {"name": "m"}}], "env": [{"name": "X", "valueFrom": reference}]})
        };
        let env = resolve(&world(), &pod, &map("m", "PLACE")).expect("all there");
        assert_eq!((env["PLACE"].as_str(), env["X"].as_str()), ("here", "here"));
        let lacks = |name: &str, key: &str| resolve(&world(), &pod, &map(name, key)).expect_err("missing");
        assert_eq!(lacks("gone", "PLACE"), "configmap \"gone\" not found");
        assert_eq!(lacks("m", "OTHER"), "couldn't find key OTHER in ConfigMap n/m");
    }
}
