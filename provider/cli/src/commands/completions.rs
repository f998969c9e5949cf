//! `mops completions SHELL`.

use clap::CommandFactory;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::{Cli, CompletionsArgs};
use crate::exit::Exit;

/// A completion script.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CompletionsLine {
    /// For which shell.
    shell: String,
    /// The script.
    text: String,
}

pub(crate) fn run(app: &App, args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mops", &mut script);
    let text = String::from_utf8_lossy(&script);
    match app.printer.look().json {
        true => app.printer.object(&CompletionsLine { shell: args.shell.to_string(), text: text.into() }),
        false => app.printer.data(&text),
    }
    Exit::Ok
}
