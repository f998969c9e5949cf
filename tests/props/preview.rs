//! R10: what a preview lists is what `up` writes, of the same kind and in the same order, and a second preview is empty.

use mops_engine::error::Exit;
use mops_engine::run::UpOptions;
use mops_tests::dice::Dice;
use mops_tests::rig::Rig;

use super::copy::room;
use super::ledger;
use super::play::{Operation, play};
use super::stacks::Stack;

/// What was compared.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) refused: u64,
    pub(crate) writes: usize,
    /// Updates that were foreseen as uncertain, and those of them that were not needed.
    pub(crate) uncertain: usize,
    pub(crate) not_needed: usize,
}

/// One stack, and the same some commits later.
pub(crate) async fn case(seed: u64, seen: &mut Seen) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let home = room();
    let rig = Rig::new(home.path());
    let first = Stack::random(&mut dice, 16);
    let second = first.changed(&mut dice);
    let refresh = dice.percent(20);
    for stack in [first, second] {
        let wanted = stack.program();
        let operation = Operation::Up(UpOptions { refresh, ..UpOptions::default() });
        let played = play(&rig, &operation, &wanted, None).await;
        let (plan, report) = match (&played.planned, &played.done) {
            (Ok(plan), Ok(report)) => (plan, report),
            (Err(a), Err(b)) if a.to_string() == b.to_string() && played.writes.is_empty() => {
                seen.refused += 1;
                return Ok(());
            }
            other => return Err(format!("preview and up differ: {other:?}")),
        };
        if report.exit() != Exit::Ok {
            return Err(format!("{report:?}"));
        }
        ledger::same(plan, &played.writes)?;
        ledger::in_order(plan, Some(&wanted), &played.before, &played.writes)?;
        let uncertain = plan.steps.iter().filter(|s| s.may_change);
        seen.uncertain += uncertain.clone().count();
        seen.not_needed += uncertain.filter(|s| !played.writes.iter().any(|w| w.urn == s.urn)).count();
        seen.writes += played.writes.len();
        let again = rig.preview(&wanted).await.map_err(|e| e.to_string())?;
        if !again.steps.is_empty() {
            return Err(format!("a second preview is not empty: {:?}", again.steps));
        }
    }
    Ok(())
}
