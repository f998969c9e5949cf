//! The probe as a container that comes into a running worker: the same user, the worker's processes in sight, so that it
//! reads the environment of the first of them. What cannot be so is said before anything is made (`tests`).

use k8s_openapi::api::core::v1::{Container, EnvVar, EphemeralContainer, Pod, PodSpec, SecurityContext};
use mops_probe::settings::names;

use crate::live;
use crate::probe_pod::{self, PROGRAM};
use crate::request::Request;
use crate::workload::{self, Place};

/// The first process of the container that it looks into.
const ENVIRONMENT: &str = "/proc/1/environ";
/// What a new pod would have, and what only a pod of ours may try.
const NOT_LIVE: [&str; 2] = [names::PULL_SECRET, names::VERIFY_READONLY];

/// The name of a run's containers in workers.
pub(crate) fn name(request: &Request) -> String {
    format!("{PROGRAM}-{}", request.run)
}

/// The container for the worker of a place that asks for the hashes of these variables.
///
/// # Errors
/// Why there can be none, in a few words.
pub(crate) fn container(
    request: &Request,
    place: &Place,
    variables: &[&str],
) -> Result<EphemeralContainer, &'static str> {
    let pod = &place.worker;
    let target = workload::container(pod, request.container.as_deref()).ok_or("it has no such container")?;
    let spec = pod.spec.as_ref().ok_or("it has no spec")?;
    if spec.share_process_namespace == Some(true) || spec.host_pid == Some(true) {
        return Err("its first process is not the worker's, since its pod shares one space of processes");
    }
    let user = user(pod, spec, target, request).ok_or("nobody says as which user it runs")?;
    Ok(EphemeralContainer {
        name: name(request),
        image: Some(request.probe.image.clone()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(vec![PROGRAM.to_owned()]),
        env: Some(environment(request, place, variables)),
        target_container_name: Some(target.name.clone()),
        security_context: Some(security(target.security_context.clone().unwrap_or_default(), user)),
        ..EphemeralContainer::default()
    })
}

/// Who the worker is: by its spec, else by what its node says of the first process.
fn user(pod: &Pod, spec: &PodSpec, target: &Container, request: &Request) -> Option<i64> {
    let of_container = target.security_context.as_ref().and_then(|context| context.run_as_user);
    let of_pod = spec.security_context.as_ref().and_then(|context| context.run_as_user);
    let of_process = || live::running(pod, request)?.user.as_ref()?.linux.as_ref().map(|user| user.uid);
    of_container.or(of_pod).or_else(of_process)
}

/// The worker's own rights: with less than its, the system does not show its environment. More is never asked for.
fn security(target: SecurityContext, user: i64) -> SecurityContext {
    SecurityContext {
        run_as_user: Some(user),
        privileged: None,
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        ..target
    }
}

fn environment(request: &Request, place: &Place, variables: &[&str]) -> Vec<EnvVar> {
    let set = |name: &str, value: String| EnvVar { name: name.to_owned(), value: Some(value), ..EnvVar::default() };
    let ours = probe_pod::ours(request, place).into_iter().filter(|v| !NOT_LIVE.contains(&v.name.as_str()));
    ours.chain([set(names::LIVE, ENVIRONMENT.to_owned()), set(names::COMPARE, variables.join(","))]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn place(pod: Json, container: Json) -> Place {
        let mut worker = json!({"metadata": {"name": "w"}, "spec": {"containers": [{"name": "worker", "image": "i"}],
            "imagePullSecrets": [{"name": "pull"}]}});
        for (at, more) in [("/spec", pod), ("/spec/containers/0", container)] {
            worker.pointer_mut(at).unwrap().as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        }
        Place {
            pool: "cpu".into(),
            node: None,
            label: None,
            taints: Vec::new(),
            worker: serde_json::from_value(worker).unwrap(),
            apart: None,
        }
    }

    fn made(pod: Json, own: Json) -> Result<Json, &'static str> {
        let request = Request::new("7f3a", "dev", "ns");
        container(&request, &place(pod, own), &["A", "B"]).map(|made| serde_json::to_value(made).unwrap())
    }

    #[test]
    fn it_is_who_the_worker_is_and_sees_what_it_has() {
        let context =
            json!({"securityContext": {"runAsUser": 1000, "privileged": true, "capabilities": {"drop": ["ALL"]}}});
        let made = made(json!({"securityContext": {"runAsUser": 7}}), context).unwrap();
        assert_eq!((&made["name"], &made["targetContainerName"]), (&json!("mops-probe-7f3a"), &json!("worker")));
        let want = json!({"runAsUser": 1000, "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]}});
        assert_eq!(made["securityContext"], want);
        let value = |name: &str| made["env"].as_array().unwrap().iter().find(|v| v["name"] == name).cloned();
        assert_eq!(value(names::LIVE).unwrap()["value"], "/proc/1/environ");
        assert_eq!(value(names::COMPARE).unwrap()["value"], "A,B");
        assert!(value(names::PULL_SECRET).is_none() && value(names::VERIFY_READONLY).is_none());
        for refused in ["resources", "livenessProbe", "readinessProbe"] {
            assert!(made.get(refused).is_none(), "no such container may have {refused}");
        }
    }

    #[test]
    fn the_user_is_that_of_container_pod_or_process() {
        let user = |pod: Json, own: Json| made(pod, own).map(|made| made["securityContext"]["runAsUser"].clone());
        assert_eq!(user(json!({"securityContext": {"runAsUser": 7}}), json!({})), Ok(json!(7)));
        assert!(user(json!({}), json!({})).is_err());
        let mut place = place(json!({}), json!({}));
        place.worker.status = serde_json::from_value(json!({"containerStatuses": [{"name": "worker", "image": "i",
            "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {}},
            "user": {"linux": {"uid": 1001, "gid": 1001}}}]}))
        .unwrap();
        let made = container(&Request::new("r", "dev", "ns"), &place, &[]).unwrap();
        assert_eq!(made.security_context.unwrap().run_as_user, Some(1001));
    }

    #[test]
    fn where_the_first_process_is_another_there_is_none() {
        let root = || json!({"securityContext": {"runAsUser": 0}});
        for shared in ["shareProcessNamespace", "hostPID"] {
            let mut pod = serde_json::Map::new();
            pod.insert(shared.to_owned(), json!(true));
            assert!(made(Json::Object(pod), root()).is_err(), "{shared}");
        }
    }
}
