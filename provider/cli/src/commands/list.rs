//! `mops infra list`: the stacks of this home folder.

use mops_engine::state;

use crate::app::App;
use crate::exit::{Exit, Outcome};
use crate::printer::Table;

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
                app.printer.event(&serde_json::json!({
                    "type": "stack", "version": 1, "project": id.project, "stack": id.stack,
                    "resources": resources, "open": open, "changed": changed,
                }));
                table.row([name, resources.to_string(), open.to_string(), changed.unwrap_or_else(|| "-".into())]);
            }
            // One damaged stack does not hide the others.
            Err(error) => {
                app.printer.event(&serde_json::json!({
                    "type": "stack", "version": 1, "project": id.project, "stack": id.stack, "error": error.to_string(),
                }));
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
