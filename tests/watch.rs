//! Promise: `mops diagnose-auth --watch` prints the first report whole and then only what changes, serves what it counts,
//! sends no login again that was refused, leaves nothing behind and ends with 130 when it is interrupted.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use mops_tests::job::Job;
use mops_tests::program::Running;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::life::pass;

/// How long a run may take here.
const PATIENCE: Duration = Duration::from_secs(90);

fn next(lines: &Receiver<String>) -> Value {
    let line = lines.recv_timeout(PATIENCE).expect("a line");
    serde_json::from_str(&line).expect("one object a line")
}

fn get(address: &str, path: &str) -> String {
    let rest = address.strip_prefix("http://").expect("an address");
    let host = rest.split('/').next().expect("a host");
    let mut stream = TcpStream::connect(host).expect("somebody serves");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// The sum of the series whose names begin so.
fn number(page: &str, series: &str) -> f64 {
    let of = page.lines().filter(|line| line.starts_with(series)).filter_map(|line| line.rsplit_once(' '));
    of.filter_map(|(_, value)| value.parse::<f64>().ok()).sum()
}

/// Waits for so many more runs.
fn runs(address: &str, more: f64) {
    let (begin, first) = (Instant::now(), number(&get(address, "/metrics"), "mops_runs_total"));
    while number(&get(address, "/metrics"), "mops_runs_total") < first + more {
        assert!(begin.elapsed() < PATIENCE, "no further run ended");
        pass(Duration::from_millis(100));
    }
}

fn ids<'a>(found: &'a Value, list: &str) -> Vec<&'a str> {
    found[list].as_array().into_iter().flatten().filter_map(|f| f["cause_id"].as_str()).collect()
}

#[tokio::test]
async fn changes_are_printed_counted_and_ended_by_a_signal() {
    let job = Job::new().await;
    job.with_images().await;
    job.up().await;
    let mut watching = Running::start(&job.place, "mops", &["diagnose-auth", "--watch", "1s", "--json"]);
    let lines = watching.lines();
    let of_type = |kind: &str| std::iter::from_fn(|| Some(next(&lines))).find(|line| line["type"] == kind);
    let about = of_type("watching").expect("endless");
    let address = about["metrics"].as_str().expect("an address").to_owned();
    let first = of_type("report").expect("endless");
    assert_eq!((&first["type"], &first["summary"]["status"]), (&json!("report"), &json!("pass")), "{first:#}");
    runs(&address, 1.0);
    let page = get(&address, "/metrics");
    assert!(number(&page, "mops_expiry_days{kind=\"sas\"") > 1.0, "{page}");
    assert!(get(&address, "/healthz").starts_with("HTTP/1.1 200"));

    job.tell("POST", "/break/registry-password", &json!(null));
    // The run that is at work may have read the old password at Azure just before, and cannot compare then.
    loop {
        let broken = next(&lines);
        assert_eq!(broken["type"], "change");
        if ids(&broken, "came").contains(&"ACR_PASSWORD_ROTATED") {
            break;
        }
    }
    let page = get(&address, "/metrics");
    assert!(number(&page, "mops_findings{cause=\"ACR_PASSWORD_ROTATED\"") >= 1.0, "{page}");
    let secret = job.ask("/objects").as_array().into_iter().flatten().find(|o| o["kind"] == "Secret").cloned();
    assert!(secret.is_some_and(|s| s["data"]["REGISTRY_PASSWORD"].is_string() || s["data"].is_object()));

    // Whoever was refused is not heard of again: what is sent from now on is the password that ARM lists.
    job.ask_to("/heard/forget");
    runs(&address, 3.0);
    let heard: Vec<(String, String)> = serde_json::from_value(job.ask("/heard")).expect("pairs");
    let logins: Vec<_> = heard.iter().filter(|(_, text)| text.starts_with("authorization: Basic ")).collect();
    assert!(logins.len() <= 1, "{} logins were sent to the registry", logins.len());
    let page = get(&address, "/metrics");
    assert!(number(&page, "mops_logins_held") >= 1.0, "{page}");
    assert!(!page.contains("Basic"), "{page}");

    job.said(&["mops", "diagnose-auth", "--fix", "--yes", "--allow-restart"], 0).await;
    loop {
        let mended = next(&lines);
        if ids(&mended, "went").contains(&"ACR_PASSWORD_ROTATED") {
            break;
        }
    }
    let page = get(&address, "/metrics");
    assert_eq!(number(&page, "mops_findings{cause=\"ACR_PASSWORD_ROTATED\""), 0.0, "{page}");
    watching.signal(Signal::INT);
    assert_eq!(watching.wait(), Some(130));
    let probes = job.existing().into_iter().filter(|id| id.contains("mops-probe")).count();
    assert_eq!(probes, 0, "something of a run is left");
    job.down_to_nothing().await;
}

/// The secret of whoever watches ends on the way: the directory is told of it once for each service that a run signs in
/// to, however many runs follow, for refusals are counted there.
#[tokio::test]
async fn a_sign_in_that_was_refused_is_not_sent_again() {
    let job = Job::new().await;
    job.with_images().await;
    job.up().await;
    let mut watching = Running::start(&job.place, "mops", &["diagnose-auth", "--watch", "1s", "--json"]);
    let lines = watching.lines();
    let of_type = |kind: &str| std::iter::from_fn(|| Some(next(&lines))).find(|line| line["type"] == kind);
    let address = of_type("watching").expect("endless")["metrics"].as_str().expect("an address").to_owned();
    of_type("report").expect("endless");
    job.tell("POST", "/break/client-secret", &json!(null));
    // The run that is at work may have signed in just before.
    runs(&address, 2.0);
    job.ask_to("/heard/forget");
    runs(&address, 3.0);
    let heard: Vec<(String, String)> = serde_json::from_value(job.ask("/heard")).expect("pairs");
    let asked: Vec<_> = heard.iter().filter(|(fake, _)| fake == "entra").collect();
    assert!(asked.is_empty(), "{} parts of requests reached the directory", asked.len());
    watching.signal(Signal::INT);
    assert_eq!(watching.wait(), Some(130));
}

/// What cannot be watched, with what is said of it.
const REFUSED: [(&str, &str); 8] = [
    ("--fix", "watching changes nothing"),
    ("--vantage w,c", "containers that come into workers stay there"),
    ("--save seen.json", "use one of the two"),
    ("--offline", "use one of the two"),
    ("--cleanup", "use one of the two"),
    ("--format html=page.html", "changes are told as text"),
    ("--metrics-port x", "for example 0.0.0.0:9464"),
    ("--metrics-port 192.0.2.1:80", "give another one with `--metrics-port PORT`"),
];

#[tokio::test]
async fn what_cannot_be_watched_is_refused() {
    let job = Job::new().await;
    for (words, said) in REFUSED {
        let line = format!("mops diagnose-auth -n ml --watch 60s {words}");
        let (_, err) = job.said(&line.split(' ').collect::<Vec<_>>(), 2).await;
        assert!(err.contains(said), "{line}\n{err}");
    }
    let (out, _) =
        job.said(&["mops", "diagnose-auth", "-n", "ml", "--kubeconfig", "no.yaml", "--watch", "60s"], 2).await;
    assert!(out.contains("K8S_CONTEXT_MISSING"), "{out}");
    let (_, err) = job.said(&["mops", "diagnose-auth", "--metrics-port", "9464"], 2).await;
    assert!(err.contains("--watch"), "{err}");
}
