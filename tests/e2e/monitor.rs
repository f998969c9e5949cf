//! Promise: `monitor:` brings one pod, of the image that `Containerfile` makes of `make monitor`, which looks again and
//! again from inside a real cluster with its own rights alone. A pod of the cluster gets its metrics by its Service: a
//! password that is renewed behind its back is a cause there until it is mended, and is not sent again. `down` takes all.

#![expect(clippy::print_stdout, reason = "the metrics are shown")]

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_host::clock::{Clock as _, SystemClock};
use mops_host::fsx;
use mops_tests::job::{FILE, Job, example};
use mops_tests::place::bin_dir;
use mops_tests::private::run::run_words;
use mops_tests::private::trust::BUNDLE;
use mops_tests::push::Login;
use mops_tests::skip::skipped;
use serde_json::{Value, json};

use crate::pods::{NAMESPACE, job_with_cluster, kubectl, left, logins, push_workload, take_away_the_plugin};

/// How long the monitor may take to see something.
const PATIENCE: Duration = Duration::from_secs(60);
/// `mops` as one static file.
const PROGRAM: &str = "mops-static";
/// What its image is called in a registry.
const IMAGE: &str = "mops:own";

/// Builds the image as README says, and pushes it beside those of the workers.
async fn push_monitor(folder: &Path, login: &Login) {
    fsx::create_dir_all(folder).expect("a folder");
    let put = |name: &str, bytes: &[u8]| fsx::replace(&folder.join(name), bytes).expect("a file");
    put(PROGRAM, &fsx::read(&bin_dir().join(PROGRAM)).expect("make monitor"));
    put("ca-certificates.crt", &fsx::read(Path::new(BUNDLE)).expect("roots"));
    let auth = STANDARD.encode(format!("{}:{}", login.username, login.password.expose()));
    put("auth.json", json!({"auths": {&login.host: {"auth": auth}}}).to_string().as_bytes());
    let path = |name: &str| folder.join(name).display().to_string();
    let image = format!("{}/{IMAGE}", login.host);
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Containerfile").display().to_string();
    let own =
        [path("root"), path("runroot"), path("auth.json"), format!("PROGRAM={PROGRAM}"), folder.display().to_string()];
    let [root, runroot, auth, program, context] = own.each_ref().map(String::as_str);
    let podman = ["podman", "--root", root, "--runroot", runroot, "--storage-driver=vfs", "--events-backend=none"];
    for words in [
        &["build", "--layers=false", "--build-arg", program, "-t", &image, "-f", &recipe, context][..],
        &["push", "--authfile", auth, &image],
    ] {
        run_words(&[&podman, words].concat()).await.unwrap_or_else(|e| panic!("{e}"));
    }
}

/// The metrics as a worker gets them by the Service; nothing while nobody serves them.
async fn scraped() -> String {
    let got = "/bin/busybox wget -q -O - http://mops-monitor:9464/metrics 2>&1 || true";
    kubectl(&["exec", "-n", NAMESPACE, "deployment/dask-scheduler", "--", "/bin/busybox", "sh", "-c", got]).await
}

/// The sum of the series with these words in their names.
fn number(page: &str, series: &[&str]) -> f64 {
    let named = page.lines().filter(|line| !line.starts_with('#') && series.iter().all(|word| line.contains(word)));
    named.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

fn runs(page: &str) -> f64 {
    number(page, &["mops_runs_total{"])
}

fn errors(page: &str) -> f64 {
    number(page, &["mops_findings{", "severity=\"error\""])
}

/// The first page that is so.
async fn until(what: &str, such: impl Fn(&str) -> bool) -> String {
    let clock = SystemClock::new();
    loop {
        let page = scraped().await;
        if such(&page) {
            return page;
        }
        if clock.monotonic() > PATIENCE {
            let log = kubectl(&["logs", "-n", NAMESPACE, "deployment/mops-monitor", "--tail=80"]).await;
            panic!("{what} was not seen:\n{page}\n{log}");
        }
        clock.sleep(Duration::from_millis(500)).await;
    }
}

/// The logins that the registry heard since it was told to forget.
fn logins_heard(job: &Job) -> usize {
    let heard: Vec<(String, String)> = serde_json::from_value(job.ask("/heard")).expect("pairs");
    heard.iter().filter(|(_, text)| text.starts_with("authorization: Basic ")).count()
}

#[tokio::test]
async fn a_monitor_counts_what_breaks_and_what_is_mended() {
    const TEST: &str = "a monitor in a real cluster";
    let Some(job) = job_with_cluster(TEST) else { return };
    if !bin_dir().join(PROGRAM).exists() {
        return skipped("cluster", TEST);
    }
    let before = left().await;
    job.good(&["mops", "infra", "up", FILE, "-c", "registry", "--yes"]).await;
    let [login] = &logins(&job)[..] else { panic!("the example has one registry") };
    push_workload(&job).await;
    push_monitor(&job.place.path().join("image"), login).await;
    let text = example("unified-infra/unified-infra.yaml");
    let section = format!("monitor: {{enabled: true, interval: 10s, image: {}/{IMAGE}}}", login.host);
    job.place.write(FILE, &format!("{text}\n{section}\n"));
    job.up().await;
    job.nothing_to_do().await;
    // The first run may be over before the workers run.
    is_healthy(&until("a good run", |page| number(page, &["mops_runs_total{result=\"passed\""]) >= 1.0).await).await;

    job.tell("POST", "/break/registry-password", &json!(null));
    let broken = until("the renewed password", |page| errors(page) >= 1.0).await;
    println!("{broken}");
    assert!(number(&broken, &["mops_findings{", "cause=\"REGISTRY_REFUSED\""]) >= 1.0, "{broken}");
    let next = |page: &str| runs(page) + 1.0;
    let held = until("a run that holds back", |page| runs(page) > runs(&broken)).await;
    assert!(number(&held, &["mops_logins_held"]) >= 1.0, "{held}");
    job.ask_to("/heard/forget");
    until("a whole run more", |page| runs(page) > next(&held)).await;
    assert_eq!(logins_heard(&job), 0, "a refused login was sent again");

    job.up().await;
    until("what was mended", |page| errors(page) == 0.0 && number(page, &["mops_logins_held"]) == 0.0).await;
    job.good(&["mops", "infra", "down", "-c", "workspace", "--yes"]).await;
    job.down_to_nothing().await;
    take_away_the_plugin(&before).await;
    let wide = kubectl(&["get", "clusterroles,clusterrolebindings", "-o", "name"]).await;
    assert!(!wide.contains("mops-monitor"), "{wide}");
}

/// It is ready, alone, sees no error and when the SAS ends, has succeeded just now, and lacked no right.
async fn is_healthy(page: &str) {
    let words = ["get", "deployment", "mops-monitor", "-n", NAMESPACE, "-o", "json"];
    let deployment: Value = serde_json::from_str(&kubectl(&words).await).expect("json");
    assert_eq!(deployment["status"]["readyReplicas"], 1, "{deployment:#}");
    assert_eq!(errors(page), 0.0, "{page}");
    assert_eq!(number(page, &["mops_findings{", "RBAC"]), 0.0, "{page}");
    let days = number(page, &["mops_expiry_days{kind=\"sas\""]);
    assert!((80.0..=90.0).contains(&days), "{page}");
    let success = number(page, &["mops_last_success_timestamp_seconds"]);
    let now = mops_host::SystemClock::shared().now();
    let success = time::OffsetDateTime::UNIX_EPOCH + time::Duration::seconds_f64(success);
    assert!((now - success).abs() < time::Duration::minutes(2), "{now}\n{page}");
}
