//! Reads of the workload's own objects: secrets by name, how the worker refers to them, and what
//! the kubelet says. A secret's value is looked at here and only a verdict leaves (`tests`).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Event, Pod, Secret};
use mops_probe::Observation;
use mops_probe::dockerconfig::{self, Defect, Login};
use mops_probe::keys::{NGC_HOST, NGC_USER};
use mops_probe::observation::variant;
use mops_probe::settings::{Container, Given, names};

use crate::age;
use crate::cluster::Trouble;
use crate::env_owners;
use crate::key_compare;
use crate::kubelet::{self, reason};
use crate::lifetime;
use crate::observed::{Object, Observed, Status, Vantage, check, code};
use crate::principal;
use crate::pull_reads;
use crate::request::{ArmView, Request, Services};
use crate::shelf::{Names, Shelf, value};
use crate::workload::{self, Nodes};

/// A secret that the worker refers to, and the keys that it wants by name.
#[derive(Debug, Default)]
struct Reference {
    keys: Vec<String>,
    required: bool,
}

/// The secrets and config maps that the workers refer to, and the secrets of the stack.
pub(crate) fn named(request: &Request, workers: &[Pod]) -> Names {
    let linked = workers.iter().flat_map(workload::pull_secrets);
    let stacks = request.env_secret.iter().chain(&request.pull_secret).cloned();
    let secrets = references(request, workers).into_keys().chain(linked).chain(stacks).collect();
    Names { secrets, maps: maps(request, workers) }
}

/// The config maps that give the workers variables.
fn maps(request: &Request, workers: &[Pod]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for container in workers.iter().filter_map(|w| workload::container(w, request.container.as_deref())) {
        let whole = container.env_from.iter().flatten().filter_map(|from| Some(&from.config_map_ref.as_ref()?.name));
        let keys = container.env.iter().flatten().filter_map(|v| v.value_from.as_ref()?.config_map_key_ref.as_ref());
        found.extend(whole.chain(keys.map(|key| &key.name)).filter(|name| !name.is_empty()).cloned());
    }
    found
}

/// All static observations about secrets and their links.
pub(crate) async fn secrets(shelf: &Shelf, request: &Request, services: &Services, workers: &[Pod]) -> Vec<Observed> {
    let references = references(request, workers);
    let mut seen = Vec::new();
    for (name, reference) in &references {
        let users: Vec<&Pod> = workers.iter().filter(|w| refers(w, request, name)).collect();
        seen.extend(shelf.found(name).and_then(|s| age::of(s, &users, &request.namespace)));
        seen.extend(ends(request, services, variant::ENV, name, shelf.found(name)).await);
        seen.extend(env_secret(request, name, reference, shelf.get(name)));
    }
    let complete = !references.is_empty()
        && seen.iter().all(|o| {
            o.status == Status::Pass || [check::PASSWORD, check::DIRECTORY, check::LIFETIME].contains(&o.check.as_str())
        });
    if let Some(name) = request.env_secret.as_ref().filter(|name| !references.contains_key(*name)) {
        let linked = Observation::failed(check::ENV_FROM, "", name, code::NOT_LINKED);
        seen.push(secret_seen(request, name, linked));
        seen.extend(env_secret(request, name, &Reference { required: true, keys: Vec::new() }, shelf.get(name)));
    } else if complete {
        seen.push(Observed::at(Vantage::W, Observation::ok(check::ENV_SOURCES, "", "worker")));
    }
    seen.extend(owners(shelf, request, workers));
    let mut named: Vec<String> = workers.iter().flat_map(workload::pull_secrets).collect();
    named.sort();
    named.dedup();
    let mut linked = Vec::new();
    for name in &named {
        seen.extend(ends(request, services, variant::PULL_SECRET, name, shelf.found(name)).await);
        linked.extend(pull_secret(request, name, shelf.get(name)));
    }
    seen.extend(for_others(linked));
    if let Some(name) = request.pull_secret.as_ref().filter(|name| !named.contains(name)) {
        seen.push(secret_seen(request, name, Observation::failed(check::LINK, "", name, code::NOT_LINKED)));
        seen.extend(pull_secret(request, name, shelf.get(name)));
    }
    let found = |name| Some((String::as_str(name), shelf.found(name)?));
    let (env, pull): (Vec<_>, Vec<_>) =
        (references.keys().filter_map(found).collect(), named.iter().filter_map(found).collect());
    seen.extend(key_compare::secrets(request, &env, &pull));
    seen
}

