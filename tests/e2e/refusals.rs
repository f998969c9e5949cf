//! Promise: each way in which a real registry, its name, its certificate or a pull secret refuses a pull comes out of
//! `mops diagnose-auth` as exactly its cause: the whole program, pods of real kubelets on both container runtimes, and
//! docker-registry with Basic and with tokens. The same for
//! what running workers have in their environment, and for packets that only pods lose. Prints one table: scenario, expected, found, seconds.

#![expect(clippy::print_stdout, reason = "the table is printed")]

#[path = "refusals/case.rs"]
mod case;
#[path = "refusals/environment.rs"]
mod environment;
#[path = "refusals/packets.rs"]
mod packets;
#[path = "refusals/places.rs"]
mod places;
#[path = "refusals/secrets.rs"]
mod secrets;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mops_host::Env;
use mops_host::clock::{Clock as _, SystemClock};
use mops_tests::job::Job;
use mops_tests::place::Input;
use serde_json::{Value, json};

use self::case::Case;
use crate::existing::push;
use crate::pods::{apply, job_with_cluster, kubectl, left};

/// How many scenarios are in the cluster at the same time: a kubelet pulls ten images at once and five a second after.
const AT_ONCE: usize = 8;

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
    let mut waiting = [secrets::cases(), places.cases(), environment::cases()].concat();
    let mut came = Vec::new();
    while !waiting.is_empty() {
        let batch: Vec<Case> = waiting.drain(..waiting.len().min(AT_ONCE)).collect();
        came.extend(of_the_batch(&job, batch, None).await);
    }
    for dropped in packets::ALL {
        came.extend(of_the_batch(&job, vec![environment::cut_off(dropped.name)], Some(dropped)).await);
    }
    kubectl(&["delete", "namespace", secrets::ELSEWHERE]).await;
    println!("{}", table(&came));
    let wrong = came.iter().filter(|came| !came.is_right());
    let told: Vec<String> = wrong.map(|came| format!("{}: {:#}", came.case.name, came.report)).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    assert_eq!(left().await, before);
}

/// Brings some scenarios into the cluster, each in a namespace of its own, asks about each, and takes them away.
async fn of_the_batch(job: &Job, batch: Vec<Case>, dropped: Option<&packets::Dropped>) -> Vec<Came> {
    for case in &batch {
        apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": case.name}})).await;
    }
    for case in &batch {
        kubectl(&["wait", "--for=create", "serviceaccount/default", "-n", &case.name, "--timeout=30s"]).await;
        apply(&json!({"apiVersion": "v1", "kind": "List", "items": case.objects()})).await;
    }
    for case in &batch {
        until_every_worker_is_as_it_will_be(case).await;
    }
    if let Some(dropped) = dropped {
        dropped.begin().await;
    }
    let mut came = Vec::new();
    for case in batch {
        came.push(diagnosed(job, case).await);
    }
    if let Some(dropped) = dropped {
        dropped.end().await;
    }
    for came in &came {
        kubectl(&["delete", "namespace", &came.case.name, "--wait=false"]).await;
    }
    for came in &came {
        kubectl(&["wait", "--for=delete", &format!("namespace/{}", came.case.name), "--timeout=60s"]).await;
    }
    came
}

async fn until_every_worker_is_as_it_will_be(case: &Case) {
    let clock = SystemClock::new();
    loop {
        let pods: Value =
            serde_json::from_str(&kubectl(&["get", "pods", "-n", &case.name, "-o", "json"]).await).expect("json");
        let settled = |pod: &&Value| {
            let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"];
            if case.runs {
                pod["status"]["phase"] == "Running"
            } else {
                waiting.is_string() && waiting != "ContainerCreating"
            }
        };
        if pods["items"].as_array().into_iter().flatten().filter(settled).count() == case::NODES.len() {
            return;
        }
        assert!(clock.monotonic() < Duration::from_secs(90), "{}: {pods:#}", case.name);
        clock.sleep(Duration::from_millis(300)).await;
    }
}

async fn diagnosed(job: &Job, case: Case) -> Came {
    let began = Instant::now();
    let kubeconfig = Env::process().get("KUBECONFIG").expect("a cluster").to_owned();
    let words = ["mops", "diagnose-auth", "--json", "-n", &case.name, "--kubeconfig", &kubeconfig];
    let words = [&words[..], case.flags].concat();
    let nobody = [("MODELOPS_HOME".to_owned(), "no-stack-here".to_owned())];
    let output = job.place.run_with(Input::Null, &nobody, &words).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let report: Value = serde_json::from_str(said.trim()).unwrap_or(Value::Null);
    assert!(report.is_object(), "{}: {said}{}", case.name, String::from_utf8_lossy(&output.stderr));
    let found = report["findings"].as_array().into_iter().flatten().filter_map(named).collect();
    Came { case, found, report, seconds: began.elapsed().as_secs_f64() }
}

/// The id of an error; that of a warning after `w:`; nothing of a note.
fn named(finding: &Value) -> Option<String> {
    let id = finding["cause_id"].as_str()?;
    match finding["severity"].as_str()? {
        "error" => Some(id.to_owned()),
        "warning" => Some(format!("w:{id}")),
        _ => None,
    }
}

impl Came {
    fn is_right(&self) -> bool {
        self.found.iter().map(String::as_str).eq(self.case.wanted.iter().copied())
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
