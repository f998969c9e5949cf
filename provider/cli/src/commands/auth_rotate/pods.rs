//! Whether every pod of a namespace has the new credential, and whether somebody else's secret still has the old one.
//! What a container has in its environment it keeps until it is made again; a pull secret is read for each pull.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_clients::kubernetes::{Kubernetes, ObjectRef, Selection};
use mops_core::{Error, Secret};
use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::journal::Entry;

/// Between two looks at pods that are being replaced.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The secrets of a stack that carry the credential into an environment: name → checksum of what they hold now.
pub(super) type Carriers = BTreeMap<String, String>;

/// What a look at the pods gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// How many have the new one.
    pub(super) new: usize,
    /// Pods of the stack that have the old one still.
    pub(super) going: Vec<String>,
    /// Others that do; nobody replaces them.
    pub(super) staying: Vec<String>,
}

/// Looks at every pod that takes one of the secrets into its environment.
pub(super) async fn look(kubernetes: &Kubernetes, namespace: &str, carriers: &Carriers) -> Result<Held, Error> {
    let mut written = BTreeMap::new();
    for name in carriers.keys() {
        let secret = kubernetes.get(&ObjectRef::namespaced("v1", "Secret", namespace, name)).await;
        let at = secret.map_err(|e| e.into_core())?.as_ref().and_then(last_written);
        written.insert(name.as_str(), at);
    }
    let pods = kubernetes.list(&ObjectRef::namespaced("v1", "Pod", namespace, ""), &Selection::default()).await;
    let mut held = Held::default();
    for pod in pods.map_err(|e| e.into_core())?.iter().filter(|pod| runs(pod)) {
        for name in carried(pod).filter(|name| carriers.contains_key(*name)) {
            let checksum = pod["metadata"]["annotations"][format!("checksum/{name}")].as_str();
            let newer = || time(&pod["metadata"]["creationTimestamp"]) > written.get(name).copied().flatten();
            let called = || pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            match checksum {
                Some(sum) if carriers.get(name).map(String::as_str) == Some(sum) => held.new += 1,
                Some(_) => held.going.push(called()),
                None if newer() => held.new += 1,
                None => held.staying.push(called()),
            }
        }
    }
    Ok(held)
}

/// Secrets of the namespace, none of the stack's own, that hold the credential which is to go.
pub(super) async fn copies(kubernetes: &Kubernetes, namespace: &str, entry: &Entry) -> Result<Vec<String>, Error> {
    let secrets = kubernetes.list(&ObjectRef::namespaced("v1", "Secret", namespace, ""), &Selection::default()).await;
    let secrets = secrets.map_err(|e| e.into_core())?;
    let old = secrets.iter().filter(|secret| credentials(secret).iter().any(|one| entry.is_before(one)));
    Ok(old.filter_map(|secret| Some(secret["metadata"]["name"].as_str()?.to_owned())).collect())
}

/// The same in every namespace, as `NAMESPACE/NAME`.
pub(super) async fn copies_anywhere(kubernetes: &Kubernetes, entry: &Entry) -> Result<Vec<String>, Error> {
    let secrets = kubernetes.list(&ObjectRef::cluster_wide("v1", "Secret", ""), &Selection::default()).await;
    let secrets = secrets.map_err(|e| e.into_core())?;
    let old = secrets.iter().filter(|secret| credentials(secret).iter().any(|one| entry.is_before(one)));
    let name = |secret: &Json| {
        let metadata = &secret["metadata"];
        Some(format!("{}/{}", metadata["namespace"].as_str()?, metadata["name"].as_str()?))
    };
    Ok(old.filter_map(name).collect())
}

/// Everything in a secret that may be a credential by itself.
pub(super) fn credentials(secret: &Json) -> Vec<Secret<String>> {
    let open = |value: &Json| String::from_utf8(STANDARD.decode(value.as_str()?).ok()?).ok();
    let data = secret["data"].as_object().into_iter().flatten();
    let mut found = Vec::new();
    for (key, value) in data.filter_map(|(key, value)| Some((key, open(value)?))) {
        if key == ".dockerconfigjson" {
            let config: Json = serde_json::from_str(&value).unwrap_or_default();
            for login in config["auths"].as_object().into_iter().flatten().map(|(_, login)| login) {
                found.extend(login["password"].as_str().map(Secret::from));
                let pair = open(&login["auth"]);
                found.extend(pair.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, key)| Secret::from(key)));
            }
        } else {
            found.push(Secret::new(value));
        }
    }
    found
}

fn runs(pod: &Json) -> bool {
    !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
}

/// The secrets that a pod takes into its environment.
fn carried(pod: &Json) -> impl Iterator<Item = &str> {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let containers = lists.into_iter().filter_map(|list| pod["spec"][list].as_array()).flatten();
    let names = containers.flat_map(|container| {
        let whole = container["envFrom"].as_array().into_iter().flatten().map(|from| &from["secretRef"]["name"]);
        let one = container["env"].as_array().into_iter().flatten();
        whole.chain(one.map(|variable| &variable["valueFrom"]["secretKeyRef"]["name"]))
    });
    let mut names: Vec<&str> = names.filter_map(Json::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter()
}

/// When a field of it was last written, by the cluster's own clock.
fn last_written(secret: &Json) -> Option<OffsetDateTime> {
    let fields = secret["metadata"]["managedFields"].as_array().into_iter().flatten();
    fields.filter_map(|entry| time(&entry["time"])).max().or_else(|| time(&secret["metadata"]["creationTimestamp"]))
}

fn time(value: &Json) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(value.as_str()?, &Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use mops_core::StackId;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_carries_what_any_of_its_containers_names() {
        let pod = json!({"spec": {
            "initContainers": [{"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "one", "key": "K"}}}]}],
            "containers": [{"envFrom": [{"secretRef": {"name": "two"}}, {"configMapRef": {"name": "no"}}]},
                           {"envFrom": [{"secretRef": {"name": "two"}}], "env": [{"name": "B", "value": "x"}]}],
            "imagePullSecrets": [{"name": "no"}]}});
        assert_eq!(carried(&pod).collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn a_copy_is_found_in_every_form_of_a_secret() {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let entry = Entry::new("acr", &stack, String::new(), &[Secret::from("canary")]);
        let coded = |text: &str| STANDARD.encode(text);
        let login =
            |login: Json| json!({"data": {".dockerconfigjson": coded(&json!({"auths": {"h": login}}).to_string())}});
        for secret in [
            json!({"data": {"K": coded("canary")}}),
            login(json!({"username": "u", "password": "canary"})),
            login(json!({"auth": coded("u:canary")})),
        ] {
            assert!(credentials(&secret).iter().any(|one| entry.is_before(one)), "{secret}");
        }
        let other = json!({"data": {"K": coded("canary2"), "L": coded("u:canary")}});
        assert!(!credentials(&other).iter().any(|one| entry.is_before(one)));
    }
}
