//! The seven exit codes, each from the built program, in one table.

use mops_host::fsx;
use rustix::process::Signal;
use serde_json::json;

use crate::cli::waiting_run;
use mops_tests::job::Job;
use mops_tests::place::Place;

/// What is done, and the code that must follow.
const TABLE: &[(i32, &str, &str)] = &[
    (2, "a verb that does not exist", "infra upp"),
    (2, "a stack that does not exist", "infra status"),
    (0, "a question without a stack", "version"),
    (0, "a preview with something to do", "infra preview"),
    (5, "the same with --exit-code", "infra preview --exit-code"),
    (1, "a resource that cannot be made", "infra up -c registry,storage --yes"),
    (0, "the same command again", "infra up -c registry,storage --yes"),
    (0, "a preview without anything to do", "infra preview -c registry,storage --exit-code"),
    (2, "a deletion that nobody agreed to", "infra down --destroy-all --delete-rg"),
    (3, "a state that cannot be read", "infra status --env damaged"),
];

#[tokio::test]
#[expect(clippy::print_stdout, reason = "counts are printed")]
async fn each_exit_code_means_one_thing() {
    let job = Job::new().await;
    job.tell("POST", "/doom", &json!({"resource": "/storageAccounts/", "code": "OutOfQuota", "message": "no quota"}));
    let mut shown = Vec::new();
    for (code, what, line) in TABLE {
        if *code == 3 {
            let folder = job.place.path().join("home/.modelops/state/modelops/damaged");
            fsx::create_dir_all(&folder).unwrap();
            for name in ["meta.json", "snapshot.json", "journal"] {
                fsx::replace(&folder.join(name), b"{").unwrap();
            }
        }
        let mut words = vec!["mops"];
        words.extend(line.split(' '));
        let output = job.run(&words).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.code, Some(*code), "{what}: mops {line}\n{said}");
        shown.push(*code);
    }
    let mut place = Place::new();
    let (holder, _silent) = waiting_run(&mut place);
    let loser = place.run(&["mops", "infra", "up", "infra.yaml", "--yes"]).await;
    shown.extend(loser.code);
    holder.signal(Signal::INT);
    shown.extend(holder.wait());
    shown.sort_unstable();
    shown.dedup();
    println!("exit codes={shown:?} rows={}", TABLE.len() + 2);
    assert_eq!(shown, [0, 1, 2, 3, 4, 5, 130]);
}
