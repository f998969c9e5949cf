//! Promise: each way in which a real registry, its name, its certificate, its content or a pull secret refuses a pull comes
//! out of `mops diagnose-auth` as exactly its cause: the whole program, pods of real kubelets on both container runtimes,
//! and docker-registry with Basic and with tokens. The same for what running workers have in their environment, for
//! proxies, for clusters that refuse the probe, for full disks, and for packets that only pods lose. Prints one table:
//! scenario, expected, found, seconds.

#![expect(clippy::print_stdout, reason = "the table is printed")]

#[path = "refusals/admission.rs"]
mod admission;
#[path = "refusals/case.rs"]
mod case;
#[path = "refusals/content.rs"]
mod content;
#[path = "refusals/disk.rs"]
mod disk;
#[path = "refusals/environment.rs"]
mod environment;
#[path = "refusals/interrupted.rs"]
mod interrupted;
#[path = "refusals/mends.rs"]
mod mends;
#[path = "refusals/packets.rs"]
mod packets;
#[path = "refusals/places.rs"]
mod places;
#[path = "refusals/proxies.rs"]
mod proxies;
#[path = "refusals/scope.rs"]
mod scope;
#[path = "refusals/secrets.rs"]
mod secrets;
#[path = "refusals/stack.rs"]
mod stack;

use std::collections::BTreeSet;
use std::time::Instant;

use futures::StreamExt as _;
use mops_host::Env;
use mops_tests::job::Job;
use mops_tests::place::Input;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use self::case::Case;
pub(crate) use self::case::NODES;
use crate::existing::push;
use crate::pods::{apply, apply_whoever_was_first, job_with_cluster, kubectl, left};

/// How many scenarios are in the cluster at the same time: a kubelet pulls ten images at once and five a second after.
const AT_ONCE: usize = 12;

/// About how many of them is asked at the same time: most of a run is waiting for pods.
const ASKED_AT_ONCE: usize = 6;

