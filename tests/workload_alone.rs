//! Promise: a workload is checked without any stack, by its namespace and a kubeconfig alone, and every flag that names
//! it is heeded; without a cluster the run ends with a cause and not with a crash. Prints `M-D1 M-D2 B-01 B-12 B-13`.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mops_tests::job::{Job, example};
use mops_tests::place::Input;
use serde_json::Value;

const NAMESPACE: &str = "modelops-dask-dev";

/// Checks from a home that knows no stack; the report with this exit code.
async fn diagnosed(job: &Job, flags: &str, code: i32) -> Value {
    let line = format!("mops diagnose-auth --json {flags}");
    let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let home = [("MODELOPS_HOME".to_owned(), "no-stack-here".to_owned())];
    let output = job.place.run_with(Input::Null, &home, &words).await;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.code, Some(code), "{line}\n{out}\n{err}");
    assert!(!err.contains("panicked"), "{err}");
    serde_json::from_str(out.lines().last().expect("a report")).expect("json")
}

fn all<'a>(report: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    report[list].as_array().expect("a list").iter()
}

fn causes(report: &Value) -> Vec<&str> {
    all(report, "findings").filter_map(|f| f["cause_id"].as_str()).collect()
}

/// Pools that were looked at from inside.
fn pools(report: &Value) -> BTreeSet<&str> {
    all(report, "probes").filter(|o| o["vantage"] == "P").filter_map(|o| o["pool"].as_str()).collect()
}

fn skips(report: &Value, what: &str) -> bool {
    all(report, "skipped").any(|s| s["what"] == what)
}

#[tokio::test]
async fn a_namespace_and_a_kubeconfig_are_enough() {
    let text = example("unified-infra/unified-infra.yaml");
    let job = Job::of(&text.replace("min: 0", "min: 1")).await;
    job.with_images().await;
    job.up().await;
    let (kubeconfig, _) = job.said(&["mops", "infra", "kubeconfig"], 0).await;
    job.place.write("cluster.yaml", &kubeconfig);
    let named = format!("--kubeconfig cluster.yaml -n {NAMESPACE}");

    let whole = diagnosed(&job, &named, 0).await;
    assert_eq!((&whole["run"]["env"], &whole["run"]["namespace"]), (&Value::from(""), &Value::from(NAMESPACE)));
    assert_eq!(whole["run"]["registry"], "modelopsdevacr.azurecr.io", "the workers' own");
    let every = pools(&whole);
    assert!(every.len() > 1, "{every:?}");

    let first = *every.iter().next().expect("a pool");
    let one = diagnosed(&job, &format!("{named} --pool {first}"), 0).await;
    assert_eq!(pools(&one), BTreeSet::from([first]));
    let here = diagnosed(&job, &format!("{named} --vantage w"), 0).await;
    assert_eq!((pools(&here).len(), skips(&here, "pods")), (0, true), "no probe pod was asked for");
    let inside = diagnosed(&job, &format!("{named} --vantage p"), 0).await;
    let asked =
        |report: &Value, place| all(report, "probes").any(|o| o["vantage"] == place && o["check"] == "registry.v2");
    assert!(asked(&inside, "P") && !asked(&inside, "W"), "nothing was asked from here");
    assert!(asked(&here, "W") && skips(&inside, "registry and storage from here"));
    let picked = diagnosed(&job, &format!("{named} pod/nobody --deployment nobody"), 1).await;
    assert_eq!(causes(&picked), ["NO_WORKER_PODS", "NO_WORKER_PODS"]);
    let files = diagnosed(&job, &format!("{named} --offline"), 3).await;
    assert!(all(&files, "probes").next().is_none() && skips(&files, "cluster"), "no stack has handed anything over");
    let few = diagnosed(&job, &format!("{named} --max-pods 1"), 0).await;
    assert_eq!(pools(&few).len(), 1);
    assert!(all(&few, "skipped").any(|s| s["what"].as_str().is_some_and(|what| what.starts_with("pool "))));

    let nobody = diagnosed(&job, &format!("{named} -l app=nobody"), 1).await;
    assert_eq!(causes(&nobody), ["NO_WORKER_PODS"], "labels that nobody has");
    let nowhere = diagnosed(&job, "--kubeconfig cluster.yaml -n nowhere", 1).await;
    assert_eq!(causes(&nowhere), ["NAMESPACE_NOT_FOUND"]);
    let image = diagnosed(&job, &format!("{named} --image modelopsdevacr.azurecr.io/worker:absent"), 1).await;
    assert_eq!(causes(&image), ["TAG_NOT_FOUND"], "one more image");
    let (ngc, _) =
        job.said(&["mops", "ngc", "check", "--json", "--kubeconfig", "cluster.yaml", "-n", NAMESPACE], 0).await;
    let ngc: Value = serde_json::from_str(ngc.lines().last().expect("a report")).expect("json");
    assert_eq!(pools(&ngc), every, "the pods of a namespace, whatever their labels");
    println!("M-D2 B-12 runs=11 pools={}", every.len());
    job.down_to_nothing().await;
}

