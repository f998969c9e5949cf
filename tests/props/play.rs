//! One operation on a rig, with whatever goes wrong in it, watched from the first event to the last.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use mops_core::Cancel;
use mops_engine::error::EngineError;
use mops_engine::plan::Plan;
use mops_engine::program::{Component, Program};
use mops_engine::run::{DownOptions, RefreshOptions, Report, UpOptions};
use mops_engine::state::Snapshot;
use mops_tests::dice::Dice;
use mops_tests::null::{Trouble, Write};
use mops_tests::rig::Rig;

use super::copy::Moment;

/// What is done.
#[derive(Clone)]
pub(crate) enum Operation {
    Up(UpOptions),
    Down(DownOptions),
    Refresh(RefreshOptions),
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Up(o) => write!(f, "up {:?} dependants={} refresh={}", o.only, o.with_dependants, o.refresh),
            Self::Down(o) => write!(
                f,
                "down {:?} storage={} registry={} rg={} deps={}",
                o.only, o.destroy_storage, o.destroy_registry, o.delete_rg, o.with_deps
            ),
            Self::Refresh(o) => write!(f, "refresh {:?}", o.only),
        }
    }
}

/// Some of the components.
pub(crate) fn some(dice: &mut Dice) -> BTreeSet<Component> {
    let mut all: BTreeSet<Component> = Component::ALL.into_iter().skip(1).filter(|_| dice.percent(35)).collect();
    all.insert(*dice.pick(&Component::ALL[1..]));
    all
}

/// Any `down`.
pub(crate) fn any_down(dice: &mut Dice) -> DownOptions {
    DownOptions {
        only: dice.percent(50).then(|| some(dice)),
        destroy_storage: dice.percent(50),
        destroy_registry: dice.percent(50),
        delete_rg: dice.percent(40),
        with_deps: dice.percent(60),
        ..DownOptions::default()
    }
}

impl Operation {
    pub(crate) fn random(dice: &mut Dice) -> Self {
        match dice.below(10) {
            0 => Self::Refresh(RefreshOptions {
                only: dice.percent(30).then(|| some(dice)),
                ..RefreshOptions::default()
            }),
            1 | 2 => Self::Down(any_down(dice)),
            3 | 4 => Self::Up(UpOptions { refresh: true, ..UpOptions::default() }),
            5 | 6 => {
                let with_dependants = dice.percent(60);
                Self::Up(UpOptions { only: Some(some(dice)), with_dependants, ..UpOptions::default() })
            }
            _ => Self::Up(UpOptions::default()),
        }
    }

    /// Whether it finds out what happened behind its back.
    pub(crate) const fn looks(&self) -> bool {
        match self {
            Self::Up(options) => options.refresh,
            Self::Refresh(_) => true,
            Self::Down(_) => false,
        }
    }

    pub(crate) async fn preview(&self, rig: &Rig, wanted: &Program) -> Result<Plan, EngineError> {
        let state = rig.read().unwrap();
        match self {
            Self::Up(options) => rig.engine.preview(wanted, &state, options).await,
            Self::Down(options) => rig.engine.preview_down(&state, options).await,
            Self::Refresh(options) => rig.engine.preview_refresh(&state, options).await,
        }
    }

    pub(crate) async fn run(&self, rig: &Rig, wanted: &Program) -> Result<Report, EngineError> {
        match self {
            Self::Up(options) => rig.up_with(wanted, options).await,
            Self::Down(options) => rig.down(options).await,
            Self::Refresh(options) => {
                let mut store = rig.open().await?;
                rig.engine.refresh(&mut store, options).await
            }
        }
    }
}

/// What happened.
#[derive(Debug)]
pub(crate) struct Played {
    /// The state at the beginning.
    pub(crate) before: Snapshot,
    pub(crate) planned: Result<Plan, EngineError>,
    pub(crate) done: Result<Report, EngineError>,
    pub(crate) writes: Vec<Write>,
    /// The world at each event.
    pub(crate) moments: Vec<Moment>,
    /// Something was told to go wrong.
    pub(crate) troubled: bool,
}

/// Chooses what goes wrong.
pub(crate) fn trouble(dice: &mut Dice, rig: &Rig, names: &[String]) -> bool {
    let mut any = false;
    if dice.percent(55) && !names.is_empty() {
        for _ in 0..=dice.below(2) {
            let kind = *dice.pick(&[Trouble::Refused, Trouble::Lost, Trouble::Partial]);
            let name: &String = dice.pick(names);
            rig.null.trouble(name, Some(kind));
            any = true;
        }
    }
    any
}

/// Previews, runs, and keeps the world as it was at each event; interrupts at the n-th event when told to.
pub(crate) async fn play(rig: &Rig, operation: &Operation, wanted: &Program, interrupt: Option<usize>) -> Played {
    let before = rig.read().unwrap();
    let planned = operation.preview(rig, wanted).await;
    rig.null.reset();
    let moments: Arc<Mutex<Vec<Moment>>> = Arc::default();
    let mut watched = rig.clone();
    watched.engine.cancel = Cancel::new();
    let (kept, looked_at, cancel) = (Arc::clone(&moments), rig.clone(), watched.engine.cancel.clone());
    watched.engine.events = Arc::new(move |_| {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(Moment::of(&looked_at));
        if interrupt == Some(kept.len()) {
            cancel.cancel();
        }
    });
    let done = operation.run(&watched, wanted).await;
    let writes = rig.null.writes();
    let moments = std::mem::take(&mut *moments.lock().unwrap_or_else(PoisonError::into_inner));
    Played { before, planned, done, writes, moments, troubled: interrupt.is_some() }
}

/// The world that a kill leaves at one event, or at any byte of the journal that was written until the next.
pub(crate) fn killed(dice: &mut Dice, moments: &[Moment]) -> Option<Moment> {
    if moments.is_empty() {
        return None;
    }
    let at = dice.below(moments.len());
    let now = &moments[at];
    let Some(next) = moments.get(at + 1).filter(|_| dice.percent(60)) else { return Some(now.clone()) };
    let length = |moment: &Moment| moment.state.get("journal").map(Vec::len);
    let (Some(from), Some(to)) = (length(now), length(next)) else { return Some(now.clone()) };
    // Everything announced by the first event is within its journal; what came after may be torn at any byte.
    if to <= from || now.state.get("snapshot.json") != next.state.get("snapshot.json") {
        return Some(now.clone());
    }
    let mut torn = next.clone();
    if let Some(journal) = torn.state.get_mut("journal") {
        journal.truncate(from + dice.below(to - from));
    }
    Some(torn)
}
