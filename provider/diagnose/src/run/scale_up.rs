//! `--scale-up`: a pool that stands at zero gets a pod that fits nowhere else, so that its autoscaler brings a node. What
//! then stands in the way is told in the autoscaler's own words (`tests/diagnose/scale_up.rs`).

use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod, Taint};
use tokio::sync::watch::Sender;

use super::Seen;
use crate::cluster::{Cluster, Trouble};
use crate::observed::code;
use crate::permissions::SYSTEM;
use crate::probe_job;
use crate::probe_pod;
use crate::probe_run::JOB_LABEL;
use crate::request::{KnownPool, Request, Services};
use crate::workload::{self, Nodes, POOL_LABEL, Place};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);
/// By then the job has ended by itself, whatever became of the run.
const MORE: Duration = Duration::from_secs(60);
/// How Azure's refusals are told, as events of the autoscaler's own object.
const REFUSED: &str = "FailedToScaleUpGroup";
/// Who speaks of pods that wait for a node.
const AUTOSCALER: &str = "cluster-autoscaler";

/// Brings a node to each pool that has none and may have one; gives back the nodes that are there then. The run's end moves
/// on by the time that this takes.
pub(super) async fn scale_up(
    cluster: &Cluster,
    request: &Request,
    services: &Services,
    (nodes, workers): (Nodes, &[Pod]),
    (until, seen): (&Sender<Duration>, &mut Seen),
) -> Nodes {
    let (Some(limit), Some(worker)) = (request.scale_up, workers.first()) else { return nodes };
    let there = nodes.pools();
    let empty = |pool: &&KnownPool| !pool.windows && request.wants(&pool.name) && !there.contains_key(&pool.name);
    let mut jobs = Vec::new();
    for pool in request.pools.iter().filter(empty) {
        match pool.autoscale {
            Some((_, most)) if most > 0 => jobs.push((pool, job(request, pool, worker, (jobs.len(), limit)))),
            _ => seen.skip(&format!("pool {}", pool.name), &no_autoscaler(pool), true),
        }
    }
    if jobs.is_empty() {
        return nodes;
    }
    let total = request.timeout + limit;
    (services.progress)(&format!("this run may take {} s, with the time for scaling up", total.as_secs()));
    let began = services.clock.monotonic();
    until.send_modify(|until| *until += limit);
    seen.made = true;
    let one = |(pool, job)| grown(cluster, services, pool, job, limit);
    let ended = join_all(jobs.iter().map(|(pool, job)| one((*pool, job)))).await;
    until.send_modify(|until| *until = *until - limit + services.clock.monotonic().saturating_sub(began));
    for ((pool, _), ended) in jobs.iter().zip(ended) {
        match ended {
            Ok(()) => seen.notices.push(format!(
                "pool {} was scaled up from 0 nodes; its node costs until the autoscaler takes it away",
                pool.name
            )),
            Err(trouble) => seen.skip(&format!("scale-up of pool {}", pool.name), &trouble.detail, true),
        }
    }
    super::nodes(cluster, seen).await
}

fn no_autoscaler(pool: &KnownPool) -> String {
    let name = &pool.name;
    match pool.autoscale {
        Some(_) => {
            format!("0 nodes and no more allowed: raise `maxCount` of agent pool `{name}` (`max` in the stack file)")
        }
        None => format!(
            "0 nodes and no autoscaler: set `enableAutoScaling`, `minCount` and `maxCount` of agent pool `{name}` (`min` and \
             `max` in the stack file)"
        ),
    }
}

/// A pod for any node of the pool.
fn job(request: &Request, pool: &KnownPool, worker: &Pod, (number, limit): (usize, Duration)) -> Job {
    let place = Place {
        pool: pool.name.clone(),
        node: None,
        label: Some((POOL_LABEL.to_owned(), pool.name.clone())),
        taints: pool.taints.iter().filter_map(|text| taint(text)).collect(),
        worker: worker.clone(),
        apart: None,
    };
    let mut job = probe_job::job(request, &request.namespace, &format!("s{number}"), probe_pod::pod(request, &place));
    if let Some(spec) = &mut job.spec {
        spec.active_deadline_seconds = i64::try_from((limit + MORE).as_secs()).ok();
    }
    job
}

/// `KEY=VALUE:EFFECT`, as ARM has it.
fn taint(text: &str) -> Option<Taint> {
    let (pair, effect) = text.rsplit_once(':')?;
    let (key, value) = pair.split_once('=').map_or((pair, None), |(key, value)| (key, Some(value.to_owned())));
    Some(Taint { key: key.to_owned(), value, effect: effect.to_owned(), ..Taint::default() })
}

