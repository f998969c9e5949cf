//! Probes from the pools: which jobs are planned, from pods and from nodes, and where their lines go
//! (`tests/diagnose/cluster.rs`, `tests/diagnose/vantages.rs`).

use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use mops_probe::Observation;

use crate::cluster::Cluster;
use crate::key_compare;
use crate::observed::{Observed, Vantage, check, code};
use crate::permissions::{self, Right};
use crate::probe_image::{self, Gone, Way};
use crate::probe_run::Ran;
use crate::request::{Request, Services};
use crate::run::Seen;
use crate::workload::{self, Place};
use crate::{probe_job, probe_node, probe_pod};

/// Jobs of one kind at a time.
pub(crate) const AT_ONCE: usize = 4;

/// A job that is to be run, and whose eyes it is.
pub(crate) struct Planned {
    vantage: Vantage,
    place: Place,
    cluster: Cluster,
    ways: Vec<Way>,
}

/// As many places as one run looks from; the others are named, with what is not looked at from there.
pub(crate) fn limited(mut places: Vec<Place>, what: &str, request: &Request, seen: &mut Seen) -> Vec<Place> {
    if places.len() > request.max_pods {
        for place in places.split_off(request.max_pods) {
            let node = place.apart.map(|apart| format!(", {apart}")).unwrap_or_default();
            seen.skip(&format!("{what} {}{node}", place.pool), "more probes than one run makes", false);
        }
    }
    places
}

/// A job a place, in the pod network and with what the worker has.
pub(crate) fn from_pods(request: &Request, cluster: &Cluster, places: &[Place]) -> Vec<Planned> {
    let one = |(number, place): (usize, &Place)| Planned {
        vantage: Vantage::P,
        place: place.clone(),
        cluster: cluster.clone(),
        ways: ways(request, place, (cluster, &format!("{number}")), probe_pod::pod(request, place)),
    };
    places.iter().enumerate().map(one).collect()
}

/// A job in the network of each node that is looked from, where this user may make one.
pub(crate) async fn from_nodes(
    request: &Request,
    cluster: &Cluster,
    places: &[Place],
    seen: &mut Seen,
) -> Vec<Planned> {
    let space = cluster.beside(request.probe_namespace.as_deref().unwrap_or(&request.namespace));
    if let Some(right) = missing(&space).await {
        let what = format!("{right} in namespace {}", space.name());
        seen.skip("node network", &format!("`{what}` is not allowed"), false);
        if space.name() != request.namespace {
            seen.add(Vantage::W, Observation::skipped(check::RIGHT, "", &what, code::FORBIDDEN));
        }
        return Vec::new();
    }
    let one = |(number, place): (usize, &Place)| Planned {
        vantage: Vantage::N,
        place: place.clone(),
        ways: ways(request, place, (&space, &format!("n{number}")), probe_node::pod(request, place)),
        cluster: space.clone(),
    };
    let nodes = workload::nodes_of_pools(places, request.per_pool);
    limited(nodes, "node network of pool", request, seen).iter().enumerate().map(one).collect()
}

fn ways(request: &Request, place: &Place, (cluster, word): (&Cluster, &str), pod: PodTemplateSpec) -> Vec<Way> {
    probe_image::ways(request, place, probe_job::job(request, cluster.name(), word, pod))
}

/// The first right that a probe needs and this user lacks.
async fn missing(cluster: &Cluster) -> Option<String> {
    let rights = permissions::PROBES.iter().flat_map(|r: &Right| r.verbs.iter().map(move |verb| (*verb, r)));
    let asked = rights.map(|(verb, right)| async move { (verb, right, cluster.allowed(verb, right).await) });
    let answers = futures::future::join_all(asked).await;
    let denied = answers.into_iter().find(|(.., allowed)| *allowed == Some(false));
    denied.map(|(verb, right, _)| format!("{verb} {}", right.resource))
}

/// Runs the jobs, a few at a time.
pub(crate) async fn run(services: &Services, planned: Vec<Planned>, until: Duration, seen: &mut Seen) {
    let one = |plan: Planned| async move {
        if services.cancel.is_canceled() {
            return None;
        }
        let place = &plan.place;
        let node = place.node.as_deref().unwrap_or("any node");
        let words = if plan.vantage == Vantage::N { "the network of node" } else { "node" };
        (services.progress)(&format!("probing pool {} from {words} {node}", place.pool));
        let gone = probe_image::run(&plan.cluster, services, &plan.ways, until).await;
        Some((plan, gone))
    };
    let mut runs = Box::pin(futures::stream::iter(planned).map(one).buffer_unordered(AT_ONCE));
    while let Some(ended) = runs.next().await {
        if let Some((plan, Gone { ran, by })) = ended {
            seen.notices.extend(by.map(|by| came(&plan, &by)));
            taken(&plan, ran, seen);
        }
    }
}

/// Says by which way the probe's program came, when its own image did not.
fn came(Planned { vantage, place, .. }: &Planned, by: &str) -> String {
    let place = if *vantage == Vantage::N {
        format!("the nodes of pool {}", place.pool)
    } else {
        format!("pool {}", place.pool)
    };
    format!("{place}: the probe's own image cannot be pulled; the probe was started {by}")
}

/// Puts a probe's lines into their place.
fn taken(Planned { vantage, place, .. }: &Planned, ran: Ran, seen: &mut Seen) {
    let node = ran.node.or_else(|| place.node.clone()).unwrap_or_default();
    // A node has no worker: what it sees holds for all of its pool.
    let worker = if *vantage == Vantage::N { "" } else { place.worker_name() };
    let at = |vantage, o| Observed::at(vantage, o).on(&place.pool, &node).standing_for(worker, place.apart.as_deref());
    seen.refused.extend(ran.log.refused.iter().cloned());
    seen.spared.extend(ran.log.spared.iter().cloned());
    let compared = key_compare::with_local(&ran.log.keys, &seen.local, &seen.probes);
    seen.probes.extend(ran.log.observations.into_iter().chain(compared).map(|o| at(*vantage, o)));
    let o = match &ran.obstacle {
        None => Observation::ok(check::PROBE, "", &place.pool),
        Some(t) => {
            let (what, required) = match vantage {
                Vantage::N => (format!("node network of pool {}", place.pool), false),
                _ => (format!("pool {}", place.pool), true),
            };
            seen.skip(&what, &t.detail, required);
            Observation::skipped(check::PROBE, "", &place.pool, t.code).detail(&t.detail)
        }
    };
    let from = if *vantage == Vantage::N { Vantage::N } else { Vantage::W };
    seen.probes.push(at(from, o));
}