/// Whether the worker may have a login for the registry, by its secrets and variables. What cannot be read may hold one;
/// a pull secret that is named and holds none is a fault of its own.
pub(crate) fn may_have_login(shelf: &Shelf, request: &Request, workers: &[Pod]) -> bool {
    let Some(registry) = request.registry.as_deref() else { return true };
    let plain = workers.iter().filter_map(|w| workload::container(w, request.container.as_deref()));
    let by_value = plain.flat_map(|c| c.env.iter().flatten()).any(|v| v.name == names::PASSWORD && v.value.is_some());
    let held = |name: &String| match shelf.get(name) {
        Some(Ok(secret)) => {
            let text = value(secret, dockerconfig::KEY).unwrap_or_default();
            env_login(secret).is_some()
                || !matches!(dockerconfig::logins(&text, registry), Err(Defect::NoEntry | Defect::Malformed))
        }
        Some(Err(trouble)) => ![code::NOT_FOUND, code::OTHER_NAMESPACE].contains(&trouble.code),
        None => true,
    };
    let by_identity = request.identity.is_some() || workers.iter().any(workload::asks_for_identity);
    let by_name = workers.iter().any(|worker| !workload::pull_secrets(worker).is_empty());
    by_value || by_identity || by_name || named(request, workers).secrets.iter().any(held)
}

/// The containers of the stack with the SAS that its secret holds for them; none when that secret is not read.
pub(crate) fn containers(shelf: &Shelf, request: &Request) -> Vec<Container> {
    let Some(secret) = request.env_secret.as_ref().and_then(|name| shelf.found(name)) else {
        return Vec::new();
    };
    let connection = |variable: &str| value(secret, variable).map_or(Given::Missing, |text| Given::Value(text.into()));
    let one = |item: &String| Container::named(item, connection);
    request.containers.iter().map(one).collect()
}

/// What a secret's login says of its own end, and what the directory says to it when it is a service principal's.
async fn ends(
    request: &Request,
    services: &Services,
    credential: &str,
    name: &str,
    secret: Option<&Secret>,
) -> Vec<Observed> {
    let Some((secret, login)) = secret.and_then(|s| Some((s, login(request, credential, s)?))) else {
        return Vec::new();
    };
    let mut seen = Vec::from_iter(lifetime::look(credential, name, secret, &login, services.clock.now()));
    if let Some(directory) = &request.directory {
        seen.push(principal::look(&services.http, directory, (credential, name), &login).await);
    }
    seen.into_iter().map(|o| secret_seen(request, name, o)).collect()
}

fn login(request: &Request, credential: &str, secret: &Secret) -> Option<Login> {
    match credential {
        variant::ENV => env_login(secret),
        _ => {
            let text = value(secret, dockerconfig::KEY)?;
            dockerconfig::logins(&text, request.registry.as_deref()?).ok()?.into_iter().next()
        }
    }
}

fn env_login(secret: &Secret) -> Option<Login> {
    let (username, password) = (value(secret, names::USERNAME)?, value(secret, names::PASSWORD)?);
    Some(Login { username, password: password.into() })
}

fn refers(worker: &Pod, request: &Request, name: &str) -> bool {
    references(request, std::slice::from_ref(worker)).contains_key(name)
}

fn references(request: &Request, workers: &[Pod]) -> BTreeMap<String, Reference> {
    let mut found: BTreeMap<String, Reference> = BTreeMap::new();
    for container in workers.iter().filter_map(|w| workload::container(w, request.container.as_deref())) {
        for source in container.env_from.iter().flatten().filter_map(|s| s.secret_ref.as_ref()) {
            let entry = found.entry(source.name.clone()).or_default();
            entry.required |= !source.optional.unwrap_or_default();
        }
        for key in container.env.iter().flatten().filter_map(|v| v.value_from.as_ref()?.secret_key_ref.as_ref()) {
            let entry = found.entry(key.name.clone()).or_default();
            entry.required |= !key.optional.unwrap_or_default();
            if !key.optional.unwrap_or_default() && !entry.keys.contains(&key.key) {
                entry.keys.push(key.key.clone());
            }
        }
    }
    found.remove("");
    found
}

fn secret_seen(request: &Request, name: &str, observation: Observation) -> Observed {
    Observed::at(Vantage::W, observation).about(Object::new("Secret", &request.namespace, name))
}

