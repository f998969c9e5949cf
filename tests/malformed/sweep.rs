//! Every reader against thousands of broken texts, in a process that may hold no more than the limit of memory.

#![expect(clippy::print_stdout, reason = "counts and the seed are printed")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use mops_host::Env;
use mops_host::proc::Command;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::chance::{Dice, mutate, scramble};
use super::target::{Target, all};

/// No text may need more; the limit is the kernel's, for the whole process.
const MEMORY: u64 = 256 << 20;
/// No text may need longer on a processor.
const TIME: Duration = Duration::from_secs(1);
/// Each reader must refuse so many at least, or the texts are not broken enough.
const REFUSED: usize = 20;

fn number<T: std::str::FromStr>(env: &Env, name: &str, otherwise: T) -> T {
    env.get(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test]
async fn broken_texts_end_no_reader() {
    let env = Env::process();
    let seed = number(&env, "MOPS_SEED", 20_261_126_u64);
    let seconds = number(&env, "MOPS_FUZZ_SECONDS", 0.4_f64);
    let this = std::env::current_exe().unwrap().display().to_string();
    let args = ["--ignored", "--exact", "malformed::sweep::child_reads_broken_texts", "--nocapture"];
    let command = Command {
        program: this,
        args: args.map(str::to_owned).to_vec(),
        env: vec![("MOPS_SEED".into(), seed.to_string()), ("MOPS_FUZZ_SECONDS".into(), seconds.to_string())],
        stdin: None,
        timeout: Duration::from_secs_f64(60.0 + seconds * 20.0 * 3.0),
        max_output: 1 << 20,
    };
    let output = command.run().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.success(), "MOPS_SEED={seed}: {said}");
    let counts = said.lines().find_map(|l| l.split_once("R11 ")).expect("the counts").1;
    println!("R11 {counts}");
}

#[test]
#[ignore = "the child of the test above, with a limit of memory of its own"]
fn child_reads_broken_texts() {
    let env = Env::process();
    let (seed, seconds) = (number(&env, "MOPS_SEED", 1_u64), number(&env, "MOPS_FUZZ_SECONDS", 0.1_f64));
    let targets = all();
    setrlimit(Resource::Data, Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) }).unwrap();
    let mut dice = Dice::new(seed);
    let (mut files, mut bad, mut slowest) = (0, 0, Duration::ZERO);
    for target in &targets {
        let tally = attack(target, &mut dice, Duration::from_secs_f64(seconds));
        assert!(!target.strict || tally.bad >= REFUSED, "{}: {} of {} refused", target.name, tally.bad, tally.files);
        println!("{}: {} texts, {} refused, slowest {:?}", target.name, tally.files, tally.bad, tally.slowest);
        (files, bad, slowest) = (files + tally.files, bad + tally.bad, slowest.max(tally.slowest));
    }
    let (count, mib) = (targets.len(), MEMORY >> 20);
    println!(
        "R11 seed={seed} targets={count} files={files} bad={bad} panics=0 slow=0 slowest={slowest:?} memory={mib}MiB"
    );
    assert!(count >= 9 && bad >= 2000, "only {bad} of {files} were refused");
}

#[derive(Default)]
struct Tally {
    files: usize,
    bad: usize,
    slowest: Duration,
}

/// Breaks one reader's texts until the time is over, at least fifty of them.
fn attack(target: &Target, dice: &mut Dice, time: Duration) -> Tally {
    let start = Instant::now();
    let mut tally = Tally::default();
    for seed in &target.seeds {
        assert!(!(target.refuses)(seed), "{} refuses its own seed {:?}", target.name, String::from_utf8_lossy(seed));
    }
    while start.elapsed() < time || tally.files < 50 {
        let seed = &target.seeds[dice.roll(target.seeds.len())];
        let broken = match std::str::from_utf8(seed) {
            Ok(text) if dice.roll(4) > 0 => mutate(text, dice).into_bytes(),
            _ => scramble(seed, dice),
        };
        let before = on_processor();
        let refused = catch_unwind(AssertUnwindSafe(|| (target.refuses)(&broken)))
            .unwrap_or_else(|_| panic!("{}: a panic for {:?}", target.name, String::from_utf8_lossy(&broken)));
        let took = on_processor().saturating_sub(before);
        assert!(took < TIME, "{}: {took:?} for {:?}", target.name, String::from_utf8_lossy(&broken));
        tally.files += 1;
        tally.bad += usize::from(refused);
        tally.slowest = tally.slowest.max(took);
    }
    tally
}

/// How long this thread was on a processor, whatever else the machine does.
fn on_processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0))
}
