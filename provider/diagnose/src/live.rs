//! What running workers have against what their secrets give now. A container keeps the variables with which it began,
//! so that a difference is proof of a worker that has to be made again (`tests`, `tests/diagnose/live.rs`).

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use mops_core::KeyedHash;
use mops_probe::Observation;
use mops_probe::observation::variant;

use crate::cluster::{Cluster, Trouble};
use crate::env_sources;
use crate::exec::Inside;
use crate::live_read::{self, Hashes, Lacks};
use crate::observed::{Object, Observed, Vantage, check, code};
use crate::report::phrase::some;
use crate::request::{Request, Services};
use crate::run::Seen;
use crate::sampling;
use crate::shelf::Shelf;
use crate::workload::{self, Nodes};

/// Workers at a time: the API server holds a stream for each, and the nodes do the work.
const AT_ONCE: usize = 32;
/// What stands for all variables of a worker.
const WORKER: &str = "worker";

/// What a variable would be in a worker that is made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) secret: String,
    pub(crate) hash: KeyedHash,
}

/// Sources by variable.
pub(crate) type Sources = BTreeMap<String, Source>;

/// What workers have by a container that came into them, by their names.
pub(crate) type Entered = BTreeMap<String, Result<Hashes, Trouble>>;

/// One worker: what it would get now, and what it has.
pub(crate) struct Looked {
    pool: String,
    name: String,
    owner: (&'static str, String),
    sources: Sources,
    has: Result<Hashes, Trouble>,
}

/// Looks into the running workers, as many as one run looks at.
pub(crate) async fn look(
    cluster: &Cluster,
    request: &Request,
    services: &Services,
    (shelf, workers, nodes): (&Shelf, &[Pod], &Nodes),
    inside: &Entered,
    seen: &mut Seen,
) {
    let with =
        |pod| Some((pod, sources(request, shelf, pod))).filter(|(_, sources): &(&Pod, Sources)| !sources.is_empty());
    let known: Vec<(&Pod, Sources)> = workers.iter().filter_map(with).collect();
    if known.is_empty() {
        return;
    }
    (services.progress)("comparing what running workers have with their secrets");
    let count = known.len();
    let known = sampling::spread(known, request.max_pods, |(pod, _)| (pool(pod, nodes), workload::owner(pod)));
    let all = known.len() == count;
    if !all {
        let what = format!("environment of {} of {count} workers", count - known.len());
        let why = format!("sampled, {}; `--max-pods {count}` looks into all", sampling::part(known.len(), count));
        seen.skip(&what, &why, false);
    }
    let lacks = Lacks::default();
    let lacks = &lacks;
    let looks = known.into_iter().enumerate().map(|(number, (pod, sources))| async move {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let has = match inside.get(&name) {
            Some(Ok(hashes)) => Ok(hashes.clone()),
            // Why no container could come in is what whoever asked for one wants to know.
            Some(Err(why)) => has(cluster, request, services, (pod, &sources), lacks).await.map_err(|_| why.clone()),
            None => has(cluster, request, services, (pod, &sources), lacks).await,
        };
        (number, Looked { pool: pool(pod, nodes), name, owner: workload::owner(pod), sources, has })
    });
    // In any order: one that does not answer holds up nobody but itself.
    let mut looked: Vec<(usize, Looked)> = futures::stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
    looked.sort_unstable_by_key(|(number, _)| *number);
    let looked: Vec<Looked> = looked.into_iter().map(|(_, one)| one).collect();
    for (what, why) in skipped(&looked) {
        seen.skip(&what, &why, false);
    }
    if all {
        settle(&looked, &mut seen.probes);
    }
    seen.probes.extend(told(request, &looked));
}

/// Where the values themselves were compared, the times of secrets say nothing more.
fn settle(looked: &[Looked], seen: &mut [Observed]) {
    let unread: Vec<&Looked> = looked.iter().filter(|one| one.has.is_err()).collect();
    let uses = |one: &Looked, secret: &str| one.sources.values().any(|source| source.secret == secret);
    let compared =
        |secret: &str| looked.iter().any(|one| uses(one, secret)) && !unread.iter().any(|one| uses(one, secret));
    for o in seen.iter_mut().filter(|o| o.check == check::ENV_AGE && compared(&o.target)) {
        (o.error_code, o.reason) = (None, String::new());
    }
}

fn pool(pod: &Pod, nodes: &Nodes) -> String {
    workload::node_of(pod).map(|node| nodes.pool(node)).unwrap_or_default()
}

/// The variables of a running container, within the time of one request.
async fn has(
    cluster: &Cluster,
    request: &Request,
    services: &Services,
    (pod, sources): (&Pod, &Sources),
    lacks: &Lacks,
) -> Result<Hashes, Trouble> {
    let trouble = |code, detail: &str| Trouble { code, detail: detail.to_owned() };
    let Some(container) = running(pod, request) else {
        return Err(trouble(code::NOT_RUNNING, "it does not run"));
    };
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let names = sources.keys().map(String::as_str).collect();
    let inside = Inside { pod: name, container: &container.name };
    let read =
        live_read::hashes(cluster, inside, (&request.nonce, &names), (lacks.of(image(container)), &services.clock));
    // Three programs may have to be tried.
    let limit: Duration = request.probe_timeout * 3;
    tokio::select! {
        read = read => read.map_err(|found| match found.code {
            code::FORBIDDEN => trouble(found.code, "`get` and `create` of pods/exec are not allowed"),
            _ => found,
        }),
        () = services.clock.sleep(limit) => Err(trouble(code::TIME, "it did not answer in time")),
    }
}

/// Two containers with the same one have the same programs.
fn image(container: &ContainerStatus) -> &str {
    if container.image_id.is_empty() { &container.image } else { &container.image_id }
}

/// The container that counts, while it runs.
pub(crate) fn running<'a>(pod: &'a Pod, request: &Request) -> Option<&'a ContainerStatus> {
    let name = &workload::container(pod, request.container.as_deref())?.name;
    let status = pod.status.as_ref()?.container_statuses.as_ref()?.iter().find(|status| status.name == *name)?;
    status.state.as_ref()?.running.as_ref()?;
    Some(status)
}

