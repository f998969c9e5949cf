//! The report for a terminal. The first four lines are verdict, cause, proof and one command, at
//! most 80 columns each; no meaning is carried by colour alone (golden files in
//! `tests/golden/diagnose`).

use super::columns::{fit, head, wrap};
use super::fixing;
use super::letter::{self, letters};
use super::model::{Report, Verdict};
use super::owner::{Matter, Matters};
use super::phrase::{self, long, short, subject, sure};
use super::table;
use crate::finding::Finding;
use crate::observed::{Status, check};
use crate::rule::Severity;

/// Narrowest width that is honoured.
const MIN_WIDTH: usize = 60;
/// Evidence lines shown a finding.
const EVIDENCE: usize = 4;

/// The whole report, ending with a newline.
#[must_use]
pub fn text(report: &Report, width: usize, colour: bool) -> String {
    let page = Page { report, matters: Matters::of(report), width: width.max(MIN_WIDTH), colour };
    let mut lines = page.front();
    let mut part = |more: Vec<String>| {
        if !more.is_empty() {
            lines.push(String::new());
            lines.extend(more);
        }
    };
    part(page.table());
    for matter in page.matters.all.iter().filter(|m| m.first.severity != Severity::Note) {
        part(page.matter(matter));
    }
    part(report.fixing.as_ref().map(|found| fixing::lines(found, page.width)).unwrap_or_default());
    part(page.notes());
    part(page.letters());
    part(vec![page.last()]);
    lines.join("\n") + "\n"
}

struct Page<'a> {
    report: &'a Report,
    matters: Matters<'a>,
    width: usize,
    colour: bool,
}

