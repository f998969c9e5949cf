//! The report for a terminal. The first four lines are verdict, cause, proof and one command, at
//! most 80 columns each; no meaning is carried by colour alone (golden files in
//! `tests/golden/diagnose`).

use mops_probe::observation::check as probe;

use super::columns::{fit, head, wrap};
use super::model::{Report, Verdict};
use super::table;
use crate::finding::Finding;
use crate::observed::{Observed, check};
use crate::rule::Severity;

/// Narrowest width that is honoured.
const MIN_WIDTH: usize = 60;
/// Evidence lines shown a finding.
const EVIDENCE: usize = 4;

/// The whole report, ending with a newline.
#[must_use]
pub fn text(report: &Report, width: usize, colour: bool) -> String {
    let page = Page { report, width: width.max(MIN_WIDTH), colour };
    let mut lines = page.front();
    let mut part = |more: Vec<String>| {
        if !more.is_empty() {
            lines.push(String::new());
            lines.extend(more);
        }
    };
    part(table::rows(&report.probes, page.width));
    for finding in report.findings.iter().filter(|f| f.severity != Severity::Note) {
        part(page.finding(finding));
    }
    part(page.notes());
    part(vec![page.last()]);
    lines.join("\n") + "\n"
}

struct Page<'a> {
    report: &'a Report,
    width: usize,
    colour: bool,
}