/// Makes the pod and waits until a node takes it; the pod goes in any case.
async fn grown(
    cluster: &Cluster,
    services: &Services,
    pool: &KnownPool,
    job: &Job,
    limit: Duration,
) -> Result<(), Trouble> {
    (services.progress)(&format!(
        "scaling pool {} up from 0 nodes: some minutes, at most {} s; the node costs until the autoscaler takes it away",
        pool.name,
        limit.as_secs()
    ));
    let made = cluster.create(job).await?;
    let taken = taken(cluster, services, (pool, &made), limit).await;
    // What is left here is found again by the listing at the end of the run.
    let _ = cluster.delete(&made).await;
    taken
}

async fn taken(
    cluster: &Cluster,
    services: &Services,
    (pool, made): (&KnownPool, &Job),
    limit: Duration,
) -> Result<(), Trouble> {
    let theirs = format!("{JOB_LABEL}={}", made.metadata.name.as_deref().unwrap_or_default());
    let (began, end) = (services.clock.now(), services.clock.monotonic() + limit);
    let mut last = String::new();
    loop {
        let pod = cluster.pods(&theirs).await?.into_iter().next();
        if pod.as_ref().and_then(workload::node_of).is_some() {
            return Ok(());
        }
        let words = match &pod {
            Some(pod) => said(cluster, pod).await,
            None => cluster.refusal(made).await,
        };
        if let Some(words) = words.filter(|words| *words != last) {
            (services.progress)(&format!("pool {}: {words}", pool.name));
            last = words;
        }
        if let Some(words) = refused(cluster, pool, began).await {
            return Err(Trouble { code: code::UNSCHEDULED, detail: words });
        }
        if services.clock.monotonic() >= end {
            let after = if last.is_empty() { String::new() } else { format!(": {last}") };
            return Err(Trouble { code: code::TIME, detail: format!("no node within {} s{after}", limit.as_secs()) });
        }
        services.clock.sleep(PAUSE).await;
    }
}

/// What the autoscaler says of a pod, else the scheduler.
async fn said(cluster: &Cluster, pod: &Pod) -> Option<String> {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let events = cluster.events_about(uid).await.unwrap_or_default();
    let by_autoscaler = events.into_iter().rfind(|event| by(event) == AUTOSCALER).and_then(|event| event.message);
    let conditions = pod.status.iter().flat_map(|s| s.conditions.iter().flatten());
    by_autoscaler.or_else(|| conditions.filter(|c| c.type_ == "PodScheduled").find_map(|c| c.message.clone()))
}

fn by(event: &Event) -> &str {
    let source = event.source.as_ref().and_then(|source| source.component.as_deref());
    source.or(event.reporting_component.as_deref()).unwrap_or_default()
}

/// Azure's own words for a node that it does not give, such as those of a quota. Not everybody may read them.
async fn refused(cluster: &Cluster, pool: &KnownPool, began: time::OffsetDateTime) -> Option<String> {
    let events = cluster.beside(SYSTEM).events_for(REFUSED).await.ok()?;
    let group = format!("aks-{}-", pool.name);
    let since = |event: &Event| {
        let last = event.last_timestamp.as_ref().map(|t| t.0.as_second());
        last.or_else(|| event.event_time.as_ref().map(|t| t.0.as_second()))
            .is_none_or(|at| at >= began.unix_timestamp())
    };
    let mut about = events.into_iter().filter(since).filter_map(|event| event.message);
    about.rfind(|message| message.contains(&group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_are_read_as_azure_writes_them() {
        let parts = |text: &str| taint(text).map(|t| (t.key, t.value, t.effect));
        let of =
            |key: &str, value: Option<&str>, effect: &str| Some((key.into(), value.map(Into::into), effect.into()));
        assert_eq!(parts("sku=gpu:NoSchedule"), of("sku", Some("gpu"), "NoSchedule"));
        assert_eq!(parts("x:NoExecute"), of("x", None, "NoExecute"));
        assert_eq!(parts("x"), None);
    }

    #[test]
    fn without_an_autoscaler_the_change_is_named() {
        let pool = |autoscale| KnownPool { name: "gpu".into(), autoscale, ..KnownPool::default() };
        assert!(
            no_autoscaler(&pool(None))
                .contains("set `enableAutoScaling`, `minCount` and `maxCount` of agent pool `gpu`")
        );
        assert!(no_autoscaler(&pool(Some((0, 0)))).contains("raise `maxCount`"));
    }
}