impl Page<'_> {
    fn front(&self) -> Vec<String> {
        let Report { command, run, .. } = self.report;
        let verdict = format!("{}  {}  {}", command.name(), phrase::scope(run), phrase::verdict(self.report));
        let mut lines = vec![self.paint_verdict(&head(&verdict, self.width))];
        let Some(first) = self.first() else { return lines };
        let f = first.first;
        let about = self.matters.extent(first).unwrap_or_else(|| subject(f));
        lines.push(head(&format!("cause: {} ({}) {about}", f.cause_id, sure(f)), self.width));
        lines.push(format!("proof: {}", self.proof(first)));
        match f.fixes.iter().find_map(|fix| Some((fix.verb(), fix.command.as_ref()?))) {
            Some((verb, command)) => lines.push(format!("{:<7}{command}", format!("{verb}:"))),
            None => lines.extend(f.fixes.first().map(|fix| head(&format!("fix:   {}", fix.text), self.width))),
        }
        lines
    }

    /// What was pushed, and the rows of the pools.
    fn table(&self) -> Vec<String> {
        let pushed = self.report.probes.iter().find(|o| o.check == check::PUSH && o.status == Status::Pass);
        let artefact = pushed.map(|o| head(&format!("artefact: {}", o.target), self.width));
        artefact
            .into_iter()
            .chain(self.scheduler())
            .chain(table::rows(self.report.command, &self.report.probes, self.width))
            .collect()
    }

    /// What the workers' scheduler has answered, by its ports.
    fn scheduler(&self) -> Option<String> {
        let asked = self.report.probes.iter().filter(|o| o.check == check::SCHEDULER);
        let answers: Vec<String> = asked.map(|o| format!("{} {}", o.target, o.result())).collect();
        (!answers.is_empty()).then(|| head(&format!("scheduler: {}", answers.join(", ")), self.width))
    }

    /// The worst finding; a note only when the run cannot pass because of it.
    fn first(&self) -> Option<&Matter<'_>> {
        let all = &self.matters.all;
        let unfinished = self.report.summary.status == Verdict::Incomplete;
        all.iter()
            .find(|m| m.first.severity != Severity::Note)
            .or_else(|| all.iter().find(|m| unfinished && m.first.cause_id != "POOL_EMPTY"))
    }

    /// Two observations: the one that failed and the one it is compared with.
    fn proof(&self, matter: &Matter<'_>) -> String {
        let two: Vec<String> = self.matters.evidence(matter).into_iter().take(2).map(short).collect();
        let room = self.width - "proof: ".len();
        match two.as_slice() {
            [] => head(&matter.first.message, room),
            [a, b, ..] => both(a, b, room),
            [one] => head(one, room),
        }
    }

    fn matter(&self, matter: &Matter<'_>) -> Vec<String> {
        let f = matter.first;
        let sign = if f.severity == Severity::Error { "✗" } else { "!" };
        let title = format!("{sign} {} ({}) {}", f.cause_id, sure(f), f.message);
        let mut lines = vec![self.paint_severity(&wrap(&title, self.width, "  "), f.severity)];
        lines
            .extend(self.matters.extent(matter).map(|text| wrap(&format!("  where: {text}"), self.width, "         ")));
        let evidence = self.matters.evidence(matter);
        lines.extend(
            evidence.iter().take(EVIDENCE).map(|o| wrap(&format!("  seen: {}", long(o)), self.width, "        ")),
        );
        if evidence.len() > EVIDENCE {
            lines.push(format!("  seen: {} more, see --json", evidence.len() - EVIDENCE));
        }
        for ruled in &f.ruled_out {
            lines.push(fit(&format!("  ruled out: {} by {}", ruled.cause_id, ruled.probe), self.width));
        }
        lines.extend(self.fixes(f));
        lines
    }

    fn fixes(&self, f: &Finding) -> Vec<String> {
        let lines = f.fixes.iter().flat_map(|fix| {
            let text = wrap(&format!("  fix: {}", fix.text), self.width, "       ");
            let command = fix.command.iter().map(|c| format!("  {}: {c}", fix.verb()));
            let page = fix.page.iter().map(|page| format!("  page: {page}"));
            std::iter::once(text).chain(command).chain(page)
        });
        lines.collect()
    }

    fn notes(&self) -> Vec<String> {
        let note = |text: &str| wrap(&format!("note: {text}"), self.width, "      ");
        let mut lines = Vec::new();
        for matter in self.matters.all.iter().filter(|m| m.first.severity == Severity::Note) {
            let f = matter.first;
            let about = self.matters.extent(matter).map(|text| format!(" ({text})")).unwrap_or_default();
            lines.push(note(&format!("{} {}{about}", f.cause_id, f.message)));
            lines.extend(self.fixes(f));
        }
        lines.extend(self.report.notices.iter().map(|n| note(n)));
        let skipped = self.report.skipped.iter();
        lines.extend(skipped.map(|s| wrap(&format!("skipped: {}: {}", s.what, s.why), self.width, "         ")));
        lines
    }

    /// What somebody else has to be asked for, one message a person.
    fn letters(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for one in letters(self.report, &self.matters) {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.push(format!("{}:", letter::HEADING));
            let said = one.text();
            lines.extend(
                said.lines().map(|line| wrap(&format!("  | {line}"), self.width, "  |   ").trim_end().to_owned()),
            );
        }
        lines
    }

    fn last(&self) -> String {
        let cleanup = &self.report.cleanup;
        let clean = match (&cleanup.unknown, cleanup.complete) {
            (Some(why), _) => format!("not known: {why}"),
            (None, true) => "complete".to_owned(),
            (None, false) => {
                let left: Vec<String> =
                    cleanup.left.iter().map(|l| format!("{} {} ({})", l.object.kind, l.object.name, l.why)).collect();
                format!("left: {}", left.join(", "))
            }
        };
        let (run, stays) = (&self.report.run, phrase::stays(cleanup));
        format!(
            "{}   run={}   {}",
            wrap(&format!("clean-up: {clean}{stays}"), self.width - 24, "  "),
            run.id,
            phrase::seconds(run.duration_ms)
        )
    }

    fn paint_verdict(&self, line: &str) -> String {
        let code = if self.report.summary.status == Verdict::Pass { "32" } else { "31" };
        self.paint(line, code)
    }

    fn paint_severity(&self, line: &str, severity: Severity) -> String {
        self.paint(line, if severity == Severity::Error { "31" } else { "33" })
    }

    fn paint(&self, line: &str, code: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{line}\u{1b}[0m") } else { line.to_owned() }
    }
}

/// Two texts on one line; the longer one is cut first.
fn both(a: &str, b: &str, room: usize) -> String {
    let room = room - "; ".len();
    let (la, lb) = (a.chars().count(), b.chars().count());
    let left = if la + lb <= room { la } else { la.min((room / 2).max(room.saturating_sub(lb))) };
    format!("{}; {}", head(a, left), head(b, room - left))
}
