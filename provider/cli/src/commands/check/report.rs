//! A report in the forms that were asked for. What goes to standard output is printed first, so that a file that
//! cannot be written hides nothing.

use mops_diagnose::{Report, report};
use mops_host::fsx::{self, reason};

use crate::app::App;
use crate::args::{Form, Wanted};
use crate::exit::Failure;
use crate::line::Line as _;

/// Columns of a text that goes into a file.
const WIDTH: usize = 80;

/// Writes every form.
pub(super) fn write(app: &App, found: &Report, wanted: &[Wanted]) -> Result<(), Failure> {
    for Wanted { form, .. } in wanted.iter().filter(|w| w.file.is_none()) {
        let look = app.printer.look();
        app.printer.data(&rendered(found, *form, look.width, look.out.is_coloured()));
    }
    for Wanted { form, file } in wanted {
        let Some(file) = file else { continue };
        fsx::replace(&app.env.path(file), rendered(found, *form, WIDTH, false).as_bytes()).map_err(|error| {
            let text = format!("`{file}` cannot be written: {}", reason(&error));
            Failure::usage(text, "check the folder and its permissions")
        })?;
        app.printer.tell(&format!("wrote `{file}` ({})", form.word()));
    }
    Ok(())
}

fn rendered(found: &Report, form: Form, width: usize, colour: bool) -> String {
    match form {
        Form::Text => report::text(found, width, colour),
        Form::Json => found.text().unwrap_or_default() + "\n",
        Form::Sarif => format!("{:#}\n", report::sarif(found)),
        Form::Junit => report::junit(found),
        Form::Github => report::github(found),
        Form::Html => report::html(found),
    }
}