/// What the secrets of a worker give its variables now. A variable that something else may set has no place here: what
/// else there is was not read.
pub(crate) fn sources(request: &Request, shelf: &Shelf, pod: &Pod) -> Sources {
    let Some(container) = workload::container(pod, request.container.as_deref()) else { return Sources::new() };
    let all = env_sources::of(container, shelf).into_iter();
    all.filter_map(|(variable, given)| {
        let (secret, text) = given.winner()?;
        Some((variable, Source { secret: secret.to_owned(), hash: request.nonce.hash(&text.into()) }))
    })
    .collect()
}

/// The workers into which nobody could look, by the reason.
fn skipped(looked: &[Looked]) -> Vec<(String, String)> {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in looked {
        if let Err(trouble) = &one.has {
            by_reason.entry(&trouble.detail).or_default().push(one.name.clone());
        }
    }
    let words = |(why, names): (&str, Vec<String>)| {
        (format!("environment of {}", some(&names)), format!("{why}; derived from the pod's spec"))
    };
    by_reason.into_iter().map(words).collect()
}

/// One observation for each variable that differs, and one for the rest, of the workers of one owner in one pool.
pub(crate) fn told(request: &Request, looked: &[Looked]) -> Vec<Observed> {
    let mut groups: BTreeMap<(&str, &(&str, String)), Vec<&Looked>> = BTreeMap::new();
    for one in looked {
        groups.entry((&one.pool, &one.owner)).or_default().push(one);
    }
    let mut seen = Vec::new();
    let mut pools: Vec<&str> = Vec::new();
    for ((pool, (kind, owner)), workers) in groups {
        // What tells two owners in one pool apart.
        let apart = pools.contains(&pool).then_some(owner.as_str());
        pools.push(pool);
        let first = workers.first().map_or("", |one| one.name.as_str());
        let object = Object::new(kind, &request.namespace, owner);
        let at = |o| Observed::at(Vantage::C, o).on(pool, "").standing_for(first, apart).about(object.clone());
        seen.extend(of_group(&workers).into_iter().map(at));
    }
    seen
}

