//! The report as SARIF 2.1.0, for code scanning: every id of the catalogue is a rule, every finding a
//! result in the report's order (`tests/diagnose/report_sarif.rs` holds it against the official schema).

mod log;

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use log::*;

use super::model::{Report, Verdict};
use super::{fixing, owner, phrase};
use crate::catalogue::{self, Cause, Family};
use crate::finding::Finding;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What stays as it is in the path of a URI reference.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// The report as one SARIF log.
#[must_use]
pub fn sarif(report: &Report) -> serde_json::Value {
    let rules = catalogue();
    let index: BTreeMap<&str, usize> = rules.iter().enumerate().map(|(at, rule)| (rule.id, at)).collect();
    let results = report.findings.iter().map(|f| result(report, f, index.get(f.cause_id.as_str()).copied())).collect();
    let version = &report.tool.version;
    let run = Run {
        tool: Tool { driver: Driver { name: "mops", semantic_version: version, rules } },
        automation_details: Id { id: format!("{}/{}/{}", report.command.name(), report.run.env, report.run.id) },
        invocations: [invocation(report)],
        column_kind: "unicodeCodePoints",
        results,
        properties: report.fixing.as_ref().map(|fixing| RunProperties { fixing }),
    };
    serde_json::to_value(Log { schema: SCHEMA, version: "2.1.0", runs: [run] }).unwrap_or_default()
}

/// Every cause in the order of the catalogue.
fn catalogue() -> Vec<Rule> {
    let rule = |(family, cause): (&Family, &'static Cause)| Rule {
        id: cause.id,
        short_description: Text { text: cause.title.to_owned() },
        full_description: Text { text: cause.meaning.to_owned() },
        help: Text { text: format!("Seen: {}. Not to be confused: {}.", cause.signal, cause.near_miss) },
        default_configuration: Level { level: phrase::severity(cause.severity) },
        properties: Section { family: family.name },
    };
    catalogue::causes().map(rule).collect()
}

fn result<'a>(report: &'a Report, f: &'a Finding, rule_index: Option<usize>) -> Result<'a> {
    Result {
        rule_id: &f.cause_id,
        rule_index,
        level: phrase::severity(f.severity),
        message: Text { text: phrase::paragraph(f) },
        locations: [location(report, f)],
        partial_fingerprints: Fingerprints { cause_and_object: format!("{} {}", f.cause_id, owner::identity(f)) },
        properties: Properties {
            confidence: phrase::sure(f),
            unconfirmed: f.unconfirmed,
            family: &f.family,
            pools: &f.pools,
            evidence: &f.evidence,
            fixes: &f.fixes,
        },
    }
}

fn location<'a>(report: &'a Report, f: &'a Finding) -> Location<'a> {
    let objects =
        f.objects.iter().map(|o| Logical { name: &o.name, fully_qualified_name: phrase::path(o), kind: "resource" });
    let mut logical_locations: Vec<Logical<'_>> = objects.collect();
    if logical_locations.is_empty() {
        logical_locations.push(Logical { name: &f.target, fully_qualified_name: f.target.clone(), kind: "resource" });
    }
    let region = f.stack_line.map(|start_line| Region { start_line });
    let physical_location =
        report.stack_file.as_deref().map(|file| Physical { artifact_location: Artifact { uri: uri(file) }, region });
    Location { physical_location, logical_locations }
}

/// A path as a URI reference: with a scheme only when it is absolute.
fn uri(path: &str) -> String {
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    format!("{scheme}{}", utf8_percent_encode(path, PATH))
}

/// What the run as a whole has to say: what it did not look at, and what a reader should know.
fn invocation(report: &Report) -> Invocation<'_> {
    let skipped = report.skipped.iter().map(|s| (s.required, format!("{} was skipped: {}", s.what, s.why)));
    let notices = report.notices.iter().map(|n| (false, n.clone()));
    let fixing = report.fixing.iter().flat_map(fixing::told).map(|(word, text)| (false, format!("{word}: {text}")));
    let notification =
        |(required, text)| Notification { level: if required { "warning" } else { "note" }, message: Text { text } };
    Invocation {
        execution_successful: matches!(report.summary.status, Verdict::Pass | Verdict::Fail),
        exit_code: report.summary.exit_code,
        // A run that never began has no time.
        start_time_utc: Some(report.run.started.as_str()).filter(|t| !t.is_empty()),
        tool_execution_notifications: skipped.chain(notices).chain(fixing).map(notification).collect(),
    }
}
