//! Promise: `mops auth migrate` moves a live stack up without a pull that fails: the way that is left is open until the
//! new one is proven, a failed proof puts everything back, and a run that is killed anywhere is taken up by the same
//! command. Somebody pulls all the time with what the cluster's pull secret says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::Secret;
use mops_tests::figures::tell;
use mops_tests::job::{FILE, Job};
use mops_tests::program::Running;
use mops_wire::registry::{Auth, Client, Reference};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::token_stack::with_token;

const HOST: &str = "modelopsdevacr.azurecr.io";
const MIGRATE: [&str; 6] = ["mops", "auth", "migrate", "--to", "token", "--yes"];

async fn live() -> Job {
    let job = Job::new().await;
    job.with_images().await;
    job.up().await;
    job
}

/// Whether the admin user is on, and whether the stack has a token.
fn ways(job: &Job) -> (bool, bool) {
    let known = job.existing();
    let token = known.iter().any(|id| id.ends_with("/tokens/modelops-dev-pull"));
    let logins: Vec<(String, String, String)> = serde_json::from_value(job.ask("/registries")).expect("logins");
    (logins.iter().any(|(_, user, _)| user == "modelopsdevacr"), token)
}

/// User and password in the cluster's pull secret, as a node reads them for every pull.
fn pull_secret(objects: &Value) -> Option<(String, String)> {
    let all = objects.as_array()?;
    let secret = all.iter().find(|o| o["kind"] == "Secret" && o["metadata"]["name"] == "registry-pull")?;
    let text = STANDARD.decode(secret["data"][".dockerconfigjson"].as_str()?).ok()?;
    let login = serde_json::from_slice::<Value>(&text).ok()?["auths"][HOST].clone();
    Some((login["username"].as_str()?.to_owned(), login["password"].as_str()?.to_owned()))
}

/// Pulls until it is told to stop.
struct Puller {
    stop: Arc<AtomicBool>,
    pulls: Arc<AtomicU64>,
    failures: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Puller {
    fn start(job: &Job) -> Self {
        let (control, http) = (job.control(), job.pipeline());
        let (stop, pulls, failures) = (Arc::new(AtomicBool::new(false)), Arc::default(), Arc::default());
        let (over, good, bad): (_, Arc<AtomicU64>, Arc<AtomicU64>) =
            (Arc::clone(&stop), Arc::clone(&pulls), Arc::clone(&failures));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let image: Reference = format!("{HOST}/worker:1").parse().expect("a reference");
            while !over.load(Ordering::Relaxed) {
                let objects = mops_tests::control::ask(&control, "GET", "/objects", "").expect("the sandbox");
                let (username, password) =
                    pull_secret(&serde_json::from_str(&objects).expect("json")).expect("a pull secret");
                let auth = Auth::Basic { username, password: Secret::new(password) };
                let client = Client::new(http.clone(), HOST, auth).expect("a client");
                let pulled = runtime.block_on(client.manifest(&image)).is_ok();
                if pulled { &good } else { &bad }.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { stop, pulls, failures, thread }
    }

    /// How many pulls there were, and how many failed.
    fn end(self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the puller");
        (self.pulls.load(Ordering::Relaxed), self.failures.load(Ordering::Relaxed))
    }
}

#[tokio::test]
async fn a_live_stack_moves_up_while_somebody_pulls() {
    let job = live().await;
    assert_eq!(ways(&job), (true, false));
    let puller = Puller::start(&job);
    let moved = job.good(&MIGRATE).await;
    let (pulls, failures) = puller.end();
    tell("M-04", &[("pulls", pulls), ("failures", failures)]);
    assert!(pulls > 0 && failures == 0, "{failures} of {pulls} pulls failed");
    assert_eq!(ways(&job), (false, true));
    let said = String::from_utf8_lossy(&moved.stderr).into_owned();
    assert!(
        said.contains("`token` is proven; `admin_user` is closed") && said.contains("write `auth: token`"),
        "{said}"
    );
    job.place.write(FILE, &with_token());
    job.nothing_to_do().await;
    let back = job.run(&["mops", "auth", "migrate", "--to", "service_principal", "--yes"]).await;
    assert_eq!(back.code, Some(2), "{}", String::from_utf8_lossy(&back.stderr));
    job.down_to_nothing().await;
}

#[tokio::test]
async fn a_way_that_is_not_proven_is_taken_back() {
    let job = live().await;
    let refused = json!({"status": {"status": 401, "code": "UNAUTHORIZED", "retry_after": null}});
    job.tell(
        "POST",
        "/faults",
        &json!({"matches": ["registry GET", "/oauth2/token"], "times": 100_000, "fault": refused}),
    );
    let kept = job.run(&MIGRATE).await;
    job.tell("DELETE", "/faults", &json!({}));
    let said = String::from_utf8_lossy(&kept.stderr).into_owned();
    assert_eq!(kept.code, Some(1), "{said}");
    assert!(said.contains("`token` is not proven: the stack goes back to `admin_user`"), "{said}");
    assert_eq!(ways(&job), (true, false));
    job.nothing_to_do().await;
    job.good(&["mops", "smoke-test"]).await;
    job.down_to_nothing().await;
}

#[tokio::test]
async fn killed_at_either_end_the_same_command_goes_on_and_no_pull_fails() {
    let job = live().await;
    let puller = Puller::start(&job);
    // The first request is the one that opens the new way, the second the one that closes the old.
    for request in [["arm POST", "/generateCredentials"], ["arm PATCH", "/registries/modelopsdevacr?"]] {
        let met = job.ask("/faults").as_array().map_or(0, Vec::len);
        job.tell("POST", "/faults", &json!({"matches": request, "fault": "withheld"}));
        let run = Running::start(&job.place, "mops", &MIGRATE[1..]);
        let start = Instant::now();
        while job.ask("/faults").as_array().map_or(0, Vec::len) == met {
            assert!(start.elapsed() < Duration::from_secs(90), "{request:?} was never sent");
            tokio::task::yield_now().await;
        }
        run.signal(Signal::KILL);
        assert_eq!(run.wait(), None, "the run was over before it was killed");
    }
    job.good(&MIGRATE).await;
    let (pulls, failures) = puller.end();
    tell("M-04", &[("kills", 2), ("pulls", pulls), ("failures", failures)]);
    assert!(pulls > 0 && failures == 0, "{failures} of {pulls} pulls failed");
    assert_eq!((ways(&job), job.doubled()), ((false, true), Vec::new()));
    job.place.write(FILE, &with_token());
    job.nothing_to_do().await;
    job.down_to_nothing().await;
}
