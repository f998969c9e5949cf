//! Nobody is there to answer: every verb ends by itself, and what would destroy something says which flag agrees to it.

use std::time::{Duration, Instant};

use mops_host::fsx;

use mops_tests::job::Job;
use mops_tests::place::Input;

/// The longest that a verb may take that has nothing to do or nobody to ask.
const LIMIT: Duration = Duration::from_secs(30);

/// Every way to have nobody on standard input.
const NOBODY: [Input; 3] = [Input::Null, Input::Closed, Input::Silent];

/// What destroys something: the verb, what it needs to come so far, and the flag that agrees.
const DESTRUCTIVE: &[(&str, &str, &str)] = &[
    ("infra up", "smaller.yaml", "--yes"),
    ("infra down", "--env modelops/dev --destroy-all --delete-rg", "--yes"),
    ("infra refresh", "--env modelops/dev", "--yes"),
    ("infra remove", "--env modelops/empty", "--yes"),
    ("infra state forget", "sas-bundle-blobs --env modelops/dev", "--yes"),
    ("infra unlock", "--env modelops/empty", "--yes"),
    ("auth migrate", "--to token", "--yes"),
];

/// Verbs that ask only for a plan of what they have found; `tests/fix_workload.rs` and `tests/rotate*.rs` show
/// how they refuse.
const WITH_A_PLAN: [&str; 11] = [
    "diagnose-auth",
    "dev diagnose-auth",
    "auth rotate acr",
    "auth rotate storage",
    "auth rotate sp",
    "auth rotate ngc",
    "auth rotate hf",
    "auth rotate wandb",
    "auth rotate novita",
    "auth rotate novita-key",
    "ngc fix",
];

/// The example without its storage, so that `up` has something to delete.
fn smaller(text: &str) -> String {
    let start = text.find("storage:").expect("it has storage");
    let end = text.find("workspace:").expect("it has a workspace");
    format!("{}{}", &text[..start], &text[end..])
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "counts are printed")]
async fn no_verb_waits_for_somebody_who_is_not_there() {
    let job = Job::new().await;
    let file = std::fs::read_to_string(job.place.path().join("unified-infra.yaml")).unwrap();
    job.good(&["mops", "infra", "up", "-c", "registry,storage", "--yes"]).await;
    job.push_images().await;
    job.place.write("smaller.yaml", &smaller(&file));
    let empty = file.replace("environment: dev", "environment: empty").replace("modelops-dev", "modelops-empty");
    job.place.write("empty.yaml", &empty.replace("modelopsdev", "modelopsempty"));
    job.good(&["mops", "infra", "up", "empty.yaml", "-c", "registry", "--yes"]).await;
    job.good(&["mops", "infra", "down", "empty.yaml", "--destroy-all", "--delete-rg", "--yes"]).await;
    // Something is gone behind our back, so that a refresh has something to drop.
    let sandbox = job.place.path().join("sandbox").display().to_string();
    job.good(&["mops-sandbox", "delete", "/containers/jobs", "--dir", &sandbox]).await;
    // What a dead run on a shared folder leaves behind; nobody can say any more whose it was.
    let lease = job.place.path().join("home/.modelops/state/modelops/empty/lease");
    fsx::replace(&lease, b"?").unwrap();
    let before = job.good(&["mops", "infra", "status", "--env", "modelops/dev", "--json"]).await;
    let (mut runs, mut refused) = (0, 0);
    for verb in mops::verbs() {
        let help = job.run(&words(&verb, &["--help"])).await;
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        let asks = help.contains("--yes");
        let named: &[&str] = if help.contains("--env") { &["--env", "modelops/dev"] } else { &["--json"] };
        let bare: [&[&str]; 2] = [&[], named];
        let rows: Vec<_> = DESTRUCTIVE.iter().filter(|(name, ..)| *name == verb.join(" ")).collect();
        let elsewhere = WITH_A_PLAN.contains(&verb.join(" ").as_str());
        assert!(!asks || !rows.is_empty() || elsewhere, "`{}` has `--yes` and no row in this file", verb.join(" "));
        for input in NOBODY {
            // Bare it lacks something, or has nothing to destroy; `up` would begin the whole job.
            for args in bare.iter().filter(|_| verb != ["infra", "up"]) {
                let output = timed(&job, input, &words(&verb, args)).await;
                assert!(output.code.is_some(), "{verb:?} {args:?} with {input:?} died");
                runs += 1;
            }
            for (_, args, flag) in &rows {
                let args: Vec<&str> = args.split(' ').collect();
                let output = timed(&job, input, &words(&verb, &args)).await;
                let said = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.code, Some(2), "{verb:?} {args:?} with {input:?}\n{said}");
                assert!(said.contains(&format!("`{flag}`")), "{verb:?}: {said}");
                (runs, refused) = (runs + 1, refused + 1);
            }
        }
    }
    println!("input verbs={} runs={runs} refused={refused} hangs=0", mops::verbs().len());
    assert_eq!(refused, 3 * DESTRUCTIVE.len());
    let after = job.good(&["mops", "infra", "status", "--env", "modelops/dev", "--json"]).await;
    assert_eq!(after.stdout, before.stdout, "somebody agreed");
}

fn words<'a>(verb: &'a [String], args: &[&'a str]) -> Vec<&'a str> {
    std::iter::once("mops").chain(verb.iter().map(String::as_str)).chain(args.iter().copied()).collect()
}

async fn timed(job: &Job, input: Input, words: &[&str]) -> mops_host::proc::Output {
    let start = Instant::now();
    let output = job.place.run_on(input, words).await;
    assert!(start.elapsed() < LIMIT, "{words:?} with {input:?} took {:?}", start.elapsed());
    output
}
