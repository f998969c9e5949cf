//! `mops infra validate FILE`: everything that can be said without network and credential. What this version does not
//! build is a warning here, and an error of `preview` and `up`.

use mops_core::{Diagnostic, Severity};
use mops_engine::stackfile;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::FileArgs;
use crate::exit::{Exit, Outcome};

/// The stack file can be used.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ValidLine {
    /// `PROJECT.STACK`.
    stack: String,
    /// How many resources it asks for.
    resources: usize,
}

pub(crate) fn run(app: &App, args: &FileArgs) -> Outcome {
    let file = app.stack_file(args.path())?;
    let missing: Vec<Diagnostic> =
        stackfile::unsupported(&file).into_iter().map(|d| Diagnostic { severity: Severity::Warning, ..d }).collect();
    app.printer.diagnostics(&missing, &app.sources.borrow());
    let program = app.expand(&file, args.env.as_deref(), None)?;
    let count = program.resources.len();
    app.printer.event(&ValidLine { stack: program.stack.to_string(), resources: count });
    app.printer.tell(&format!("`{}` is valid: stack {}, {count} resources", args.path().display(), program.stack));
    Ok(Exit::Ok)
}
