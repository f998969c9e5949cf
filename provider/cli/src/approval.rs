//! Plans in files, `preview --save-plan` and `up --from-plan`: what a plan is bound to on this machine
//! (`tests/saved_plan.rs`, `tests/scenarios/saved_plan.txt`).

use std::path::Path;

use mops_engine::error::EngineError;
use mops_engine::plan::Plan;
use mops_engine::plan::saved::{Basis, Origin, SavedPlan};
use mops_engine::run::UpOptions;
use mops_engine::state::Snapshot;
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use crate::app::App;
use crate::args::FileArgs;
use crate::exit::Failure;
use crate::pointed::Pointed;
use crate::selection::Target;

/// A plan is in its file.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SavedPlanLine {
    /// Which file, as the user named it.
    file: String,
    /// How many resources it changes.
    steps: usize,
    /// How many resources could not be read, so that the plan does not bind them.
    unread: usize,
}

impl App {
    /// Everything that shapes a plan beside state and services: the text of the stack file, the cloud, the environment.
    pub(crate) fn basis(&self, file: &FileArgs, pointed: &Pointed) -> Result<Basis, Failure> {
        let origin = Origin { file: file.path().display().to_string(), environment: file.env.clone() };
        let text = self.sources.borrow().text(&origin.file).unwrap_or_default().to_owned();
        let basis = Basis::new(&self.home()?, &self.env, origin)?;
        Ok(basis.fact("the stack file", text.as_bytes()).fact("the cloud", pointed.place()?.as_bytes()))
    }

    /// A saved plan, checked as a file.
    pub(crate) fn saved_plan(&self, path: &Path) -> Result<SavedPlan, Failure> {
        Ok(SavedPlan::read(path, &self.home()?)?)
    }
}

/// Saves what a preview showed, and says how to carry it out.
pub(crate) fn save(
    app: &App,
    path: &Path,
    (target, snapshot): (&Target, &Snapshot),
    plan: &Plan,
    options: &UpOptions,
    basis: &Basis,
) -> Result<(), EngineError> {
    let saved = SavedPlan::of(plan, &target.program, snapshot, options, basis, OffsetDateTime::now_utc())?;
    saved.write(path)?;
    let name = path.display();
    let file = name.to_string();
    app.printer.event(&SavedPlanLine { file, steps: saved.len(), unread: saved.unread() });
    if saved.unread() > 0 {
        app.printer.note("what could not be read is not bound by the plan: `up` reads it before it writes");
    }
    app.printer.note(&format!("saved the plan to `{name}`: `mops infra up --from-plan {name}` does this, or nothing"));
    Ok(())
}
