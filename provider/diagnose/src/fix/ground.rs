//! What a plan is made from: the workload's objects as they are now, each with its resource version, read once for one
//! plan. Planning itself asks nobody.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value as Json;

use super::write::KEPT;
use crate::chosen;
use crate::cluster::{Cluster, Trouble, is_maker};
use crate::finding::Finding;
use crate::observed::{Observed, Status, code};
use crate::permissions;
use crate::request::Request;
use crate::static_reads;
use crate::workload;

/// The objects of a workload, and who may change them.
pub(crate) struct Ground<'a> {
    pub(crate) request: &'a Request,
    pub(crate) workers: Vec<Pod>,
    pub(crate) secrets: BTreeMap<String, Json>,
    /// Secrets that are absent here, from the namespace that was named for them.
    pub(crate) elsewhere: BTreeMap<String, Json>,
    /// Copies of absent secrets that a killed run has kept.
    pub(crate) kept: BTreeMap<String, Json>,
    /// What makes the workers, by kind and name.
    pub(crate) makers: BTreeMap<(&'static str, String), Json>,
    pub(crate) accounts: BTreeMap<String, Json>,
    /// What the run has seen.
    pub(crate) seen: &'a [Observed],
    /// Rights of a fix that are missing.
    denied: BTreeSet<(&'static str, &'static str)>,
    /// The moment that a restart is marked with.
    pub(crate) moment: &'a str,
}

