//! `--save` and `--from`: what a run saw, in a file that can be read on any machine.

use mops_core::{Class, Error};
use mops_diagnose::Capture;
use mops_diagnose::capture::CAPTURE_VERSION;
use mops_host::fsx::{self, reason};

use crate::app::App;
use crate::exit::Failure;

/// Keeps the record, for its owner only.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(app: &App, file: &str, capture: &Capture) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(capture).unwrap_or_default() + "\n";
    fsx::replace(&app.env.path(file), text.as_bytes()).map_err(|error| {
        let text = format!("`{file}` cannot be written: {}", reason(&error));
        Failure::usage(text, "check the folder and its permissions")
    })?;
    app.printer.tell(&format!("wrote `{file}`; `--from` reads it on any machine"));
    Ok(())
}

/// Reads a record, one of a run or one written by hand, as JSON or YAML.
///
/// # Errors
/// When there is no such file, it has another form, or a later version wrote it.
pub(super) fn read(app: &App, file: &str) -> Result<Capture, Failure> {
    let text = fsx::read_text(&app.env.path(file)).map_err(|error| {
        Failure::usage(
            format!("`{file}` cannot be read: {}", reason(&error)),
            "`--save FILE` of an earlier run writes one",
        )
    })?;
    // A record of ours is JSON, and may be larger than a YAML reader takes.
    let capture: Capture = if text.trim_start().starts_with('{') {
        serde_json::from_str(&text).map_err(|error| form(file, &error.to_string()))?
    } else {
        serde_saphyr::from_str(&text).map_err(|error| form(file, &error.to_string()))?
    };
    if capture.capture_version != CAPTURE_VERSION {
        let text =
            format!("`{file}` has capture_version {}, this version reads {CAPTURE_VERSION}", capture.capture_version);
        return Err(Failure::usage(text, "read it with the version that wrote it"));
    }
    Ok(capture)
}

fn form(file: &str, why: &str) -> Failure {
    let first = why.lines().next().unwrap_or_default();
    let error = Error::new(Class::User, format!("`{file}` is no record of a run: {first}"));
    error.hint("the form is described in `schema/capture.schema.json`").into()
}
