//! `mops infra init [FILE]`: a commented starter; an existing file is never replaced.

use mops_engine::stackfile::STARTER;
use mops_host::fsx;
use mops_host::fsx::reason;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::InitArgs;
use crate::exit::{Exit, Failure, Outcome};

/// A starter file was written.
#[derive(Serialize, JsonSchema)]
pub(crate) struct InitLine {
    /// As it was named.
    file: String,
}

/// The starter file itself, for `init -`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StarterLine {
    /// A commented stack file.
    text: String,
}

pub(crate) fn run(app: &App, args: &InitArgs) -> Outcome {
    if args.file.as_os_str() == "-" {
        match app.printer.look().json {
            true => app.printer.object(&StarterLine { text: STARTER.into() }),
            false => app.printer.data(STARTER),
        }
        return Ok(Exit::Ok);
    }
    let name = args.file.display();
    if args.file.symlink_metadata().is_ok() {
        return Err(Failure::usage(format!("`{name}` exists"), "name another file, or `-` to print the starter"));
    }
    let failed = |error: std::io::Error| {
        Failure::usage(
            format!("`{name}` cannot be written: {}", reason(&error)),
            "check the folder and its permissions",
        )
    };
    if let Some(folder) = args.file.parent() {
        fsx::create_dir_all(folder).map_err(failed)?;
    }
    fsx::replace(&args.file, STARTER.as_bytes()).map_err(failed)?;
    app.printer.event(&InitLine { file: name.to_string() });
    app.printer.tell(&format!("wrote `{name}`"));
    app.printer.hint("fill in the subscription, then `mops infra preview`");
    Ok(Exit::Ok)
}
