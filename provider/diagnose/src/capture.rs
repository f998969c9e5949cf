//! A run's record without its conclusions: what was seen, and the names with which it is told. A report is made of it
//! by the rules, the same way in the run itself and from a file on another machine (`tests/diagnose/cluster.rs`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::classify;
use crate::fix::Fixing;
use crate::observed::Observed;
use crate::reading::Reading;
use crate::report::{self, Cleanup, Command, Report, Run, Skipped, Summary, Tool};
use crate::stack_lines::StackLines;
use crate::words::Words;

/// The version of the capture's form; fields are only added within it.
pub const CAPTURE_VERSION: u32 = 1;

/// What a run saw. Holds no secret: observations carry verdicts, hosts and redacted words only.
///
/// One written by hand needs `capture_version` and `observations`; everything else has a default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// Of this form: [`CAPTURE_VERSION`].
    pub capture_version: u32,
    /// Which command made it.
    #[serde(default)]
    pub command: Command,
    /// Who made it.
    #[serde(default)]
    pub tool: Tool,
    /// Which run it was.
    #[serde(default)]
    pub run: Run,
    /// Somebody ended the run early.
    #[serde(default)]
    pub interrupted: bool,
    /// Names for messages and commands.
    #[serde(default)]
    pub names: Words,
    /// Where the stack file asks for what findings are about.
    #[serde(default, skip_serializing_if = "StackLines::is_empty")]
    pub stack_lines: StackLines,
    /// Everything that was seen, in any order.
    pub observations: Vec<Observed>,
    /// What the reader should know beside the findings.
    #[serde(default)]
    pub notices: Vec<String>,
    /// What was not checked.
    #[serde(default)]
    pub skipped: Vec<Skipped>,
    /// What became of the run's own objects; by default nothing was left.
    #[serde(default = "nothing_left")]
    pub cleanup: Cleanup,
    /// What `--fix` has planned and done; nothing without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixing: Option<Fixing>,
}

fn nothing_left() -> Cleanup {
    Cleanup { complete: true, ..Cleanup::default() }
}

impl Capture {
    /// What follows from it, by the rules of this version.
    #[must_use]
    pub fn report(self) -> Report {
        self.read(&Reading::default())
    }

    /// The same, where only some families count or the verdict is stricter.
    #[must_use]
    pub fn read(self, reading: &Reading) -> Report {
        let mut probes: Vec<Observed> = self.observations.into_iter().map(Observed::named).collect();
        probes.sort_by(|a, b| (a.vantage, &a.pool, &a.id).cmp(&(b.vantage, &b.pool, &b.id)));
        let mut findings = classify(&probes, &self.names);
        let all = Summary::of(&probes, &findings, &self.skipped, (&self.run, self.interrupted));
        findings.retain(|f| reading.wants(&f.family));
        findings.iter_mut().for_each(|f| f.stack_line = self.stack_lines.of(f));
        let summary = reading.judge(all, &probes, &findings, &self.skipped);
        Report {
            schema_version: report::SCHEMA_VERSION,
            command: self.command,
            tool: Tool { rules_version: report::RULES_VERSION, ..self.tool },
            run: self.run,
            stack_file: self.names.stack_file,
            summary,
            vantages: report::vantages(&probes),
            probes,
            findings,
            notices: self.notices.into_iter().chain(reading.notice()).collect(),
            skipped: self.skipped,
            cleanup: self.cleanup,
            fixing: self.fixing,
        }
    }
}

/// The JSON schema of a capture.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Capture).to_value()
}
