//! What came, went or changed between two runs, as text and as one JSON line. What only the clock changes is no change:
//! the words of a finding may name the time (`tests`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::finding::Finding;
use crate::observed::Vantage;
use crate::report::columns::wrap;
use crate::report::{Report, Skipped, Summary, phrase};
use crate::rule::{Confidence, Severity};

/// Narrowest width that is honoured.
const MIN_WIDTH: usize = 60;

/// What is different from the run before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    /// When it was seen, RFC 3339.
    at: String,
    /// The run that saw it.
    run: String,
    /// Verdict and counts now.
    summary: Summary,
    /// Those before.
    before: Summary,
    /// Causes that were not there before.
    came: Vec<Finding>,
    /// Causes that are not there any more.
    went: Vec<Gone>,
    /// Causes that are there in another way.
    changed: Vec<Changed>,
    /// What is not checked any more.
    not_checked: Vec<Skipped>,
    /// What is checked again.
    checked_again: Vec<String>,
    /// The verdicts in words.
    #[serde(skip)]
    #[schemars(skip)]
    words: (String, String),
}

/// A cause that is not there any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Gone {
    /// Its id.
    pub cause_id: String,
    /// Host, image, container, variable or object.
    pub target: String,
    /// The credential it was about; empty for none.
    pub credential: String,
}

/// A cause that is there in another way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Changed {
    /// As it is now.
    pub now: Finding,
    /// How bad it was.
    pub severity: Severity,
    /// How sure it was.
    pub confidence: Option<Confidence>,
    /// The pools where it was seen.
    pub pools: Vec<String>,
}

/// What makes two findings the same one.
type Key<'a> = (&'a str, &'a str, &'a str);

fn key(f: &Finding) -> Key<'_> {
    (&f.cause_id, &f.target, &f.credential)
}

/// What may change of a finding.
fn way(f: &Finding) -> (Severity, Option<Confidence>, &[String], &[Vantage]) {
    (f.severity, f.confidence, &f.pools, &f.vantage)
}

fn by_key(report: &Report) -> BTreeMap<Key<'_>, Vec<&Finding>> {
    let mut all: BTreeMap<Key<'_>, Vec<&Finding>> = BTreeMap::new();
    report.findings.iter().for_each(|f| all.entry(key(f)).or_default().push(f));
    all
}

impl Change {
    /// `None` when everything is as it was.
    pub(super) fn between(before: &Report, now: &Report, at: OffsetDateTime) -> Option<Self> {
        let (old, new) = (by_key(before), by_key(now));
        let came = new.iter().filter(|(key, _)| !old.contains_key(*key)).flat_map(|(_, all)| all);
        let went = old.iter().filter(|(key, _)| !new.contains_key(*key)).map(|((cause, target, credential), _)| Gone {
            cause_id: (*cause).to_owned(),
            target: (*target).to_owned(),
            credential: (*credential).to_owned(),
        });
        let both = new.iter().filter_map(|(key, all)| Some((old.get(key)?, all)));
        let changed = both.flat_map(|(was, all)| changed(was, all));
        let left_out = |report: &Report, what: &str| report.skipped.iter().any(|s| s.what == what);
        let not_checked = now.skipped.iter().filter(|s| !left_out(before, &s.what));
        let checked_again = before.skipped.iter().filter(|s| !left_out(now, &s.what));
        let change = Self {
            at: at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default(),
            run: now.run.id.clone(),
            summary: now.summary.clone(),
            before: before.summary.clone(),
            came: came.map(|f| (*f).clone()).collect(),
            went: went.collect(),
            changed: changed.collect(),
            not_checked: not_checked.cloned().collect(),
            checked_again: checked_again.map(|s| s.what.clone()).collect(),
            words: (phrase::verdict(before), phrase::verdict(now)),
        };
        (!change.is_none()).then_some(change)
    }

    fn is_none(&self) -> bool {
        let findings = self.came.is_empty() && self.went.is_empty() && self.changed.is_empty();
        let checks = self.not_checked.is_empty() && self.checked_again.is_empty();
        findings && checks && self.summary.status == self.before.status
    }

    /// For a terminal, ending with a newline.
    #[must_use]
    pub fn text(&self, width: usize) -> String {
        let width = width.max(MIN_WIDTH);
        let line = |word: &str, text: &str| wrap(&format!("{word:<9}{text}"), width, "         ");
        let was = if self.summary.status == self.before.status { String::new() } else { self.was() };
        let mut lines = vec![wrap(&format!("{}  {}{was}", self.at, self.words.1), width, "  ")];
        for f in &self.came {
            lines.push(line("came", &title(f)));
            lines.extend(f.fixes.iter().take(1).map(|fix| line("", &format!("fix: {}", fix.text))));
            let command = f.fixes.iter().find_map(|fix| Some((fix.verb(), fix.command.as_ref()?)));
            lines.extend(command.map(|(verb, command)| format!("         {verb}: {command}")));
        }
        lines.extend(self.changed.iter().map(|c| line("changed", &format!("{} {}", title(&c.now), c.was()))));
        lines.extend(self.went.iter().map(|gone| line("went", &format!("{} {}", gone.cause_id, gone.target))));
        lines.extend(self.not_checked.iter().map(|s| line("skipped", &format!("{}: {}", s.what, s.why))));
        lines.extend(self.checked_again.iter().map(|what| line("checked", &format!("{what} again"))));
        lines.join("\n") + "\n"
    }

    fn was(&self) -> String {
        format!(" (was {})", self.words.0)
    }
}

fn title(f: &Finding) -> String {
    format!("{} ({}) {}", f.cause_id, phrase::sure(f), f.message)
}

impl Changed {
    fn was(&self) -> String {
        let sure = self.confidence.map_or("no rule", Confidence::word);
        let pools = if self.pools.is_empty() { String::new() } else { format!(", pool {}", self.pools.join(", ")) };
        format!("(was {}, {sure}{pools})", phrase::severity(self.severity))
    }
}

/// Those of one key that have no equal before.
fn changed<'a>(was: &'a [&'a Finding], now: &'a [&'a Finding]) -> impl Iterator<Item = Changed> + 'a {
    let other = move |f: &&&Finding| was.iter().all(|old| way(old) != way(f));
    now.iter().filter(other).filter_map(|f| {
        let first = was.first()?;
        let (severity, confidence, pools) = (first.severity, first.confidence, first.pools.clone());
        Some(Changed { now: (*f).clone(), severity, confidence, pools })
    })
}