fn of_group(workers: &[&Looked]) -> Vec<Observation> {
    let read: Vec<(&Looked, &Hashes)> = workers.iter().filter_map(|one| Some((*one, one.has.as_ref().ok()?))).collect();
    if read.is_empty() {
        return workers.first().map(|one| derived(one)).into_iter().collect();
    }
    let mut old: BTreeMap<&str, (&str, Vec<String>)> = BTreeMap::new();
    for (one, has) in &read {
        for (variable, source) in one.sources.iter().filter(|(variable, source)| is_old(variable, source, has)) {
            old.entry(variable).or_insert((&source.secret, Vec::new())).1.push(one.name.clone());
        }
    }
    if old.is_empty() {
        let names: Vec<String> = read.iter().map(|(one, _)| one.name.clone()).collect();
        return vec![Observation::ok(check::ENV_LIVE, variant::ENV, WORKER).detail(&some(&names))];
    }
    let one = |(variable, (secret, names)): (&str, (&str, Vec<String>))| {
        let has = if names.len() == 1 { "has" } else { "have" };
        let detail = format!("secret {secret} now gives another value than {} {has}", some(&names));
        Observation::failed(check::ENV_LIVE, variant::ENV, variable, code::DIFFERS).detail(&detail)
    };
    old.into_iter().map(one).collect()
}

/// What the spec of a pod says of the environment into which nobody could look.
fn derived(one: &Looked) -> Observation {
    let mut secrets: Vec<String> = one.sources.values().map(|source| source.secret.clone()).collect();
    secrets.sort_unstable();
    secrets.dedup();
    let detail = format!("derived from the pod's spec: it began with what {} gave then", some(&secrets));
    Observation::skipped(check::ENV_LIVE, variant::ENV, WORKER, code::DERIVED).detail(&detail)
}

