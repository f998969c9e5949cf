//! A probe inside running workers, from its addition to its log. It cannot be taken away again before its pod is
//! replaced, so the run names each one that it has made (`tests/diagnose/live.rs`).

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ContainerState, EphemeralContainer, Pod};
use kube::api::{ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use mops_probe::{Log, Observation};
use serde_json::json;

use crate::cluster::{Cluster, Trouble};
use crate::ephemeral;
use crate::key_compare;
use crate::live::{self, Entered, Sources};
use crate::live_read::Hashes;
use crate::observed::{Observed, Vantage, code};
use crate::probe_run::stuck;
use crate::request::{Request, Services};
use crate::run::Seen;
use crate::workload::{self, Nodes, Place};

/// Containers at a time.
const AT_ONCE: usize = 4;
/// Lines of a probe.
const LINES: i64 = 10_000;
/// One watch; the pod is read again between two.
const WATCH_SECONDS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(500);
/// Tries of an addition.
const TRIES: u32 = 3;
/// A probe of another user ends without a last line.
const UNREADABLE: &str = "the container that was added could not read its environment";

/// The places whose worker runs there: where a pool has none, a worker of another one stands for it, and is not in it.
pub(crate) fn places(all: &[Place], nodes: &Nodes, request: &Request) -> Vec<Place> {
    let own = |place: &Place| {
        let node = workload::node_of(&place.worker).filter(|node| nodes.pool(node) == place.pool)?;
        Some(Place { node: Some(node.to_owned()), ..place.clone() })
    };
    let mut found: Vec<Place> = Vec::new();
    for place in all.iter().filter_map(own).take(request.max_pods) {
        if !found.iter().any(|other| other.worker_name() == place.worker_name()) {
            found.push(place);
        }
    }
    found
}

/// Looks from inside the workers of these places.
pub(crate) async fn look(
    cluster: &Cluster,
    request: &Request,
    services: &Services,
    places: &[(Place, Sources)],
    until: Duration,
    seen: &mut Seen,
) -> Entered {
    let mut inside = Entered::new();
    let mut added: Vec<&Place> = Vec::new();
    for (place, sources) in places {
        let name = place.worker_name();
        (services.progress)(&format!("adding a container to worker {name}, which lists it until its pod is replaced"));
        // Also of one that is added while the run is interrupted.
        seen.inside.push(name.to_owned());
        match add(cluster, request, place, sources).await {
            Ok(()) => added.push(place),
            Err(trouble) => {
                inside.insert(name.to_owned(), Err(trouble));
            }
        }
    }
    let one = |place: &Place| {
        let place = place.clone();
        async move {
            let log = follow(cluster, request, services, place.worker_name(), until).await;
            (place, log)
        }
    };
    let ran: Vec<_> = futures::stream::iter(added.into_iter().map(one)).buffered(AT_ONCE).collect().await;
    for (place, log) in ran {
        inside.insert(place.worker_name().to_owned(), log.and_then(|log| taken(&place, log, seen)));
    }
    inside
}

/// Adds the container to what the pod has now; somebody else may add one at the same time.
async fn add(cluster: &Cluster, request: &Request, place: &Place, sources: &Sources) -> Result<(), Trouble> {
    let refused = |why: &str| Trouble { code: code::DERIVED, detail: why.to_owned() };
    live::running(&place.worker, request).ok_or_else(|| refused("it does not run"))?;
    let names: Vec<&str> = sources.keys().map(String::as_str).collect();
    let container = ephemeral::container(request, place, &names).map_err(refused)?;
    let mut tries = 0;
    loop {
        tries += 1;
        match patch(cluster, place.worker_name(), &container).await {
            Err(trouble) if trouble.code == code::CONFLICT && tries < TRIES => {}
            Err(trouble) if trouble.code == code::FORBIDDEN => {
                return Err(Trouble {
                    detail: "`patch` of pods/ephemeralcontainers is not allowed".to_owned(),
                    ..trouble
                });
            }
            other => return other,
        }
    }
}

async fn patch(cluster: &Cluster, name: &str, container: &EphemeralContainer) -> Result<(), Trouble> {
    let pod = found(cluster, name).await?;
    let mut list = pod.spec.and_then(|spec| spec.ephemeral_containers).unwrap_or_default();
    list.push(container.clone());
    let version = pod.metadata.resource_version;
    let change = json!({"metadata": {"resourceVersion": version}, "spec": {"ephemeralContainers": list}});
    let parameters = PatchParams { field_manager: Some("mops".to_owned()), ..PatchParams::default() };
    cluster.pods_api().patch_ephemeral_containers(name, &parameters, &Patch::Merge(change)).await?;
    Ok(())
}

/// The pod as it is now.
async fn found(cluster: &Cluster, name: &str) -> Result<Pod, Trouble> {
    let found = cluster.pods_api().list(&of(name)).await?.items.pop();
    found.ok_or_else(|| Trouble { code: code::NOT_FOUND, detail: "its pod is gone".to_owned() })
}

fn of(name: &str) -> ListParams {
    ListParams::default().fields(&format!("metadata.name={name}"))
}

/// Waits for the end of the container and reads what it said.
async fn follow(
    cluster: &Cluster,
    request: &Request,
    services: &Services,
    name: &str,
    until: Duration,
) -> Result<Log, Trouble> {
    let container = ephemeral::name(request);
    let work = async {
        ended(cluster, services, name, &container).await?;
        let log = Log::parse(&cluster.tail(name, (&container, false), LINES).await?);
        if log.complete { Ok(log) } else { Err(trouble(code::LOG_CUT, UNREADABLE)) }
    };
    let limit = services.clock.sleep(until.saturating_sub(services.clock.monotonic()));
    tokio::select! {
        biased;
        () = services.cancel.canceled() => Err(trouble(code::TIME, "the run was interrupted")),
        result = work => result,
        () = limit => Err(trouble(code::TIME, "time was over")),
    }
}

fn trouble(code: &'static str, detail: &str) -> Trouble {
    Trouble { code, detail: detail.to_owned() }
}

async fn ended(cluster: &Cluster, services: &Services, name: &str, container: &str) -> Result<(), Trouble> {
    let api = cluster.pods_api();
    loop {
        let pod = found(cluster, name).await?;
        if judge(&pod, container)? {
            return Ok(());
        }
        let version = pod.metadata.resource_version.unwrap_or_default();
        let parameters = WatchParams::default().fields(&format!("metadata.name={name}")).timeout(WATCH_SECONDS);
        if let Ok(stream) = api.watch(&parameters, &version).await {
            let mut stream = stream.boxed();
            while let Ok(Some(WatchEvent::Added(pod) | WatchEvent::Modified(pod))) = stream.try_next().await {
                if judge(&pod, container)? {
                    return Ok(());
                }
            }
        }
        services.clock.sleep(PAUSE).await;
    }
}

/// Whether the container has ended; an error when it never will.
fn judge(pod: &Pod, container: &str) -> Result<bool, Trouble> {
    let Some(state) = state(pod, container) else { return Ok(false) };
    if let Some(found) = state.waiting.as_ref().and_then(stuck) {
        return Err(found);
    }
    Ok(state.terminated.is_some())
}

/// How a container that came later is, once its node has looked at it.
pub(crate) fn state<'a>(pod: &'a Pod, container: &str) -> Option<&'a ContainerState> {
    let all = pod.status.as_ref()?.ephemeral_container_statuses.as_ref()?;
    all.iter().find(|status| status.name == container)?.state.as_ref()
}

/// Puts the lines of a probe into their place.
fn taken(place: &Place, log: Log, seen: &mut Seen) -> Result<Hashes, Trouble> {
    let node = place.node.clone().unwrap_or_default();
    let at = |o: Observation| {
        Observed::at(Vantage::C, o).on(&place.pool, &node).standing_for(place.worker_name(), place.apart.as_deref())
    };
    let compared = key_compare::with_local(&log.keys, &seen.local, &seen.probes);
    seen.probes.extend(log.observations.into_iter().chain(compared).map(at));
    Ok(log.variables)
}
