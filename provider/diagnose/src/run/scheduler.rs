//! Step 7 of a smoke test: the scheduler that workers live on answers, through its Service's own pods. Where there is none,
//! or nobody may look, that is skipped (`tests/diagnose/scheduler.rs`).

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use mops_probe::Observation;
use mops_probe::observation::code as answer;

use super::Seen;
use crate::cluster::{Cluster, Trouble};
use crate::forward::{self, Port};
use crate::observed::{Object, Observed, Vantage, check, code};
use crate::request::{Request, Services};
use crate::smoke::SCHEDULER;

/// Where workers and clients connect, and where it says how it is.
const PORTS: [(u16, &str); 2] = [(8786, ""), (8787, "/health")];
/// What is nobody's fault there.
const NO_FAULT: [&str; 4] = [code::FORBIDDEN, code::NOT_FOUND, code::UNREACHABLE, code::UNAUTHORIZED];
/// What the step is called where it is skipped.
const STEP: &str = "scheduler";

/// Nothing when nobody asked for a smoke test.
pub(super) async fn scheduler(
    cluster: &Cluster,
    request: &Request,
    services: &Services,
    until: Duration,
    seen: &mut Seen,
) {
    let Some(smoke) = &request.smoke else { return };
    if !smoke.port_forward {
        return seen.skip(STEP, "`--skip-port-forward`", false);
    }
    let name = smoke.scheduler.as_deref().unwrap_or(SCHEDULER);
    // What somebody has named has to be looked at.
    let named = smoke.scheduler.is_some();
    (services.progress)(&format!("asking {name}"));
    let service = match cluster.service(name).await {
        Ok(service) => service,
        Err(trouble) if trouble.code == code::NOT_FOUND => {
            return seen.skip(STEP, &format!("there is no Service {name}"), named);
        }
        Err(trouble) => return seen.skip(STEP, &trouble.detail, named),
    };
    let Some(selector) = selector(&service) else {
        return seen.skip(STEP, &format!("Service {name} selects no pods"), named);
    };
    let pods = match cluster.pods(&selector).await {
        Ok(pods) => pods,
        Err(trouble) => return seen.skip(STEP, &trouble.detail, named),
    };
    let at = |o: Observation| Observed::at(Vantage::W, o).about(Object::new("Service", cluster.name(), name));
    let Some(pod) = pods.iter().find(|pod| is_ready(pod)) else {
        let words = format!("{} of its pods, none ready", pods.len());
        seen.probes.push(at(Observation::failed(check::SCHEDULER, "", name, code::NOT_RUNNING).detail(&words)));
        return;
    };
    for (number, path) in PORTS {
        let target = format!("{name}:{number}{path}");
        let Some(number) = port(&service, pod, number) else {
            seen.skip(STEP, &format!("Service {name} has no port {number}"), false);
            continue;
        };
        let port = Port { pod: pod.metadata.name.as_deref().unwrap_or_default(), number };
        let limit = until.saturating_sub(services.clock.monotonic()).min(request.probe_timeout);
        match asked(cluster, services, port, (path, limit)).await {
            Ok(status) => seen.probes.push(at(judged(&target, status))),
            Err(t) if NO_FAULT.contains(&t.code) => return seen.skip(STEP, &t.detail, named),
            Err(t) => {
                seen.probes.push(at(Observation::failed(check::SCHEDULER, "", &target, t.code).detail(&t.detail)));
            }
        }
    }
}

/// The status where it is asked for something, else whether somebody listens.
async fn asked(
    cluster: &Cluster,
    services: &Services,
    port: Port<'_>,
    (path, limit): (&str, Duration),
) -> Result<Option<u16>, Trouble> {
    match path {
        "" => forward::listens(cluster, services, port, limit).await.map(|()| None),
        path => forward::status(cluster, services, port, (path, limit)).await.map(Some),
    }
}

fn judged(target: &str, status: Option<u16>) -> Observation {
    match status {
        None => Observation::ok(check::SCHEDULER, "", target),
        Some(status @ 200..300) => Observation::ok(check::SCHEDULER, "", target).status(status),
        Some(status) => Observation::failed(check::SCHEDULER, "", target, answer::UNEXPECTED).status(status),
    }
}

/// The labels of its pods, as one selector.
fn selector(service: &Service) -> Option<String> {
    let labels = service.spec.as_ref()?.selector.as_ref().filter(|labels| !labels.is_empty())?;
    Some(labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(","))
}

fn is_ready(pod: &Pod) -> bool {
    let mut conditions = pod.status.iter().flat_map(|s| s.conditions.iter().flatten());
    pod.metadata.deletion_timestamp.is_none() && conditions.any(|c| c.type_ == "Ready" && c.status == "True")
}

/// The port of the pod that a Service's port leads to.
fn port(service: &Service, pod: &Pod, number: u16) -> Option<u16> {
    let mut ports = service.spec.iter().flat_map(|s| s.ports.iter().flatten());
    let found: &ServicePort = ports.find(|port| port.port == i32::from(number))?;
    match &found.target_port {
        None => Some(number),
        Some(IntOrString::Int(target)) => u16::try_from(*target).ok(),
        Some(IntOrString::String(name)) => {
            let containers = pod.spec.iter().flat_map(|s| &s.containers);
            let mut ports = containers.flat_map(|c| c.ports.iter().flatten());
            let named = ports.find(|port| port.name.as_ref() == Some(name))?;
            u16::try_from(named.container_port).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_port_of_a_service_is_that_of_its_pod() {
        let service: Service = serde_json::from_value(json!({"spec": {"ports": [
            {"port": 8786, "targetPort": "comm"}, {"port": 8787, "targetPort": 9000}, {"port": 80}]}}))
        .unwrap();
        let pod: Pod = serde_json::from_value(json!({"spec": {"containers": [
            {"name": "a"}, {"name": "b", "ports": [{"name": "comm", "containerPort": 1234}]}]}}))
        .unwrap();
        let found = [8786, 8787, 80, 443].map(|number| port(&service, &pod, number));
        assert_eq!(found, [Some(1234), Some(9000), Some(80), None]);
    }
}
