//! The report as workflow commands of GitHub Actions: one annotation a finding, in the report's order. What a
//! value holds cannot end the command or begin another one (`tests::a_value_stays_a_value`).

use super::model::Report;
use super::phrase;
use crate::finding::Finding;
use crate::rule::Severity;

/// One line a finding; one notice when there is none.
#[must_use]
pub fn github(report: &Report) -> String {
    let line = |f| annotation(f, report.stack_file.as_deref());
    if report.findings.is_empty() {
        let title = property(report.command.name());
        return format!("::notice title={title}::{}\n", data(&phrase::verdict(report)));
    }
    report.findings.iter().map(line).collect()
}

fn annotation(f: &Finding, file: Option<&str>) -> String {
    let command = match f.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let line = f.stack_line.map(|line| format!("line={line},")).unwrap_or_default();
    let file = file.map(|file| format!("file={},{line}", property(file))).unwrap_or_default();
    let title = property(&format!("{} ({})", f.cause_id, phrase::sure(f)));
    format!("::{command} {file}title={title}::{}\n", data(&phrase::paragraph(f)))
}

/// The message of a command: a line break would end it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property, which also ends at a comma or a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_a_value() {
        assert_eq!(data("50%\r\n::error::x, y"), "50%25%0D%0A::error::x, y");
        assert_eq!(property("a:b,c\n%"), "a%3Ab%2Cc%0A%25");
    }
}
