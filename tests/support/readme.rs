//! README's tables: written from a run or from the code, between two marks, so that nobody types a figure.

use std::path::Path;

use mops_host::fsx;

const END: &str = "<!-- to here -->\n";

/// Replaces what stands between the marks of this make target by the figures of a run.
///
/// # Errors
/// When the file cannot be read or written, or has no such marks.
pub fn write(file: &Path, target: &str, figures: &str) -> Result<(), String> {
    let text = fsx::read_text(file).map_err(|e| format!("`{}`: {e}", file.display()))?;
    let table = format!("```\n{figures}```\n");
    let text = replaced(&text, &format!("make {target} README=README.md"), &table)
        .ok_or_else(|| format!("`{}` has no marks for the table of `make {target}`", file.display()))?;
    fsx::replace(file, text.as_bytes()).map_err(|e| format!("`{}`: {e}", file.display()))
}

/// A text with this between the marks of a command; `None` when it has no such marks.
#[must_use]
pub fn replaced(text: &str, command: &str, table: &str) -> Option<String> {
    let begin = format!("<!-- {command} writes from here -->\n");
    let start = text.find(&begin)? + begin.len();
    let end = start + text[start..].find(END)?;
    Some(format!("{}{table}{}", &text[..start], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_of_the_target_changes() {
        let marks = |target: &str, inner: &str| {
            format!("<!-- make {target} README=README.md writes from here -->\n{inner}{END}")
        };
        let text = format!("before\n{}between\n{}after\n", marks("bench", "one\n"), marks("crash", "two\n"));
        let wanted = format!("before\n{}between\n{}after\n", marks("bench", "one\n"), marks("crash", "new\n"));
        assert_eq!(replaced(&text, "make crash README=README.md", "new\n").unwrap(), wanted);
        assert_eq!(replaced("no marks", "crash", "new\n"), None);
    }
}
