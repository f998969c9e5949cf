//! Promise: `mops auth rotate storage` makes the account key anew that signs for a stack, without a read that fails: the
//! stack's signatures are signed by the other key first, and the key goes only when every pod has proven that; a run
//! that is killed at any step is taken up by the same command (M-04, E-12).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_core::Secret;
use mops_tests::job::{FILE, Job, example};
use mops_wire::blob;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::rotate::{assert_no_secret, journal};

const STORAGE: [&str; 5] = ["mops", "auth", "rotate", "storage", "--yes"];
const ACCOUNT: &str = "/storageAccounts/modelopsdevstore";

/// The two keys of the account.
fn keys(job: &Job) -> Vec<String> {
    let owners: Vec<(String, String)> = serde_json::from_value(job.ask("/secrets/owners")).expect("pairs");
    owners.into_iter().filter(|(id, _)| id.ends_with(ACCOUNT)).map(|(_, secret)| secret).collect()
}

async fn live() -> (Job, Vec<String>) {
    let job = Job::new().await;
    job.with_images().await;
    job.up().await;
    let keys = keys(&job);
    assert_eq!(keys.len(), 2);
    (job, keys)
}

/// The signature in the cluster's secret, as a pod that starts gets it.
fn signature(objects: &Value) -> Option<Secret<String>> {
    let secret = objects.as_array()?.iter().find(|o| o["metadata"]["name"] == "bundle-credentials")?;
    let text = STANDARD.decode(secret["data"]["AZURE_STORAGE_CONNECTION_STRING"].as_str()?).ok()?;
    Some(Secret::from(String::from_utf8(text).ok()?.split_once("SharedAccessSignature=")?.1))
}

/// Reads until it is told to stop, with what the secret says at each time.
struct Reader {
    stop: Arc<AtomicBool>,
    counts: Arc<[AtomicU64; 2]>,
    thread: std::thread::JoinHandle<()>,
}

impl Reader {
    fn start(job: &Job) -> Self {
        let (control, http) = (job.control(), job.pipeline());
        let (stop, counts) = (Arc::new(AtomicBool::new(false)), Arc::<[AtomicU64; 2]>::default());
        let (over, count) = (Arc::clone(&stop), Arc::clone(&counts));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            while !over.load(Ordering::Relaxed) {
                let objects = mops_tests::control::ask(&control, "GET", "/objects", "").expect("the sandbox");
                let Some(sas) = signature(&serde_json::from_str(&objects).expect("json")) else { continue };
                let endpoint = "https://modelopsdevstore.blob.core.windows.net/".parse().expect("an address");
                let client = blob::Client::new(http.clone(), endpoint, &sas).expect("a client");
                let client = client.with_limits(Duration::from_secs(10), 1);
                let read = runtime.block_on(client.list("bundle-blobs", 1)).is_ok();
                count[usize::from(!read)].fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { stop, counts, thread }
    }

    /// Ends it; it has read, and nothing has failed.
    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the reader");
        let [reads, failures] = [0, 1].map(|i| self.counts[i].load(Ordering::Relaxed));
        assert!(reads > 0 && failures == 0, "{failures} reads failed, {reads} did not");
    }
}

/// The first key is another one, the second as before; the stack is as its file says.
async fn rotated(job: &Job, before: &[String]) -> Vec<String> {
    let now = keys(job);
    assert!(now[0] != before[0] && now[1] == before[1], "not the first key alone is another one");
    assert!(!journal(job, "storage").exists(), "the journal was left");
    job.nothing_to_do().await;
    now
}

#[tokio::test]
async fn m_04_a_key_is_made_anew_when_nobody_needs_it_while_somebody_reads() {
    let (job, before) = live().await;
    let (_, plan) = job.said(&["mops", "auth", "rotate", "storage", "--plan"], 0).await;
    assert!(plan.contains("sign with key2 instead; key1 stays valid"), "{plan}");
    assert_eq!(job.run(&STORAGE[..4]).await.code, Some(2), "went on without consent");
    assert!(keys(&job) == before && !journal(&job, "storage").exists());
    let old = signature(&job.ask("/objects")).expect("a signature");
    let reader = Reader::start(&job);
    let (_, said) = job.said(&STORAGE, 0).await;
    reader.end();
    let now = rotated(&job, &before).await;
    let new = signature(&job.ask("/objects")).expect("a signature");
    let query = |sas: &Secret<String>| sas.expose().split_once("sig=").expect("a signature").1.to_owned();
    assert_ne!(query(&old), query(&new));
    assert_no_secret(&job, &said, &[&before[0], &now[0], &now[1], &query(&old), &query(&new)]);
    job.good(&["mops", "smoke-test"]).await;
    job.down_to_nothing().await;
}

#[tokio::test]
async fn m_04_killed_at_each_step_the_key_goes_on_to_be_rotated_and_no_read_fails() {
    let (job, before) = live().await;
    let reader = Reader::start(&job);
    let steps = [
        ["arm POST", "/listServiceSas"],
        ["kubernetes PATCH", "/secrets/bundle-credentials"],
        ["kubernetes GET", "/pods?"],
        ["arm POST", "/regenerateKey"],
        ["arm POST", "/listServiceSas"],
    ];
    for request in steps {
        job.ended_at(&STORAGE, &request, Signal::KILL).await;
        assert!(journal(&job, "storage").exists(), "{request:?}: there is no journal");
    }
    job.good(&STORAGE).await;
    reader.end();
    rotated(&job, &before).await;
    job.down_to_nothing().await;
}

#[tokio::test]
async fn m_04_a_key_that_is_still_needed_is_not_made_anew() {
    let (job, before) = live().await;
    let refused = json!({"status": {"status": 403, "code": "AuthorizationFailure", "retry_after": null}});
    job.tell("POST", "/faults", &json!({"matches": ["blob GET", "/bundle-blobs"], "times": 100_000, "fault": refused}));
    let (_, said) = job.said(&STORAGE, 1).await;
    job.tell("DELETE", "/faults", &json!({}));
    assert!(said.contains("`key1` was not made anew: what it has signed stays valid"), "{said}");
    assert!(keys(&job) == before, "a key was made anew without a proof");
    job.good(&STORAGE).await;
    rotated(&job, &before).await;
    job.down_to_nothing().await;
}

#[tokio::test]
async fn a_stack_without_a_signature_of_an_account_key_is_told_so() {
    let text = example("unified-infra/unified-infra.yaml");
    let delegated = text.replace(
        "permissions: rl, lifetime: 90d, renew_before: 14d",
        "kind: user_delegation, permissions: rl, lifetime: 6d, renew_before: 2d",
    );
    assert_ne!(text, delegated);
    let job = Job::of(&delegated).await;
    job.good(&["mops", "infra", "up", FILE, "-c", "registry", "--yes"]).await;
    let (_, said) = job.said(&STORAGE, 2).await;
    assert!(said.contains("no account key has signed for this stack"), "{said}");
}
