//! What findings are about, whatever the pods are called this time: the same cause of the same owner is
//! one matter, however many pods show it (`tests::a_pod_is_named_after_its_owner`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::model::Report;
use super::phrase;
use crate::finding::Finding;
use crate::observed::{Object, Observed};

/// The letters and digits that Kubernetes takes for the random ends of names.
const RANDOM: &str = "bcdfghjklmnpqrstvwxz2456789";

/// Findings that a reader takes as one: the same cause of the same owner, with the same fixes.
pub(crate) struct Matter<'a> {
    /// The first of them in the report's order.
    pub(crate) first: &'a Finding,
    /// All of them.
    pub(crate) all: Vec<&'a Finding>,
}

/// The matters of a report in its order, and what was seen by id, so that nothing is looked for twice.
pub(crate) struct Matters<'a> {
    pub(crate) all: Vec<Matter<'a>>,
    seen: HashMap<&'a str, &'a Observed>,
    causes: HashMap<&'a str, Vec<&'a str>>,
    pods: usize,
}

impl<'a> Matters<'a> {
    /// Groups the findings of a report.
    pub(crate) fn of(report: &'a Report) -> Self {
        let seen: HashMap<&str, &Observed> = report.probes.iter().map(|o| (o.id.as_str(), o)).collect();
        let mut causes: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut places = BTreeMap::new();
        let mut all: Vec<Matter<'_>> = Vec::new();
        for finding in &report.findings {
            for id in &finding.evidence {
                let known = causes.entry(id).or_default();
                if !known.contains(&finding.cause_id.as_str()) {
                    known.push(&finding.cause_id);
                }
            }
            let at = *places.entry(key(finding, &seen)).or_insert(all.len());
            match all.get_mut(at) {
                Some(matter) => matter.all.push(finding),
                None => all.push(Matter { first: finding, all: vec![finding] }),
            }
        }
        Self { all, seen, causes, pods: pods(&report.probes) }
    }

    /// What proves a matter, the trigger first.
    pub(crate) fn evidence(&self, matter: &Matter<'_>) -> Vec<&'a Observed> {
        let mut taken = BTreeSet::new();
        let ids = matter.all.iter().flat_map(|f| &f.evidence);
        ids.filter(|id| taken.insert(id.as_str())).filter_map(|id| self.seen.get(id.as_str()).copied()).collect()
    }

    /// The causes that these observations are evidence of.
    pub(crate) fn causes(&self, seen: &[&Observed]) -> Vec<&'a str> {
        let mut found = Vec::new();
        for cause in seen.iter().filter_map(|o| self.causes.get(o.id.as_str())).flatten() {
            if !found.contains(cause) {
                found.push(*cause);
            }
        }
        found
    }

    /// `400 of 1,000 pods, e.g. a, b, c`, when it is about a crowd: of pods, or of the workers that show it.
    pub(crate) fn extent(&self, matter: &Matter<'_>) -> Option<String> {
        let objects = || matter.all.iter().flat_map(|f| &f.objects);
        let pods: BTreeSet<&str> = if objects().next().is_some() {
            objects().filter(|o| o.kind == "Pod").map(|o| o.name.as_str()).collect()
        } else {
            self.evidence(matter).iter().map(|o| o.worker.as_str()).filter(|worker| !worker.is_empty()).collect()
        };
        (pods.len() > phrase::EXAMPLES).then(|| phrase::examples(Some(self.pods), "pod", pods.into_iter().collect()))
    }
}

/// How many pods were looked at: by name, as probes stand for them or as objects.
fn pods(probes: &[Observed]) -> usize {
    let workers = probes.iter().map(|o| o.worker.as_str()).filter(|worker| !worker.is_empty());
    let objects = probes.iter().filter_map(|o| o.object.as_ref()).filter(|o| o.kind == "Pod");
    workers.chain(objects.map(|o| o.name.as_str())).collect::<BTreeSet<_>>().len()
}

/// What makes two findings one matter.
fn key(f: &Finding, seen: &HashMap<&str, &Observed>) -> String {
    let owners: BTreeSet<String> = f.objects.iter().map(owner).collect();
    let trigger = f.evidence.first().and_then(|id| seen.get(id.as_str()));
    let what = match (owners.is_empty(), f.confidence, trigger) {
        (true, None, Some(o)) => format!("{} {}", o.check, o.result()),
        (true, ..) => f.target.clone(),
        (false, ..) => owners.into_iter().collect::<Vec<_>>().join(" "),
    };
    let fixes: Vec<&str> = f.fixes.iter().map(|fix| fix.text.as_str()).collect();
    [phrase::severity(f.severity), phrase::sure(f), &f.cause_id, &f.credential, &what, &fixes.join(" ")].join("\n")
}

/// `secret bundle-credentials`, `3 pods, e.g. a, b, c`: objects of one kind in a few words.
pub(crate) fn crowd(objects: &[&Object]) -> String {
    let names: BTreeSet<&str> = objects.iter().map(|o| o.name.as_str()).collect();
    match (objects.first(), names.len()) {
        (None, _) => String::new(),
        (Some(one), 1) => phrase::path(one),
        (Some(one), _) => phrase::examples(None, &one.kind.to_lowercase(), names.into_iter().collect()),
    }
}

/// Cause and object of a finding without the cause, the same in every run: the object, else the target, with
/// the credential; what no rule explains is told apart by its observation.
pub(crate) fn identity(f: &Finding) -> String {
    if f.confidence.is_none() {
        return f.evidence.first().cloned().unwrap_or_default();
    }
    let what = f.objects.first().map_or_else(|| f.target.clone(), owner);
    if f.credential.is_empty() { what } else { format!("{what} by {}", f.credential) }
}

/// The path of an object; a pod's ends with the name that all pods of its owner share.
pub(crate) fn owner(object: &Object) -> String {
    if object.kind != "Pod" {
        return phrase::path(object);
    }
    let name = shared_name(&object.name).to_owned();
    phrase::path(&Object { name, ..object.clone() })
}

/// `worker` of `worker-5d4f8c7b9-x2x4z`, of `worker-x2x4z` and of `worker-0`.
fn shared_name(pod: &str) -> &str {
    let Some((name, end)) = pod.rsplit_once('-') else { return pod };
    if end.chars().all(|c| c.is_ascii_digit()) {
        return name;
    }
    if end.len() != 5 || !is_random(end) {
        return pod;
    }
    match name.rsplit_once('-') {
        Some((name, hash)) if (6..=10).contains(&hash.len()) && is_random(hash) => name,
        _ => name,
    }
}

fn is_random(text: &str) -> bool {
    text.chars().all(|c| RANDOM.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_named_after_its_owner() {
        let rows = [
            ("dask-worker-5d4f8c7b9-x2x4z", "dask-worker"),
            ("dask-worker-x2x4z", "dask-worker"),
            ("dask-worker-0", "dask-worker"),
            ("dask-worker", "dask-worker"),
            ("worker", "worker"),
            ("a-fine-model", "a-fine-model"),
        ];
        for (pod, want) in rows {
            assert_eq!(shared_name(pod), want, "{pod}");
        }
        assert_eq!(owner(&Object::new("Pod", "ns", "w-0")), "Pod/ns/w");
        assert_eq!(owner(&Object::new("Secret", "ns", "w-0")), "Secret/ns/w-0");
    }
}
