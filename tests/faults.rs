//! Promise R5: at up to a fifth of faulty answers a whole run gets to its end by itself; whatever the share, nothing is
//! made twice, nothing is lost after one more `up`, a pause that a service asked for is kept by everybody, and the
//! requests stay within one and a half times what the faults make necessary.
//!
//! A run is the engine with the product's own resources and clients: Azure and Kubernetes, a hundred resources, on a
//! clock that never sleeps. `MOPS_FAULT_SEEDS` is the number of seeds (1 without it, 500 in the long form; at each of
//! three shares), `MOPS_SEED` the first one.

#![expect(clippy::print_stdout, reason = "counts are printed")]

#[path = "faults/stack.rs"]
mod stack;
#[path = "faults/weather.rs"]
mod weather;

use mops_host::Env;
use stack::{SIZE, Stack};

const SHARES: [u32; 3] = [5, 20, 50];

/// The sums over all runs of one share.
#[derive(Debug, Default)]
struct Sum {
    runs: usize,
    finished: usize,
    lost: usize,
    duplicate: usize,
    early: usize,
    pauses: usize,
    faults: usize,
    tries: usize,
    most: u32,
    ratio: f64,
    worst: f64,
}

fn number(name: &str, otherwise: u64) -> u64 {
    Env::process().get(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Requests of a run without faults, and what it leaves behind.
async fn ideal() -> (usize, stack::Books) {
    let stack = Stack::new();
    let weather = stack.weather(0, 0);
    stack.up(&weather).await.expect("a run in fair weather");
    let tries = weather.seen().tries;
    let books = stack.books(&weather).await;
    let found = (books.existing.len(), books.known.len(), books.left, books.doubled.len());
    assert_eq!(found, (SIZE, SIZE, 0, 0), "what a run in fair weather leaves");
    (tries, books)
}

#[tokio::test]
async fn whole_runs_in_bad_weather() {
    let (seeds, first) = (number("MOPS_FAULT_SEEDS", 1), number("MOPS_SEED", 1));
    let (ideal, fair) = ideal().await;
    for share in SHARES {
        let mut sum = Sum::default();
        for seed in first..first + seeds {
            let stack = Stack::new();
            let weather = stack.weather(seed, share);
            let ended = stack.up(&weather).await;
            let seen = weather.seen();
            weather.clear_up();
            stack.up(&weather).await.unwrap_or_else(|e| panic!("seed {seed}, {share} %: one more `up`: {e}"));
            let books = stack.books(&weather).await;
            if let Err(why) = &ended {
                println!("R5 seed={seed} share={share}% stopped: {}", why.chars().take(300).collect::<String>());
            }
            sum.runs += 1;
            sum.finished += usize::from(ended.is_ok());
            sum.lost += fair.existing.symmetric_difference(&books.existing).count()
                + fair.known.symmetric_difference(&books.known).count()
                + books.left;
            sum.duplicate += books.doubled.len();
            sum.early += seen.early;
            sum.pauses += seen.pauses;
            sum.faults += seen.faults;
            sum.tries += seen.tries;
            sum.most = sum.most.max(seen.most);
            sum.worst = sum.worst.max(seen.tries as f64 / ideal as f64);
        }
        sum.ratio = sum.tries as f64 / (ideal * sum.runs) as f64;
        print(share, first, ideal, &sum);
        let limit = 1.5 / (1.0 - f64::from(share) / 100.0);
        assert_eq!((sum.lost, sum.duplicate, sum.early), (0, 0, 0), "{share} %: {sum:?}");
        assert!(sum.pauses > 0 && sum.faults > 0, "the weather was fair: {sum:?}");
        assert!(sum.most <= 8, "{share} %: {} tries of one call", sum.most);
        assert!(sum.worst <= limit, "{share} %: {:.2} times the requests of fair weather", sum.worst);
        assert!(share > 20 || sum.finished * 1000 >= sum.runs * 995, "{share} %: {} of {}", sum.finished, sum.runs);
    }
}

fn print(share: u32, first: u64, ideal: usize, sum: &Sum) {
    println!(
        "R5 share={share}% seeds={first}..+{} runs={} finished={} lost={} duplicate={} pauses={} early={} most_tries={} \
         ideal={ideal} ratio={:.2} worst_ratio={:.2}",
        sum.runs,
        sum.runs,
        sum.finished,
        sum.lost,
        sum.duplicate,
        sum.pauses,
        sum.early,
        sum.most,
        sum.ratio,
        sum.worst,
    );
}
