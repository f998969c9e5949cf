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
    if from["configMapRef"].is_object() {
        let optional = from["configMapRef"]["optional"] == true;
        return if optional {
            Ok(())
        } else {
            Err(format!("configmap \"{}\" not found", text(from, "/configMapRef/name")))
        };
    }
    let name = text(from, "/secretRef/name");
    let Some(data) = data(store, pod, name) else {
        let optional = from["secretRef"]["optional"] == true;
        return if optional { Ok(()) } else { Err(format!("secret \"{name}\" not found")) };
    };
    for (key, value) in data.as_object().into_iter().flatten() {
        env.insert(format!("{prefix}{key}"), decoded(value));
    }
    Ok(())
}

fn value_from(store: &Store, pod: &Json, from: &Json) -> Result<Option<String>, String> {
    if let Some(path) = from["fieldRef"]["fieldPath"].as_str() {
        let value = path.split('.').fold(pod, |at, step| &at[step]);
        return Ok(Some(value.as_str().unwrap_or_default().to_owned()));
    }
    let reference = if from["configMapKeyRef"].is_object() { "configMapKeyRef" } else { "secretKeyRef" };
    let (name, key) = (text(&from[reference], "/name"), text(&from[reference], "/key"));
    let optional = from[reference]["optional"] == true;
    if reference == "configMapKeyRef" {
        return if optional { Ok(None) } else { Err(format!("configmap \"{name}\" not found")) };
    }
    let Some(data) = data(store, pod, name) else {
        return if optional { Ok(None) } else { Err(format!("secret \"{name}\" not found")) };
    };
    match data.get(key) {
        Some(value) => Ok(Some(decoded(value))),
        None if optional => Ok(None),
        None => Err(format!("couldn't find key {key} in Secret {}/{name}", text(pod, "/metadata/namespace"))),
    }
}

fn data(store: &Store, pod: &Json, name: &str) -> Option<Json> {
    store.get("Secret", text(pod, "/metadata/namespace"), name).map(|s| s["data"].clone())
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
    }
}
