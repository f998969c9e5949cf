//! A pod with one GPU on each pool that has some: what a node offers is only proven by a pod that gets it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use mops_probe::Observation;

use super::Seen;
use crate::cluster::Cluster;
use crate::observed::{Observed, Status, Vantage, check, code};
use crate::probe_job;
use crate::probe_pod;
use crate::probe_run::{self, Ran};
use crate::probing::AT_ONCE;
use crate::request::{Request, Services};
use crate::workload::{self, Place};

const GPU: &str = "nvidia.com/gpu";

/// Nothing when nobody asked for it.
pub(super) async fn gpus(
    cluster: &Cluster,
    request: &Request,
    services: &Services,
    until: Duration,
    (places, seen): (&[Place], &mut Seen),
) {
    if !request.smoke.as_ref().is_some_and(|smoke| smoke.gpu) {
        return;
    }
    let offer = |o: &&Observed| o.check == check::GPU_PLUGIN && o.status == Status::Pass;
    let offering: BTreeSet<String> = seen.probes.iter().filter(offer).map(|o| o.pool.clone()).collect();
    let chosen = workload::one_a_pool(places).filter(|place| offering.contains(&place.pool));
    let one = |(number, place): (usize, &Place)| {
        let job = with_gpu(request, place, &format!("g{number}"));
        let place = place.clone();
        async move {
            (services.progress)(&format!("asking pool {} for a GPU", place.pool));
            told(&place, probe_run::run(cluster, services, &job, until).await)
        }
    };
    let told: Vec<Observed> =
        futures::stream::iter(chosen.enumerate().map(one)).buffer_unordered(AT_ONCE).collect().await;
    if told.is_empty() {
        seen.skip("GPU", "no pool with a ready node offers `nvidia.com/gpu`", true);
    }
    seen.probes.extend(told);
}

/// The probe's job with one GPU.
fn with_gpu(request: &Request, place: &Place, word: &str) -> Job {
    let mut template = probe_pod::pod(request, place);
    let containers = template.spec.iter_mut().flat_map(|spec| &mut spec.containers);
    for resources in containers.filter_map(|container| container.resources.as_mut()) {
        resources.limits.get_or_insert_default().insert(GPU.to_owned(), Quantity("1".to_owned()));
    }
    probe_job::job(request, &request.namespace, word, template)
}

/// A pod that ran has had its GPU, whatever it said.
fn told(place: &Place, ran: Ran) -> Observed {
    let node = ran.node.or_else(|| place.node.clone()).unwrap_or_default();
    let o = match ran.obstacle {
        None => Observation::ok(check::GPU, "", GPU),
        Some(t) if t.code == code::LOG_CUT => Observation::ok(check::GPU, "", GPU),
        Some(t) if t.code == code::UNSCHEDULED => Observation::failed(check::GPU, "", GPU, t.code).detail(&t.detail),
        Some(t) => Observation::skipped(check::GPU, "", GPU, t.code).detail(&t.detail),
    };
    Observed::at(Vantage::P, o).on(&place.pool, &node)
}
