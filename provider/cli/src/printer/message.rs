//! How errors, warnings and diagnostics look: prefix, sentence, the line of the stack file, notes, and after a
//! blank line the one thing to do (`tests`).

use std::collections::BTreeMap;

use mops_core::{Class, Diagnostic, Error, Severity};

use super::Printer;
use super::excerpt::excerpt;
use crate::exit::{Caused, Exit, Failure};

/// The stack file's text by the name under which it was read, so that messages can show a line of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources(BTreeMap<String, String>);

impl Sources {
    /// Remembers a file.
    pub(crate) fn add(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_owned(), text.to_owned());
    }

    /// The text of a file.
    pub(crate) fn text(&self, file: &str) -> Option<&str> {
        self.0.get(file).map(String::as_str)
    }

    fn line(&self, file: &str, line: usize) -> Option<&str> {
        self.0.get(file)?.lines().nth(line.checked_sub(1)?)
    }
}

impl Printer {
    /// A line of evidence or of news.
    pub(crate) fn note(&self, text: &str) {
        self.tell(&format!("{} {text}", self.look().err.cyan("note:")));
    }

    /// The one thing to do.
    pub(crate) fn hint(&self, text: &str) {
        self.tell(&format!("{} {text}", self.look().err.cyan("hint:")));
    }

    /// Shows what ended the verb; with `--json` as one object.
    pub(crate) fn failure(&self, failure: &Failure, sources: &Sources) -> Exit {
        match failure {
            Failure::Diagnostics(found) => self.diagnostics(found, sources),
            Failure::Error(exit, error) => self.error(error, *exit),
            Failure::Sorted(sort, exit, error) => self.sorted(error, *exit, sort.word(), None),
            Failure::Caused(caused) => {
                let class = class_name(caused.error.class());
                self.sorted(&caused.error, caused.exit, class, Some(caused));
            }
            Failure::Told(_) => {}
        }
        failure.exit()
    }

    /// One error with its evidence and its hint.
    pub(crate) fn error(&self, error: &Error, exit: Exit) {
        self.sorted(error, exit, class_name(error.class()), None);
    }

    fn sorted(&self, error: &Error, exit: Exit, class: &str, caused: Option<&Caused>) {
        self.event(&ErrorLine {
            class: class.into(),
            exit: exit.code(),
            summary: error.summary().into(),
            notes: error.notes().to_vec(),
            hint: error.hint_text().map(Into::into),
            cause: caused.and_then(|caused| caused.cause.clone()),
            kind: caused.map(|caused| caused.kind.into()),
        });
        let style = self.look().err;
        let mut text = format!("{} {}\n", style.red("error:"), error.summary());
        for note in error.notes() {
            text += &format!("{} {note}\n", style.cyan("note:"));
        }
        if error.class() == Class::Bug {
            let version = env!("CARGO_PKG_VERSION");
            text +=
                &format!("{} this is a fault in mops {version}; please report the lines above\n", style.cyan("note:"));
        }
        if let Some(hint) = error.hint_text() {
            text += &format!("\n{} {hint}\n", style.cyan("hint:"));
        }
        self.say(&text);
    }

    /// All findings of a file, each with its line.
    pub(crate) fn diagnostics(&self, found: &[Diagnostic], sources: &Sources) {
        for one in found {
            self.event(one);
            self.say(&self.diagnostic(one, sources));
        }
        let errors = found.iter().filter(|d| d.severity == Severity::Error).count();
        if errors > 1 {
            self.tell(&format!("{errors} errors"));
        }
    }

    fn diagnostic(&self, one: &Diagnostic, sources: &Sources) -> String {
        let style = self.look().err;
        let prefix = match one.severity {
            Severity::Error => style.red("error:"),
            Severity::Warning => style.yellow("warning:"),
        };
        let Some(place) = &one.place else {
            let hint = one.hint.as_ref().map(|h| format!("\n{} {h}\n", style.cyan("hint:")));
            return format!("{prefix} {}\n{}", one.summary, hint.unwrap_or_default());
        };
        let mut text = format!("{prefix} {}: {}\n", style.bold(&place.to_string()), one.summary);
        if let Some(line) = sources.line(&place.file, place.line) {
            let told = format!("{} {}", one.summary, one.hint.as_deref().unwrap_or_default());
            text += &excerpt(line, place.line, place.column, &told, self.look().width);
        }
        if let Some(hint) = &one.hint {
            text += &format!("\n{} {hint}\n", style.cyan("hint:"));
        }
        text + "\n"
    }
}

/// What ended the verb. Findings in a file are `diagnostic` lines instead, each with its place.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub(crate) struct ErrorLine {
    /// `user`, `auth`, `not_found`, `conflict`, `throttled`, `transient`, `partial`, `canceled` or `bug`; of `mops env`
    /// also `image`, `container`, `config` or `resource`.
    pub(crate) class: String,
    /// The exit code that follows.
    pub(crate) exit: u8,
    /// One sentence.
    pub(crate) summary: String,
    /// Evidence.
    pub(crate) notes: Vec<String>,
    /// The one thing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
    /// The cause, as `mops explain` knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
    /// The service's word for the kind of failure; of Novita.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
}

/// The word of a class in JSON.
pub(crate) const fn class_name(class: Class) -> &'static str {
    match class {
        Class::User => "user",
        Class::Auth => "auth",
        Class::NotFound => "not_found",
        Class::Conflict => "conflict",
        Class::Throttled(_) => "throttled",
        Class::Transient => "transient",
        Class::Partial => "partial",
        Class::Canceled => "canceled",
        Class::Bug => "bug",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::printer;
    use super::*;
    use mops_core::Place;

    #[test]
    fn a_diagnostic_shows_place_line_mark_and_hint() {
        let (printer, out, err) = printer(false, false);
        let mut sources = Sources::default();
        sources.add("infra.yaml", "a: 1\n  min: 3\n");
        let place = Place { file: "infra.yaml".into(), line: 2, column: 8 };
        let one = Diagnostic::error(Some(place), "min (3) is greater than max (2)").hint("lower `min`");
        printer.failure(&Failure::Diagnostics(vec![one]), &sources);
        assert_eq!(
            err.text(),
            "error: infra.yaml:2:8: min (3) is greater than max (2)\n  2 |   min: 3\n    |        ^\n\nhint: lower `min`\n\n"
        );
        assert_eq!(out.text(), "");
    }

    #[test]
    fn json_gets_one_object_an_error_with_class_and_code() {
        let (printer, out, _) = printer(true, false);
        let failure = Failure::from(Error::new(Class::Auth, "nobody signed in").hint("run `az login`"));
        assert_eq!(printer.failure(&failure, &Sources::default()), Exit::CouldNotRun);
        let json: serde_json::Value = serde_json::from_str(&out.text()).unwrap();
        assert_eq!((json["class"].as_str(), json["exit"].as_u64()), (Some("auth"), Some(3)));
    }
}
