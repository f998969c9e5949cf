//! Killed at any moment, a run loses nothing and makes nothing twice, and the next `up` finishes the work by itself.
//!
//! The engine runs as a child (`mops-bench`) against objects in a folder, so that both survive the kill. The sweep over
//! every failpoint needs a build with `MOPS_BUILD_FAILPOINTS=1` and says so otherwise.

#![expect(clippy::print_stdout, reason = "counts are printed")]

use std::collections::BTreeSet;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use mops_engine::failpoint::{AVAILABLE, Failpoint};
use mops_engine::state;
use mops_host::SystemClock;
use mops_tests::null::{Null, stack};

/// Home and service of one round.
struct Round {
    home: tempfile::TempDir,
    service: tempfile::TempDir,
}

impl Round {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), service: tempfile::tempdir().unwrap() }
    }

    #[expect(clippy::disallowed_methods, reason = "the child is killed at a chosen moment")]
    fn command(&self, verb: &str, rest: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mops-bench"));
        command.args([verb, "--dir", self.home.path().to_str().unwrap()]);
        command.args(["--service", self.service.path().to_str().unwrap()]).args(rest);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).env_remove("MOPS_FAILPOINT");
        command
    }

    fn start(&self, verb: &str, rest: &[&str]) -> Child {
        self.command(verb, rest).spawn().unwrap()
    }

    fn finish(&self, verb: &str, rest: &[&str]) -> serde_json::Value {
        let done = self.command(verb, rest).output().unwrap();
        assert!(done.status.success(), "{verb} {rest:?}: {}", text(&done));
        serde_json::from_slice(&done.stdout).unwrap()
    }

    /// What exists, and what state says of it: nothing lost, nothing twice, nothing open.
    fn settled(&self, n: usize) {
        let null = Null::in_folder(SystemClock::shared(), self.service.path());
        let things = null.things();
        let owners: BTreeSet<String> = things.values().filter_map(|t| Some(t.mark.clone()?.1)).collect();
        assert_eq!((things.len(), owners.len()), (n, n), "lost or duplicate");
        let state = state::read(self.home.path(), &stack()).unwrap().unwrap();
        let known: BTreeSet<String> = state.resources.iter().map(|r| r.urn.to_string()).collect();
        assert_eq!(known, owners, "state and service differ");
        assert!(state.open.is_empty(), "{:?}", state.open);
    }
}

fn text(done: &Output) -> String {
    format!("{:?} {}", done.status, String::from_utf8_lossy(&done.stderr))
}

/// A generator that gives the same delays again for the same seed.
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

fn rounds(default: u64) -> u64 {
    mops_host::Env::process().get("MOPS_KILLS").and_then(|n| n.parse().ok()).unwrap_or(default)
}

