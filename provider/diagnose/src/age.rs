//! Whether a worker runs with older values than its secret holds. Only times can be compared from
//! outside the pod, and a secret can be touched without a change of its data, so what follows is
//! possible and never more (`tests`).

use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use mops_probe::Observation;
use mops_probe::observation::variant;

use crate::observed::{Object, Observed, Vantage, check, code};

/// One observation a secret: the first worker that started before the secret's last change, or a pass.
pub(crate) fn of(secret: &Secret, workers: &[&Pod], namespace: &str) -> Option<Observed> {
    let name = secret.metadata.name.as_deref()?;
    let changed = changed(secret)?;
    let ok = Observation::ok(check::ENV_AGE, variant::ENV, name);
    let old = workers.iter().find(|w| started(w).is_some_and(|at| at.0 < changed.0));
    let Some(worker) = old else { return Some(Observed::at(Vantage::W, ok)) };
    let pod = worker.metadata.name.as_deref().unwrap_or_default();
    let seen = Observed::at(Vantage::W, ok.code(code::SECRET_NEWER).detail(&format!("{pod} is older")));
    Some(match deployment(worker) {
        Some(deployment) => seen.about(Object::new("Deployment", namespace, &deployment)),
        None => seen,
    })
}

/// The last change of the data; field ownership keeps its time.
fn changed(secret: &Secret) -> Option<&Time> {
    let entries = secret.metadata.managed_fields.iter().flatten();
    let of_data = entries.filter(|e| e.fields_v1.as_ref().is_some_and(|f| f.0.get("f:data").is_some()));
    of_data.filter_map(|e| e.time.as_ref()).max_by_key(|t| t.0).or(secret.metadata.creation_timestamp.as_ref())
}

fn started(pod: &Pod) -> Option<&Time> {
    let status = pod.status.as_ref()?;
    (status.phase.as_deref() == Some("Running")).then_some(status.start_time.as_ref()?)
}

/// The Deployment behind a pod: the ReplicaSet's name without its hash.
fn deployment(pod: &Pod) -> Option<String> {
    let owner = pod.metadata.owner_references.iter().flatten().find(|o| o.kind == "ReplicaSet")?;
    owner.name.rsplit_once('-').map(|(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(changed: &str) -> Secret {
        serde_json::from_value(json!({"metadata": {
            "name": "bundle", "creationTimestamp": "2026-11-24T08:00:00Z",
            "managedFields": [
                {"manager": "mops", "operation": "Apply", "time": changed, "fieldsV1": {"f:data": {}}},
                {"manager": "x", "operation": "Update", "time": "2026-11-30T00:00:00Z", "fieldsV1": {"f:metadata": {}}}
            ]
        }}))
        .unwrap()
    }

    fn worker(started: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "dask-workers-abc-1", "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "dask-workers-abc", "uid": "u"}]},
            "status": {"phase": "Running", "startTime": started}
        }))
        .unwrap()
    }

    #[test]
    fn only_a_change_of_data_after_the_start_counts() {
        let pod = worker("2026-11-24T09:00:00Z");
        let code = |at| of(&secret(at), &[&pod], "ns").unwrap();
        assert_eq!(code("2026-11-24T08:59:59Z").code(), "");
        assert_eq!(code("2026-11-24T09:00:00Z").code(), "");
        let late = code("2026-11-24T09:00:01Z");
        assert_eq!(late.code(), code::SECRET_NEWER);
        assert_eq!(late.object, Some(Object::new("Deployment", "ns", "dask-workers")));
    }
}