/// What a scenario came to.
struct Came {
    case: Case,
    found: BTreeSet<String>,
    report: Value,
    seconds: f64,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_cause() {
    let Some(job) = job_with_cluster("refusals on real kubelets") else { return };
    let before = left().await;
    for host in secrets::HOSTS {
        push(job.place.path(), host).await;
    }
    apply(&secrets::elsewhere()).await;
    let places = places::Places::open();
    let scopes = scope::Scopes::open();
    let proxies = proxies::Proxies::open().await;
    let packets = packets::Packets::drop().await;
    apply(&admission::policy()).await;
    let environments = [environment::cases(), proxies.cases(), admission::cases(), packets.cases()].concat();
    let all = [secrets::cases(), scopes.cases(), places.cases(), environments].concat();
    let mut came = side_by_side(&job, all).await;
    packets.arrive().await;
    let disks = disk::Disks::fill().await;
    came.extend(side_by_side(&job, vec![disks.case()]).await);
    disks.empty().await;
    kubectl(&["delete", "namespace", secrets::ELSEWHERE]).await;
    admission::without_policy().await;
    println!("{}", table(&came));
    let wrong = came.iter().filter(|came| !came.is_right());
    let told: Vec<String> = wrong.map(|came| format!("{}: {:#}", came.case.name, came.report)).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    assert_eq!(left().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_is_mended_and_the_pods_then_run() {
    let Some(job) = job_with_cluster("a fix on real kubelets") else { return };
    let before = left().await;
    for host in secrets::HOSTS {
        push(job.place.path(), host).await;
    }
    apply(&secrets::elsewhere()).await;
    for (way, host) in [("basic", secrets::HOSTS[0]), ("bearer", secrets::HOSTS[1])] {
        all_mended(&job, &mends::pull_secrets(way, host)).await;
    }
    all_mended(&job, &mends::environments()).await;
    kubectl(&["delete", "namespace", secrets::ELSEWHERE]).await;
    assert_eq!(left().await, before);
}

async fn all_mended(job: &Job, cases: &[Case]) {
    futures::future::join_all(cases.iter().map(|case| mended(job, case))).await;
    take_away(&cases.iter().collect::<Vec<_>>()).await;
}

/// Everything that was changed is for the one cause, and the workers that could not start run.
async fn mended(job: &Job, case: &Case) {
    bring(case).await;
    let report = asked(job, case, &["--fix", "--yes", "--allow-restart"]).await;
    let changes = || report["fixing"]["changes"].as_array().into_iter().flatten();
    let causes: BTreeSet<_> = changes().filter_map(|change| change["cause_id"].as_str()).collect();
    assert_eq!(causes, case.wanted, "{}: {report:#}", case.name);
    assert!(changes().any(|change| change["state"] == "applied"), "{}: {report:#}", case.name);
    until_every_worker_is_as_it_will_be(&Case { runs: true, ..case.clone() }).await;
    if case.replaced {
        let again = asked(job, case, &["--fix", "--yes", "--allow-restart"]).await;
        assert_eq!(
            (ids(&again), again["fixing"]["changes"].as_array().map_or(0, Vec::len)),
            (BTreeSet::new(), 0),
            "{}: {again:#}",
            case.name
        );
    }
}

/// Its image has neither Python nor `cat`: only a container with the probe can look into it.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_worker_is_seen_to_have_old_values() {
    let Some(job) = job_with_cluster("the environment of a real worker") else { return };
    let before = left().await;
    push(job.place.path(), secrets::HOSTS[1]).await;
    let case = environment::whole("env-stale");
    bring(&case).await;
    let inside = ["--vantage", "w,p,c"];
    let fresh = asked(&job, &case, &inside).await;
    assert_eq!(ids(&fresh), BTreeSet::new(), "{fresh:#}");
    let mut renewed = environment::keys("another-one");
    renewed["metadata"]["namespace"] = json!(case.name);
    apply(&renewed).await;
    let stale = asked(&job, &case, &inside).await;
    assert!(ids(&stale).contains("ENV_STALE"), "{stale:#}");
    let all = || stale["findings"].as_array().into_iter().flatten();
    let finding = all().find(|finding| finding["cause_id"] == "ENV_STALE").expect("it is there");
    assert_eq!(finding["confidence"], "certain", "{finding:#}");
    assert!(stale["cleanup"]["stays"].as_array().is_some_and(|stays| !stays.is_empty()), "{}", stale["cleanup"]);
    take_away(&[&case]).await;
    assert_eq!(left().await, before);
}

/// Brings each scenario into the cluster in a namespace of its own, asks about it and takes it away, several side by side:
/// while one waits for its pods or is being deleted, others are asked about.
async fn side_by_side(job: &Job, cases: Vec<Case>) -> Vec<Came> {
    let turns = Semaphore::new(ASKED_AT_ONCE);
    let whole = async |(at, case): (usize, Case)| {
        bring(&case).await;
        let turn = turns.acquire().await;
        let came = diagnosed(job, case).await;
        drop(turn);
        delete(&came.case).await;
        (at, came)
    };
    let all = cases.into_iter().enumerate().map(whole);
    let mut came: Vec<(usize, Came)> = futures::stream::iter(all).buffer_unordered(AT_ONCE).collect().await;
    came.sort_by_key(|(at, _)| *at);
    let came: Vec<Came> = came.into_iter().map(|(_, came)| came).collect();
    until_gone(&came.iter().map(|came| &came.case).collect::<Vec<_>>()).await;
    came
}

/// Brings a scenario into the cluster, and waits until its workers are as they will be.
async fn bring(case: &Case) {
    let of = |kind: &str, name: &str, space: Option<&str>| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": space}});
    // No pod is made before the account is there, which the cluster makes too, by and by.
    let first = [of("Namespace", &case.name, None), of("ServiceAccount", "default", Some(&case.name))];
    apply_whoever_was_first(&list(first.into())).await;
    apply(&list(case.objects())).await;
    until_every_worker_is_as_it_will_be(case).await;
    for object in &case.after {
        apply(object).await;
    }
}

fn list(items: Vec<Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

async fn take_away(cases: &[&Case]) {
    futures::future::join_all(cases.iter().map(|case| delete(case))).await;
    until_gone(cases).await;
}

async fn delete(case: &Case) {
    kubectl(&["delete", "namespace", &case.name, "--wait=false"]).await;
}

async fn until_gone(cases: &[&Case]) {
    let names: Vec<String> = cases.iter().map(|case| format!("namespace/{}", case.name)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    kubectl(&[&["wait", "--for=delete", "--timeout=100s"], &names[..]].concat()).await;
}

/// It runs, or a container says what it waits for; one that is being made says nothing.
async fn until_every_worker_is_as_it_will_be(case: &Case) {
    if case.replaced {
        let all = ["wait", "deployments", "--all", "-n", &case.name, "--for=condition=Available", "--timeout=150s"];
        kubectl(&all).await;
    }
    let waits = "--for=jsonpath={.status.containerStatuses[0].state.waiting.message}";
    let settled = if case.runs { "--for=jsonpath={.status.phase}=Running" } else { waits };
    kubectl(&["wait", "pods", "--all", "-n", &case.name, settled, "--timeout=150s"]).await;
}

async fn diagnosed(job: &Job, case: Case) -> Came {
    let began = Instant::now();
    let report = asked(job, &case, &[]).await;
    let seconds = began.elapsed().as_secs_f64();
    Came { case, found: ids(&report), report, seconds }
}

/// What `mops diagnose-auth` says with these words more.
async fn asked(job: &Job, case: &Case, more: &[&str]) -> Value {
    let kubeconfig = Env::process().get("KUBECONFIG").expect("a cluster").to_owned();
    let words = ["mops", "diagnose-auth", "--json", "-n", &case.name, "--kubeconfig", &kubeconfig];
    let words = [&words[..], &["--probe-timeout", case.patience], case.flags, more].concat();
    let set = [("MODELOPS_HOME", "no-stack-here"), ("DOCKER_AUTH_CONFIG", &case.here)];
    let nobody = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let output = job.place.run_with(Input::Null, &nobody, &words).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let report: Value = serde_json::from_str(said.lines().last().unwrap_or_default()).unwrap_or(Value::Null);
    assert!(report.is_object(), "{}: {said}{}", case.name, String::from_utf8_lossy(&output.stderr));
    report
}

fn ids(report: &Value) -> BTreeSet<String> {
    report["findings"].as_array().into_iter().flatten().filter_map(named).collect()
}

/// The id of an error; that of a warning after `w:`; of a note about the probe itself after `n:`, and nothing of another.
fn named(finding: &Value) -> Option<String> {
    let id = finding["cause_id"].as_str()?;
    match finding["severity"].as_str()? {
        "error" => Some(id.to_owned()),
        "warning" => Some(format!("w:{id}")),
        _ if id.starts_with("PROBE_") => Some(format!("n:{id}")),
        _ => None,
    }
}

impl Came {
    fn is_right(&self) -> bool {
        let findings = self.report["findings"].as_array().into_iter().flatten();
        let mut said = findings.filter_map(|f| f["message"].as_str());
        let worded = self.case.words.is_empty() || said.any(|message| message.contains(self.case.words));
        worded && self.found.iter().map(String::as_str).eq(self.case.wanted.iter().copied())
    }
}

fn table(came: &[Came]) -> String {
    let row = |came: &Came| {
        let found = came.found.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let wanted = came.case.wanted.iter().copied().collect::<Vec<_>>().join(" ");
        let mark = if came.is_right() { "ok" } else { "WRONG" };
        format!("{:<24} {wanted:<44} {found:<44} {:>5.1} {mark}", came.case.name, came.seconds)
    };
    let head = format!("{:<24} {:<44} {:<44} {:>5}", "SCENARIO", "EXPECTED", "FOUND", "S");
    let right = came.iter().filter(|came| came.is_right()).count();
    let rows: Vec<String> = came.iter().map(row).collect();
    format!("{head}\n{}\nrefusals={} right={right}", rows.join("\n"), came.len())
}
