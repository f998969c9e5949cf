//! `mops tokens loader`: what a job's script reads the tokens with (`tests/tokens_loader.rs`, K-09).

use mops_tokens::snippet;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::RemotePathArgs;
use crate::exit::{Exit, Outcome};
use crate::login_node;

/// The lines for a job's script.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LoaderLine {
    /// The file that they read, as the job finds it.
    path: String,
    /// The lines, for any POSIX shell.
    script: String,
}

pub(crate) fn run(app: &App, args: &RemotePathArgs) -> Outcome {
    let path = login_node::env_path(app, args, &login_node::workdir(app)?)?;
    let script = snippet::loader(&path);
    match app.printer.look().json {
        true => app.printer.object(&LoaderLine { path, script }),
        false => app.printer.data(&script),
    }
    Ok(Exit::Ok)
}
