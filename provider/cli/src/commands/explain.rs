//! `mops explain ID | --list`: what a cause means, how it is told from its neighbours, and what mends it.

use mops_core::nearest;
use mops_diagnose::catalogue;
use mops_diagnose::explain::Entry;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::ExplainArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::printer::Table;

/// One cause of the catalogue.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CauseLine {
    #[serde(flatten)]
    entry: Entry,
}

pub(crate) fn run(app: &App, args: &ExplainArgs) -> Outcome {
    let entries = match &args.id {
        Some(id) => vec![named(id)?],
        None => catalogue::causes().map(|(family, cause)| Entry::of(family, cause)).collect(),
    };
    if app.printer.look().json {
        for entry in entries {
            app.printer.object(&CauseLine { entry });
        }
    } else if args.list {
        app.printer.data(&table(&entries).render(app.printer.look().width));
    } else {
        app.printer.data(&entries.iter().map(|e| e.text(app.printer.look().width)).collect::<String>());
    }
    Ok(Exit::Ok)
}

/// The entry of an id, whatever its case.
fn named(id: &str) -> Result<Entry, Failure> {
    let wanted = id.to_ascii_uppercase().replace('-', "_");
    if let Some((family, cause)) = catalogue::find(&wanted) {
        return Ok(Entry::of(family, cause));
    }
    let ids: Vec<&str> = catalogue::causes().map(|(_, cause)| cause.id).collect();
    let hint = match nearest(&wanted, &ids) {
        Some(near) => format!("did you mean `{near}`? `mops explain --list` shows all"),
        None => "`mops explain --list` shows all".to_owned(),
    };
    Err(Failure::usage(format!("no cause is called `{id}`"), hint))
}

fn table(entries: &[Entry]) -> Table {
    let mut table = Table::new(&["CAUSE", "FAMILY", "TITLE"]);
    for entry in entries {
        table.row([entry.id, entry.family, entry.title]);
    }
    table
}
