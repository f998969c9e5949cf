//! Promise: `registry.auth: token` from the stack file, through the built programs: pods pull with the stack's own
//! pull-only token while the admin user is off; a run that is killed while a password is on its way converges and leaves
//! no password behind that nobody holds. `MOPS_TOKEN_KILLS` kills (default: the short form).

use std::time::{Duration, Instant};

use mops_tests::figures::{size, tell};
use mops_tests::job::{FILE, Job, example};
use mops_tests::program::Running;
use rustix::process::Signal;
use serde_json::{Value, json};

const TOKEN: &str = "/tokens/modelops-dev-pull";

/// The example of everything with a token.
pub(crate) fn with_token() -> String {
    let text = example("unified-infra/unified-infra.yaml").replace("  sku: Basic\n", "  sku: Basic\n  auth: token\n");
    assert!(text.contains("auth: token"));
    text
}

/// The passwords that the token has at Azure.
pub(crate) fn passwords(job: &Job) -> Vec<String> {
    let owners: Vec<(String, String)> = serde_json::from_value(job.ask("/secrets/owners")).expect("pairs");
    owners.into_iter().filter(|(id, _)| id.ends_with(TOKEN)).map(|(_, secret)| secret).collect()
}

async fn outputs(job: &Job) -> Value {
    let told = job.good(&["mops", "infra", "outputs", "registry", "--json", "--show-secrets"]).await;
    let line: Value = serde_json::from_slice(&told.stdout).expect("one object");
    line["outputs"]["registry"].clone()
}

#[tokio::test]
async fn pods_pull_with_the_stacks_own_token_and_it_is_told_in_the_outputs() {
    let job = Job::of(&with_token()).await;
    job.with_images().await;
    job.up().await;
    job.nothing_to_do().await;
    let told = outputs(&job).await;
    assert_eq!((&told["auth"], &told["bundles_pull_username"]), (&json!("token"), &json!("modelops-dev-pull")));
    assert_eq!(passwords(&job), [told["bundles_pull_password"].as_str().expect("a password")]);
    let masked = job.good(&["mops", "infra", "outputs", "registry"]).await;
    assert!(String::from_utf8_lossy(&masked.stdout).contains("bundles_pull_password    [secret]"), "not masked");
    job.good(&["mops", "smoke-test"]).await;
    let off = json!({"end": TOKEN, "pointer": "/properties/status", "value": "disabled", "by": "somebody"});
    job.tell("POST", "/behind/edit", &off);
    let found = job.run(&["mops", "diagnose-auth"]).await;
    let said = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(found.code == Some(1) && said.contains("ACR_TOKEN_DISABLED"), "{said}");
    job.down_to_nothing().await;
}

#[tokio::test]
async fn killed_with_a_password_on_its_way_the_next_run_leaves_one_that_is_held() {
    let kills = size("MOPS_TOKEN_KILLS", 1);
    let job = Job::of(&with_token()).await;
    for _ in 0..kills {
        let withheld = json!({"matches": ["arm POST", "/generateCredentials"], "fault": "withheld"});
        job.tell("POST", "/faults", &withheld);
        let run = Running::start(&job.place, "mops", &["infra", "up", FILE, "-c", "registry", "--yes"]);
        let start = Instant::now();
        let before = passwords(&job);
        while passwords(&job) == before {
            assert!(start.elapsed() < Duration::from_secs(60), "no password was made");
            tokio::task::yield_now().await;
        }
        run.signal(Signal::KILL);
        assert_eq!(run.wait(), None, "the run was over before it was killed");
    }
    job.with_images().await;
    job.up().await;
    assert_eq!(job.doubled(), Vec::<String>::new());
    let held = outputs(&job).await["bundles_pull_password"].clone();
    let open = passwords(&job);
    tell(
        "R1",
        &[
            ("token_kills", kills),
            ("open", open.len() as u64),
            ("lost", u64::from(open != [held.as_str().unwrap_or_default()])),
        ],
    );
    assert_eq!(open, [held.as_str().expect("a password")], "a password that nobody holds opens the token");
    job.nothing_to_do().await;
    job.good(&["mops", "smoke-test"]).await;
    job.down_to_nothing().await;
}