impl Page<'_> {
    fn front(&self) -> Vec<String> {
        let mut lines = vec![self.paint_verdict(&head(&self.verdict(), self.width))];
        let Some(first) = self.first() else { return lines };
        lines.push(head(&format!("cause: {} ({}) {}", first.cause_id, sure(first), subject(first)), self.width));
        lines.push(format!("proof: {}", self.proof(first)));
        match first.fixes.iter().find_map(|f| Some((f.verb(), f.command.as_ref()?))) {
            Some((verb, command)) => lines.push(format!("{:<7}{command}", format!("{verb}:"))),
            None => lines.extend(first.fixes.first().map(|f| head(&format!("fix:   {}", f.text), self.width))),
        }
        lines
    }

    /// The worst finding; a note only when the run cannot pass because of it.
    fn first(&self) -> Option<&Finding> {
        let all = &self.report.findings;
        let unfinished = self.report.summary.status == Verdict::Incomplete;
        all.iter()
            .find(|f| f.severity != Severity::Note)
            .or_else(|| all.iter().find(|f| unfinished && f.cause_id != "POOL_EMPTY"))
    }

    fn verdict(&self) -> String {
        let Report { command, run, summary, .. } = self.report;
        let counts = summary.counts;
        let passed = if counts.skipped > 0 {
            format!("passed, {} skipped", counts.skipped)
        } else {
            format!("passed, all {} checks", counts.ok)
        };
        let found = format!("{} ok, {} failed, {} skipped", counts.ok, counts.failed, counts.skipped);
        let words = match summary.status {
            Verdict::Pass => passed,
            Verdict::Fail => format!("FAILED: {}, {found}", plural(counts.causes, "cause")),
            Verdict::Incomplete => format!("INCOMPLETE: {found}"),
            Verdict::Interrupted => format!("INTERRUPTED: {found}"),
        };
        format!("{}  env={}  {words}", command.name(), run.env)
    }

    /// Two observations: the one that failed and the one it is compared with.
    fn proof(&self, finding: &Finding) -> String {
        let seen = |id: &String| self.report.probes.iter().find(|o| &o.id == id);
        let two: Vec<String> = finding.evidence.iter().filter_map(seen).take(2).map(short).collect();
        let room = self.width - "proof: ".len();
        match two.as_slice() {
            [] => head(&finding.message, room),
            [a, b, ..] => both(a, b, room),
            [one] => head(one, room),
        }
    }

    fn finding(&self, f: &Finding) -> Vec<String> {
        let sign = if f.severity == Severity::Error { "✗" } else { "!" };
        let title = format!("{sign} {} ({}) {}", f.cause_id, sure(f), f.message);
        let mut lines = vec![self.paint_severity(&wrap(&title, self.width, "  "), f.severity)];
        let seen = |id: &String| self.report.probes.iter().find(|o| &o.id == id);
        let evidence: Vec<&Observed> = f.evidence.iter().filter_map(seen).collect();
        lines.extend(
            evidence.iter().take(EVIDENCE).map(|o| wrap(&format!("  seen: {}", long(o)), self.width, "        ")),
        );
        if evidence.len() > EVIDENCE {
            lines.push(format!("  seen: {} more, see --json", evidence.len() - EVIDENCE));
        }
        for ruled in &f.ruled_out {
            lines.push(fit(&format!("  ruled out: {} by {}", ruled.cause_id, ruled.probe), self.width));
        }
        for fix in &f.fixes {
            lines.push(wrap(&format!("  fix: {}", fix.text), self.width, "       "));
            lines.extend(fix.command.iter().map(|c| format!("  {}: {c}", fix.verb())));
        }
        lines
    }

    fn notes(&self) -> Vec<String> {
        let note = |text: &str| wrap(&format!("note: {text}"), self.width, "      ");
        let notes = self.report.findings.iter().filter(|f| f.severity == Severity::Note);
        let mut lines: Vec<String> = notes.map(|f| note(&format!("{} {}", f.cause_id, f.message))).collect();
        lines.extend(self.report.notices.iter().map(|n| note(n)));
        let skipped = self.report.skipped.iter();
        lines.extend(skipped.map(|s| wrap(&format!("skipped: {}: {}", s.what, s.why), self.width, "         ")));
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
        let run = &self.report.run;
        format!(
            "{}   run={}   {}",
            wrap(&format!("clean-up: {clean}"), self.width - 24, "  "),
            run.id,
            seconds(run.duration_ms)
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

fn sure(f: &Finding) -> &'static str {
    f.confidence.map_or("no rule", crate::rule::Confidence::word)
}

fn subject(f: &Finding) -> String {
    let object = f.objects.first().map(|o| format!("{} {}", o.kind.to_lowercase(), o.name));
    let what = object.unwrap_or_else(|| f.target.clone());
    match f.pools.as_slice() {
        [] => what,
        [one] => format!("{what}, pool {one}"),
        more => format!("{what}, {} pools", more.len()),
    }
}

fn short(o: &Observed) -> String {
    let place = if o.pool.is_empty() { o.vantage.word().to_owned() } else { format!("pool {}", o.pool) };
    let credential = if o.credential.is_empty() { String::new() } else { format!(" by {}", o.credential) };
    format!("{place}: {}{credential}: {}", name(&o.check), o.result())
}

/// A check in a reader's words.
fn name(check: &str) -> &str {
    match check {
        probe::ENV => "variable",
        probe::PULL_SECRET => "pull secret entry",
        probe::REGISTRY_V2 => "/v2/",
        probe::REGISTRY_PULL => "manifest",
        probe::REGISTRY_TAGS => "tag list",
        probe::STORAGE_SAS => "SAS text",
        probe::STORAGE_READ => "SAS list",
        probe::STORAGE_WRITE_REFUSED => "SAS write",
        check::API => "API server",
        check::PASSWORD => "password compared",
        check::ENV_SECRET | check::PULL_SECRET => "secret",
        check::KUBELET => "image pull",
        check::PROBE => "probe pod",
        other => other,
    }
}

fn long(o: &Observed) -> String {
    let detail =
        if o.reason.is_empty() || o.result().contains(&o.reason) { String::new() } else { format!(" ({})", o.reason) };
    format!("{} of {}{detail}", short(o), o.target)
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn seconds(millis: u64) -> String {
    let seconds = millis / 1000;
    if seconds < 60 { format!("{seconds}s") } else { format!("{}m{:02}s", seconds / 60, seconds % 60) }
}