impl<'a> Ground<'a> {
    /// Reads what some findings are about, and what the workers are made from.
    pub(crate) async fn read(
        cluster: &Cluster,
        request: &'a Request,
        (findings, seen): (&[Finding], &'a [Observed]),
        moment: &'a str,
    ) -> Result<Self, Trouble> {
        let workers = chosen::workers(cluster, request).await?;
        let about = findings.iter().flat_map(|f| &f.objects).filter(|o| o.kind == "Secret").map(|o| o.name.clone());
        let names: BTreeSet<String> = static_reads::named(request, &workers).secrets.into_iter().chain(about).collect();
        let makers: BTreeSet<_> = workers.iter().map(workload::owner).filter(|(kind, _)| is_maker(kind)).collect();
        let accounts: BTreeSet<String> = workers.iter().map(|pod| account_of(pod).to_owned()).collect();
        let secrets = found(cluster, "Secret", names.clone()).await;
        let mut elsewhere = BTreeMap::new();
        for namespace in &request.search_namespaces {
            let absent = names.iter().filter(|name| !secrets.contains_key(*name) && !elsewhere.contains_key(*name));
            let more = found(&cluster.elsewhere(namespace), "Secret", absent.cloned().collect()).await;
            elsewhere.extend(more);
        }
        let absent = names.iter().filter(|name| !secrets.contains_key(*name)).map(|name| format!("{KEPT}{name}"));
        let kept = found(cluster, "Secret", absent.collect()).await.into_iter();
        Ok(Self {
            request,
            kept: kept.map(|(name, copy)| (name.trim_start_matches(KEPT).to_owned(), copy)).collect(),
            secrets,
            elsewhere,
            makers: made_by(cluster, makers).await,
            accounts: found(cluster, "ServiceAccount", accounts).await,
            workers,
            seen,
            denied: denied(cluster).await,
            moment,
        })
    }

    /// What makes the workers that a condition holds for; why that is nothing, when one of them has another maker or none.
    pub(crate) fn makers_of(&self, which: impl Fn(&Pod) -> bool) -> Result<Vec<(&Json, &Pod)>, String> {
        let mut all: BTreeMap<&(&str, String), (&Json, &Pod)> = BTreeMap::new();
        let mut other = None;
        for pod in self.workers.iter().filter(|pod| which(pod)) {
            let (kind, name) = workload::owner(pod);
            match self.makers.get_key_value(&(kind, name.clone())) {
                Some((key, maker)) => drop(all.insert(key, (maker, pod))),
                None if is_bare(pod) => other = Some(format!("pod `{name}` has no owner that would make it again")),
                None => other = Some(format!("the pods are those of {kind} `{name}`, which is not changed here")),
            }
        }
        match (all.is_empty(), other) {
            (true, Some(other)) => Err(other),
            (true, None) => Err("no pod of it is there any more".to_owned()),
            (false, _) => Ok(all.into_values().collect()),
        }
    }

    /// How a person makes a pod again that has no owner: it is never deleted here.
    pub(crate) fn by_hand(&self, why: &str) -> Option<String> {
        let mut bare = self.workers.iter().filter(|pod| is_bare(pod)).filter_map(|pod| pod.metadata.name.as_deref());
        let name = bare.find(|name| why.starts_with(&format!("pod `{name}` has no owner")))?;
        let kubectl = format!("kubectl -n {}", self.request.namespace);
        Some(format!("{kubectl} get pod {name} -o yaml | {kubectl} replace --force -f -"))
    }

    /// The first right that an edit needs and that nobody has given.
    pub(crate) fn lacks(&self, rights: &[(&'static str, &'static str)]) -> Option<String> {
        rights.iter().find(|right| self.denied.contains(*right)).map(|(verb, resource)| format!("{verb} {resource}"))
    }

    /// Whether a service has refused a credential somewhere.
    pub(crate) fn refused(&self, credential: &str, host: &str) -> bool {
        self.answers(credential, host).any(|o| o.status == Status::Fail && matches!(o.http_status, Some(401 | 403)))
    }

    /// Whether a service has taken a credential, and nowhere refused it.
    pub(crate) fn accepted(&self, credential: &str, host: &str) -> bool {
        let taken = |o: &Observed| o.status == Status::Pass && o.check != crate::observed::check::KEY_FORM;
        self.answers(credential, host).any(taken) && !self.refused(credential, host)
    }

    fn answers(&self, credential: &str, host: &str) -> impl Iterator<Item = &Observed> {
        let asks = |o: &Observed| o.check.starts_with("registry.") || o.check.starts_with("ngc.");
        let about = move |o: &Observed| o.target.split('/').next() == Some(host);
        self.seen.iter().filter(move |o| o.credential == credential && asks(o) && about(o))
    }
}

/// Whether nobody would make a pod again.
fn is_bare(pod: &Pod) -> bool {
    !pod.metadata.owner_references.iter().flatten().any(|owner| owner.controller == Some(true))
}

/// The makers of pods that are there and may be read.
async fn made_by(cluster: &Cluster, names: BTreeSet<(&'static str, String)>) -> BTreeMap<(&'static str, String), Json> {
    let one = |(kind, name): (&'static str, String)| async move {
        let object = cluster.object(kind, &name).await.ok()?;
        Some(((kind, name), object))
    };
    futures::future::join_all(names.into_iter().map(one)).await.into_iter().flatten().collect()
}

pub(crate) fn account_of(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|spec| spec.service_account_name.as_deref()).unwrap_or("default")
}

/// The objects of these names that are there and may be read.
async fn found(cluster: &Cluster, kind: &str, names: BTreeSet<String>) -> BTreeMap<String, Json> {
    let one = |name: String| async move { Some((name.clone(), cluster.object(kind, &name).await.ok()?)) };
    futures::future::join_all(names.into_iter().map(one)).await.into_iter().flatten().collect()
}

async fn denied(cluster: &Cluster) -> BTreeSet<(&'static str, &'static str)> {
    let rights = permissions::FIX.iter().flat_map(|right| right.verbs.iter().map(move |verb| (*verb, right)));
    let asked = rights.map(|(verb, right)| async move {
        (cluster.allowed(verb, right).await == Some(false)).then_some((verb, right.resource))
    });
    futures::future::join_all(asked).await.into_iter().flatten().collect()
}

/// Whether somebody has to be told that a read was refused.
pub(crate) fn unreadable(trouble: &Trouble) -> String {
    match trouble.code {
        code::FORBIDDEN => "the workers may not be listed from here".to_owned(),
        _ => trouble.detail.clone(),
    }
}
