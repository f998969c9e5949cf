//! Random stacks, changed at random, with services that fail, runs that are interrupted, and kills at any event and any
//! byte of the journal: what is wanted is what is there, a preview is what `up` does, and `down` leaves nothing of ours
//! and takes nothing of anybody else. No exclusions.
//!
//! Each test prints its count in one line. `MOPS_CASES` makes it longer, `MOPS_SEED` starts at another case; a failure
//! names the seed of its case, and `MOPS_CASES=1 MOPS_SEED=…` plays that one alone.

#![expect(clippy::print_stdout, reason = "counts are printed")]

#[path = "props/copy.rs"]
pub(crate) mod copy;
#[path = "props/kills.rs"]
mod kills;
#[path = "props/ledger.rs"]
mod ledger;
#[path = "props/play.rs"]
mod play;
#[path = "props/preview.rs"]
mod preview;
#[path = "props/selection.rs"]
mod selection;
#[path = "props/sound.rs"]
mod sound;
#[path = "props/stacks.rs"]
pub(crate) mod stacks;
#[path = "props/worlds.rs"]
mod worlds;

use std::fmt::Debug;

use mops_tests::dice::{cases, seed};

/// Plays case after case on one thread each time; panics with the seeds of those that do not hold.
fn all<S: Debug + Default>(name: &str, short: u64, mut case: impl AsyncFnMut(u64, &mut S) -> Result<(), String>) {
    let (count, first) = (cases(short), seed());
    let mut seen = S::default();
    let mut failed: Vec<String> = Vec::new();
    for seed in first..first + count {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Err(why) = runtime.block_on(case(seed, &mut seen)) {
            failed.push(format!("MOPS_SEED={seed}: {why}"));
        }
    }
    println!("{name} cases={count} violations={} exclusions=0 seed={first} {seen:?}", failed.len());
    failed.iter().for_each(|why| println!("{name} {}", why.chars().take(2000).collect::<String>()));
    assert!(failed.is_empty(), "{} violations", failed.len());
}

#[test]
fn nothing_breaks_whatever_fails_and_wherever_it_is_killed() {
    all("R9", 300, kills::case);
}

#[test]
fn a_preview_lists_every_write_that_up_makes() {
    all("R10", 150, preview::case);
}

#[test]
fn down_takes_what_is_ours_and_nothing_else() {
    all("worlds", 150, worlds::case);
}

#[test]
fn a_selection_writes_what_was_selected() {
    all("selections", 150, selection::case);
}
