//! `mops completions SHELL`.

use clap::CommandFactory;

use crate::app::App;
use crate::args::{Cli, CompletionsArgs};
use crate::exit::Exit;

pub(crate) fn run(app: &App, args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mops", &mut script);
    app.printer.data(&String::from_utf8_lossy(&script));
    Exit::Ok
}
