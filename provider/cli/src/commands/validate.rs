//! `mops infra validate FILE`: everything that can be said without network and credential.

use mops_engine::stackfile;

use crate::app::App;
use crate::args::FileArgs;
use crate::exit::{Exit, Outcome};

pub(crate) fn run(app: &App, args: &FileArgs) -> Outcome {
    let file = app.stack_file(&args.file)?;
    let missing = stackfile::unsupported(&file);
    if !missing.is_empty() {
        // Valid as a file; `preview` and `up` of this version refuse it.
        return Err(missing.into());
    }
    let program = app.program(args)?.program;
    let count = program.resources.len();
    app.printer.event(&serde_json::json!({
        "type": "valid", "version": 1, "stack": program.stack.to_string(), "resources": count,
    }));
    app.printer.tell(&format!("`{}` is valid: stack {}, {count} resources", args.file.display(), program.stack));
    Ok(Exit::Ok)
}
