//! Whether an object does what it is for, by the rules of its kind.

use super::object::Json;

/// What an object's status says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It is as it should be.
    Ready,
    /// It may still become so; in a few words.
    Waiting(String),
    /// It never will.
    Failed(String),
}

/// Judges an object; `None` is one that is not there.
#[must_use]
pub fn judge(object: Option<&Json>) -> Readiness {
    let Some(object) = object else { return Readiness::Waiting("it is not there".into()) };
    match object["kind"].as_str().unwrap_or_default() {
        "Deployment" => rollout(object, "updatedReplicas", "availableReplicas"),
        "StatefulSet" => rollout(object, "updatedReplicas", "readyReplicas"),
        "DaemonSet" => daemon_set(object),
        "Job" => job(object),
        "Pod" => pod(object),
        "Namespace" => phase(object, "Active"),
        "PersistentVolumeClaim" => phase(object, "Bound"),
        "CustomResourceDefinition" => condition(object, "Established"),
        "APIService" => condition(object, "Available"),
        "Service" if object["spec"]["type"] == "LoadBalancer" => address(object),
        _ => Readiness::Ready,
    }
}

fn number(value: &Json) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn observed(object: &Json) -> bool {
    number(&object["status"]["observedGeneration"]) >= number(&object["metadata"]["generation"])
}

fn rollout(object: &Json, updated: &str, able: &str) -> Readiness {
    let status = &object["status"];
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
    let able = number(&status[able]);
    if !observed(object) {
        return Readiness::Waiting("not looked at by its controller yet".into());
    }
    let stuck = list(&status["conditions"]).any(|c| c["type"] == "Progressing" && c["status"] == "False");
    if stuck {
        return Readiness::Waiting(format!("{able} of {wanted} available, and it makes no progress"));
    }
    if number(&status[updated]) >= wanted && number(&status["replicas"]) <= wanted.max(0) && able >= wanted {
        return Readiness::Ready;
    }
    Readiness::Waiting(format!("{able} of {wanted} available"))
}

fn daemon_set(object: &Json) -> Readiness {
    let status = &object["status"];
    let wanted = number(&status["desiredNumberScheduled"]);
    let able = number(&status["numberAvailable"]);
    if !observed(object) {
        return Readiness::Waiting("not looked at by its controller yet".into());
    }
    if able >= wanted && number(&status["updatedNumberScheduled"]) >= wanted {
        return Readiness::Ready;
    }
    Readiness::Waiting(format!("{able} of {wanted} available"))
}

fn job(object: &Json) -> Readiness {
    let held = |kind: &str| {
        list(&object["status"]["conditions"]).find(|c| c["type"] == kind && c["status"] == "True").cloned()
    };
    if held("Complete").is_some() {
        return Readiness::Ready;
    }
    match held("Failed") {
        Some(condition) => Readiness::Failed(words(&condition)),
        None => Readiness::Waiting(format!("{} pods running", number(&object["status"]["active"]))),
    }
}

fn pod(object: &Json) -> Readiness {
    match object["status"]["phase"].as_str().unwrap_or_default() {
        "Succeeded" => Readiness::Ready,
        "Failed" => Readiness::Failed(waiting(object).unwrap_or_else(|| "its containers ended with an error".into())),
        _ if matches!(condition(object, "Ready"), Readiness::Ready) => Readiness::Ready,
        phase => Readiness::Waiting(waiting(object).unwrap_or_else(|| phase.to_lowercase())),
    }
}

/// Why a pod is not running: its first waiting container, or why it has no node.
pub(super) fn waiting(pod: &Json) -> Option<String> {
    let status = &pod["status"];
    let states = list(&status["initContainerStatuses"]).chain(list(&status["containerStatuses"]));
    for state in states {
        let held = &state["state"]["waiting"];
        let reason = held["reason"].as_str().unwrap_or_default();
        if !reason.is_empty() && reason != "ContainerCreating" && reason != "PodInitializing" {
            let image = state["image"].as_str().unwrap_or_default();
            let message = held["message"].as_str().unwrap_or_default();
            let detail = if message.is_empty() { String::new() } else { format!(": {message}") };
            return Some(format!("{reason} of image `{image}`{detail}"));
        }
    }
    let unbound = list(&status["conditions"]).find(|c| c["type"] == "PodScheduled" && c["status"] == "False");
    unbound.map(words)
}

fn phase(object: &Json, wanted: &str) -> Readiness {
    match object["status"]["phase"].as_str().unwrap_or_default() {
        phase if phase == wanted => Readiness::Ready,
        phase => Readiness::Waiting(format!("phase is `{phase}`")),
    }
}

fn condition(object: &Json, kind: &str) -> Readiness {
    match list(&object["status"]["conditions"]).find(|c| c["type"] == kind) {
        Some(c) if c["status"] == "True" => Readiness::Ready,
        Some(c) => Readiness::Waiting(words(c)),
        None => Readiness::Waiting(format!("not `{kind}` yet")),
    }
}

fn address(object: &Json) -> Readiness {
    if list(&object["status"]["loadBalancer"]["ingress"]).next().is_some() {
        Readiness::Ready
    } else {
        Readiness::Waiting("it has no address yet".into())
    }
}

fn list(value: &Json) -> impl Iterator<Item = &Json> {
    value.as_array().into_iter().flatten()
}

fn words(condition: &Json) -> String {
    let text = |key: &str| condition[key].as_str().unwrap_or_default();
    match (text("reason"), text("message")) {
        (reason, "") => reason.to_owned(),
        ("", message) => message.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_kind_by_its_own_rule() {
        let waits = |text: &str| Readiness::Waiting(text.into());
        let deployment = |generation: i64, updated: i64, total: i64, able: i64| {
            json!({"kind": "Deployment", "metadata": {"generation": generation}, "spec": {"replicas": 2},
                "status": {"observedGeneration": 1, "updatedReplicas": updated, "replicas": total, "availableReplicas": able}})
        };
        let rows = [
            (deployment(1, 2, 2, 2), Readiness::Ready),
            (deployment(2, 2, 2, 2), waits("not looked at by its controller yet")),
            (deployment(1, 2, 3, 2), waits("2 of 2 available")),
            (deployment(1, 1, 2, 2), waits("2 of 2 available")),
            (deployment(1, 2, 2, 0), waits("0 of 2 available")),
            (
                json!({"kind": "Job", "status": {"conditions": [{"type": "Failed", "status": "True",
                    "reason": "BackoffLimitExceeded", "message": "m"}]}}),
                Readiness::Failed("BackoffLimitExceeded: m".into()),
            ),
            (json!({"kind": "Namespace", "status": {"phase": "Terminating"}}), waits("phase is `Terminating`")),
            (json!({"kind": "ConfigMap"}), Readiness::Ready),
            (json!({"kind": "Service", "spec": {"type": "LoadBalancer"}}), waits("it has no address yet")),
        ];
        for (object, want) in rows {
            assert_eq!(judge(Some(&object)), want, "{object}");
        }
    }

    #[test]
    fn a_pod_that_cannot_pull_names_image_and_cause() {
        let pod = json!({"kind": "Pod", "status": {"phase": "Pending", "containerStatuses": [{"image": "r/a:1",
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "401 Unauthorized"}}}]}});
        let want = "ImagePullBackOff of image `r/a:1`: 401 Unauthorized";
        assert_eq!(judge(Some(&pod)), Readiness::Waiting(want.into()));
    }
}