fn unread(check: &str, name: &str, trouble: &Trouble) -> Observation {
    match trouble.code {
        code::NOT_FOUND => Observation::failed(check, "", name, code::NOT_FOUND),
        code::OTHER_NAMESPACE => Observation::failed(check, "", name, code::OTHER_NAMESPACE).detail(&trouble.detail),
        other => Observation::skipped(check, "", name, other).detail(&trouble.detail),
    }
}

fn env_secret(
    request: &Request,
    name: &str,
    reference: &Reference,
    found: Option<&Result<Secret, Trouble>>,
) -> Vec<Observed> {
    let secret = match found {
        None => return Vec::new(),
        Some(Ok(secret)) => secret,
        Some(Err(t)) if t.code == code::NOT_FOUND && !reference.required => {
            let absent = Observation::skipped(check::ENV_SECRET, "", name, code::NOT_FOUND);
            return vec![secret_seen(request, name, absent.detail("absent, and the worker calls it optional"))];
        }
        Some(Err(t)) => {
            return vec![secret_seen(request, name, unread(check::ENV_SECRET, name, t))];
        }
    };
    let missing: Vec<&str> = reference.keys.iter().filter(|k| value(secret, k).is_none()).map(String::as_str).collect();
    let seen = if missing.is_empty() {
        Observation::ok(check::ENV_SECRET, "", name)
    } else {
        Observation::failed(check::ENV_SECRET, "", name, code::KEY_MISSING).detail(&missing.join(", "))
    };
    let compared = env_login(secret).and_then(|l| compare(request, variant::ENV, name, &[l]));
    std::iter::once(seen).chain(compared).map(|o| secret_seen(request, name, o)).collect()
}

fn pull_secret(request: &Request, name: &str, found: Option<&Result<Secret, Trouble>>) -> Vec<Observed> {
    let secret = match found {
        None => return Vec::new(),
        Some(Ok(secret)) => secret,
        Some(Err(t)) => {
            return vec![secret_seen(request, name, unread(check::PULL_SECRET, name, t))];
        }
    };
    let kind = secret.type_.clone().unwrap_or_default();
    let fail = |code, detail: &str| Observation::failed(check::PULL_SECRET, "", name, code).detail(detail);
    let one = |o| vec![secret_seen(request, name, o)];
    match kind.as_str() {
        dockerconfig::TYPE => {}
        dockerconfig::LEGACY_TYPE => {
            let skipped = Observation::skipped(check::PULL_SECRET, "", name, "LEGACY_TYPE");
            return one(skipped.detail("of the older type dockercfg, which is not examined"));
        }
        _ => return one(fail(code::WRONG_TYPE, &kind)),
    }
    let text = value(secret, dockerconfig::KEY).unwrap_or_default();
    let Some(registry) = &request.registry else {
        let skipped = Observation::skipped(check::PULL_SECRET, "", name, "NOT_GIVEN");
        return one(skipped.detail("the registry's host is not known to the stack"));
    };
    match dockerconfig::logins(&text, registry) {
        Ok(logins) if registry == NGC_HOST && logins.first().is_some_and(|login| login.username != NGC_USER) => {
            one(fail(code::OTHER_USER, ""))
        }
        Ok(logins) => {
            let compared = compare(request, variant::PULL_SECRET, name, &logins);
            let seen = std::iter::once(Observation::ok(check::PULL_SECRET, "", name)).chain(compared);
            seen.map(|o| secret_seen(request, name, o)).collect()
        }
        Err(Defect::NoEntry) if request.other_registries.iter().any(|h| dockerconfig::logins(&text, h).is_ok()) => {
            one(Observation::ok(check::PULL_SECRET, "", name))
        }
        Err(Defect::NoEntry) => {
            let hosts = dockerconfig::hosts(&text).join(", ");
            one(fail(code::NO_ENTRY, &format!("{registry} is not among: {hosts}")))
        }
        Err(Defect::NoCredential) => one(fail(code::NO_CREDENTIAL, "")),
        Err(defect) => one(fail(code::MALFORMED, &defect.to_string())),
    }
}

/// Where one linked secret has an entry for the registry, the others may be for other hosts.
fn for_others(mut seen: Vec<Observed>) -> Vec<Observed> {
    if seen.iter().any(|o| o.check == check::PULL_SECRET && o.status == Status::Pass) {
        for other in seen.iter_mut().filter(|o| o.check == check::PULL_SECRET && o.code() == code::NO_ENTRY) {
            other.status = Status::Skip;
        }
    }
    seen
}

