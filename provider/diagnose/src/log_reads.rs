//! The last lines that the workers have said, from the API server: the container that runs and the one before it. A line
//! supports what another check shows and proves nothing by itself (`tests/diagnose/logs.rs`).

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use mops_probe::Observation;
use mops_probe::observation::check;

use crate::cluster::Cluster;
use crate::log_text;
use crate::observed::{Object, Observed, Vantage, code};
use crate::request::Request;
use crate::workload::{self, Nodes};

/// Lines that are read of each container.
const LINES: i64 = 200;
/// Most workers whose logs are read, those first that have had to start again.
const MOST: usize = 5;

/// One observation a worker whose log could be read.
pub(crate) async fn look(cluster: &Cluster, request: &Request, workers: &[Pod], nodes: &Nodes) -> Vec<Observed> {
    let mut order: Vec<&Pod> = workers.iter().collect();
    order.sort_by_key(|pod| std::cmp::Reverse(status(pod, request).map_or(0, |status| status.restart_count)));
    let mut seen = Vec::new();
    for pod in order.into_iter().take(MOST) {
        let node = workload::node_of(pod).unwrap_or_default();
        let pool = if node.is_empty() { String::new() } else { nodes.pool(node) };
        let (kind, owner) = workload::owner(pod);
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        if let Some(read) = read(cluster, request, pod, &owner).await {
            let object = Object::new(kind, &request.namespace, &owner);
            seen.push(Observed::at(Vantage::C, read).on(&pool, node).standing_for(name, Some(name)).about(object));
        }
    }
    seen
}

/// What the log tells; nothing where there is none yet.
async fn read(cluster: &Cluster, request: &Request, pod: &Pod, owner: &str) -> Option<Observation> {
    let (name, status) = (pod.metadata.name.as_deref()?, status(pod, request)?);
    let mut texts = Vec::new();
    // Without a first start there is nothing, and without a second one nothing before.
    for previous in [false, true].into_iter().take(if status.restart_count > 0 { 2 } else { 1 }) {
        match cluster.tail(name, (&status.name, previous), LINES).await {
            Ok(text) => texts.push(text),
            Err(trouble) if trouble.code == code::FORBIDDEN => {
                return Some(Observation::skipped(check::LOG, "", owner, trouble.code).detail(&trouble.detail));
            }
            Err(_) => {}
        }
    }
    if texts.is_empty() {
        return None;
    }
    Some(match log_text::told(&texts.join("\n")) {
        Some(told) => Observation::failed(check::LOG, "", owner, told.code).detail(&told.line),
        None => Observation::ok(check::LOG, "", owner),
    })
}

/// The state of the container that counts, once it has one.
fn status<'a>(pod: &'a Pod, request: &Request) -> Option<&'a ContainerStatus> {
    let name = &workload::container(pod, request.container.as_deref())?.name;
    let all = pod.status.as_ref()?.container_statuses.as_ref()?;
    all.iter().find(|status| status.name == *name)
}
