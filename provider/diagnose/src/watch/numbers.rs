//! The numbers of the runs in the text form of Prometheus. Labels are names of the catalogue and of objects, never a value
//! or a hash (`tests`, `tests/diagnose/watch.rs`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mops_probe::observation::check as probe;
use time::OffsetDateTime;

use crate::observed::{Observed, check};
use crate::report::{Report, Verdict, phrase};
use crate::rule::Confidence;

/// What `Content-Type` says of [`Numbers::text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Cause, severity, confidence.
type Cause = (String, &'static str, &'static str);
/// A label and its value.
type Label<'a> = (&'a str, &'a str);

/// What was counted.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    runs: BTreeMap<&'static str, u64>,
    /// Those that were found once stay, with 0.
    causes: BTreeMap<Cause, usize>,
    /// By what it is and its name.
    ends: BTreeMap<(&'static str, String), OffsetDateTime>,
    last_run: Option<OffsetDateTime>,
    last_success: Option<OffsetDateTime>,
    seconds: f64,
    /// Logins that the last run left alone.
    pub(super) held: usize,
}

impl Numbers {
    /// When the last run ended that gave a record.
    #[must_use]
    pub const fn last_run(&self) -> Option<OffsetDateTime> {
        self.last_run
    }

    pub(super) fn fail(&mut self) {
        *self.runs.entry(word(Verdict::Incomplete)).or_default() += 1;
    }

    pub(super) fn add(&mut self, report: &Report, at: OffsetDateTime) {
        let status = report.summary.status;
        *self.runs.entry(word(status)).or_default() += 1;
        self.causes.values_mut().for_each(|count| *count = 0);
        for f in &report.findings {
            let sure = f.confidence.map_or("none", Confidence::word);
            *self.causes.entry((f.cause_id.clone(), phrase::severity(f.severity), sure)).or_default() += 1;
        }
        // A run that could not look says nothing of what has no end any more.
        if matches!(status, Verdict::Pass | Verdict::Fail) {
            self.ends.clear();
        }
        for (key, end) in report.probes.iter().filter_map(end) {
            let known = self.ends.entry(key).or_insert(end);
            *known = end.min(*known);
        }
        self.last_run = Some(at);
        if status == Verdict::Pass {
            self.last_success = Some(at);
        }
        self.seconds = f64::from(u32::try_from(report.run.duration_ms).unwrap_or(u32::MAX)) / 1000.0;
    }

    /// All of them, at this time.
    #[must_use]
    pub fn text(&self, now: OffsetDateTime) -> String {
        let mut page = Page(String::new());
        page.family("mops_findings", "gauge", "Causes that the last run found; 0 for one that is not there any more.");
        for ((cause, severity, confidence), count) in &self.causes {
            let labels = [("cause", cause.as_str()), ("severity", *severity), ("confidence", *confidence)];
            page.sample("mops_findings", &labels, count);
        }
        page.family("mops_expiry_days", "gauge", "Days until what the last run saw ends; below 0 when it has ended.");
        for ((kind, object), end) in &self.ends {
            let days = (*end - now).as_seconds_f64() / 86_400.0;
            page.sample("mops_expiry_days", &[("kind", *kind), ("object", object.as_str())], days);
        }
        page.family("mops_runs_total", "counter", "Runs by their result.");
        for status in [Verdict::Pass, Verdict::Fail, Verdict::Incomplete] {
            let count = self.runs.get(word(status)).copied().unwrap_or_default();
            page.sample("mops_runs_total", &[("result", word(status))], count);
        }
        page.one(
            "mops_last_run_timestamp_seconds",
            "When the last run ended; 0 before the first.",
            seconds(self.last_run),
        );
        let words = "When the last run ended that passed; 0 while none has.";
        page.one("mops_last_success_timestamp_seconds", words, seconds(self.last_success));
        page.one("mops_run_duration_seconds", "How long the last run took.", self.seconds);
        page.one("mops_logins_held", "Refused logins that the last run did not send again.", self.held);
        page.0
    }
}

/// What ends: a SAS by its container, a token by its secret or registry, a certificate by its host.
fn end(o: &Observed) -> Option<((&'static str, String), OffsetDateTime)> {
    let kind = match o.check.as_str() {
        probe::STORAGE_SAS => "sas",
        check::LIFETIME | check::ARM_TOKEN => "token",
        probe::NET_TLS => "certificate",
        _ => return None,
    };
    Some(((kind, o.target.clone()), o.ends?))
}

const fn word(status: Verdict) -> &'static str {
    match status {
        Verdict::Pass => "passed",
        Verdict::Fail => "failed",
        Verdict::Incomplete | Verdict::Usage | Verdict::Interrupted => "incomplete",
    }
}

fn seconds(at: Option<OffsetDateTime>) -> i64 {
    at.map_or(0, OffsetDateTime::unix_timestamp)
}

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[Label<'_>], value: impl std::fmt::Display) {
        let one = |(name, value): &Label<'_>| format!("{name}=\"{}\"", escaped(value));
        let labels: Vec<String> = labels.iter().map(one).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use mops_probe::Observation;
    use mops_probe::observation::variant;
    use time::macros::datetime;

    use super::*;
    use crate::Capture;
    use crate::observed::Vantage;

    const NOW: OffsetDateTime = datetime!(2026-11-27 10:00 UTC);

    fn report(seen: Vec<Observation>) -> Report {
        let observations = seen.into_iter().map(|o| Observed::at(Vantage::P, o)).collect();
        Capture { observations, ..Capture::default() }.report()
    }

    fn sas(days: i64) -> Observation {
        Observation::ok(probe::STORAGE_SAS, variant::SAS, "bundles").ending(Some(NOW + time::Duration::days(days)))
    }

    fn value(numbers: &Numbers, sample: &str) -> Option<String> {
        let text = numbers.text(NOW);
        text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ').map(str::to_owned))
    }

    #[test]
    fn a_cause_that_went_falls_to_nothing_and_the_earliest_end_counts() {
        let broken = Observation::failed(probe::ENV, "", "REGISTRY_PASSWORD", "ENV_MISSING");
        let mut numbers = Numbers::default();
        numbers.add(&report(vec![broken, sas(9), sas(3)]), NOW);
        let text = numbers.text(NOW);
        let found = text.lines().find(|line| line.starts_with("mops_findings{")).expect("a cause").to_owned();
        let (found, count) = found.rsplit_once(' ').expect("a value");
        assert_eq!(count, "1");
        let end = "mops_expiry_days{kind=\"sas\",object=\"bundles\"}";
        assert_eq!(value(&numbers, end).as_deref(), Some("3"));
        assert_eq!(value(&numbers, "mops_last_success_timestamp_seconds").as_deref(), Some("0"));
        numbers.add(&report(vec![sas(9)]), NOW);
        assert_eq!((value(&numbers, found).as_deref(), value(&numbers, end).as_deref()), (Some("0"), Some("9")));
        assert_eq!(value(&numbers, "mops_last_success_timestamp_seconds"), Some(NOW.unix_timestamp().to_string()));
        numbers.fail();
        assert_eq!(value(&numbers, "mops_runs_total{result=\"incomplete\"}").as_deref(), Some("1"));
        assert_eq!(value(&numbers, end).as_deref(), Some("9"), "nobody looked");
    }

    #[test]
    fn a_name_cannot_break_a_line() {
        assert_eq!(escaped("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
    }
}
