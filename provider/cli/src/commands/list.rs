//! `mops infra list`: the stacks of this home folder.

use mops_core::StackId;
use mops_engine::state;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::exit::{Exit, Outcome};
use crate::printer::Table;

/// One stack of the home folder.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct StackLine {
    /// The first half of its name.
    project: String,
    /// The second half.
    stack: String,
    /// How many resources it holds; absent when its state cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<usize>,
    /// How many operations were begun and not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<usize>,
    /// ISO 8601; absent when nothing was ever changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<String>,
    /// Why its state cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl StackLine {
    fn of(id: &StackId) -> Self {
        Self { project: id.project.clone(), stack: id.stack.clone(), ..Self::default() }
    }
}

pub(crate) fn run(app: &App) -> Outcome {
    let home = app.home()?;
    let mut table = Table::new(&["STACK", "RESOURCES", "OPEN", "CHANGED"]);
    let stacks = app.stacks()?;
    for id in &stacks {
        let name = format!("{}/{}", id.project, id.stack);
        match state::read(&home, id) {
            Ok(found) => {
                let (resources, open) = found.as_ref().map_or((0, 0), |s| (s.resources.len(), s.open.len()));
                let changed = found.and_then(|s| s.resources.iter().filter_map(|r| r.modified).max());
                let changed = super::date(changed);
                app.printer.event(&StackLine {
                    resources: Some(resources),
                    open: Some(open),
                    changed: changed.clone(),
                    ..StackLine::of(id)
                });
                table.row([name, resources.to_string(), open.to_string(), changed.unwrap_or_else(|| "-".into())]);
            }
            // One damaged stack does not hide the others.
            Err(error) => {
                app.printer.event(&StackLine { error: Some(error.to_string()), ..StackLine::of(id) });
                table.row([name, "?".into(), "?".into(), error.to_string()]);
            }
        }
    }
    if stacks.is_empty() {
        app.printer.tell(&format!("no stacks in `{}`", home.display()));
    } else if !app.printer.look().json {
        app.printer.data(&table.render(app.printer.look().width));
    }
    Ok(Exit::Ok)
}
