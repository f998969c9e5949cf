//! R7: of any number of `up`s at once one works, the others leave within a second and name it; a killed one blocks
//! nobody. `MOPS_ROUNDS` rounds of twenty (default: the short form).

use std::io::Read as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use mops_host::fsx;
use mops_tests::figures::{size, tell};

use crate::cli::silence;
use mops_tests::place::{Place, bin_dir};

const RUNS: usize = 20;
/// Three times the promise.
const LOSER: Duration = Duration::from_secs(3);

#[derive(Default)]
struct Sum {
    winners: u64,
    losers: u64,
    slowest_loser: Duration,
    slowest_next: Duration,
}

fn start(place: &Place) -> Child {
    #[expect(clippy::disallowed_methods, reason = "many children at once, and a kill")]
    let mut command = std::process::Command::new(bin_dir().join("mops"));
    let command = command.args(["infra", "up", "infra.yaml", "--yes"]).env_clear().envs(place.env.iter().cloned());
    let command = command.current_dir(place.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// The pid that the lock names.
fn holder(place: &Place) -> Option<u32> {
    let text = fsx::read_text(&place.path().join("home/.modelops/state/modelops/dev/lock")).ok()?;
    text.lines().find_map(|l| l.strip_prefix("pid: "))?.parse().ok()
}

/// Twenty at once: every one but the holder must leave, and say who holds it.
fn round(place: &Place, sum: &mut Sum) -> Child {
    let begin = Instant::now();
    let mut runs: Vec<Child> = (0..RUNS).map(|_| start(place)).collect();
    let mut gone = Vec::new();
    while gone.len() < RUNS - 1 {
        assert!(begin.elapsed() < Duration::from_secs(60), "only {} of {RUNS} have left", gone.len());
        for i in (0..runs.len()).rev() {
            if runs[i].try_wait().unwrap().is_some() {
                gone.push((runs.remove(i), begin.elapsed()));
            }
        }
        std::thread::yield_now();
    }
    let mut winner = runs.pop().expect("one is still there");
    assert_eq!(winner.try_wait().unwrap(), None, "nobody holds the lock");
    assert_eq!(holder(place), Some(winner.id()));
    for (mut loser, after) in gone {
        let mut said = String::new();
        loser.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(loser.wait().unwrap().code(), Some(4), "{said}");
        let named = [format!("process {} on `", winner.id()), "since 20".into(), "--lock-timeout".into()];
        assert!(named.iter().all(|part| said.contains(part)), "{said}");
        sum.losers += 1;
        sum.slowest_loser = sum.slowest_loser.max(after);
    }
    sum.winners += 1;
    winner
}

#[test]
fn one_of_twenty_wins_and_a_killed_winner_blocks_nobody() {
    let mut place = Place::new();
    let silent = silence(&mut place);
    // It takes whatever comes and never answers.
    std::thread::spawn(move || silent.incoming().collect::<Vec<_>>());
    let rounds = size("MOPS_ROUNDS", 5);
    let mut sum = Sum::default();
    for _ in 0..rounds {
        let mut winner = round(&place, &mut sum);
        winner.kill().unwrap();
        winner.wait().unwrap();
        // The next run needs no command and no waiting: it holds the lock as soon as it has started.
        let begin = Instant::now();
        let mut next = start(&place);
        while holder(&place) != Some(next.id()) {
            assert_eq!(next.try_wait().unwrap(), None, "the next run was refused");
            assert!(begin.elapsed() < LOSER, "the next run does not get the lock");
            std::thread::yield_now();
        }
        sum.slowest_next = sum.slowest_next.max(begin.elapsed());
        next.kill().unwrap();
        next.wait().unwrap();
    }
    let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap();
    tell(
        "R7",
        &[
            ("rounds", rounds),
            ("runs", rounds * (RUNS as u64 + 1)),
            ("winners", sum.winners),
            ("losers", sum.losers),
            ("slowest_loser_ms", millis(sum.slowest_loser)),
            ("slowest_next_ms", millis(sum.slowest_next)),
        ],
    );
    assert!(sum.slowest_loser < LOSER, "a loser took {:?}", sum.slowest_loser);
}
