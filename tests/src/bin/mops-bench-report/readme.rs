//! README's table of figures: written from a run, between two marks, so that nobody types a figure.

use std::path::Path;

use mops_host::fsx;

use crate::machine;
use crate::row::Report;

const BEGIN: &str = "<!-- make bench README=README.md writes from here -->\n";
const END: &str = "<!-- to here -->\n";

/// Replaces what stands between the marks by the table of this run.
pub(crate) fn write(file: &Path, report: &Report, peer: &str) -> Result<(), String> {
    let text = fsx::read_text(file).map_err(|e| format!("`{}`: {e}", file.display()))?;
    let day = time::OffsetDateTime::now_utc().date();
    let lines: String = report.rows.iter().map(|row| row.line() + "\n").collect();
    let table = format!("```\n{day} · {} · peer {peer}\n{lines}```\n", machine::line());
    let text = replaced(&text, &table).ok_or_else(|| format!("`{}` has no marks for the table", file.display()))?;
    fsx::replace(file, text.as_bytes()).map_err(|e| format!("`{}`: {e}", file.display()))
}

fn replaced(text: &str, table: &str) -> Option<String> {
    let start = text.find(BEGIN)? + BEGIN.len();
    let end = start + text[start..].find(END)?;
    Some(format!("{}{table}{}", &text[..start], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let text = format!("before\n{BEGIN}old\n{END}after\n");
        assert_eq!(replaced(&text, "new\n").unwrap(), format!("before\n{BEGIN}new\n{END}after\n"));
        assert_eq!(replaced("no marks", "new\n"), None);
    }
}