/// The secret's password against the ones that ARM lists, by hashes of this run.
fn compare(request: &Request, credential: &str, name: &str, logins: &[Login]) -> Option<Observation> {
    let login = logins.first()?;
    let registry_user = request.registry.as_deref().and_then(|r| r.split('.').next()).unwrap_or_default();
    match &request.arm {
        ArmView::Credentials { username, passwords } => Some(if !login.username.eq_ignore_ascii_case(username) {
            Observation::failed(check::PASSWORD, credential, name, code::OTHER_USER)
        } else if passwords.iter().any(|listed| request.nonce.hash(listed) == request.nonce.hash(&login.password)) {
            Observation::ok(check::PASSWORD, credential, name)
        } else {
            Observation::failed(check::PASSWORD, credential, name, code::DIFFERS)
                .detail("it is none of the passwords that ARM lists")
        }),
        ArmView::AdminDisabled if login.username.eq_ignore_ascii_case(registry_user) => {
            Some(Observation::skipped(check::PASSWORD, credential, name, code::ADMIN_USER))
        }
        _ => None,
    }
}

/// What several sources give the workers' containers, each once.
fn owners(shelf: &Shelf, request: &Request, workers: &[Pod]) -> Vec<Observed> {
    let containers = workers.iter().filter_map(|w| workload::container(w, request.container.as_deref()));
    let mut all: Vec<Observed> = Vec::new();
    for seen in containers.flat_map(|container| env_owners::look(container, shelf)) {
        let seen = Observed::at(Vantage::W, seen);
        if !all.contains(&seen) {
            all.push(seen);
        }
    }
    all
}

/// Whether a worker runs, and what the kubelet says about those that do not. What it misses in a secret that has it by
/// now it finds by itself at its next try, so that it is no cause any more.
pub(crate) fn workers(workers: &[Pod], events: &[Event], nodes: &Nodes, shelf: &Shelf) -> Vec<Observed> {
    let mut seen: Vec<Observed> = Vec::new();
    for pod in workers {
        let node = workload::node_of(pod).unwrap_or_default();
        let pool = if node.is_empty() { String::new() } else { nodes.pool(node) };
        for o in said_by_kubelet(pod, events, &pool) {
            if !is_there_by_now(&o, shelf) && !seen.iter().any(|s| s.id == o.id && s.error_code == o.error_code) {
                seen.push(o);
            }
        }
    }
    let running = workers.iter().filter(|p| phase(p) == "Running").count();
    let words = format!("{running} of {} running", workers.len());
    let o = if running > 0 {
        Observation::ok(check::RUNNING, "", "workers")
    } else {
        Observation::failed(check::RUNNING, "", "workers", code::NONE)
    };
    seen.push(Observed::at(Vantage::W, o.detail(&words)));
    seen
}

fn is_there_by_now(o: &Observed, shelf: &Shelf) -> bool {
    let Some(secret) = shelf.found(&o.target) else { return false };
    match o.code() {
        reason::ENV_SECRET_ABSENT => true,
        reason::ENV_KEY_ABSENT => kubelet::missing_key(&o.reason).is_some_and(|key| value(secret, key).is_some()),
        _ => false,
    }
}

/// What the kubelet says about a pod that waits.
pub(crate) fn said_by_kubelet(pod: &Pod, events: &[Event], pool: &str) -> Vec<Observed> {
    let node = workload::node_of(pod).unwrap_or_default();
    let one = |(image, code, words): (String, &'static str, String)| {
        let o = match code {
            reason::SECRET_ABSENT => Observation::skipped(check::KUBELET, "", &image, code),
            _ => Observation::failed(check::KUBELET, "", &image, code),
        };
        let mine = events.iter().filter(|e| e.involved_object.uid == pod.metadata.uid);
        let more = [pull_reads::host(&image, &words), pull_reads::time(&image, mine)].into_iter().flatten();
        std::iter::once(o.detail(&words)).chain(more).collect::<Vec<_>>()
    };
    let all = sayings(pod, events).into_iter().flat_map(one);
    all.map(|o| Observed::at(Vantage::K, o).on(pool, node)).collect()
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default()
}

