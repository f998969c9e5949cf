//! R2: SIGKILL at random moments, against a service in a process of its own that goes on with what it was asked for.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mops_tests::dice::{Dice, seed};
use mops_tests::figures::{size, tell};
use mops_tests::remote::Remote;

use super::audit::Audit;
use super::round::Round;

const THINGS: usize = 200;

/// The service; it ends with the test.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    #[expect(clippy::disallowed_methods, reason = "a server that outlives the runs against it")]
    fn start(lost: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mops-bench"));
        let command = command.args(["serve", "--lost", lost]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("ready ").unwrap().parse().unwrap();
        Self { child, address }
    }

    fn mend(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Remote::new(self.address).mend()).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a run is killed, beside once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Once,
    /// Operations take half a second.
    Slow,
    /// The run that recovers is killed too.
    Twice,
    /// One in fifty changes is never answered until the run is dead.
    Unanswered,
}

const UP: &[&str] = &["up", "--shape", "graph", "--kind", "mixed", "--n", "200", "--replace", "one"];
const CHANGE: &[&str] =
    &["up", "--shape", "graph", "--kind", "mixed", "--n", "200", "--replace", "two", "--value", "two"];
const SLOW: &[&str] = &["up", "--shape", "graph", "--n", "200", "--latency", "500", "--parallelism", "100"];

#[derive(Default)]
struct Sum {
    audit: Audit,
    kills: u64,
    /// Kills that met a living run.
    struck: u64,
    /// Of these, with some of the work done and some not.
    midway: u64,
    slow: u64,
    /// Kills that met the run that recovers.
    double: u64,
    unanswered: u64,
}

/// Kills the run after a part of its usual time; whether it was still there.
#[expect(clippy::disallowed_methods, reason = "the kill comes after a delay in earnest")]
fn kill(round: &Round, words: &[&str], delay: Duration) -> bool {
    let mut child = round.start(words);
    std::thread::sleep(delay);
    let _ = child.kill();
    child.wait().unwrap().signal() == Some(9)
}

/// One stage of a stack's life: how it is brought about, and how many things there are afterwards.
type Stage = (&'static [&'static str], usize);

const LIFE: [Stage; 3] = [(UP, THINGS), (CHANGE, THINGS), (&["down"], 0)];
const SLOW_LIFE: [Stage; 1] = [(SLOW, THINGS)];

/// How long each stage takes undisturbed, the machine being as loaded as it is.
fn usual(stages: &[Stage]) -> Vec<Duration> {
    let server = Server::start("0");
    let round = Round::at(server.address);
    let timed = |(words, _): &Stage| {
        let start = Instant::now();
        round.finish(words);
        start.elapsed()
    };
    stages.iter().map(timed).collect()
}

/// The stages of one stack, each killed and then finished by the next run.
fn live(way: Way, stages: &[Stage], usual: &[Duration], seed: u64, sum: &Mutex<Sum>) {
    let mut dice = Dice::new(seed);
    let server = Server::start(if way == Way::Unanswered { "20" } else { "0" });
    let round = Round::at(server.address);
    for ((words, n), usual) in stages.iter().zip(usual) {
        let mut delay = || usual.mul_f64(dice.below(1000) as f64 / 1000.0);
        let before = round.book().len();
        let struck = kill(&round, words, delay());
        let midway = struck && ![before, *n].contains(&round.book().len());
        let again = way == Way::Twice && kill(&round, words, delay());
        server.mend();
        let mut audit = round.converges(words, *n);
        if audit.counts().iter().any(|(_, n)| *n > 0) {
            audit.tell(format!("that was `{}` with MOPS_SEED={seed}", words.join(" ")));
        }
        let mut sum = sum.lock().unwrap();
        sum.audit.merge(audit);
        sum.count(way, struck, midway, again);
    }
}

impl Sum {
    fn count(&mut self, way: Way, struck: bool, midway: bool, again: bool) {
        self.kills += 1;
        self.struck += u64::from(struck);
        self.midway += u64::from(midway);
        self.slow += u64::from(way == Way::Slow);
        self.unanswered += u64::from(way == Way::Unanswered);
        self.double += u64::from(again);
    }
}

#[test]
fn killed_at_random_times_the_next_up_finishes_alone() {
    let kills = size("MOPS_KILLS", 15);
    let first = seed();
    let (usual_life, usual_slow) = (usual(&LIFE), usual(&SLOW_LIFE));
    // A life has three kills; beside them a fifth as many of each other way.
    let ways = [
        (Way::Once, kills.div_ceil(3)),
        (Way::Twice, kills / 15),
        (Way::Slow, kills / 5),
        (Way::Unanswered, kills / 5),
    ];
    let lives: Vec<Way> = ways.iter().flat_map(|(way, n)| (0..*n).map(|_| *way)).collect();
    let (next, sum) = (AtomicU64::new(0), Mutex::new(Sum::default()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::SeqCst);
                    let Some(way) = usize::try_from(i).ok().and_then(|i| lives.get(i)) else { break };
                    let (stages, usual): (&[Stage], _) = match way {
                        Way::Slow => (&SLOW_LIFE, &usual_slow),
                        Way::Unanswered => (&LIFE[..1], &usual_life),
                        Way::Once | Way::Twice => (&LIFE, &usual_life),
                    };
                    live(*way, stages, usual, first + i, &sum);
                }
            });
        }
    });
    let sum = sum.into_inner().unwrap();
    let mut counts = vec![
        ("kills", sum.kills + sum.double),
        ("struck", sum.struck + sum.double),
        ("midway", sum.midway),
        ("slow", sum.slow),
        ("double", sum.double),
        ("unanswered", sum.unanswered),
    ];
    counts.extend(sum.audit.counts());
    counts.push(("seed", first));
    tell("R2", &counts);
    sum.audit.must_be_clean();
    assert!(sum.midway > 0, "no kill met a run in the middle of its work");
}
