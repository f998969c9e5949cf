//! The report as one page that needs nothing else: no network, no font, no file beside it. Its policy lets only
//! the style and the script of this folder run. Verdict, cause and command come first, then the matrix
//! pool × check with the evidence of each cell behind a button (`tests/diagnose/report_html.rs`).

mod evidence;
mod finding;
mod grid;
mod markup;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::fixing;
use super::letter::{self, Letter};
use super::matrix::Matrix;
use super::model::{Cleanup, Report, Verdict};
use super::owner::Matters;
use super::phrase;
use crate::observed::Status;
use markup::Markup;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// The report as one page.
#[must_use]
pub fn html(report: &Report) -> String {
    let matters = Matters::of(report);
    let matrix = Matrix::of(&report.probes);
    let counts = report.summary.counts;
    let number = |count: usize| Markup::text(&count.to_string());
    let (lead, others) = finding::sections(&matters);
    let page = Markup::fill(
        include_str!("html/page.html"),
        &[
            ("style", Markup::file(STYLE)),
            ("style-hash", Markup::text(&hash(STYLE))),
            ("script", Markup::file(SCRIPT)),
            ("script-hash", Markup::text(&hash(SCRIPT))),
            ("command", Markup::text(report.command.name())),
            ("scope", Markup::text(&phrase::scope(&report.run))),
            ("status", Markup::text(class(report.summary.status))),
            ("sign", Markup::text(verdict_sign(report.summary.status))),
            ("verdict", Markup::text(&verdict(report))),
            ("ok", number(counts.ok)),
            ("failed", number(counts.failed)),
            ("skipped", number(counts.skipped)),
            ("facts", facts(&run(report))),
            ("lead", lead),
            ("matrix", grid::matrix(&matrix, &matters)),
            ("elsewhere", grid::elsewhere(&matrix, &matters)),
            ("others", others),
            ("fixing", mended(report)),
            ("letters", letters(report, &matters)),
            ("remarks", remarks(report)),
            ("version", Markup::text(&report.tool.version)),
            ("rules", Markup::text(&report.tool.rules_version.to_string())),
            ("schema", Markup::text(&report.schema_version.to_string())),
            ("cleanup", Markup::text(&cleanup(&report.cleanup))),
        ],
    );
    page.into_page()
}

/// What a content policy calls a style or a script.
fn hash(content: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(content)))
}

fn verdict(report: &Report) -> String {
    let counts = report.summary.counts;
    match report.summary.status {
        Verdict::Pass if counts.skipped > 0 => format!("Passed, {} skipped", counts.skipped),
        Verdict::Pass => "Passed".to_owned(),
        Verdict::Fail => format!("Failed: {}", phrase::plural(counts.causes, "cause")),
        Verdict::Incomplete => "Incomplete".to_owned(),
        Verdict::Usage => "Nothing was asked".to_owned(),
        Verdict::Interrupted => "Interrupted".to_owned(),
    }
}

const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Incomplete | Verdict::Usage => "incomplete",
        Verdict::Interrupted => "interrupted",
    }
}

const fn verdict_sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Fail => "✕",
        Verdict::Incomplete | Verdict::Usage | Verdict::Interrupted => "!",
    }
}

/// The sign beside an outcome's word.
const fn sign(status: Status) -> &'static str {
    match status {
        Status::Pass => "✓",
        Status::Fail => "✕",
        Status::Skip => "–",
    }
}

/// The class of an outcome in the style.
fn outcome(status: Status) -> Markup {
    Markup::text(status.word())
}

fn run(report: &Report) -> Vec<(&'static str, String)> {
    let run = &report.run;
    vec![
        ("environment", run.env.clone()),
        ("namespace", run.namespace.clone()),
        ("cluster", run.context.clone()),
        ("registry", run.registry.iter().chain(&run.other_registries).cloned().collect::<Vec<_>>().join(", ")),
        ("stack file", report.stack_file.clone().unwrap_or_default()),
        ("started", run.started.clone()),
        ("took", phrase::seconds(run.duration_ms)),
        ("run", run.id.clone()),
    ]
}

/// Names and values; one without a value is left out.
fn facts(pairs: &[(&str, String)]) -> Markup {
    let known = pairs.iter().filter(|(_, value)| !value.is_empty());
    let fact = |(name, value): &(&str, String)| {
        Markup::fill(include_str!("html/fact.html"), &[("name", Markup::text(name)), ("value", Markup::text(value))])
    };
    known.map(fact).collect()
}

/// What somebody else has to be asked for, each message with its button to copy it.
fn letters(report: &Report, matters: &Matters<'_>) -> Markup {
    let one = |letter: &Letter| {
        let (to, message) = (Markup::text(letter.to), Markup::text(&letter.text()));
        Markup::fill(include_str!("html/letter.html"), &[("to", to), ("message", message)])
    };
    let all = letter::letters(report, matters);
    if all.is_empty() {
        return Markup::default();
    }
    let title = Markup::text(letter::HEADING);
    Markup::fill(include_str!("html/section.html"), &[("title", title), ("body", all.iter().map(one).collect())])
}

/// What `--fix` has planned and done.
fn mended(report: &Report) -> Markup {
    let Some(found) = &report.fixing else { return Markup::default() };
    let title = format!("--fix: {}", fixing::summary(found));
    list(&title, fixing::told(found).into_iter())
}

fn remarks(report: &Report) -> Markup {
    let notices = report.notices.iter().map(|text| ("note", text.clone()));
    let skipped = report.skipped.iter().map(|s| ("skipped", format!("{}: {}", s.what, s.why)));
    let all: Vec<(&str, String)> = notices.chain(skipped).collect();
    if all.is_empty() { Markup::default() } else { list("Notes, and what was not looked at", all.into_iter()) }
}

/// Lines with a word in front of each.
fn list<'a>(title: &str, all: impl Iterator<Item = (&'a str, String)>) -> Markup {
    let line = |(name, text): (&str, String)| {
        Markup::fill(
            "<li><b>{{name}}</b> {{text}}</li>",
            &[("name", Markup::text(name)), ("text", Markup::text(&text))],
        )
    };
    let lines = all.map(line).collect();
    Markup::fill(include_str!("html/remarks.html"), &[("title", Markup::text(title)), ("lines", lines)])
}

fn cleanup(cleanup: &Cleanup) -> String {
    let stays = phrase::stays(cleanup);
    match (&cleanup.unknown, cleanup.complete) {
        (Some(why), _) => format!("not known: {why}"),
        (None, true) => format!("complete{stays}"),
        (None, false) => {
            let left = cleanup.left.iter().map(|l| format!("{} ({})", phrase::path(&l.object), l.why));
            format!("left: {}", left.collect::<Vec<_>>().join(", "))
        }
    }
}
