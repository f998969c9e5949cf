//! `-c`: only what was selected is written, what it needs must exist and is looked at, and what is fed by it is changed
//! on request only.

use mops_engine::error::Exit;
use mops_engine::plan::{Op, Plan};
use mops_engine::program::{Component, Program};
use mops_engine::run::UpOptions;
use mops_engine::state::Snapshot;
use mops_tests::dice::Dice;
use mops_tests::rig::Rig;

use super::copy::{Moment, room};
use super::play::{Operation, play, some};
use super::stacks::Stack;

/// How the cases ended.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) writes: usize,
    pub(crate) missing: u64,
    pub(crate) fed: u64,
    pub(crate) vanished: u64,
}

/// One selection of a random stack.
pub(crate) async fn case(seed: u64, seen: &mut Seen) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let home = room();
    let rig = Rig::new(home.path());
    let first = Stack::random(&mut dice, 12);
    let wanted = first.changed(&mut dice).program();
    if dice.percent(75) {
        rig.up(&first.program()).await.map_err(|e| e.to_string())?;
    }
    let only = some(&mut dice);
    let chosen = |c: Component| c == Component::ResourceGroup || only.contains(&c);
    let options = |with_dependants| UpOptions { only: Some(only.clone()), with_dependants, ..UpOptions::default() };
    let state = rig.read().unwrap();
    let played = play(&rig, &Operation::Up(options(false)), &wanted, None).await;
    let missing = needs_what_is_not_there(&wanted, &state, &chosen);
    let (plan, report) = match (&played.planned, &played.done) {
        (Ok(plan), Ok(report)) => (plan, report),
        (Err(_), Err(error)) => {
            if error.exit() != Exit::Usage || !played.writes.is_empty() {
                return Err(format!("{error:?} after {:?}", played.writes));
            }
            seen.missing += u64::from(missing);
            let refused = error.hint().unwrap_or_default().contains("--with-dependants");
            seen.fed += u64::from(refused);
            let again = rig.engine.preview(&wanted, &state, &options(true)).await;
            return match again {
                Err(e) if refused && e.hint().unwrap_or_default().contains("--with-dependants") => {
                    Err(format!("refused with `--with-dependants` too: {e}"))
                }
                _ => Ok(()),
            };
        }
        other => return Err(format!("preview and up differ: {other:?}")),
    };
    if missing || report.exit() != Exit::Ok {
        return Err(format!("something that does not exist is needed: {report:?}"));
    }
    seen.writes += played.writes.len();
    let component = |urn| wanted.get(urn).map(|d| d.component).or_else(|| state.get(urn).map(|r| r.component));
    if let Some(write) = played.writes.iter().find(|w| component(&w.urn).is_some_and(|c| !chosen(c))) {
        return Err(format!("{write:?} was not selected"));
    }
    let Some(moment) = played.moments.first() else { return Ok(()) };
    vanished(moment, &wanted, &state, plan, &chosen, &options(false), seen).await
}

/// Whether something selected is made from something that is neither selected nor there.
fn needs_what_is_not_there(wanted: &Program, state: &Snapshot, chosen: &dyn Fn(Component) -> bool) -> bool {
    wanted.resources.iter().filter(|d| chosen(d.component)).any(|d| {
        let needed = d.dependencies().into_iter().chain(d.deleted_with.clone());
        needed.into_iter().any(|t| wanted.get(&t).is_some_and(|t| !chosen(t.component)) && state.get(&t).is_none())
    })
}

/// What the written ones need is looked at although it is not selected: gone at the service, it is named, and nothing
/// is written.
async fn vanished(
    moment: &Moment,
    wanted: &Program,
    state: &Snapshot,
    plan: &Plan,
    chosen: &dyn Fn(Component) -> bool,
    options: &UpOptions,
    seen: &mut Seen,
) -> Result<(), String> {
    let made = plan.steps.iter().filter(|s| matches!(s.op, Op::Create | Op::Update | Op::Replace));
    let needed = made.filter_map(|s| wanted.get(&s.urn)).flat_map(|d| d.dependencies());
    let outside = |t: &mops_core::Urn| wanted.get(t).is_some_and(|d| !chosen(d.component));
    let Some(target) = needed.filter(outside).find_map(|t| state.get(&t)) else { return Ok(()) };
    let home = room();
    let other = moment.rig(home.path());
    other.null.steal(target.id.trim_start_matches("/things/"));
    let again = other.engine.preview(wanted, state, options).await;
    seen.vanished += 1;
    match again {
        Err(error) if error.exit() == Exit::Usage && error.to_string().contains("no longer exists") => Ok(()),
        other => Err(format!("`{}` is gone, and nobody looked: {other:?}", target.urn.name())),
    }
}