/// Image (or secret), meaning and words of everything that is said about a pod that waits. Events of a pod
/// whose containers run are history.
fn sayings(pod: &Pod, events: &[Event]) -> Vec<(String, &'static str, String)> {
    let Some((image, _)) = workload::waiting(pod).next() else {
        return Vec::new();
    };
    let image = image.to_owned();
    let own = workload::waiting(pod).map(|(image, w)| {
        (image.to_owned(), w.reason.as_deref().unwrap_or_default(), w.message.as_deref().unwrap_or_default())
    });
    let about = events.iter().filter(|e| e.involved_object.uid.is_some() && e.involved_object.uid == pod.metadata.uid);
    let told = about.filter(|e| e.type_.as_deref() == Some("Warning"));
    let told = told
        .map(|e| (image.clone(), e.reason.as_deref().unwrap_or_default(), e.message.as_deref().unwrap_or_default()));
    let mut known: Vec<(String, &'static str, String)> = Vec::new();
    let mut held_back: Option<(String, &'static str, String)> = None;
    for (image, reason, message) in own.chain(told) {
        if kubelet::holds_back(message) {
            held_back.get_or_insert_with(|| (image.clone(), reason::QPS, format!("{reason} {message}")));
        }
        if let Some(meaning) = kubelet::meaning(reason, message)
            && !known.iter().any(|(_, m, _)| *m == meaning)
        {
            let about = match meaning {
                reason::ENV_SECRET_ABSENT | reason::ENV_KEY_ABSENT => kubelet::secret_name(message),
                _ => None,
            };
            let target = about.map_or(image, str::to_owned);
            known.push((target, meaning, format!("{reason} {message}")));
        }
    }
    // What nobody understands is worth showing only when nothing else is there.
    if known.iter().any(|(_, m, _)| *m != reason::OTHER) {
        known.retain(|(_, m, _)| *m != reason::OTHER);
    }
    // Nor does a kubelet's limit say anything beside the reason why the image does not come.
    if known.is_empty() {
        known.extend(held_back);
    }
    known
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use mops_core::Secret as Masked;
    use serde_json::json;

    use super::*;

    const CONFIG: &str = r#"{"auths":{"reg.azurecr.io":{"username":"reg","password":"canary-old"}}}"#;

    fn request(arm: ArmView) -> Request {
        let mut request = Request::new("r", "dev", "ns");
        request.registry = Some("reg.azurecr.io".into());
        request.arm = arm;
        request
    }

    fn current(password: &str) -> ArmView {
        ArmView::Credentials { username: "reg".into(), passwords: vec![Masked::from("other"), Masked::from(password)] }
    }

    fn secret(kind: &str, data: &[(&str, &str)]) -> Secret {
        Secret {
            type_: Some(kind.to_owned()),
            data: Some(data.iter().map(|(k, v)| ((*k).to_owned(), ByteString(v.as_bytes().to_vec()))).collect()),
            ..Secret::default()
        }
    }

    fn codes(seen: &[Observed]) -> Vec<(&str, &str, &str)> {
        seen.iter().map(|o| (o.check.as_str(), o.status.word(), o.code())).collect()
    }

    #[test]
    fn a_pull_secret_is_judged_by_type_host_and_login() {
        let r = request(ArmView::NotAsked);
        let judge = |s: Secret| pull_secret(&r, "pull", Some(&Ok(s))).remove(0);
        let kind = dockerconfig::TYPE;
        let rows = [
            (secret(kind, &[(dockerconfig::KEY, CONFIG)]), ""),
            (secret("Opaque", &[(dockerconfig::KEY, CONFIG)]), code::WRONG_TYPE),
            (secret(kind, &[(dockerconfig::KEY, "{")]), code::MALFORMED),
            (secret(kind, &[(dockerconfig::KEY, &CONFIG.replace("reg.azurecr", "other.azurecr"))]), code::NO_ENTRY),
            (secret(kind, &[(dockerconfig::KEY, r#"{"auths":{"reg.azurecr.io":{}}}"#)]), code::NO_CREDENTIAL),
        ];
        for (secret, want) in rows {
            assert_eq!(judge(secret).code(), want);
        }
    }

    #[test]
    fn passwords_are_compared_and_stay_here() {
        let s = || secret("Opaque", &[(names::USERNAME, "reg"), (names::PASSWORD, "canary-old")]);
        let judge = |arm| env_secret(&request(arm), "bundle", &Reference::default(), Some(&Ok(s())));
        let rotated = judge(current("canary-new"));
        assert_eq!(codes(&rotated)[1], (check::PASSWORD, "failed", code::DIFFERS));
        assert_eq!(codes(&judge(current("canary-old")))[1], (check::PASSWORD, "ok", ""));
        assert_eq!(codes(&judge(ArmView::AdminDisabled))[1].2, code::ADMIN_USER);
        let other = ArmView::Credentials { username: "someone".into(), passwords: vec![] };
        assert_eq!(codes(&judge(other))[1].2, code::OTHER_USER);
        assert!(!format!("{rotated:?}").contains("canary"));
    }

    #[test]
    fn an_absent_secret_counts_only_when_it_is_required() {
        let gone: Result<Secret, _> = Err(Trouble { code: code::NOT_FOUND, detail: String::new() });
        let r = request(ArmView::NotAsked);
        let optional = env_secret(&r, "s", &Reference::default(), Some(&gone));
        assert_eq!(codes(&optional), [(check::ENV_SECRET, "skipped", code::NOT_FOUND)]);
        let required = env_secret(&r, "s", &Reference { required: true, keys: vec![] }, Some(&gone));
        assert_eq!(codes(&required), [(check::ENV_SECRET, "failed", code::NOT_FOUND)]);
    }

    fn waiting(message: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "w", "uid": "u"},
            "spec": {"nodeName": "n", "containers": []},
            "status": {"phase": "Pending", "containerStatuses": [{"name": "worker", "image": "reg/x:1", "imageID": "",
                "ready": false, "restartCount": 0,
                "state": {"waiting": {"reason": "ImagePullBackOff", "message": message}}}]}
        }))
        .unwrap()
    }

    fn warning(uid: &str, message: &str) -> Event {
        serde_json::from_value(json!({
            "metadata": {"name": "e"}, "involvedObject": {"uid": uid}, "type": "Warning", "reason": "Failed",
            "message": message
        }))
        .unwrap()
    }

    const ECHO: &str = "Back-off pulling image \"reg/x:1\"";
    const REFUSED: &str = "failed to fetch oauth token: unexpected status: 401 Unauthorized";

    fn told(pod: Pod, events: &[Event]) -> Vec<String> {
        let seen = workers(&[pod], events, &Nodes::default(), &Shelf::default());
        seen.iter().filter(|o| o.check == check::KUBELET).map(|o| o.code().to_owned()).collect()
    }

    #[test]
    fn the_kubelets_own_words_win_over_echoes() {
        let events = [warning("u", REFUSED), warning("other", "no such host")];
        assert_eq!(told(waiting(ECHO), &events), [reason::CREDENTIAL_REFUSED]);
        let seen = workers(&[waiting(ECHO)], &events, &Nodes::default(), &Shelf::default());
        assert!(codes(&seen).contains(&(check::RUNNING, "failed", code::NONE)));
    }

    #[test]
    fn what_a_secret_has_by_now_is_missed_no_more() {
        let told = |words: &str, keys: &[(&str, &str)]| {
            let shelf = Shelf::of([("bundle", Ok(secret("Opaque", keys)))]);
            let seen = workers(&[waiting(words)], &[], &Nodes::default(), &shelf);
            seen.iter().find(|o| o.check == check::KUBELET).map(|o| o.code().to_owned()).unwrap_or_default()
        };
        let key = "couldn't find key REGISTRY_PASSWORD in Secret ns/bundle";
        assert_eq!(told(key, &[("REGISTRY_PASWORD", "canary")]), reason::ENV_KEY_ABSENT);
        assert_eq!(told(key, &[("REGISTRY_PASSWORD", "canary")]), "");
        assert_eq!(told("secret \"bundle\" not found", &[]), "");
        assert_eq!(told("secret \"another\" not found", &[]), reason::ENV_SECRET_ABSENT);
    }

    #[test]
    fn a_limit_on_pulls_is_told_when_nothing_else_is_said() {
        let limit = "pull QPS exceeded";
        assert_eq!(told(waiting(limit), &[]), [reason::QPS]);
        assert_eq!(told(waiting(ECHO), &[warning("u", limit)]), [reason::QPS]);
        assert_eq!(told(waiting(limit), &[warning("u", REFUSED)]), [reason::CREDENTIAL_REFUSED]);
        assert_eq!(told(waiting(ECHO), &[warning("other", limit)]), [""; 0]);
    }
}
