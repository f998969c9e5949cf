//! Pod Security and quotas, as far as a probe can offend them: a namespace's label names the level, a quota the number of
//! pods, and a pod that is too much is not made, in the words of the real admission.

use serde_json::Value as Json;

use super::store::{Store, text};

const LABEL: &str = "pod-security.kubernetes.io/enforce";

/// Why this pod may not be made in its namespace, if so.
pub(super) fn refusal(store: &Store, namespace: &str, spec: &Json) -> Option<String> {
    violation(store, namespace, spec).or_else(|| exceeded(store, namespace))
}

fn violation(store: &Store, namespace: &str, spec: &Json) -> Option<String> {
    let space = store.get("Namespace", "", namespace)?;
    let level = space["metadata"]["labels"][LABEL].as_str()?;
    let mut wrong = Vec::new();
    if matches!(level, "baseline" | "restricted") && spec["hostNetwork"] == true {
        wrong.push("host namespaces (hostNetwork=true)".to_owned());
    }
    if level == "restricted" {
        wrong.extend(restricted(spec));
    }
    (!wrong.is_empty()).then(|| format!("violates PodSecurity \"{level}:latest\": {}", wrong.join(", ")))
}

/// Why there may not be one more pod here, if so.
fn exceeded(store: &Store, namespace: &str) -> Option<String> {
    let ended = |pod: &&Json| matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
    let used = store.list("Pod", namespace).iter().filter(|pod| !ended(pod)).count();
    store.list("ResourceQuota", namespace).into_iter().find_map(|quota| {
        let most: usize = quota["spec"]["hard"]["pods"].as_str()?.parse().ok()?;
        let name = text(&quota, "/metadata/name");
        (used >= most)
            .then(|| format!("exceeded quota: {name}, requested: pods=1, used: pods={used}, limited: pods={most}"))
    })
}

fn restricted(spec: &Json) -> Vec<String> {
    let list = |name: &str| spec[name].as_array().cloned().unwrap_or_default();
    let containers: Vec<Json> = list("initContainers").into_iter().chain(list("containers")).collect();
    let whose = |offends: &dyn Fn(&Json) -> bool| {
        let names = containers.iter().filter(|c| offends(&c["securityContext"])).map(|c| text(c, "/name").to_owned());
        names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
    };
    let seccomp = |context: &Json| matches!(text(context, "/seccompProfile/type"), "RuntimeDefault" | "Localhost");
    let pod = &spec["securityContext"];
    let rows = [
        (
            "allowPrivilegeEscalation != false (container {} must set securityContext.allowPrivilegeEscalation=false)",
            whose(&|c| c["allowPrivilegeEscalation"] != false),
        ),
        (
            "unrestricted capabilities (container {} must set securityContext.capabilities.drop=[\"ALL\"])",
            whose(&|c| c["capabilities"]["drop"].as_array().is_none_or(|drop| !drop.contains(&"ALL".into()))),
        ),
        (
            "runAsNonRoot != true (pod or container {} must set securityContext.runAsNonRoot=true)",
            whose(&|c| pod["runAsNonRoot"] != true && c["runAsNonRoot"] != true),
        ),
        (
            "seccompProfile (pod or container {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \
             \"Localhost\")",
            whose(&|c| !seccomp(pod) && !seccomp(c)),
        ),
    ];
    rows.iter().filter(|(_, who)| !who.is_empty()).map(|(words, who)| words.replace("{}", who)).collect()
}