#[expect(clippy::disallowed_methods, reason = "the kill comes after a delay in earnest")]
fn kill_after(mut child: Child, delay: Duration) {
    std::thread::sleep(delay);
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn killed_at_random_times_the_next_up_finishes_alone() {
    const N: usize = 60;
    let all = ["--n", "60"];
    let typical = {
        let round = Round::new();
        let start = Instant::now();
        round.finish("up", &all);
        start.elapsed()
    };
    let mut seed = 20_261_124;
    let (mut kills, mut in_the_middle) = (0, 0);
    for i in 0..rounds(24) {
        let round = Round::new();
        let delay = |seed: &mut u64| typical.mul_f64((next(seed) % 1000) as f64 / 1000.0);
        kill_after(round.start("up", &all), delay(&mut seed));
        if i % 4 == 0 {
            kill_after(round.start("up", &all), delay(&mut seed));
            kills += 1;
        }
        kills += 1;
        in_the_middle += u32::from(std::fs::read_dir(round.service.path()).unwrap().count() > 0);
        round.finish("up", &all);
        round.settled(N);
        let again = round.finish("up", &all);
        assert_eq!((again["totals"]["unchanged"].as_u64(), again["written"].as_u64()), (Some(60), Some(0)));
        if i % 3 == 0 {
            kill_after(round.start("up", &["--n", "60", "--value", "two"]), delay(&mut seed));
            round.finish("up", &["--n", "60", "--value", "two"]);
            round.settled(N);
            kill_after(round.start("down", &all), delay(&mut seed));
            round.finish("down", &all);
            round.settled(0);
            kills += 2;
        }
    }
    println!("R2 kills={kills} in_the_middle={in_the_middle} lost=0 duplicate=0 unreadable=0 prompt=0");
}

#[test]
fn every_boundary_is_survived() {
    if !AVAILABLE {
        println!("R1 skipped: not a build with failpoints (MOPS_BUILD_FAILPOINTS=1)");
        return;
    }
    let steps: u64 = mops_host::Env::process().get("MOPS_SWEEP").and_then(|n| n.parse().ok()).unwrap_or(6);
    let kinds: [(&str, &[&str]); 4] = [
        ("up", &["--n", "50"]),
        ("up", &["--n", "50", "--value", "two"]),
        ("up", &["--n", "50", "--replace", "two"]),
        ("down", &["--n", "50"]),
    ];
    let (mut points, mut died) = (0, 0);
    for point in Failpoint::ALL {
        for (kind, (verb, rest)) in kinds.iter().enumerate() {
            for step in 0..steps {
                let round = Round::new();
                if kind > 0 {
                    round.finish("up", &["--n", "50"]);
                }
                // The first and the last few, and some between.
                let n = [1, 2, 3, 17, 33, 50][usize::try_from(step).unwrap() % 6] + 50 * (step / 6);
                let failpoint = format!("{}:{n}:abort", point.name());
                let done = round.command(verb, rest).env("MOPS_FAILPOINT", &failpoint).output().unwrap();
                points += 1;
                died += u32::from(!done.status.success());
                let done = round.command(verb, rest).output().unwrap();
                assert!(done.status.success(), "{failpoint} {verb} {rest:?}: {}", text(&done));
                round.settled(if *verb == "down" { 0 } else { 50 });
                let again = round.finish(verb, rest);
                assert_eq!(again["written"].as_u64(), Some(0), "{failpoint} {verb} {rest:?}");
            }
        }
    }
    assert!(died > points / 4, "the failpoints do not fire: {died} of {points}");
    println!("R1 points={points} died={died} lost=0 duplicate=0 manual=0");
}

#[test]
fn a_failed_write_stops_the_run_and_the_next_one_goes_on() {
    if !AVAILABLE {
        println!("R4 skipped: not a build with failpoints (MOPS_BUILD_FAILPOINTS=1)");
        return;
    }
    for point in [Failpoint::RotateStart, Failpoint::RotateReplaced, Failpoint::RotateEmptied] {
        let round = Round::new();
        // The first two rotations-to-be are those of the first run: one at its end.
        let failpoint = format!("{}:1:error", point.name());
        let done = round.command("up", &["--n", "50"]).env("MOPS_FAILPOINT", &failpoint).output().unwrap();
        assert_eq!(done.status.code(), Some(3), "{failpoint}: {}", text(&done));
        round.finish("up", &["--n", "50"]);
        round.settled(50);
    }
}

#[test]
fn a_build_for_users_has_no_failpoints() {
    if AVAILABLE {
        return;
    }
    let round = Round::new();
    for point in Failpoint::ALL {
        let failpoint = format!("{}:1:abort", point.name());
        let done = round.command("up", &["--n", "5"]).env("MOPS_FAILPOINT", &failpoint).output().unwrap();
        assert!(done.status.success(), "{failpoint}: {}", text(&done));
    }
}

#[test]
fn a_dead_holder_does_not_block_the_next_run() {
    let round = Round::new();
    let slow = ["--n", "3", "--latency", "30000"];
    let child = round.start("up", &slow);
    let lock = state::folder(round.home.path(), &stack()).join("lock");
    let start = Instant::now();
    while std::fs::metadata(&lock).map_or(0, |m| m.len()) == 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "the first run never took its lock");
        std::thread::yield_now();
    }
    let loser = round.command("up", &slow).output().unwrap();
    assert_eq!(loser.status.code(), Some(4), "{}", text(&loser));
    assert!(text(&loser).contains(&format!("process {}", child.id())), "{}", text(&loser));
    kill_after(child, Duration::ZERO);
    round.finish("up", &["--n", "3"]);
    round.settled(3);
}
