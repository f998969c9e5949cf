//! Promise: the main job, through the built programs: up, nothing to do, killed and gone on with,
//! home lost and taken over again, down to an empty ledger.

use std::time::{Duration, Instant};

use mops_host::fsx;
use mops_host::proc::Output;
use mops_tests::control::ask;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::program::{Running, Sandbox};
use crate::scenarios::Place;

pub(crate) const FILE: &str = "unified-infra.yaml";

/// A place with the example in it, and a sandbox that its commands are pointed at.
pub(crate) struct Job {
    pub(crate) place: Place,
    sandbox: Sandbox,
    control: String,
}

impl Job {
    pub(crate) async fn new() -> Self {
        let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/unified-infra").join(FILE);
        Self::of(&fsx::read_text(&example).expect("the example")).await
    }

    /// The same with another stack file under the example's name.
    pub(crate) async fn of(text: &str) -> Self {
        let mut place = Place::new();
        place.write(FILE, text);
        let sandbox = Sandbox::start(&place).await;
        for (name, value) in sandbox.variables().await {
            place.set(&name, value);
        }
        let control = fsx::read_text(&std::path::Path::new(&sandbox.dir).join("control")).expect("the control file");
        Self { place, sandbox, control }
    }

    pub(crate) async fn run(&self, words: &[&str]) -> Output {
        self.place.run(words).await
    }

