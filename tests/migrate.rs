//! Promise: `mops auth migrate` moves a live stack up without a pull that fails: the way that is left is open until the
//! new one is proven, a failed proof puts everything back, and a run that is killed anywhere is taken up by the same
//! command. Somebody pulls all the time with what the cluster's pull secret says, as long as a pod names it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::Secret;
use mops_tests::figures::{size, tell};
use mops_tests::job::{FILE, Job};
use mops_tests::principal::puller;
use mops_wire::registry::{Auth, Client, Reference};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::token_stack::with_token;

const HOST: &str = "modelopsdevacr.azurecr.io";

/// A way to sign in that a stack moves up to.
struct Way {
    name: &'static str,
    /// The stack file that says it.
    file: fn() -> String,
    /// The request that opens it, and the one that closes the way before it.
    requests: [[&'static str; 2]; 2],
}

/// From the admin user to no password at all.
const WAYS: [Way; 3] = [
    Way {
        name: "service_principal",
        file: puller::stack,
        requests: [["arm PUT", "/roleAssignments/"], ["arm PATCH", "/registries/modelopsdevacr?"]],
    },
    Way {
        name: "token",
        file: with_token,
        requests: [["arm POST", "/generateCredentials"], ["arm DELETE", "/roleAssignments/"]],
    },
    Way {
        name: "workload_identity",
        file: with_identity,
        requests: [["arm PUT", "/federatedIdentityCredentials/"], ["arm DELETE", "/tokens/modelops-dev-pull?"]],
    },
];

fn with_identity() -> String {
    with_token().replace("auth: token", "auth: workload_identity")
}

fn migrate(to: &'static str) -> [&'static str; 6] {
    ["mops", "auth", "migrate", "--to", to, "--yes"]
}

/// A stack that is up with its registry's admin user; an application is there, for the way that needs one.
async fn live() -> Job {
    let mut job = Job::new().await;
    puller::introduce(&mut job);
    job.with_images().await;
    job.up().await;
    job
}

/// The ways that are open at Azure.
fn ways(job: &Job) -> Vec<&'static str> {
    let known = job.existing();
    let is = |part: &str| known.iter().any(|id| id.contains(part));
    let logins: Vec<(String, String, String)> = serde_json::from_value(job.ask("/registries")).expect("logins");
    let identity = is("/federatedidentitycredentials/");
    let open = [
        ("admin_user", logins.iter().any(|(_, user, _)| user == "modelopsdevacr")),
        ("service_principal", is("/roleassignments/") && !identity),
        ("token", is("/tokens/modelops-dev-pull")),
        ("workload_identity", identity),
    ];
    open.into_iter().filter(|(_, open)| *open).map(|(name, _)| name).collect()
}

/// User and password in the cluster's pull secret, as a node reads them for every pull of a pod that names it.
fn pull_secret(objects: &Value) -> Option<(String, String)> {
    let all = objects.as_array()?;
    all.iter().find(|o| o["kind"] == "Pod" && o["spec"]["imagePullSecrets"].is_array())?;
    let secret = all.iter().find(|o| o["kind"] == "Secret" && o["metadata"]["name"] == "registry-pull")?;
    let text = STANDARD.decode(secret["data"][".dockerconfigjson"].as_str()?).ok()?;
    let login = serde_json::from_slice::<Value>(&text).ok()?["auths"][HOST].clone();
    Some((login["username"].as_str()?.to_owned(), login["password"].as_str()?.to_owned()))
}

/// Pulls until it is told to stop.
pub(crate) struct Puller {
    stop: Arc<AtomicBool>,
    pulls: Arc<AtomicU64>,
    failures: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Puller {
    pub(crate) fn start(job: &Job) -> Self {
        let (control, http) = (job.control(), job.pipeline());
        let (stop, pulls, failures) = (Arc::new(AtomicBool::new(false)), Arc::default(), Arc::default());
        let (over, good, bad): (_, Arc<AtomicU64>, Arc<AtomicU64>) =
            (Arc::clone(&stop), Arc::clone(&pulls), Arc::clone(&failures));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let image: Reference = format!("{HOST}/worker:1").parse().expect("a reference");
            while !over.load(Ordering::Relaxed) {
                let objects = mops_tests::control::ask(&control, "GET", "/objects", "").expect("the sandbox");
                let login = pull_secret(&serde_json::from_str(&objects).expect("json"));
                let Some((username, password)) = login else { continue };
                let auth = Auth::Basic { username, password: Secret::new(password) };
                let client = Client::new(http.clone(), HOST, auth).expect("a client");
                let pulled = runtime.block_on(client.manifest(&image)).is_ok();
                if pulled { &good } else { &bad }.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { stop, pulls, failures, thread }
    }

    /// How many pulls there were, and how many failed.
    pub(crate) fn end(self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the puller");
        (self.pulls.load(Ordering::Relaxed), self.failures.load(Ordering::Relaxed))
    }
}

#[tokio::test]
async fn a_live_stack_moves_up_way_by_way_while_somebody_pulls() {
    let job = live().await;
    let mut before = "admin_user";
    for Way { name, file, .. } in WAYS {
        assert_eq!(ways(&job), [before]);
        // The way that needs more than its name is in the file already; the others are written down afterwards.
        if name == "service_principal" {
            job.place.write(FILE, &file());
        }
        let puller = Puller::start(&job);
        let moved = job.good(&migrate(name)).await;
        let (pulls, failures) = puller.end();
        tell("M-04", &[("pulls", pulls), ("failures", failures)]);
        assert!(pulls > 0 && failures == 0, "to {name}: {failures} of {pulls} pulls failed");
        let said = String::from_utf8_lossy(&moved.stderr).into_owned();
        assert!(said.contains(&format!("`{name}` is proven; `{before}` is closed")), "{said}");
        assert_eq!(said.contains(&format!("write `auth: {name}`")), name != "service_principal", "{said}");
        job.place.write(FILE, &file());
        job.nothing_to_do().await;
        before = name;
    }
    assert_eq!(ways(&job), [before]);
    assert!(!job.existing().iter().any(|id| id.ends_with("/registry-pull")), "a secret that nobody names");
    job.good(&["mops", "smoke-test"]).await;
    let back = job.run(&migrate("token")).await;
    assert_eq!(back.code, Some(2), "{}", String::from_utf8_lossy(&back.stderr));
    job.down_to_nothing().await;
}

#[tokio::test]
async fn a_way_that_is_not_proven_is_taken_back_and_one_that_is_refused_not_begun() {
    let job = live().await;
    let refused = json!({"status": {"status": 401, "code": "UNAUTHORIZED", "retry_after": null}});
    let matches = ["registry POST", "/oauth2/exchange"];
    job.tell("POST", "/faults", &json!({"matches": matches, "times": 100_000, "fault": refused}));
    let kept = job.run(&migrate("workload_identity")).await;
    job.tell("DELETE", "/faults", &json!({}));
    let said = String::from_utf8_lossy(&kept.stderr).into_owned();
    assert_eq!(kept.code, Some(1), "{said}");
    assert!(said.contains("`workload_identity` is not proven: the stack goes back to `admin_user`"), "{said}");
    assert_eq!(ways(&job), ["admin_user"]);
    job.nothing_to_do().await;
    job.good(&["mops", "smoke-test"]).await;
    let before = job.declared();
    job.place.write(FILE, &puller::stack());
    puller::register(&job, "another-secret-of-the-application", false);
    let kept = job.run(&migrate("service_principal")).await;
    let said = String::from_utf8_lossy(&kept.stderr).into_owned();
    assert_eq!(kept.code, Some(2), "{said}");
    assert!(said.contains("AADSTS7000215") && !said.contains("both ways are open"), "{said}");
    assert_eq!((job.declared(), ways(&job)), (before, vec!["admin_user"]));
    job.down_to_nothing().await;
}

/// `MOPS_MIGRATE_KILLS` kills, two on each way (default: the short form, the first way).
#[tokio::test]
async fn killed_at_either_end_the_same_command_goes_on_and_no_pull_fails() {
    let kills = size("MOPS_MIGRATE_KILLS", 2);
    let job = live().await;
    let ways_killed = usize::try_from(kills.div_ceil(2)).expect("a small number").min(WAYS.len());
    for Way { name, file, requests } in WAYS.into_iter().take(ways_killed) {
        job.place.write(FILE, &if name == "token" { puller::stack() } else { file() });
        let puller = Puller::start(&job);
        for request in requests {
            job.ended_at(&migrate(name), &request, Signal::KILL).await;
        }
        job.good(&migrate(name)).await;
        let (pulls, failures) = puller.end();
        tell("M-04", &[("kills", 2), ("pulls", pulls), ("failures", failures)]);
        assert!(pulls > 0 && failures == 0, "to {name}: {failures} of {pulls} pulls failed");
        assert_eq!((ways(&job), job.doubled()), (vec![name], Vec::new()));
        job.place.write(FILE, &file());
        job.nothing_to_do().await;
    }
    job.down_to_nothing().await;
}
