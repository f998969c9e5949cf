//! One probe job from creation to the log of its pod. It is deleted whatever happens, and a pod that cannot
//! be made or run says why (`tests::each_obstacle_has_its_code`).

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStateWaiting, Pod};
use kube::api::{ListParams, WatchEvent, WatchParams};
use mops_probe::Log;

use crate::cluster::{Cluster, Trouble};
use crate::kubelet;
use crate::observed::code;
use crate::request::Services;

/// How long a pod may wait for a node.
pub(crate) const UNSCHEDULED_AFTER: Duration = Duration::from_secs(30);
/// One watch; the pod is read again between two.
const WATCH_SECONDS: u32 = 10;
/// The same while the job has no pod, which may never come.
const FIRST_SECONDS: u32 = 1;
/// The label with the name of the job that made a pod.
pub(crate) const JOB_LABEL: &str = "batch.kubernetes.io/job-name";
/// Pause when a watch ends at once or is not allowed.
const PAUSE: Duration = Duration::from_millis(500);

/// What came of it.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) log: Log,
    /// Why there is no complete log.
    pub(crate) obstacle: Option<Trouble>,
    /// The node that it ran on.
    pub(crate) node: Option<String>,
}

impl Ran {
    /// What came of a probe that did not run.
    pub(crate) fn not(obstacle: Trouble) -> Self {
        Self { log: Log::default(), obstacle: Some(obstacle), node: None }
    }
}

/// Runs the job and removes it.
pub(crate) async fn run(cluster: &Cluster, services: &Services, job: &Job, until: Duration) -> Ran {
    let made = match cluster.create(job).await {
        Ok(made) => made,
        Err(trouble) => return Ran::not(trouble),
    };
    let ran = follow(cluster, services, &made, until).await;
    // What is left here is found again by the listing at the end of the run.
    let _ = cluster.delete(&made).await;
    ran
}

async fn follow(cluster: &Cluster, services: &Services, made: &Job, until: Duration) -> Ran {
    let work = async {
        let ended = ended(cluster, services, made).await?;
        let log = Log::parse(&cluster.log(name(&ended)).await?);
        Ok((ended, log))
    };
    let limit = services.clock.sleep(until.saturating_sub(services.clock.monotonic()));
    let result = tokio::select! {
        biased;
        () = services.cancel.canceled() => Err(trouble(code::TIME, "the run was interrupted")),
        result = work => result,
        () = limit => Err(trouble(code::TIME, "time was over")),
    };
    match result {
        Ok((pod, log)) => {
            let obstacle =
                (!log.complete).then(|| trouble(code::LOG_CUT, &format!("its log is not complete{}", exit(&pod))));
            Ran { log, obstacle, node: crate::workload::node_of(&pod).map(str::to_owned) }
        }
        Err(obstacle) => Ran::not(obstacle),
    }
}

/// Waits for the end of the job's pod by watching it.
async fn ended(cluster: &Cluster, services: &Services, made: &Job) -> Result<Pod, Trouble> {
    let began = services.clock.monotonic();
    let api = cluster.pods_api();
    let theirs = format!("{JOB_LABEL}={}", made.metadata.name.as_deref().unwrap_or_default());
    let waited = || services.clock.monotonic().saturating_sub(began);
    loop {
        let found = api.list(&ListParams::default().labels(&theirs)).await.map_err(Trouble::from)?;
        let version = found.metadata.resource_version.unwrap_or_default();
        let there = found.items.into_iter().next();
        let seconds = if there.is_some() { WATCH_SECONDS } else { FIRST_SECONDS };
        match there {
            Some(pod) if judge(&pod, waited())? => return Ok(pod),
            Some(_) => {}
            None => {
                if let Some(words) = cluster.refusal(made).await {
                    return Err(trouble(code::ADMISSION, &words));
                }
            }
        }
        let parameters = WatchParams::default().labels(&theirs).timeout(seconds);
        let Ok(stream) = api.watch(&parameters, &version).await else {
            services.clock.sleep(PAUSE).await;
            continue;
        };
        let mut stream = stream.boxed();
        let mut changed = false;
        while let Ok(Some(event)) = stream.try_next().await {
            let (WatchEvent::Added(pod) | WatchEvent::Modified(pod) | WatchEvent::Deleted(pod)) = event else { break };
            changed = true;
            if judge(&pod, waited())? {
                return Ok(pod);
            }
        }
        if !changed {
            services.clock.sleep(PAUSE).await;
        }
    }
}

fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

fn trouble(code: &'static str, detail: &str) -> Trouble {
    Trouble { code, detail: detail.to_owned() }
}

/// Whether the pod has ended; an error when it never will.
fn judge(pod: &Pod, waited: Duration) -> Result<bool, Trouble> {
    let Some(status) = &pod.status else { return Ok(false) };
    if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        return Ok(true);
    }
    if pod.metadata.deletion_timestamp.is_some() {
        return Err(trouble(code::TIME, "somebody deleted the probe pod"));
    }
    let waiting = status.container_statuses.iter().flatten().find_map(|c| c.state.as_ref()?.waiting.as_ref());
    if let Some(found) = waiting.and_then(stuck) {
        return Err(found);
    }
    let unscheduled = status.conditions.iter().flatten().find(|c| c.type_ == "PodScheduled" && c.status == "False");
    match unscheduled {
        Some(condition) if waited >= UNSCHEDULED_AFTER => {
            Err(trouble(code::UNSCHEDULED, condition.message.as_deref().unwrap_or("no node takes it")))
        }
        _ => Ok(false),
    }
}

pub(crate) fn stuck(waiting: &ContainerStateWaiting) -> Option<Trouble> {
    let message = waiting.message.as_deref().unwrap_or_default();
    if kubelet::passes(message) {
        return None;
    }
    match waiting.reason.as_deref()? {
        reason @ ("ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull") => {
            Some(trouble(code::IMAGE, &format!("{reason} {message}")))
        }
        reason @ ("CreateContainerConfigError" | "CreateContainerError" | "RunContainerError") => {
            Some(trouble(code::ADMISSION, &format!("{reason} {message}")))
        }
        _ => None,
    }
}

fn exit(pod: &Pod) -> String {
    let statuses = pod.status.iter().flat_map(|s| s.container_statuses.iter().flatten());
    let ended = statuses.filter_map(|c| c.state.as_ref()?.terminated.as_ref()).next();
    ended
        .map(|t| format!(" (exit {}, {})", t.exit_code, t.reason.as_deref().unwrap_or("no reason")))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: serde_json::Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "p"}, "status": status})).unwrap()
    }

    fn waiting(reason: &str) -> Pod {
        waiting_because(reason, "m")
    }

    fn waiting_because(reason: &str, message: &str) -> Pod {
        let state = json!({"waiting": {"reason": reason, "message": message}});
        pod(json!({"phase": "Pending", "containerStatuses": [{"name": "probe", "image": "", "imageID": "",
            "ready": false, "restartCount": 0, "state": state}]}))
    }

    #[test]
    fn each_obstacle_has_its_code() {
        let unscheduled = pod(
            json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3"}]}),
        );
        let code = |pod: &Pod, seconds| judge(pod, Duration::from_secs(seconds)).map_err(|t| t.code);
        assert_eq!(code(&unscheduled, 29), Ok(false));
        assert_eq!(code(&unscheduled, 30), Err(code::UNSCHEDULED));
        assert_eq!(code(&waiting("ImagePullBackOff"), 0), Err(code::IMAGE));
        assert_eq!(code(&waiting("CreateContainerConfigError"), 0), Err(code::ADMISSION));
        let early = waiting_because("CreateContainerConfigError", "failed to sync secret cache: timed out");
        assert_eq!(code(&early, 0), Ok(false), "the kubelet tries again by itself");
        assert_eq!(code(&waiting("ContainerCreating"), 0), Ok(false));
        assert_eq!(code(&pod(json!({"phase": "Running"})), 0), Ok(false));
        assert_eq!(code(&pod(json!({"phase": "Failed"})), 0), Ok(true));
    }
}