    /// Runs a command that must end well.
    pub(crate) async fn good(&self, words: &[&str]) -> Output {
        let output = self.run(words).await;
        assert_eq!(output.code, Some(0), "{words:?}\n{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// What the sandbox knows.
    pub(crate) fn ask(&self, path: &str) -> Value {
        serde_json::from_str(&ask(&self.control, "GET", path, "").expect("the sandbox")).expect("json")
    }

    /// Tells the sandbox something.
    pub(crate) fn tell(&self, method: &str, path: &str, body: &Value) {
        ask(&self.control, method, path, &body.to_string()).expect("the sandbox");
    }

    /// Breaks something that has one way to be broken.
    pub(crate) fn ask_to(&self, path: &str) {
        ask(&self.control, "POST", path, "").expect("the sandbox");
    }

    pub(crate) fn existing(&self) -> Vec<String> {
        let book = self.ask("/ledger");
        book["existing"].as_array().into_iter().flatten().filter_map(|v| v.as_str()).map(str::to_owned).collect()
    }

    /// What exists but for pods and the like, which controllers make and make again.
    fn declared(&self) -> Vec<String> {
        let made_by_controllers = ["/pod/", "/replicaset/", "/event/", "/endpoints/", "/node/", "/job/"];
        let ours = |id: &String| !made_by_controllers.iter().any(|part| id.contains(part));
        self.existing().into_iter().filter(ours).collect()
    }

    pub(crate) fn doubled(&self) -> Vec<String> {
        let book = self.ask("/ledger");
        let entries = book["entries"].as_object().cloned().unwrap_or_default();
        let twice = |e: &Value| e["made"].as_u64() > e["deleted"].as_u64().map(|d| d + 1);
        entries.into_iter().filter(|(id, e)| twice(e) && !id.contains("/pod/")).map(|(id, _)| id).collect()
    }

    /// The registry and its images, which the workers need.
    pub(crate) async fn with_images(&self) {
        self.good(&["mops", "infra", "up", FILE, "-c", "registry", "--yes"]).await;
        self.push_images().await;
    }

    /// The images, into a registry that is there.
    pub(crate) async fn push_images(&self) {
        self.good(&["mops-sandbox", "push-images", "--dir", &self.sandbox.dir]).await;
    }

    pub(crate) async fn up(&self) -> Output {
        self.good(&["mops", "infra", "up", FILE, "--yes"]).await
    }

    pub(crate) async fn nothing_to_do(&self) {
        self.good(&["mops", "infra", "preview", FILE, "--exit-code"]).await;
    }

    pub(crate) async fn down_to_nothing(&self) {
        self.good(&["mops", "infra", "down", "--destroy-all", "--delete-rg", "--yes"]).await;
        assert_eq!(self.existing(), Vec::<String>::new());
        assert_eq!(self.doubled(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn up_then_nothing_to_do_then_down_to_an_empty_ledger() {
    let job = Job::new().await;
    job.with_images().await;
    job.up().await;
    let before = job.declared();
    for part in ["/registries/modelopsdevacr", "/storageaccounts/modelopsdevstore", "/agentpools/gpu", "dask-workers"] {
        assert!(before.iter().any(|id| id.ends_with(part)), "{part} is missing in {before:#?}");
    }
    job.nothing_to_do().await;
    job.up().await;
    assert_eq!(job.declared(), before);
    job.down_to_nothing().await;
}

#[tokio::test]
async fn killed_in_the_middle_the_next_up_converges() {
    let job = Job::new().await;
    job.with_images().await;
    for part in ["/storageaccounts/modelopsdevstore", "/managedclusters/modelops-dev-aks", "/agentpools/gpu"] {
        let run = Running::start(&job.place, "mops", &["infra", "up", FILE, "--yes"]);
        let start = Instant::now();
        while !job.existing().iter().any(|id| id.ends_with(part)) {
            assert!(start.elapsed() < Duration::from_secs(60), "{part} was never begun");
            tokio::task::yield_now().await;
        }
        run.signal(Signal::KILL);
        assert_eq!(run.wait(), None, "the run was over before it was killed");
    }
    job.up().await;
    assert_eq!(job.doubled(), Vec::<String>::new());
    job.nothing_to_do().await;
    job.down_to_nothing().await;
}

#[tokio::test]
async fn a_lost_home_is_taken_over_again() {
    let job = Job::new().await;
    job.with_images().await;
    job.up().await;
    let before = job.declared();
    std::fs::remove_dir_all(job.place.path().join("home")).expect("the home is there");
    job.up().await;
    assert_eq!(job.doubled(), Vec::<String>::new());
    assert_eq!(job.declared(), before);
    job.nothing_to_do().await;
    job.down_to_nothing().await;
}

#[tokio::test]
async fn an_operation_that_fails_half_way_is_named_and_mended() {
    let job = Job::new().await;
    job.with_images().await;
    let message =
        "Insufficient vcpu quota requested 24, remaining 0 for family StandardNCADSA100v4Family for region eastus2.";
    let doomed = json!({"resource": "/agentPools/gpu", "code": "ErrCode_InsufficientVCPUQuota", "message": message});
    job.tell("POST", "/doom", &doomed);
    let failed = job.run(&["mops", "infra", "up", FILE, "--yes"]).await;
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.code, Some(1), "{said}");
    assert!(said.contains("ErrCode_InsufficientVCPUQuota") && said.contains("pool-gpu"), "{said}");
    job.up().await;
    assert_eq!(job.doubled(), Vec::<String>::new());
    job.nothing_to_do().await;
    job.down_to_nothing().await;
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the seed repeats a failure")]
async fn in_bad_weather_the_work_is_done_in_the_end_and_nothing_twice() {
    let env = mops_host::env::Env::process();
    let seed: u64 = env.get("MOPS_SEED").and_then(|s| s.parse().ok()).unwrap_or(20_261_124);
    println!("MOPS_SEED={seed}");
    let job = Job::new().await;
    job.with_images().await;
    let kinds = json!([
        "reset", "lost_after_commit", "truncate", "page", {"delay": 50},
        {"status": {"status": 503, "code": "ServiceUnavailable", "retry_after": 1}},
        {"status": {"status": 429, "code": "TooManyRequests", "retry_after": 1}},
    ]);
    job.tell("POST", "/faults/seeded", &json!({"seed": seed, "per_thousand": 60, "kinds": kinds}));
    let mut last = None;
    for _ in 0..6 {
        let output = job.run(&["mops", "infra", "up", FILE, "--yes"]).await;
        last = output.code;
        if last == Some(0) {
            break;
        }
    }
    let met = job.ask("/faults").as_array().map_or(0, Vec::len);
    job.tell("DELETE", "/faults", &json!({}));
    assert!(met > 0, "no fault was met");
    if last != Some(0) {
        job.up().await;
    }
    assert_eq!(job.doubled(), Vec::<String>::new());
    job.nothing_to_do().await;
    job.down_to_nothing().await;
}