/// Words that no run begins with, and what is said of them.
const REFUSED: [(&str, &str); 9] = [
    ("unified-infra.yaml", "--file unified-infra.yaml"),
    ("statefulset/x", "pod/NAME, deployment/NAME"),
    ("pod/Upper", "lower-case letters"),
    ("-r c.example a.example/x:1", "leave the flag out, or give `--registry a.example`"),
    ("--image https://a.example/x", "it has a scheme"),
    ("--vantage w,x", "w (workstation)"),
    ("--per-pool 0", "a whole number from 1"),
    ("--probe-timeout 0s", "at least 1s"),
    ("--search-namespace A_B", "lower-case letters"),
];

#[tokio::test]
async fn without_a_cluster_there_is_a_cause() {
    let job = Job::new().await;
    let absent = diagnosed(&job, "-n ml --kubeconfig no-file.yaml", 2).await;
    assert_eq!((causes(&absent), &absent["summary"]["status"]), (vec!["K8S_CONTEXT_MISSING"], &Value::from("usage")));
    job.place.write(
        "closed.yaml",
        "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}], \
         clusters: [{name: k, cluster: {server: 'https://127.0.0.1:1'}}], users: [{name: u, user: {token: t}}]}",
    );
    let other = diagnosed(&job, "--context d --kubeconfig closed.yaml", 2).await;
    assert_eq!(causes(&other), ["K8S_CONTEXT_MISSING"]);
    let began = Instant::now();
    let closed = diagnosed(&job, "--context c --kubeconfig closed.yaml", 3).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(9), "promised: a refused connection is told within 3 s; took {took:?}");
    assert_eq!((causes(&closed), &closed["run"]["namespace"]), (vec!["K8S_UNREACHABLE"], &Value::from("default")));

    let (_, err) = job.said(&["mops", "diagnose-auth"], 2).await;
    assert!(err.contains("there is no stack") && err.contains("--namespace"), "{err}");
    let (_, err) = job.said(&["mops", "diagnose-auth", "-n", "ml", "-r", "https://r.azurecr.io/x"], 2).await;
    assert!(err.contains("its host alone: r.azurecr.io"), "{err}");
    for (words, said) in REFUSED {
        let line = format!("mops diagnose-auth -n ml --kubeconfig closed.yaml {words}");
        let (_, err) = job.said(&line.split(' ').collect::<Vec<_>>(), 2).await;
        assert!(err.contains(said), "{line}\n{err}");
    }
    let (_, err) = job.said(&["mops", "diagnose-auth", "--offline", "--from", "seen.json"], 2).await;
    assert!(err.contains("--from"), "{err}");
    println!("M-D1 B-01 B-13 runs={} refused={took:?}", 6 + REFUSED.len());
}
