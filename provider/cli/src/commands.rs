//! One file a verb; this one only says which.

mod completions;
mod version;

use crate::app::App;
use crate::args::Verb;
use crate::exit::Outcome;

/// Runs a verb.
pub(crate) fn run(app: &App, verb: Verb) -> Outcome {
    match verb {
        Verb::Completions(args) => Ok(completions::run(app, &args)),
        Verb::Version => Ok(version::run(app)),
        _ => Ok(crate::exit::Exit::Ok),
    }
}