/// Whether a worker has something else. One that lacks a variable began before it was there, where kubelets of all
/// versions take its name.
fn is_old(variable: &str, source: &Source, has: &Hashes) -> bool {
    let usual = |name: &str| {
        name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    has.get(variable).map_or_else(|| usual(variable), |hash| *hash != source.hash)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::{ConfigMap, Secret};
    use serde_json::{Value as Json, json};

    use super::*;

    fn secret(data: &[(&str, &str)]) -> Secret {
        let data = data.iter().map(|(k, v)| ((*k).to_owned(), ByteString(v.as_bytes().to_vec())));
        Secret { data: Some(data.collect()), ..Secret::default() }
    }

    fn trouble<T>(code: &'static str) -> Result<T, Trouble> {
        Err(Trouble { code, detail: String::new() })
    }

    fn shelf() -> Shelf {
        Shelf::of([
            ("one", Ok(secret(&[("USER", "canary-1"), ("PASSWORD", "canary-2"), ("1-odd", "x")]))),
            ("two", Ok(secret(&[("PASSWORD", "canary-3")]))),
            ("gone", trouble(code::NOT_FOUND)),
            ("closed", trouble(code::FORBIDDEN)),
        ])
        .with_map("map", Ok(ConfigMap { data: Some([("USER".into(), "u".into())].into()), ..ConfigMap::default() }))
        .with_map("gone", trouble(code::NOT_FOUND))
    }

    fn names(container: Json) -> Vec<String> {
        let pod = json!({"metadata": {"name": "w"}, "spec": {"containers": [container]}});
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let found = sources(&Request::new("r", "dev", "ns"), &shelf(), &pod);
        found.into_iter().map(|(variable, source)| format!("{variable} of {}", source.secret)).collect()
    }

    #[test]
    fn a_variable_comes_from_the_last_that_sets_it() {
        let from = |names: &[&str]| names.iter().map(|n| json!({"secretRef": {"name": n}})).collect::<Vec<_>>();
        let all = |from: Vec<Json>, env: Json| names(json!({"name": "worker", "envFrom": from, "env": env}));
        assert_eq!(all(from(&["one", "two", "gone"]), json!([])), ["1-odd of one", "PASSWORD of two", "USER of one"]);
        assert_eq!(all(from(&["one", "closed", "two"]), json!([])), ["PASSWORD of two"], "what nobody read may set it");
        let and = |map: &str| all([from(&["one"]), vec![json!({"configMapRef": {"name": map}})]].concat(), json!([]));
        assert_eq!(and("unread"), [""; 0]);
        assert_eq!(and("map"), ["1-odd of one", "PASSWORD of one"], "the map sets the other one");
        assert_eq!(and("gone"), ["1-odd of one", "PASSWORD of one", "USER of one"]);
        let key = json!({"name": "USER", "valueFrom": {"secretKeyRef": {"name": "two", "key": "PASSWORD"}}});
        let env = json!([{"name": "PASSWORD", "value": "x"}, key]);
        assert_eq!(all(from(&["one"]), env), ["1-odd of one", "USER of two"]);
        let prefixed = json!([{"prefix": "P_", "secretRef": {"name": "two"}}]);
        assert_eq!(names(json!({"name": "worker", "envFrom": prefixed})), ["P_PASSWORD of two"]);
    }

    fn looked(name: &str, pool: &str, has: Result<&[(&str, &str)], &'static str>) -> Looked {
        let nonce = Request::new("r", "dev", "ns").nonce;
        let hash = |text: &str| nonce.hash(&text.into());
        let source = |text| Source { secret: "bundle".into(), hash: hash(text) };
        Looked {
            pool: pool.into(),
            name: name.into(),
            owner: ("Deployment", "dask-workers".into()),
            sources: [("1-odd".into(), source("x")), ("A".into(), source("canary-new"))].into(),
            has: has
                .map(|all| all.iter().map(|(name, text)| ((*name).to_owned(), hash(text))).collect())
                .map_err(|code| Trouble { code, detail: "not allowed".into() }),
        }
    }

    fn said(looked: &[Looked]) -> Vec<(String, &'static str, String, String)> {
        let seen = told(&Request::new("r", "dev", "ns"), looked);
        assert!(!format!("{seen:?}").contains("canary"), "{seen:?}");
        let one = |o: Observed| (o.target.clone(), o.status.word(), o.code().to_owned(), o.reason);
        seen.into_iter().map(one).collect()
    }

    #[test]
    fn old_workers_are_named_by_variable() {
        let same: &[(&str, &str)] = &[("A", "canary-new")];
        let old: &[(&str, &str)] = &[("A", "canary-old"), ("1-odd", "x")];
        let seen = said(&[looked("a", "cpu", Ok(same)), looked("b", "cpu", Ok(old)), looked("c", "cpu", Ok(&[]))]);
        let words = "secret bundle now gives another value than b, c have";
        assert_eq!(seen, [("A".to_owned(), "failed", code::DIFFERS.to_owned(), words.to_owned())]);
        let seen = said(&[looked("a", "cpu", Ok(same)), looked("b", "cpu", Err(code::FORBIDDEN))]);
        assert_eq!(seen, [("worker".to_owned(), "ok", String::new(), "a".to_owned())], "an odd name is not missed");
    }

    #[test]
    fn times_count_where_a_worker_was_not_read() {
        let code = |looked: &[Looked]| {
            let newer =
                Observation::ok(check::ENV_AGE, variant::ENV, "bundle").code(code::SECRET_NEWER).detail("a is older");
            let mut seen = vec![Observed::at(Vantage::W, newer)];
            settle(looked, &mut seen);
            seen[0].code().to_owned()
        };
        let (read, closed) = (looked("a", "cpu", Ok(&[])), looked("b", "cpu", Err(code::FORBIDDEN)));
        assert_eq!(code(&[closed, looked("a", "cpu", Ok(&[]))]), code::SECRET_NEWER);
        assert_eq!(code(&[read]), "");
        assert_eq!(code(&[]), code::SECRET_NEWER);
    }

    #[test]
    fn what_is_only_derived_says_so() {
        let all = [looked("a", "cpu", Err(code::FORBIDDEN)), looked("b", "cpu", Err(code::FORBIDDEN))];
        let words = "derived from the pod's spec: it began with what bundle gave then";
        assert_eq!(said(&all), [("worker".to_owned(), "skipped", code::DERIVED.to_owned(), words.to_owned())]);
        let why = "not allowed; derived from the pod's spec";
        assert_eq!(skipped(&all), [("environment of a, b".to_owned(), why.to_owned())]);
    }
}
