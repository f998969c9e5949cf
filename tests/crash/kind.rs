//! The kinds of operation that the sweep interrupts: how the stack came to be, the run that is struck, and the one that
//! must finish the work.

use mops_host::{SystemClock, fsx};
use mops_tests::null::{Null, Thing};

use super::round::Round;

/// What was done before.
pub(crate) enum Before {
    /// A run that ended well.
    Ran(&'static [&'static str]),
    /// A run that died there.
    Died(&'static [&'static str], &'static str),
    /// The home folder is lost.
    HomeLost,
    /// The home folder lies in a new one, as `elsewhere`.
    HomeMoved,
    /// The things are there, and nobody's.
    Strangers,
    /// Some things were deleted behind our back, some changed.
    Drifted,
}

/// See the module.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) before: &'static [Before],
    pub(crate) run: &'static [&'static str],
    pub(crate) then: &'static [&'static str],
    /// How many things there are in the end.
    pub(crate) things: usize,
    /// How many things state may hold right after the strike; empty: as many as it likes.
    pub(crate) whole: &'static [usize],
    /// The passphrase; else one that is made.
    pub(crate) phrase: Option<&'static str>,
}

const fn kind(name: &'static str, before: &'static [Before], run: &'static [&'static str], things: usize) -> Kind {
    Kind { name, before, run, then: run, things, whole: &[], phrase: Some("crash") }
}

const UP: &[&str] = &["up", "--shape", "graph", "--n", "50"];
const TWO: &[&str] = &["up", "--shape", "graph", "--n", "50", "--value", "two"];
const ANEW: &[&str] = &["up", "--shape", "graph", "--n", "50", "--replace", "two"];
const SWAP_ONE: &[&str] = &["up", "--shape", "graph", "--n", "50", "--kind", "swap", "--replace", "one"];
const SWAP_TWO: &[&str] = &["up", "--shape", "graph", "--n", "50", "--kind", "swap", "--replace", "two"];
const SWAP_TEN: &[&str] = &["up", "--shape", "graph", "--n", "10", "--kind", "swap", "--replace", "two"];
const GROUPS: &[&str] = &["up", "--shape", "graph", "--n", "50", "--kind", "group"];
const IMPORT: &[&str] = &["import", "--shape", "graph", "--n", "50", "--kind", "group"];
/// Its calls take a moment, so that the engine hears of their operations before they end.
const SECRET: &[&str] = &["up", "--shape", "graph", "--n", "50", "--secret", "of-no-worth", "--latency", "5"];

/// Every kind. Long values make the journal so large that it is rotated in the middle of the run.
pub(crate) const KINDS: &[Kind] = &[
    kind("create", &[], UP, 50),
    kind("update", &[Before::Ran(UP)], TWO, 50),
    kind("replace", &[Before::Ran(UP)], ANEW, 50),
    kind("swap", &[Before::Ran(SWAP_ONE)], SWAP_TWO, 50),
    kind("shrink", &[Before::Ran(UP)], &["up", "--shape", "graph", "--n", "20"], 20),
    kind("down", &[Before::Ran(UP)], &["down"], 0),
    kind("take-over", &[Before::Ran(UP), Before::HomeLost], UP, 50),
    kind("adopt", &[Before::Strangers], GROUPS, 50),
    kind("rotate", &[Before::Ran(UP)], &["up", "--shape", "graph", "--n", "50", "--pad", "12000"], 50),
    kind("secret", &[], SECRET, 50),
    kind("cut-off", &[Before::Died(UP, "torn_record:2:abort")], UP, 50),
    kind(
        "scope",
        &[Before::Ran(&["up", "--n", "0", "--scope", "one"])],
        &["up", "--shape", "graph", "--n", "50", "--scope", "two"],
        50,
    ),
    kind("recover", &[Before::Died(UP, "answer_received:17:abort")], &["up", "--shape", "graph", "--n", "10"], 10),
    kind("recover-swap", &[Before::Ran(SWAP_ONE), Before::Died(SWAP_TWO, "answer_received:17:abort")], SWAP_TEN, 10),
    kind("recover-down", &[Before::Ran(SWAP_ONE), Before::Died(SWAP_TWO, "answer_received:9:abort")], &["down"], 0),
    Kind { then: UP, ..kind("fail", &[], &["up", "--shape", "graph", "--n", "50", "--fail", "create"], 50) },
    Kind { then: UP, ..kind("partial", &[], &["up", "--shape", "graph", "--n", "50", "--fail", "partial"], 50) },
    kind("refresh", &[Before::Ran(UP), Before::Drifted], &["refresh"], 47),
    Kind { then: GROUPS, whole: &[0, 50], ..kind("import", &[Before::Strangers], IMPORT, 50) },
    Kind { then: UP, whole: &[0, 50], ..kind("move-in", &[Before::Ran(UP), Before::HomeMoved], &["move-in"], 50) },
    Kind {
        then: SECRET,
        whole: &[50],
        phrase: None,
        ..kind("passphrase", &[Before::Ran(SECRET)], &["passphrase"], 50)
    },
];

impl Kind {
    /// A stack on which the run can be struck.
    pub(crate) fn prepare(&self) -> Round {
        let round = Round::with_phrase(self.phrase);
        for before in self.before {
            before.happen(&round);
        }
        round
    }
}

impl Before {
    fn happen(&self, round: &Round) {
        let null = Null::in_folder(SystemClock::shared(), &round.service);
        match self {
            Self::Ran(words) => drop(round.finish(words)),
            Self::Died(words, failpoint) => {
                let (reached, status) = round.struck(words, failpoint);
                assert!(reached && !status.success(), "{failpoint}: {status:?}");
            }
            Self::HomeLost => {
                std::fs::remove_dir_all(&round.home).unwrap();
                fsx::create_dir_all(&round.home).unwrap();
            }
            Self::HomeMoved => {
                let aside = round.home.with_extension("aside");
                std::fs::rename(&round.home, &aside).unwrap();
                fsx::create_dir_all(&round.home).unwrap();
                std::fs::rename(&aside, round.home.join("elsewhere")).unwrap();
            }
            Self::Strangers => {
                for i in 0..50 {
                    let name = format!("thing-{i}");
                    let inputs = serde_json::json!({"name": name, "value": "other"});
                    null.put(&name, Thing { inputs, mark: None, creates: 1 });
                }
            }
            Self::Drifted => {
                ["thing-40", "thing-41", "thing-49"].iter().for_each(|name| null.steal(name));
                for name in ["thing-3", "thing-7", "thing-11"] {
                    let mut thing = null.things()[name].clone();
                    thing.inputs["value"] = "edited".into();
                    null.put(name, thing);
                }
            }
        }
    }
}
