//! R2 for the program: `mops` killed at random moments of up, change and down, against a sandbox that goes on without
//! it. `MOPS_PROGRAM_KILLS` kills (default: the short form), `MOPS_SEED` the moments.

use std::time::Duration;

use mops_tests::dice::{Dice, seed};
use mops_tests::figures::{size, tell};

use crate::life::{Life, pass};

#[tokio::test]
async fn the_program_killed_at_random_times_finishes_alone() {
    let (kills, first) = (size("MOPS_PROGRAM_KILLS", 3), seed());
    let mut dice = Dice::new(first);
    let mut life = Life::new().await;
    let (mut struck, mut untold, mut prompt) = (0, Vec::new(), Vec::new());
    for kill in 0..kills {
        let run = life.start();
        pass(Duration::from_millis(dice.below(3500) as u64));
        let (alive, said) = run.kill();
        struck += u64::from(alive);
        untold.extend(life.untold(&said));
        if let Err(story) = life.finish().await {
            prompt.push(format!("kill {kill}: {story}"));
            break;
        }
    }
    while prompt.is_empty() && !life.at_the_start() {
        life.finish().await.unwrap();
    }
    tell(
        "R2",
        &[
            ("program_kills", kills),
            ("struck", struck),
            ("lost", untold.len() as u64),
            ("duplicate", life.job.doubled().len() as u64),
            ("prompt", prompt.len() as u64),
            ("seed", first),
        ],
    );
    assert!(untold.is_empty() && prompt.is_empty(), "{untold:?} {prompt:?}");
    assert!(struck > 0, "no kill met a living run");
}
