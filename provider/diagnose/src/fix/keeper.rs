//! Whether an object is kept as it is by somebody else, so that a change of it has to be made there (`tests`).

use serde_json::Value as Json;

/// Labels and annotations that say who keeps an object, and the words for it.
const MARKS: [(&str, &str); 7] = [
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("meta.helm.sh/release-name", "Helm"),
    ("pulumi.com/autonamed", "Pulumi"),
    ("reconcile.external-secrets.io/data-hash", "External Secrets"),
];
/// Parts of a field manager's name by which a program is told that keeps objects as it wants them.
const PROGRAMS: [&str; 11] = [
    "argocd",
    "controller",
    "external-secrets",
    "flux",
    "helm",
    "kapp",
    "kustomize",
    "operator",
    "pulumi",
    "sealed-secrets",
    "terraform",
];
/// Part of the cluster itself: it counts replicas and revisions.
const CLUSTERS_OWN: &str = "kube-controller-manager";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// People and we ourselves.
const FREE: [&str; 3] = ["mops", "kubectl", ""];

/// Who keeps it, in a few words; `None` for an object that is free.
pub(crate) fn of(live: &Json) -> Option<String> {
    controller(live).or_else(|| mark(live)).or_else(|| program(live))
}

fn list<'a>(live: &'a Json, pointer: &str) -> impl Iterator<Item = &'a Json> {
    live.pointer(pointer).and_then(Json::as_array).into_iter().flatten()
}

fn controller(live: &Json) -> Option<String> {
    let owner = list(live, "/metadata/ownerReferences").find(|owner| owner["controller"] == true)?;
    Some(format!("{} `{}`", owner["kind"].as_str()?, owner["name"].as_str()?))
}

fn mark(live: &Json) -> Option<String> {
    let has = |key: &str| ["labels", "annotations"].iter().any(|part| live["metadata"][part].get(key).is_some());
    let marked = MARKS.iter().find(|(key, _)| has(key)).map(|(_, words)| (*words).to_owned());
    let named = live["metadata"]["labels"][MANAGED_BY].as_str().filter(|name| !FREE.contains(name));
    marked.or_else(|| named.map(ToOwned::to_owned))
}

fn program(live: &Json) -> Option<String> {
    let fields = list(live, "/metadata/managedFields").filter(|entry| entry.get("subresource").is_none());
    let mut names = fields.filter_map(|entry| entry["manager"].as_str()).filter(|name| *name != CLUSTERS_OWN);
    let name = names.find(|name| PROGRAMS.iter().any(|part| name.to_ascii_lowercase().contains(part)))?;
    Some(format!("field manager `{name}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_keeps_an_object_is_told_from_who_has_written_it() {
        let by = |manager: &str| json!({"metadata": {"managedFields": [{"manager": manager, "operation": "Update"}]}});
        let rows = [
            (json!({"metadata": {}}), None),
            (by("kubectl-create"), None),
            (by("mops"), None),
            (by("kube-controller-manager"), None),
            (by("helm"), Some("field manager `helm`")),
            (by("nim-operator-manager"), Some("field manager `nim-operator-manager`")),
            (by("argocd-application-controller"), Some("field manager `argocd-application-controller`")),
            (json!({"metadata": {"annotations": {"meta.helm.sh/release-name": "x"}}}), Some("Helm")),
            (json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "mops"}}}), None),
            (json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "Kluctl"}}}), Some("Kluctl")),
            (
                json!({"metadata": {"ownerReferences": [{"kind": "DaskCluster", "name": "d", "controller": true}]}}),
                Some("DaskCluster `d`"),
            ),
            (json!({"metadata": {"ownerReferences": [{"kind": "ConfigMap", "name": "c"}]}}), None),
        ];
        for (live, want) in rows {
            assert_eq!(of(&live).as_deref(), want, "{live}");
        }
    }
}
