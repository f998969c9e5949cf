//! R8: SIGINT and SIGTERM at any time: 130 within 5 s, at once after a second signal, state durable within 1 s, the
//! terminal as it was; then the same command goes on. `MOPS_SIGNALS` signals (default: the short form), `MOPS_SEED`
//! the moments. Deadlines are asserted at three times the promise. The operations of a whole stack are over within two
//! seconds in the sandbox; one of a real length is interrupted in `signals/long.rs`.

#[path = "signals/long.rs"]
mod long;

use std::time::Duration;

use mops_tests::dice::{Dice, seed};
use mops_tests::figures::{size, tell};
use mops_tests::skip::skipped;
use rustix::process::Signal;

use crate::life::{Life, pass};

/// Stacks that live at once: their runs mostly wait.
const LIVES: u64 = 2;
pub(crate) const FIRST: Duration = Duration::from_secs(3 * 5);
const SECOND: Duration = Duration::from_millis(3 * 200);
/// After the first signal everything is durable that ever will be without the process.
const DURABLE: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Sum {
    interrupted: u64,
    over_before: u64,
    killed: u64,
    first: Duration,
    second: Duration,
    untold: Vec<String>,
    doubled: Vec<String>,
}

impl Sum {
    fn merge(&mut self, other: Self) {
        self.interrupted += other.interrupted;
        self.over_before += other.over_before;
        self.killed += other.killed;
        self.first = self.first.max(other.first);
        self.second = self.second.max(other.second);
        self.untold.extend(other.untold);
        self.doubled.extend(other.doubled);
    }
}

/// One run, disturbed in one of three ways; whether it was over before.
fn disturb(life: &Life, way: u64, dice: &mut Dice, sum: &mut Sum) -> bool {
    let mut run = life.start();
    let signal = if dice.percent(50) { Signal::INT } else { Signal::TERM };
    pass(Duration::from_millis(dice.below(2000) as u64));
    run.signal(signal);
    let (code, after, said) = match way {
        0 => {
            let (status, after, said) = run.end(FIRST);
            sum.first = sum.first.max(after);
            (status.code(), after, said)
        }
        1 => {
            // Two signals that nobody has looked at yet are one: the second is the one after the answer to the first.
            run.says(|line| line.contains("stopping"));
            pass(Duration::from_millis(dice.below(100) as u64));
            run.signal(signal);
            let (status, after, said) = run.end(FIRST);
            sum.second = sum.second.max(after);
            (status.code(), after, said)
        }
        _ => {
            pass(DURABLE);
            let (alive, said) = run.kill();
            sum.killed += u64::from(alive);
            (Some(130), Duration::ZERO, said)
        }
    };
    sum.untold.extend(life.untold(&said));
    assert!(matches!(code, Some(0 | 130)), "{signal:?} gave {code:?}: {said:#?}");
    assert!(way != 1 || after < SECOND, "the second signal took {after:?}");
    sum.interrupted += u64::from(code == Some(130));
    sum.over_before += u64::from(code == Some(0));
    code == Some(0)
}

/// So many signals in the life of one stack, which is whole in the end.
async fn live(signals: u64, seed: u64) -> Sum {
    let mut dice = Dice::new(seed);
    let mut life = Life::new().await;
    let mut sum = Sum::default();
    for i in 0..signals {
        if disturb(&life, i % 3, &mut dice, &mut sum) {
            life.advance();
        }
        // Now and then undisturbed, so that later stages have their turn.
        if i % 7 == 6 {
            life.finish().await.unwrap();
        }
    }
    life.finish().await.unwrap();
    sum.doubled = life.job.doubled();
    sum
}

#[test]
fn interrupted_at_random_times_it_ends_in_time_and_goes_on() {
    let (signals, first) = (size("MOPS_SIGNALS", 20).next_multiple_of(LIVES), seed());
    let lives: Vec<_> = (0..LIVES)
        .map(|i| {
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(live(signals / LIVES, first + i))
            })
        })
        .collect();
    let mut sum = Sum::default();
    lives.into_iter().for_each(|life| sum.merge(life.join().unwrap()));
    let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap();
    tell(
        "R8",
        &[
            ("signals", signals),
            ("interrupted", sum.interrupted),
            ("over_before", sum.over_before),
            ("killed_after_1s", sum.killed),
            ("slowest_first_ms", millis(sum.first)),
            ("slowest_second_ms", millis(sum.second)),
            ("lost", sum.untold.len() as u64),
            ("duplicate", sum.doubled.len() as u64),
            ("seed", first),
        ],
    );
    assert!(sum.untold.is_empty() && sum.doubled.is_empty(), "{:?} {:?}", sum.untold, sum.doubled);
    assert!(sum.interrupted > signals / 3, "most runs were over before their signal");
}

/// What a terminal is told and left with, by `script`, which gives the run one.
#[tokio::test]
async fn an_interrupted_run_leaves_the_terminal_as_it_was() {
    let life = Life::new().await;
    let place = &life.job.place;
    place.write("run.sh", "stty -a >before; mops infra up unified-infra.yaml --yes; echo $? >code; stty -a >after\n");
    if !std::path::Path::new("/usr/bin/script").exists() {
        return skipped("script", "an_interrupted_run_leaves_the_terminal_as_it_was");
    }
    let interrupter = {
        let lock = place.path().join("home/.modelops/state/modelops/dev/lock");
        std::thread::spawn(move || {
            // The lock names the process; it shows its progress soon after it has taken it.
            let begin = std::time::Instant::now();
            let pid = loop {
                let text = mops_host::fsx::read_text(&lock).unwrap_or_default();
                if let Some(pid) = text.lines().find_map(|l| l.strip_prefix("pid: ")?.parse().ok()) {
                    break pid;
                }
                assert!(begin.elapsed() < Duration::from_secs(60), "the run never took its lock");
                std::thread::yield_now();
            };
            pass(Duration::from_millis(1500));
            rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), Signal::INT).unwrap();
        })
    };
    let shown = life.job.run(&["/usr/bin/script", "-qec", "sh run.sh", "typescript"]).await;
    interrupter.join().unwrap();
    let read = |name: &str| mops_host::fsx::read_text(&place.path().join(name)).unwrap();
    assert_eq!(read("code").trim(), "130", "{}", String::from_utf8_lossy(&shown.stdout));
    assert_eq!(read("before"), read("after"));
    let typed = String::from_utf8_lossy(&mops_host::fsx::read(&place.path().join("typescript")).unwrap()).into_owned();
    assert!(typed.contains("\x1b[") && typed.contains("interrupted"), "{typed}");
    let (hidden, shown) = (typed.matches("\x1b[?25l").count(), typed.matches("\x1b[?25h").count());
    assert_eq!(hidden, shown, "the cursor stays hidden");
}
