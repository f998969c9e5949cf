//! The end of a run: what it made is looked for by its label and taken away, and what stays is named
//! (`tests/diagnose/cluster.rs`).

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::cluster::Cluster;
use crate::ephemeral;
use crate::ephemeral_run;
use crate::fix::kept;
use crate::observed::Object;
use crate::report::{Cleanup, Left};
use crate::request::{Request, Services};

/// Longest wait for our own pods to be gone.
const CLEANUP: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(200);

/// Deletes what the run made, in each namespace where it makes something, and looks whether it is gone.
pub(crate) async fn clean(cluster: &Cluster, request: &Request, services: &Services) -> Cleanup {
    every(cluster, request, services, Some(&request.run)).await.cleanup
}

/// What was found of earlier runs and removed, and what is left of it.
#[derive(Debug, Default)]
pub struct Removed {
    /// The jobs, pods and copies that are gone.
    pub objects: Vec<Object>,
    /// What is left.
    pub cleanup: Cleanup,
}

/// Deletes what any run has left, in the namespaces where runs make something, and copies of secrets that a fix has kept.
pub(crate) async fn leftovers(cluster: &Cluster, request: &Request, services: &Services) -> Removed {
    let (probes, copies) = futures::join!(every(cluster, request, services, None), kept::clean(cluster, request));
    probes.and(copies)
}

impl Removed {
    /// Both of them.
    fn and(self, other: Self) -> Self {
        Self {
            objects: self.objects.into_iter().chain(other.objects).collect(),
            cleanup: Cleanup {
                complete: self.cleanup.complete && other.cleanup.complete,
                left: self.cleanup.left.into_iter().chain(other.cleanup.left).collect(),
                stays: Vec::new(),
                unknown: self.cleanup.unknown.or(other.cleanup.unknown),
            },
        }
    }
}

async fn every(cluster: &Cluster, request: &Request, services: &Services, run: Option<&str>) -> Removed {
    let elsewhere = request.probe_namespace.as_deref().filter(|name| *name != request.namespace);
    let spaces = std::iter::once(cluster.clone()).chain(elsewhere.map(|name| cluster.beside(name)));
    let each = futures::future::join_all(spaces.map(|space| async move { one(&space, run, services).await })).await;
    let none = Removed { cleanup: Cleanup { complete: true, ..Cleanup::default() }, ..Removed::default() };
    each.into_iter().fold(none, Removed::and)
}

/// Names the containers that have come into workers: they end by themselves, and their pods list them as long as they
/// live.
pub(crate) async fn inside(cluster: &Cluster, request: &Request, workers: &[String], cleanup: &mut Cleanup) {
    let container = ephemeral::name(request);
    let has = |pod: &Pod| {
        let spec = pod.spec.as_ref().and_then(|spec| spec.ephemeral_containers.as_ref());
        spec.is_some_and(|all| all.iter().any(|one| one.name == container))
    };
    match cluster.pods(&request.selector).await {
        Err(trouble) => cleanup.unknown = cleanup.unknown.take().or(Some(trouble.detail)),
        Ok(pods) => {
            for pod in pods.iter().filter(|pod| has(pod)) {
                let name = pod.metadata.name.as_deref().unwrap_or_default();
                let ended = ephemeral_run::state(pod, &container).is_some_and(|state| state.terminated.is_some());
                let why = if ended { "ended" } else { "ends by itself" };
                if workers.iter().any(|worker| worker == name) {
                    let object = Object::new("Pod", &request.namespace, name);
                    cleanup.stays.push(Left { object, why: format!("{container} {why}") });
                }
            }
        }
    }
}

/// One namespace, with what was there at first and is gone in the end.
async fn one(cluster: &Cluster, run: Option<&str>, services: &Services) -> Removed {
    let mut found = Vec::new();
    let cleanup = emptied(cluster, run, services, &mut found).await;
    let is_left = |object: &Object| cleanup.left.iter().any(|left| left.object == *object);
    found.retain(|object| cleanup.unknown.is_none() && !is_left(object));
    Removed { objects: found, cleanup }
}

/// Pods go with their jobs.
async fn emptied(cluster: &Cluster, run: Option<&str>, services: &Services, seen: &mut Vec<Object>) -> Cleanup {
    let end = services.clock.monotonic() + CLEANUP;
    loop {
        let found = futures::future::try_join(cluster.jobs_of(run), cluster.pods_of(run)).await;
        let (jobs, pods) = match found {
            Ok(found) => found,
            Err(trouble) => return Cleanup { unknown: Some(trouble.detail), ..Cleanup::default() },
        };
        let objects = left(cluster.name(), (&jobs, &pods), "").into_iter().map(|left| left.object);
        seen.extend(objects.filter(|object| !seen.contains(object)).collect::<Vec<_>>());
        if jobs.is_empty() && pods.is_empty() {
            return Cleanup { complete: true, ..Cleanup::default() };
        }
        let mut why = Vec::new();
        for job in &jobs {
            if let Err(trouble) = cluster.delete(job).await {
                why.push(trouble.detail);
            }
        }
        // A job that may not be deleted will not go by waiting.
        let stuck = !jobs.is_empty() && why.len() == jobs.len();
        if stuck || services.clock.monotonic() >= end {
            let words = why.first().map_or("still terminating", String::as_str);
            return Cleanup {
                complete: false,
                left: left(cluster.name(), (&jobs, &pods), words),
                ..Cleanup::default()
            };
        }
        services.clock.sleep(PAUSE).await;
    }
}

fn left(namespace: &str, (jobs, pods): (&[Job], &[Pod]), why: &str) -> Vec<Left> {
    let names = jobs.iter().map(|j| ("Job", &j.metadata)).chain(pods.iter().map(|p| ("Pod", &p.metadata)));
    let one = |(kind, metadata): (&str, &ObjectMeta)| Left {
        object: Object::new(kind, namespace, metadata.name.as_deref().unwrap_or_default()),
        why: why.to_owned(),
    };
    names.map(one).collect()
}
