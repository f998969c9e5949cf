//! Which pods are looked at: those that were named, those with the labels, or those that wait (`tests`).

use k8s_openapi::api::core::v1::Pod;

use crate::cluster::{Cluster, Trouble};
use crate::request::Request;
use crate::workload;

/// Pods by their own name, or by that of the deployment that made them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// One pod.
    Pod(String),
    /// The pods of a deployment.
    Deployment(String),
}

impl std::fmt::Display for Chosen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pod(name) => write!(f, "pod/{name}"),
            Self::Deployment(name) => write!(f, "deployment/{name}"),
        }
    }
}

impl Chosen {
    fn has(&self, pod: &Pod) -> bool {
        match self {
            Self::Pod(name) => pod.metadata.name.as_deref() == Some(name),
            Self::Deployment(name) => deployment(pod).is_some_and(|found| found == name),
        }
    }
}

/// The deployment of a pod: its replica set is named after it, with the hash that the pod carries too.
fn deployment(pod: &Pod) -> Option<&str> {
    let mut owners = pod.metadata.owner_references.iter().flatten();
    let set = &owners.find(|owner| owner.kind == "ReplicaSet")?.name;
    let hash = pod.metadata.labels.as_ref()?.get("pod-template-hash")?;
    set.strip_suffix(hash.as_str())?.strip_suffix('-')
}

/// The pods that are looked at.
pub(crate) async fn workers(cluster: &Cluster, request: &Request) -> Result<Vec<Pod>, Trouble> {
    let stays = |pod: &Pod| pod.metadata.deletion_timestamp.is_none();
    let chosen = |pod: &Pod| request.chosen.is_empty() || request.chosen.iter().any(|one| one.has(pod));
    let labelled = cluster.pods(&request.selector).await?;
    let found: Vec<Pod> = labelled.into_iter().filter(|pod| stays(pod) && chosen(pod)).collect();
    if !found.is_empty() || !request.whoever_waits {
        return Ok(found);
    }
    Ok(cluster.pods("").await?.into_iter().filter(|pod| stays(pod) && workload::waits(pod)).collect())
}

/// What was asked for, in one line.
pub(crate) fn subject(request: &Request) -> String {
    match request.chosen.as_slice() {
        [] => request.selector.clone(),
        names => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// What was asked for and has no pod.
pub(crate) fn absent(request: &Request, workers: &[Pod]) -> Vec<String> {
    if request.chosen.is_empty() {
        return if workers.is_empty() { vec![request.selector.clone()] } else { Vec::new() };
    }
    let empty = request.chosen.iter().filter(|one| !workers.iter().any(|pod| one.has(pod)));
    empty.map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, set: &str) -> Pod {
        serde_json::from_value(json!({"metadata": {
            "name": name,
            "labels": {"pod-template-hash": "7d4b9c"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": set, "uid": "u"}]
        }}))
        .unwrap()
    }

    #[test]
    fn a_pod_is_chosen_by_its_name_or_by_its_deployment() {
        let nim = pod("nim-7d4b9c-x", "nim-7d4b9c");
        let rows = [
            (Chosen::Pod("nim-7d4b9c-x".into()), true),
            (Chosen::Pod("nim-7d4b9c".into()), false),
            (Chosen::Deployment("nim".into()), true),
            (Chosen::Deployment("ni".into()), false),
            (Chosen::Deployment("nim-7d4b9c".into()), false),
        ];
        for (chosen, want) in rows {
            assert_eq!(chosen.has(&nim), want, "{chosen}");
        }
        assert!(!Chosen::Deployment("nim".into()).has(&Pod::default()));
    }

    #[test]
    fn what_was_named_and_is_not_there_is_told() {
        let mut request = Request::new("r", "dev", "ns");
        assert_eq!(absent(&request, &[]), [request.selector.clone()]);
        assert!(absent(&request, &[pod("a", "x")]).is_empty());
        request.chosen = vec![Chosen::Pod("a".into()), Chosen::Deployment("nim".into())];
        assert_eq!(absent(&request, &[pod("a", "x")]), ["deployment/nim"]);
        assert_eq!(subject(&request), "pod/a, deployment/nim");
    }
}
