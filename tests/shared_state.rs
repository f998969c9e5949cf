//! Promises about state that need two processes or one that is killed: the lease on a shared folder, a state that is
//! taken over, and a new passphrase. `MOPS_ROTATIONS` says how many rotations and imports are killed (4 in the short
//! form).

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mops_engine::state;
use mops_host::{Env, fsx};
use rustix::process::Signal;

use crate::cli::waiting_run;
use crate::compat::{PHRASE, cut_off, lived_in, whole};
use mops_tests::place::Place;
use mops_tests::program::Running;

fn folder_of_a_waiting_run(place: &Place) -> PathBuf {
    let home = place.path().join("home/.modelops");
    let stacks = state::list(&home).unwrap();
    state::folder(&home, &stacks[0])
}

/// Exit code and standard error of a command.
async fn told(place: &Place, words: &[&str]) -> (Option<i32>, String) {
    let output = place.run(words).await;
    (output.code, String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn a_lease_outlives_its_run_until_it_ends_or_is_removed() {
    let mut place = Place::new();
    place.set("MOPS_STATE_SHARED", "1");
    let (run, _silent) = waiting_run(&mut place);
    let folder = folder_of_a_waiting_run(&place);
    let up = ["mops", "infra", "up", "infra.yaml", "--yes"];
    // On this machine the kernel's lock speaks first, and nobody takes it away.
    let (code, err) = told(&place, &["mops", "infra", "unlock", "--yes"]).await;
    assert!(code == Some(4) && err.contains(&format!("process {}", run.id())), "{err}");
    // Another machine does not see that lock: for it the lock file is another one.
    fsx::remove(&folder.join("lock")).unwrap();
    let start = Instant::now();
    let (code, err) = told(&place, &up).await;
    assert!(code == Some(4) && start.elapsed() < Duration::from_secs(3), "{err}");
    assert!(
        err.contains("is leased to") && err.contains(&format!("process {}", run.id())) && err.contains(" until 20"),
        "{err}"
    );
    assert!(err.contains("mops infra unlock"), "{err}");
    run.signal(Signal::KILL);
    assert_eq!(run.wait(), None);
    assert_eq!(told(&place, &up).await.0, Some(4), "a dead run's lease stands until it ends");
    let (code, err) = told(&place, &["mops", "infra", "unlock"]).await;
    assert!(code == Some(2) && err.contains("give `--yes`"), "{err}");
    assert!(folder.join("lease").exists());
    let (code, err) = told(&place, &["mops", "infra", "unlock", "--yes"]).await;
    assert!(code == Some(0) && err.contains("is removed"), "{err}");
    let (next, _silent) = waiting_run(&mut place);
    assert!(fsx::read_text(&folder.join("lease")).unwrap().contains(&format!("pid: {}", next.id())));
    // A run that is told to stop gives its lease back.
    next.signal(Signal::TERM);
    assert_eq!(next.wait(), Some(130));
    let (code, err) = told(&place, &["mops", "infra", "unlock"]).await;
    assert!(code == Some(0) && err.contains("nothing needs unlocking"), "{err}");
}

#[tokio::test]
async fn on_a_local_file_system_a_dead_run_blocks_nobody() {
    let mut place = Place::new();
    let (run, _silent) = waiting_run(&mut place);
    let (code, err) = told(&place, &["mops", "infra", "unlock"]).await;
    assert!(code == Some(4) && err.contains("is locked by") && err.contains("since"), "{err}");
    run.signal(Signal::KILL);
    assert_eq!(run.wait(), None);
    let (code, err) = told(&place, &["mops", "infra", "unlock"]).await;
    assert!(code == Some(0) && err.contains("nothing needs unlocking"), "{err}");
}

/// A place whose home holds a state with secrets.
fn with_secrets() -> Place {
    let place = Place::new();
    lived_in(&place.path().join("home/.modelops"));
    place
}

const SHOW: [&str; 4] = ["mops", "infra", "export", "--show-secrets"];

/// Whether everything opens with what the environment names.
async fn opens(place: &mut Place, phrase: Option<&str>) -> bool {
    place.env.retain(|(n, _)| n != "PULUMI_CONFIG_PASSPHRASE");
    if let Some(phrase) = phrase {
        place.set("PULUMI_CONFIG_PASSPHRASE", phrase);
    }
    let output = place.run(&SHOW).await;
    output.code == Some(0) && !String::from_utf8_lossy(&output.stdout).contains("ciphertext")
}

#[tokio::test]
async fn a_rotation_takes_its_phrase_from_a_file_or_standard_input_and_says_what_comes_next() {
    let mut place = with_secrets();
    place.set("PULUMI_CONFIG_PASSPHRASE", PHRASE);
    let rotate = ["mops", "infra", "passphrase", "rotate"];
    // Closed standard input is no passphrase.
    let (code, err) = told(&place, &rotate).await;
    assert!(code == Some(2) && err.contains("--new-passphrase-file") && err.contains("--generate"), "{err}");
    place.write("new.txt", "from a file\n");
    let file = place.path().join("new.txt");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    let with_file = ["mops", "infra", "passphrase", "rotate", "--new-passphrase-file", "new.txt"];
    let (code, err) = told(&place, &with_file).await;
    assert!(code == Some(2) && err.contains("chmod 600"), "{err}");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    place.set("PULUMI_CONFIG_PASSPHRASE", "wrong");
    let before = contents(&place);
    let (code, err) = told(&place, &with_file).await;
    assert!(code == Some(2) && err.contains("is not the one"), "{err}");
    assert_eq!(contents(&place), before);
    place.set("PULUMI_CONFIG_PASSPHRASE", PHRASE);
    let (code, err) = told(&place, &with_file).await;
    assert!(code == Some(0) && err.contains("set PULUMI_CONFIG_PASSPHRASE_FILE=new.txt"), "{err}");
    assert!(!err.contains("from a file"), "{err}");
    assert!(opens(&mut place, Some("from a file")).await && !opens(&mut place, Some(PHRASE)).await);
    place.set("PULUMI_CONFIG_PASSPHRASE", "from a file");
    let (code, err) =
        told(&place, &["sh", "-c", "printf 'piped\\n' | mops infra passphrase rotate --new-passphrase-file -"]).await;
    assert!(code == Some(0) && err.contains("set PULUMI_CONFIG_PASSPHRASE to the new one"), "{err}");
    assert!(opens(&mut place, Some("piped")).await && !opens(&mut place, Some("from a file")).await);
}

fn contents(place: &Place) -> std::collections::BTreeMap<String, Vec<u8>> {
    let folder = state::folder(&place.path().join("home/.modelops"), &whole());
    mops_tests::rig::files(&folder).into_iter().filter(|(name, _)| name != "lock").collect()
}

fn kills() -> u32 {
    Env::process().get("MOPS_ROTATIONS").and_then(|n| n.parse().ok()).unwrap_or(4)
}

#[tokio::test]
async fn an_import_that_is_killed_leaves_nothing_or_all() {
    let mut place = with_secrets();
    place.set("PULUMI_CONFIG_PASSPHRASE", PHRASE);
    assert_eq!(told(&place, &["mops", "infra", "export", "-o", "dev.json"]).await.0, Some(0));
    let count = state::read(&place.path().join("home/.modelops"), &whole()).unwrap().unwrap().resources.len();
    let (mut nothing, mut all) = (0, 0);
    for round in 0..kills() {
        let home = place.path().join(format!("other-{round}"));
        place.set("MODELOPS_HOME", home.display().to_string());
        let run = Running::start(&place, "mops", &["infra", "import", "--state", "dev.json"]);
        // The rules and the secrets have been looked at: from here on it writes.
        let lock = state::folder(&home, &whole()).join("lock");
        let start = Instant::now();
        while !lock.exists() && start.elapsed() < Duration::from_secs(30) {
            tokio::task::yield_now().await;
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(4) * round * round {
            std::hint::spin_loop();
        }
        run.signal(Signal::KILL);
        run.wait();
        match state::read(&home, &whole()).unwrap() {
            Some(found) if !found.is_empty() => {
                assert_eq!(found.resources.len(), count, "round {round}: a part of it");
                all += 1;
            }
            _ => {
                assert_eq!(told(&place, &["mops", "infra", "import", "--state", "dev.json"]).await.0, Some(0));
                nothing += 1;
            }
        }
    }
    println!("import kills={} nothing={nothing} all={all} part=0", kills());
}

#[tokio::test]
async fn an_export_says_what_pulumi_will_drop() {
    let place = Place::new();
    cut_off(&place.path().join("home/.modelops"));
    let output = place.run(&["mops", "infra", "export"]).await;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.code, Some(0), "{err}");
    assert!(out.contains("\"pending_operations\":[{") && out.contains("\"creating\""), "{out}");
    assert!(err.contains("`slow`") && err.contains("`pulumi stack import` drops them"), "{err}");
    let status = place.run(&["mops", "infra", "status", "--json"]).await;
    let line: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((&line["open"][0]["action"], &line["open"][0]["resumable"]), (&"create".into(), &true.into()), "{line}");
    assert!(line["open"][0]["since"].as_str().is_some_and(|at| at.starts_with("20")));
}

#[tokio::test]
async fn a_rotation_that_is_killed_leaves_a_state_that_opens() {
    let kills = kills();
    let mut place = with_secrets();
    place.set("PULUMI_CONFIG_PASSPHRASE", PHRASE);
    let (code, err) = told(&place, &["mops", "infra", "passphrase", "rotate", "--generate"]).await;
    assert!(code == Some(0) && err.contains("unset PULUMI_CONFIG_PASSPHRASE"), "{err}");
    assert!(opens(&mut place, None).await, "the generated phrase opens it");
    let phrases =
        |place: &Place| contents(place).into_keys().filter(|n| n.starts_with("passphrase-")).collect::<Vec<_>>();
    let (mut done, mut early) = (0, 0);
    for round in 0..kills {
        let before = phrases(&place);
        let run = Running::start(&place, "mops", &["infra", "passphrase", "rotate", "--generate"]);
        // Half of them die when the new file is there, which is when it matters; the others earlier.
        let start = Instant::now();
        let is_due = |now: &[String]| {
            if round % 2 == 0 { now != before } else { start.elapsed().as_millis() > u128::from(round) * 20 }
        };
        while !is_due(&phrases(&place)) && start.elapsed() < Duration::from_secs(30) {
            tokio::task::yield_now().await;
        }
        run.signal(Signal::KILL);
        if run.wait() == Some(0) {
            done += 1
        } else {
            early += 1
        }
        assert!(opens(&mut place, None).await, "round {round}: nothing opens the state");
    }
    println!("passphrase kills={kills} killed={early} finished={done} unreadable=0");
    assert!(Path::new(&place.path().join("home/.modelops")).exists());
}
