//! R9: any program on any state, any operation, anything that a service may do, killed anywhere.

use std::collections::BTreeSet;

use mops_engine::error::Exit;
use mops_engine::program::Program;
use mops_tests::dice::Dice;
use mops_tests::null::Thing;
use mops_tests::rig::Rig;
use serde_json::json;

use super::copy::{Moment, room};
use super::ledger;
use super::play::{Operation, Played, killed, play, trouble};
use super::sound::{converges, sound};
use super::stacks::Stack;

/// What the cases were, so that nobody mistakes a test of nothing for a test.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) cases: u64,
    pub(crate) refused: u64,
    pub(crate) troubled: u64,
    pub(crate) interrupted: u64,
    pub(crate) kills: u64,
    pub(crate) torn: u64,
    pub(crate) writes: usize,
}

/// Names that may be left over: what any of these stacks keeps when it is no longer wanted.
fn kept(stacks: &[&Stack]) -> BTreeSet<String> {
    let retained = stacks.iter().flat_map(|s| &s.0).filter(|n| n.retain);
    retained.flat_map(|n| [n.name.clone(), format!("{}-t0", n.name), format!("{}-t1", n.name)]).collect()
}

/// Something happens behind the engine's back.
fn drift(dice: &mut Dice, rig: &Rig) -> bool {
    let names: Vec<String> = rig.null.things().into_keys().collect();
    if names.is_empty() {
        return false;
    }
    let name = dice.pick(&names);
    if dice.percent(50) {
        rig.null.steal(name);
    } else if let Some(thing) = rig.null.things().remove(name) {
        let mut inputs = thing.inputs.clone();
        inputs["value"] = json!("drifted");
        rig.null.put(name, Thing { inputs, ..thing });
    }
    true
}

/// What holds of a run whatever went wrong in it.
fn judge(played: &Played, rig: &Rig, wanted: &Program, operation: &Operation) -> Result<(), String> {
    let Played { before, planned, done, writes, .. } = played;
    let (plan, report) = match (planned, done) {
        (Ok(plan), Ok(report)) => (plan, report),
        (Err(planned), Err(done)) if planned.to_string() == done.to_string() && writes.is_empty() => return Ok(()),
        (Ok(_), Err(done)) if played.troubled && done.exit() == Exit::Interrupted && writes.is_empty() => return Ok(()),
        (planned, done) => return Err(format!("preview gave {planned:?}, the run {done:?} with {writes:?}")),
    };
    if report.exit() == Exit::Ok {
        ledger::same(plan, writes)?;
    } else if played.troubled {
        ledger::part_of(plan, writes)?;
    } else {
        return Err(format!("nothing was told to go wrong: {report:?}"));
    }
    let program = matches!(operation, Operation::Up(_)).then_some(wanted);
    ledger::in_order(plan, program, before, writes)?;
    sound(&rig.read().map_err(|e| e.to_string())?, Some(plan))
}

/// A stack as it was, and as it is to become.
struct Stacks {
    first: Stack,
    second: Stack,
    /// Names that may be left over.
    kept: BTreeSet<String>,
    /// Whether something happened behind the engine's back.
    drifted: bool,
}

impl Stacks {
    /// What can be had: a stack that forbids its own change stays as it was.
    async fn allowed(&self, rig: &Rig) -> &Stack {
        let allowed = Operation::Up(Default::default()).preview(rig, &self.second.program()).await.is_ok();
        if allowed { &self.second } else { &self.first }
    }

    async fn converge(&self, rig: &Rig, wanted: &Stack) -> Result<(), String> {
        converges(rig, wanted, self.drifted, &self.kept).await
    }
}

/// After a kill the same command goes on, and then everything is as wanted.
async fn survives(moment: &Moment, operation: &Operation, wanted: &Stack, stacks: &Stacks) -> Result<(), String> {
    let elsewhere = room();
    let rig = moment.rig(elsewhere.path());
    let state = rig.read().map_err(|e| format!("unreadable: {e}"))?;
    sound_but_open(&state)?;
    let program = wanted.program();
    let again = play(&rig, operation, &program, None).await;
    judge(&again, &rig, &program, operation)?;
    if again.done.as_ref().is_ok_and(|r| r.exit() != Exit::Ok) {
        return Err(format!("the same command does not go on: {:?}", again.done));
    }
    // What a `down` let go and kept may now be what forbids the change: only then is there less to be had.
    let keeps = matches!(operation, Operation::Down(_)) && !stacks.kept.is_empty();
    stacks.converge(&rig, if keeps { stacks.allowed(&rig).await } else { wanted }).await
}

/// At a kill a name may wait for its target to be made anew.
fn sound_but_open(state: &mops_engine::state::Snapshot) -> Result<(), String> {
    let mut living = std::collections::HashSet::new();
    match state.resources.iter().filter(|r| !r.pending_delete).find(|r| !living.insert(&r.urn)) {
        Some(twice) => Err(format!("`{}` stands there twice", twice.urn.name())),
        None => Ok(()),
    }
}

/// One case of a seed.
pub(crate) async fn case(seed: u64, seen: &mut Seen) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let home = room();
    let rig = Rig::new(home.path());
    let first = Stack::random(&mut dice, 12);
    let second = first.changed(&mut dice);
    let mut stacks = Stacks { kept: kept(&[&first, &second]), first, second, drifted: false };
    seen.cases += 1;
    if dice.percent(90) {
        stacks.converge(&rig, &stacks.first).await.map_err(|e| format!("at first: {e}"))?;
    }
    let operation = Operation::random(&mut dice);
    stacks.drifted = operation.looks() && dice.percent(50) && drift(&mut dice, &rig);
    let names: Vec<String> = stacks.first.0.iter().chain(&stacks.second.0).map(|n| n.name.clone()).collect();
    let troubled = trouble(&mut dice, &rig, &names);
    let interrupt = dice.percent(15).then(|| 1 + dice.below(20));
    let program = stacks.second.program();
    let mut played = play(&rig, &operation, &program, interrupt).await;
    seen.interrupted += u64::from(played.done.as_ref().is_ok_and(|r| r.canceled));
    seen.troubled += u64::from(troubled);
    seen.writes += played.writes.len();
    played.troubled |= troubled;
    judge(&played, &rig, &program, &operation).map_err(|e| format!("{operation:?}: {e}"))?;
    names.iter().for_each(|name| rig.null.trouble(name, None));
    let refused = played.planned.is_err() && matches!(operation, Operation::Up(_));
    let wanted = stacks.allowed(&rig).await;
    seen.refused += u64::from(refused || !std::ptr::eq(wanted, &stacks.second));
    if let Some(moment) = killed(&mut dice, &played.moments) {
        seen.kills += 1;
        seen.torn += u64::from(!played.moments.iter().any(|m| m.state == moment.state));
        survives(&moment, &operation, wanted, &stacks).await.map_err(|e| format!("{operation:?}, killed: {e}"))?;
    }
    stacks.converge(&rig, wanted).await.map_err(|e| format!("{operation:?}, then: {e}"))
}
