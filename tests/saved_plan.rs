//! Approved means approved: a saved plan holds no secret, and an `up` from it does what it lists or, before the first
//! write, nothing at all.
//!
//! `MOPS_CASES` changes are made after the preview (200 in the short form), `MOPS_SEED` repeats them.

#![expect(clippy::print_stdout, reason = "counts are printed")]

#[path = "saved_plan/changes.rs"]
mod changes;
#[path = "saved_plan/file.rs"]
mod file;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use mops_engine::error::{EngineError, Exit};
use mops_engine::plan::Plan;
use mops_engine::plan::saved::{Approved, Basis, Origin, SavedPlan};
use mops_engine::program::Program;
use mops_engine::run::{Report, UpOptions};
use mops_host::{Env, fsx};
use mops_tests::dice::{Dice, cases, seed};
use mops_tests::rig::Rig;
use time::OffsetDateTime;

use crate::engine_props::copy::{Moment, room};
use crate::engine_props::stacks::Stack;
use changes::{Around, Change};

/// What stands around a plan, as a test has it: the text of a file, the environment.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) text: String,
    pub(crate) env: BTreeMap<String, String>,
}

impl Facts {
    fn new() -> Self {
        let env = [("ROTATED".to_owned(), "a-secret-by-source-canary".to_owned())].into();
        Self { text: "the text of a stack file".into(), env }
    }

    fn basis(&self, home: &Path) -> Basis {
        let basis = Basis::new(home, &Env::of(self.env.clone()), Origin::default()).unwrap();
        basis.fact("the stack file", self.text.as_bytes())
    }
}

async fn save(
    rig: &Rig,
    wanted: &Program,
    facts: &Facts,
    options: &UpOptions,
) -> Result<(Plan, SavedPlan), EngineError> {
    let state = rig.read().unwrap();
    let plan = rig.engine.preview(wanted, &state, options).await?;
    let basis = facts.basis(&rig.home);
    let saved = SavedPlan::of(&plan, wanted, &state, options, &basis, OffsetDateTime::UNIX_EPOCH)?;
    let file = rig.home.join("p.plan");
    saved.write(&file)?;
    Ok((plan, SavedPlan::read(&file, &rig.home)?))
}

async fn carry_out(rig: &Rig, wanted: &Program, facts: &Facts, plan: &SavedPlan) -> Result<Report, EngineError> {
    let options = plan.options();
    let approved = Approved { plan: plan.clone(), basis: facts.basis(&rig.home) };
    rig.null.reset();
    rig.up_with(wanted, &UpOptions { approved: Some(Arc::new(approved)), ..options }).await
}

/// One change after one preview: refused, while a copy of the world without the change goes through.
async fn case(seed: u64, counts: &mut BTreeMap<Change, usize>) -> bool {
    let mut dice = Dice::new(seed);
    let (home, elsewhere) = (room(), room());
    let rig = Rig::new(home.path());
    let first = Stack::random(&mut dice, 10);
    let second = first.changed(&mut dice);
    let mut around = Around { first: first.program(), wanted: second.program(), facts: Facts::new() };
    around.add_source();
    // Some stacks are planned before anything of them exists.
    if dice.percent(85) {
        assert_eq!(rig.up(&around.first).await.unwrap().exit(), Exit::Ok);
    }
    let options = UpOptions { refresh: dice.percent(30), ..UpOptions::default() };
    let (plan, saved) = match save(&rig, &around.wanted, &around.facts, &options).await {
        Ok((plan, saved)) if !saved.is_empty() => (plan, saved),
        // A stack that forbids its plan, or has nothing to do, has nothing to approve.
        _ => return false,
    };
    let (moment, untouched) = (Moment::of(&rig), around.clone());
    let change = *dice.pick(&Change::ALL);
    if !change.make(&mut dice, &rig, &mut around, &plan).await {
        return false;
    }
    let before = Moment::of(&rig);
    assert!(
        before.state != moment.state || before.things != moment.things || around != untouched,
        "seed {seed}: {change:?} changed nothing"
    );
    let refused = carry_out(&rig, &around.wanted, &around.facts, &saved).await;
    match refused {
        Err(EngineError::OutdatedPlan(why)) => assert!(!why.is_empty(), "seed {seed}: {change:?}"),
        // What became somebody else's is refused by its own name.
        Err(EngineError::Refused(_) | EngineError::ForeignState(_)) if change.is_of_the_world() => {}
        other => panic!("seed {seed}: {change:?} gave {other:?}"),
    }
    assert_eq!(rig.null.writes(), [], "seed {seed}: {change:?}");
    assert_eq!(rig.null.things(), before.things, "seed {seed}: {change:?}");

    let same = moment.rig(elsewhere.path());
    fsx::replace(&elsewhere.path().join("plan.key"), &fsx::read(&home.path().join("plan.key")).unwrap()).unwrap();
    let report = carry_out(&same, &untouched.wanted, &untouched.facts, &saved).await;
    let report = report.unwrap_or_else(|error| panic!("seed {seed}: unchanged, and refused: {error:?}"));
    assert_eq!(report.exit(), Exit::Ok, "seed {seed}: {report:?}");
    *counts.entry(change).or_default() += 1;
    true
}

#[tokio::test]
async fn every_later_change_is_refused_before_the_first_write() {
    let (wanted, mut counts, mut at) = (cases(200), BTreeMap::new(), seed());
    let start = at;
    let mut done = 0;
    while done < wanted {
        done += u64::from(case(at, &mut counts).await);
        at += 1;
    }
    let kinds: Vec<String> = counts.iter().map(|(change, n)| format!("{change:?}:{n}")).collect();
    println!(
        "approved changes={done} refused={done} writes=0 unchanged_went_through={done} seed={start} {}",
        kinds.join(" ")
    );
    assert!(wanted < 200 || counts.len() == Change::ALL.len(), "some kind of change was never made");
}

#[tokio::test]
async fn a_plan_is_good_for_one_run_that_does_something() {
    let home = room();
    let rig = Rig::new(home.path());
    let (facts, options) = (Facts::new(), UpOptions::default());
    let wanted = mops_tests::rig::program(vec![mops_tests::rig::thing("a", serde_json::json!({}))]);
    let (_, saved) = save(&rig, &wanted, &facts, &options).await.unwrap();
    assert_eq!(carry_out(&rig, &wanted, &facts, &saved).await.unwrap().totals.created, 1);
    let again = carry_out(&rig, &wanted, &facts, &saved).await.unwrap_err();
    assert!(again.to_string().contains("the stack has a state now"), "{again}");
    assert_eq!(again.exit(), Exit::CouldNotRun);
    // Nothing to do leaves state as it is: such a plan stays true.
    let (_, nothing) = save(&rig, &wanted, &facts, &options).await.unwrap();
    for _ in 0..2 {
        assert!(!carry_out(&rig, &wanted, &facts, &nothing).await.unwrap().changed());
    }
}
