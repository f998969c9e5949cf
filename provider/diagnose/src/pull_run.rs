//! The kubelet's own pull of an image: a pod on one node that may not use what the node has already. Only the event of a
//! pull proves one; whether the container then starts does not matter (`tests`).

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Container, Event, LocalObjectReference, Pod};
use kube::api::ListParams;
use mops_probe::Observation;

use crate::cluster::{Cluster, Trouble};
use crate::kubelet::reason;
use crate::observed::{Observed, Status, Vantage, check, code};
use crate::probe_job;
use crate::probe_pod;
use crate::probe_run::{JOB_LABEL, UNSCHEDULED_AFTER};
use crate::request::{Request, Services};
use crate::static_reads;
use crate::workload::{self, Place};

/// Between two looks: events are listed, since few may watch them.
const PAUSE: Duration = Duration::from_millis(500);

/// The job that makes a place's kubelet pull an image, with the pull secrets of the worker.
#[must_use]
pub(crate) fn job(request: &Request, place: &Place, image: &str, word: &str) -> Job {
    let mut template = probe_pod::pod(request, place);
    if let Some(spec) = &mut template.spec {
        let named = workload::pull_secrets(&place.worker);
        spec.image_pull_secrets = Some(named.into_iter().map(|name| LocalObjectReference { name }).collect());
        for container in &mut spec.containers {
            *container = pulling(container, image);
        }
    }
    probe_job::job(request, &request.namespace, word, template)
}

/// The probe's container with another image, which is pulled and has nothing that could be started.
fn pulling(probe: &Container, image: &str) -> Container {
    Container {
        name: "pull".to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some("Always".to_owned()),
        command: Some(vec!["/never-started".to_owned()]),
        resources: probe.resources.clone(),
        security_context: probe.security_context.clone(),
        ..Container::default()
    }
}

/// Makes the job, waits for what the kubelet says, and removes it.
pub(crate) async fn run(
    cluster: &Cluster,
    services: &Services,
    job: &Job,
    (place, image): (&Place, &str),
    until: Duration,
) -> Vec<Observed> {
    let skipped = |trouble: &Trouble| {
        let o = Observation::skipped(check::KUBELET, "", image, trouble.code).detail(&trouble.detail);
        vec![Observed::at(Vantage::K, o).on(&place.pool, place.node.as_deref().unwrap_or_default())]
    };
    let made = match cluster.create(job).await {
        Ok(made) => made,
        Err(trouble) => return skipped(&trouble),
    };
    let limit = services.clock.sleep(until.saturating_sub(services.clock.monotonic()));
    let told = tokio::select! {
        biased;
        told = told(cluster, services, &made, (place, image)) => told,
        () = limit => Err(Trouble { code: code::TIME, detail: "time was over".to_owned() }),
    };
    // What is left here is found again by the listing at the end of the run.
    let _ = cluster.delete(&made).await;
    told.unwrap_or_else(|trouble| skipped(&trouble))
}

async fn told(
    cluster: &Cluster,
    services: &Services,
    made: &Job,
    (place, image): (&Place, &str),
) -> Result<Vec<Observed>, Trouble> {
    let began = services.clock.monotonic();
    let theirs = format!("{JOB_LABEL}={}", made.metadata.name.as_deref().unwrap_or_default());
    loop {
        let pods = cluster.pods_api().list(&ListParams::default().labels(&theirs)).await?;
        match pods.items.first() {
            Some(pod) => {
                let events = cluster.events_about(pod.metadata.uid.as_deref().unwrap_or_default()).await?;
                if let Some(seen) = judge(pod, &events, &place.pool, image) {
                    return Ok(seen);
                }
                let waited = services.clock.monotonic().saturating_sub(began);
                if workload::node_of(pod).is_none() && waited >= UNSCHEDULED_AFTER {
                    return Err(Trouble { code: code::UNSCHEDULED, detail: "no node takes the pod".to_owned() });
                }
            }
            None => {
                if let Some(words) = cluster.refusal(made).await {
                    return Err(Trouble { code: code::ADMISSION, detail: words });
                }
            }
        }
        services.clock.sleep(PAUSE).await;
    }
}

/// What the kubelet has said about the pull; nothing while it is at it.
fn judge(pod: &Pod, events: &[Event], pool: &str, image: &str) -> Option<Vec<Observed>> {
    let node = workload::node_of(pod)?;
    let pulled = events.iter().find(|e| {
        e.reason.as_deref() == Some("Pulled")
            && e.message.as_deref().is_some_and(|m| m.starts_with("Successfully pulled"))
    });
    if let Some(event) = pulled {
        let ok = Observation::ok(check::KUBELET, "", image).detail(event.message.as_deref().unwrap_or_default());
        return Some(vec![Observed::at(Vantage::K, ok).on(pool, node)]);
    }
    let seen = static_reads::said_by_kubelet(pod, events, pool);
    // That a pull secret is absent comes before the pull, which may do without; one that is held back begins later.
    let ends = |o: &Observed| o.check == check::KUBELET && o.status == Status::Fail && o.code() != reason::QPS;
    seen.iter().any(ends).then_some(seen)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const IMAGE: &str = "reg.azurecr.io/smoke-test@sha256:4be1";

    fn pod(reason: &str, message: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p", "uid": "u"}, "spec": {"nodeName": "n", "containers": []},
            "status": {"containerStatuses": [{"name": "pull", "image": IMAGE, "imageID": "", "ready": false,
                "restartCount": 0, "state": {"waiting": {"reason": reason, "message": message}}}]}
        }))
        .unwrap()
    }

    fn event(kind: &str, reason: &str, message: &str) -> Event {
        serde_json::from_value(json!({"metadata": {"name": "e"}, "involvedObject": {"uid": "u"}, "type": kind,
            "reason": reason, "message": message}))
        .unwrap()
    }

    fn code_of(pod: &Pod, events: &[Event]) -> Option<String> {
        let seen = judge(pod, events, "gpu", IMAGE)?;
        Some(seen.iter().find(|o| o.check == check::KUBELET)?.code().to_owned())
    }

    #[test]
    fn only_a_pull_counts_and_what_follows_it_does_not() {
        let creating = pod("ContainerCreating", "");
        let pulled = event("Normal", "Pulled", "Successfully pulled image \"x\" in 20ms");
        assert_eq!(code_of(&creating, &[]), None, "it is at it");
        let present = event("Normal", "Pulled", "Container image \"x\" already present on machine");
        assert_eq!(code_of(&creating, &[present]), None, "nothing was pulled");
        assert_eq!(code_of(&creating, std::slice::from_ref(&pulled)).as_deref(), Some(""));
        let unstartable = pod("RunContainerError", "exec: \"/never-started\": no such file or directory");
        assert_eq!(code_of(&unstartable, &[pulled]).as_deref(), Some(""));
        let absent =
            event("Warning", "FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (a)");
        assert_eq!(code_of(&creating, &[absent]), None, "the pull is still to come");
        let refused = pod("ErrImagePull", "failed to fetch oauth token: unexpected status: 401 Unauthorized");
        assert_eq!(code_of(&refused, &[]).as_deref(), Some(reason::CREDENTIAL_REFUSED));
        assert_eq!(code_of(&pod("ErrImagePull", "pull QPS exceeded"), &[]), None, "it begins later");
    }
}
