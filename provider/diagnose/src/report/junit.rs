//! The report as JUnit XML, for the test pages of CI: a suite per vantage and pool, a case per check. A
//! failure's type is the cause that explains it; each finding stands in the case of its trigger, with its
//! place in the report as a property of the suite (`tests/diagnose/report_junit.rs`).

mod fixing;

use std::collections::BTreeMap;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::model::{Report, counts};
use super::phrase;
use crate::finding::Finding;
use crate::observed::{Observed, Status, Vantage};

/// The type of a failure that leads to a cause found elsewhere.
const UNEXPLAINED: &str = "UNEXPLAINED";

/// The report as one XML document.
#[must_use]
pub fn junit(report: &Report) -> String {
    // Memory takes everything that is written.
    document(report).unwrap_or_default()
}

fn document(report: &Report) -> io::Result<String> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let suites = suites(report);
    let counted = suites.iter().map(Suite::counts).chain(report.fixing.as_ref().map(fixing::counts));
    let (tests, failures, skipped) = counted.fold((0, 0, 0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
    let root = writer.create_element("testsuites").with_attribute(("name", report.command.name()));
    let root = root.with_attribute(("tests", tests.to_string().as_str()));
    let root = root.with_attribute(("failures", failures.to_string().as_str()));
    let root = root.with_attribute(("skipped", skipped.to_string().as_str()));
    let root = root.with_attribute(("time", time(report.run.duration_ms).as_str()));
    root.write_inner_content(|w| {
        suites.iter().try_for_each(|suite| suite.write(w, &report.run.started))?;
        report.fixing.iter().try_for_each(|found| fixing::write(w, found))
    })?;
    let mut text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    text.push('\n');
    Ok(text)
}

/// The checks of one place.
struct Suite<'a> {
    name: String,
    cases: Vec<Case<'a>>,
}

/// A check and the findings that it triggers or proves.
struct Case<'a> {
    check: &'a Observed,
    /// With their place in the report, from 1; the check is their trigger.
    findings: Vec<(usize, &'a Finding)>,
    /// The worst finding that it is evidence of.
    cause: Option<&'a Finding>,
}

fn suites(report: &Report) -> Vec<Suite<'_>> {
    let mut triggers: BTreeMap<&str, Vec<(usize, &Finding)>> = BTreeMap::new();
    let mut causes: BTreeMap<&str, &Finding> = BTreeMap::new();
    for (at, finding) in report.findings.iter().enumerate() {
        if let Some(trigger) = finding.evidence.first() {
            triggers.entry(trigger).or_default().push((at + 1, finding));
        }
        for id in &finding.evidence {
            causes.entry(id).or_insert(finding);
        }
    }
    let mut places: BTreeMap<(Vantage, &str), Vec<Case<'_>>> = BTreeMap::new();
    for check in &report.probes {
        let findings = triggers.remove(check.id.as_str()).unwrap_or_default();
        if counts(check) || !findings.is_empty() {
            let cause = causes.get(check.id.as_str()).copied();
            places.entry((check.vantage, &check.pool)).or_default().push(Case { check, findings, cause });
        }
    }
    let named = |((vantage, pool), cases): ((Vantage, &str), _)| {
        let name = if pool.is_empty() { vantage.word().to_owned() } else { format!("{}.{pool}", vantage.word()) };
        Suite { name, cases }
    };
    places.into_iter().map(named).collect()
}

impl Suite<'_> {
    fn counts(&self) -> (usize, usize, usize) {
        let count = |status| self.cases.iter().filter(|case| case.check.status == status).count();
        (self.cases.len(), count(Status::Fail), count(Status::Skip))
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>, started: &str) -> io::Result<()> {
        let (tests, failures, skipped) = self.counts();
        let millis = self.cases.iter().map(|case| case.check.latency_ms).sum();
        let suite = writer.create_element("testsuite").with_attribute(("name", clean(&self.name).as_str()));
        let suite = suite.with_attribute(("tests", tests.to_string().as_str()));
        let suite = suite.with_attribute(("failures", failures.to_string().as_str()));
        let suite = suite.with_attribute(("errors", "0")).with_attribute(("skipped", skipped.to_string().as_str()));
        let suite = suite.with_attribute(("time", time(millis).as_str()));
        let timestamp = Some(("timestamp", started.trim_end_matches('Z'))).filter(|(_, time)| !time.is_empty());
        suite.with_attributes(timestamp).write_inner_content(|w| {
            self.properties(w)?;
            self.cases.iter().try_for_each(|case| case.write(w, &self.name))
        })?;
        Ok(())
    }

    fn properties(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let findings: Vec<&(usize, &Finding)> = self.cases.iter().flat_map(|case| &case.findings).collect();
        if findings.is_empty() {
            return Ok(());
        }
        writer.create_element("properties").write_inner_content(|w| {
            for (at, finding) in findings {
                let property = w.create_element("property").with_attribute(("name", format!("finding.{at}").as_str()));
                property.with_attribute(("value", finding.cause_id.as_str())).write_empty()?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

impl Case<'_> {
    fn write(&self, writer: &mut Writer<Vec<u8>>, suite: &str) -> io::Result<()> {
        let check = self.check;
        let name = format!("{} of {}", phrase::question(check), check.target);
        // Two workers of a pool ask the same.
        let worker = if check.worker.is_empty() { String::new() } else { format!(" for {}", check.worker) };
        let case = writer.create_element("testcase").with_attribute(("name", clean(&(name + &worker)).as_str()));
        let case = case.with_attribute(("classname", clean(suite).as_str()));
        let case = case.with_attribute(("time", time(check.latency_ms).as_str()));
        let says: String = self.findings.iter().map(|(_, f)| phrase::paragraph(f) + "\n").collect();
        match check.status {
            Status::Pass if says.is_empty() => case.write_empty()?,
            Status::Pass => case.write_inner_content(|w| {
                w.create_element("system-out").write_text_content(BytesText::new(&clean(&says))).map(drop)
            })?,
            Status::Fail => case.write_inner_content(|w| self.failure(w, &says))?,
            Status::Skip => case.write_inner_content(|w| {
                let skipped = w.create_element("skipped").with_attribute(("message", clean(&check.reason).as_str()));
                skipped.write_text_content(BytesText::new(&clean(&says))).map(drop)
            })?,
        };
        Ok(())
    }

    fn failure(&self, writer: &mut Writer<Vec<u8>>, says: &str) -> io::Result<()> {
        let cause = self.cause.map_or(UNEXPLAINED, |f| f.cause_id.as_str());
        let text = format!("{}\n{says}", phrase::long(self.check));
        let failure = writer.create_element("failure").with_attribute(("type", cause));
        let failure = failure.with_attribute(("message", clean(&self.check.result()).as_str()));
        failure.write_text_content(BytesText::new(&clean(text.trim_end()))).map(drop)
    }
}

/// Seconds with three digits.
fn time(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// XML 1.0 has no way to write most control characters, not even escaped.
fn clean(text: &str) -> String {
    let allowed =
        |c: char| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if allowed(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}
