//! The event log of a run of Pulumi's: one JSON object a line, written while the run goes on. Secrets are masked in it by
//! Pulumi, and nothing of its values is read here.

use std::path::{Path, PathBuf};

use mops_core::Urn;
use mops_host::fsx;
use serde::Deserialize;

/// What a run tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// A step begins.
    Begun { urn: Urn, op: String },
    /// A step is over.
    Ended { urn: Urn, op: String },
    /// A step failed; what was told of its resource before says why.
    Failed { urn: Urn, op: String },
    /// A few words, of a resource or of the run.
    Told { urn: Option<Urn>, error: bool, text: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    resource_pre_event: Option<Step>,
    res_outputs_event: Option<Step>,
    res_op_failed_event: Option<Step>,
    diagnostic_event: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Step {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    op: String,
    urn: String,
}

#[derive(Deserialize)]
struct Diagnostic {
    #[serde(default)]
    urn: String,
    message: String,
    severity: String,
}

/// Reads a log that grows.
pub(super) struct EventLog {
    path: PathBuf,
    read: u64,
    /// The begin of a line whose end is not written yet.
    rest: Vec<u8>,
}

impl EventLog {
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), read: 0, rest: Vec::new() }
    }

    /// What has been told since the last look; nothing while there is no log.
    pub(super) fn news(&mut self) -> Vec<Seen> {
        let bytes = fsx::read_from(&self.path, self.read).unwrap_or_default();
        self.read += bytes.len() as u64;
        self.rest.extend(bytes);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        whole.split(|byte| *byte == b'\n').filter_map(seen).collect()
    }
}

fn seen(line: &[u8]) -> Option<Seen> {
    let line: Line = serde_json::from_slice(line).ok()?;
    let step =
        |step: Step| Some((Urn::parse(&step.metadata.urn).filter(is_ours)?, word(&step.metadata.op)?.to_owned()));
    if let Some(found) = line.resource_pre_event {
        return step(found).map(|(urn, op)| Seen::Begun { urn, op });
    }
    if let Some(found) = line.res_outputs_event {
        return step(found).map(|(urn, op)| Seen::Ended { urn, op });
    }
    if let Some(found) = line.res_op_failed_event {
        return step(found).map(|(urn, op)| Seen::Failed { urn, op });
    }
    let told = line.diagnostic_event?;
    let text = plain(&told.message);
    let urn = Urn::parse(&told.urn).filter(is_ours);
    (!text.is_empty()).then_some(Seen::Told { urn, error: told.severity == "error", text })
}

/// Neither the stack itself nor a provider.
fn is_ours(urn: &Urn) -> bool {
    !urn.token().starts_with("pulumi:")
}

/// Our word for an operation of Pulumi's; none for the half of a replacement that is only announced.
fn word(op: &str) -> Option<&'static str> {
    Some(match op {
        "same" => "same",
        "create" => "create",
        "update" => "update",
        "create-replacement" => "replace",
        "delete" => "delete",
        "import" => "adopt",
        "refresh" | "read" => "read",
        "discard" | "read-discard" | "remove-pending-replace" => "forget",
        _ => return None,
    })
}

/// Without Pulumi's marks for colours (`<{%reset%}>`), on one line.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<{%") {
        plain += before;
        rest = after.split_once("%}>").map_or("", |(_, after)| after);
    }
    plain += rest;
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_grows_is_read_once_and_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = EventLog::at(&path);
        assert_eq!(log.news(), []);
        let urn = "urn:pulumi:dev::p::modelops:azure:ResourceGroup::group";
        let begun = format!(
            "{{\"sequence\":1,\"resourcePreEvent\":{{\"metadata\":{{\"op\":\"create\",\"urn\":\"{urn}\",\"type\":\"x\"}}}}}}\n"
        );
        let told = format!(
            "{{\"diagnosticEvent\":{{\"urn\":\"{urn}\",\"message\":\"<{{%fg 1%}}>waiting<{{%reset%}}>\\n\",\"severity\":\"info\"}}}}\n"
        );
        let root = "{\"resourcePreEvent\":{\"metadata\":{\"op\":\"same\",\"urn\":\"urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev\"}}}\n";
        let (first, second) = told.split_at(40);
        fsx::replace(&path, format!("{root}{begun}{first}").as_bytes()).unwrap();
        let urn = Urn::parse(urn).unwrap();
        assert_eq!(log.news(), [Seen::Begun { urn: urn.clone(), op: "create".into() }]);
        fsx::replace(&path, format!("{root}{begun}{first}{second}").as_bytes()).unwrap();
        assert_eq!(log.news(), [Seen::Told { urn: Some(urn), error: false, text: "waiting".into() }]);
        assert_eq!(log.news(), []);
    }
}
