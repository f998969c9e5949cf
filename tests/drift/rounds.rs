//! R24 by chance: things that were deleted, edited or half made behind our back, at a service that does not know for
//! 30 s what it has just made. The plan names each of them as what it is, one `up` mends them, nothing is made twice
//! (seed: `MOPS_SEED`; long form: `MOPS_CASES`, the number of rounds).

use std::collections::BTreeMap;

use mops_engine::plan::{Op, Plan};
use mops_engine::program::{Declared, Program};
use mops_engine::run::UpOptions;
use mops_host::Env;
use mops_host::clock::ManualClock;
use mops_tests::null::{LATE, Null, Trouble};
use mops_tests::rig::{Rig, program, typed};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;

/// What happened to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Kept,
    Deleted,
    Edited,
    /// Its creation happened, and the answer was lost.
    HalfMade,
}

fn declared(i: usize) -> Declared {
    typed(LATE, &format!("t{i}"), json!({"value": "declared", "late": 30}))
}

fn stack(count: usize) -> Program {
    program((0..count).map(declared).collect())
}

fn expected(fate: Fate) -> Option<Op> {
    match fate {
        Fate::Kept => None,
        Fate::Deleted => Some(Op::Create),
        Fate::Edited => Some(Op::Update),
        Fate::HalfMade => Some(Op::Adopt),
    }
}

/// What the plan says of each thing that it changes.
fn said(plan: &Plan) -> BTreeMap<String, Op> {
    plan.steps.iter().filter(|s| s.changes_something()).map(|s| (s.urn.name().to_owned(), s.op)).collect()
}

async fn round(fates: &[Fate]) {
    let home = tempfile::tempdir().unwrap();
    let clock = ManualClock::automatic(time::OffsetDateTime::UNIX_EPOCH);
    let rig = Rig::over(home.path(), Null::new(clock.shared()), clock.shared());
    let wanted = stack(fates.len());
    let lost = fates.iter().position(|f| *f == Fate::HalfMade).map(|i| format!("t{i}"));
    lost.iter().for_each(|name| rig.null.trouble(name, Some(Trouble::Lost)));
    rig.up(&wanted).await.unwrap();
    lost.iter().for_each(|name| rig.null.trouble(name, None));
    for (i, fate) in fates.iter().enumerate() {
        let name = format!("t{i}");
        match fate {
            Fate::Deleted => rig.null.steal(&name),
            Fate::Edited => rig.null.edit(&name, "value", json!("edited"), super::someone()),
            Fate::Kept | Fate::HalfMade => {}
        }
    }
    let looks = UpOptions { refresh: true, ..UpOptions::default() };
    let plan = rig.engine.preview(&wanted, &rig.read().unwrap(), &looks).await.unwrap();
    let right = fates.iter().enumerate().filter_map(|(i, fate)| Some((format!("t{i}"), expected(*fate)?)));
    assert_eq!(said(&plan), right.collect(), "{fates:?}");
    let drifted = fates.iter().filter(|f| matches!(f, Fate::Deleted | Fate::Edited)).count();
    assert_eq!(plan.drift_views().map(|d| d.len()), Some(drifted), "{fates:?}");
    let report = rig.up_with(&wanted, &looks).await.unwrap();
    assert!(report.failures.is_empty(), "{report:?}");
    let again = rig.engine.preview(&wanted, &rig.read().unwrap(), &looks).await.unwrap();
    assert!(again.is_empty() && again.drift_views().is_some_and(|d| d.is_empty()), "{fates:?} {again:?}");
    let doubled = rig.null.things().values().filter(|t| t.creates != 1).count();
    assert_eq!((rig.null.things().len(), doubled), (fates.len(), 0), "{fates:?}");
}

/// Up to nine things; at most one of them is half made.
fn worlds() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![Just(Fate::Kept), Just(Fate::Deleted), Just(Fate::Edited)];
    (proptest::collection::vec(fate, 0..8), any::<bool>(), any::<prop::sample::Index>()).prop_map(
        |(mut all, half, at)| {
            if half {
                all.insert(at.index(all.len() + 1), Fate::HalfMade);
            }
            all
        },
    )
}

#[test]
#[expect(clippy::print_stdout, reason = "the counting line and the seed that repeats a failure")]
fn whatever_happened_the_plan_says_it_and_nothing_is_made_twice() {
    let env = Env::process();
    let number = |name: &str, or: u64| env.get(name).and_then(|n| n.parse().ok()).unwrap_or(or);
    let (seed, cases) = (number("MOPS_SEED", 20_261_126), number("MOPS_CASES", 100).min(20_000));
    println!("MOPS_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases: u32::try_from(cases).unwrap_or(100), failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let counts = std::cell::RefCell::new(BTreeMap::<Fate, usize>::new());
    runner
        .run(&worlds(), |fates| {
            super::run(round(&fates));
            fates.iter().for_each(|fate| *counts.borrow_mut().entry(*fate).or_default() += 1);
            Ok(())
        })
        .unwrap();
    println!("R24 rounds={cases} things={:?} duplicates=0 wrong_plans=0", counts.borrow());
}

/// Half made, and nobody declares it any more: it is waited for, found and deleted.
#[test]
fn what_was_half_made_and_is_no_longer_wanted_goes_as_soon_as_it_shows() {
    super::run(async {
        let home = tempfile::tempdir().unwrap();
        let clock = ManualClock::automatic(time::OffsetDateTime::UNIX_EPOCH);
        let rig = Rig::over(home.path(), Null::new(clock.shared()), clock.shared());
        rig.null.trouble("t1", Some(Trouble::Lost));
        assert_eq!(rig.up(&stack(2)).await.unwrap().failures.len(), 1);
        rig.null.trouble("t1", None);
        let report = rig.up(&stack(1)).await.unwrap();
        assert!(report.failures.is_empty(), "{report:?}");
        assert_eq!(rig.null.things().into_keys().collect::<Vec<_>>(), ["t0"]);
        assert_eq!(rig.read().unwrap().resources.len(), 1);
    });
}
