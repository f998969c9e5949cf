//! The fields of a report, and the verdict that they lead to.

use mops_core::Class;
use mops_probe::observation::variant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::fix::Fixing;
use crate::observed::{Object, Observed, Status, Vantage, check, code};

/// Which command made it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// `mops diagnose-auth`.
    #[default]
    DiagnoseAuth,
    /// `mops smoke-test`.
    SmokeTest,
}

impl Command {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DiagnoseAuth => "diagnose-auth",
            Self::SmokeTest => "smoke-test",
        }
    }
}

/// Who made it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Tool {
    /// Of `mops`.
    pub version: String,
    /// Of the rules.
    pub rules_version: u32,
}

/// Which run it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Run {
    /// Also the label `modelops.io/run` of everything that it made.
    pub id: String,
    /// RFC 3339.
    pub started: String,
    /// All of it.
    pub duration_ms: u64,
    /// The environment.
    pub env: String,
    /// The cluster, as the caller names it.
    pub context: String,
    /// Of the workload.
    pub namespace: String,
    /// The login server, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// Further registries from which the workload pulls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_registries: Vec<String>,
    /// From where registry and storage were asked, where that was chosen; else from here and from pods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asked_from: Vec<Vantage>,
}

impl Run {
    /// Whether pods were to look, so that a run without one is not complete.
    pub(crate) fn asks_pods(&self) -> bool {
        self.asked_from.is_empty() || self.asked_from.contains(&Vantage::P)
    }
}

/// In one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every required check passed.
    Pass,
    /// A check failed.
    Fail,
    /// Something that had to be looked at could not be.
    Incomplete,
    /// What was given cannot be used, so that nothing was looked at.
    Usage,
    /// The run was interrupted.
    Interrupted,
}

impl Verdict {
    /// What a command exits with.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Incomplete => 3,
            Self::Usage => 2,
            Self::Interrupted => 130,
        }
    }
}

/// How many checks ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Causes found.
    pub causes: usize,
    /// Checks that passed.
    pub ok: usize,
    /// Checks that failed.
    pub failed: usize,
    /// Checks that were not made.
    pub skipped: usize,
}

/// Verdict, exit code, counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// In one word.
    pub status: Verdict,
    /// What the command exits with.
    pub exit_code: u8,
    /// The counts.
    pub counts: Counts,
}

/// What was not checked, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Skipped {
    /// A pool, a pod or a check.
    pub what: String,
    /// A few words.
    pub why: String,
    /// Whether the run cannot pass without it.
    pub required: bool,
}

/// An object of ours that is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Left {
    /// Which.
    pub object: Object,
    /// Why it could not be removed.
    pub why: String,
}

/// Whether everything that the run made is gone, as a listing by label shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cleanup {
    /// Nothing is left, and the listing could be made.
    pub complete: bool,
    /// What is left.
    pub left: Vec<Left>,
    /// Workers into which a container has come: it is listed until its pod is replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stays: Vec<Left>,
    /// Why it is not known, when the listing failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// Everything that a run saw and concluded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Of this form; fields are only added within it.
    pub schema_version: u32,
    /// Which command made it.
    pub command: Command,
    /// Who made it.
    pub tool: Tool,
    /// Which run it was.
    pub run: Run,
    /// The stack file as the user named it, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_file: Option<String>,
    /// Verdict, exit code, counts.
    pub summary: Summary,
    /// The vantage points that saw something.
    pub vantages: Vec<Vantage>,
    /// Every observation.
    pub probes: Vec<Observed>,
    /// Every cause, the worst first.
    pub findings: Vec<Finding>,
    /// What the reader should know beside the findings.
    pub notices: Vec<String>,
    /// What was not checked.
    pub skipped: Vec<Skipped>,
    /// What became of our own objects.
    pub cleanup: Cleanup,
    /// What `--fix` has planned and done; nothing without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixing: Option<Fixing>,
}

/// The vantage points of some observations.
#[must_use]
pub fn vantages(probes: &[Observed]) -> Vec<Vantage> {
    let all: std::collections::BTreeSet<Vantage> = probes.iter().map(|o| o.vantage).collect();
    all.into_iter().collect()
}

impl Report {
    /// The class that decides the exit code; `None` when everything required passed.
    #[must_use]
    pub const fn class(&self) -> Option<Class> {
        match self.summary.status {
            Verdict::Pass => None,
            Verdict::Fail => Some(Class::Partial),
            Verdict::Incomplete => Some(Class::Transient),
            Verdict::Usage => Some(Class::User),
            Verdict::Interrupted => Some(Class::Canceled),
        }
    }
}

/// Whether an observation is a check of the subject, rather than a read that helps a rule.
pub(crate) fn counts(o: &Observed) -> bool {
    // No worker uses this machine's login: a refused one is worth knowing.
    let own = o.credential == variant::LOCAL && o.check.starts_with("registry.");
    let reads =
        [check::PASSWORD, check::ARM_CREDENTIALS, check::RIGHT, check::ENV_SOURCES, check::ENV_AGE, check::KEY_COMPARE];
    // What is skipped there is among the skips by its reason.
    let derived = o.code() == code::DERIVED;
    !own && !derived && !reads.contains(&o.check.as_str())
}

impl Summary {
    /// Derived from every observation, never from the findings alone.
    #[must_use]
    pub fn of(
        probes: &[Observed],
        findings: &[Finding],
        skipped: &[Skipped],
        (run, interrupted): (&Run, bool),
    ) -> Self {
        let count = |status| probes.iter().filter(|o| counts(o) && o.status == status).count();
        let causes = findings.iter().filter(|f| f.severity == crate::rule::Severity::Error).count();
        // A required part that was skipped has its own observation.
        let parts = skipped.iter().filter(|s| !s.required).count();
        let skips = count(Status::Skip) + parts;
        let counts = Counts { causes, ok: count(Status::Pass), failed: count(Status::Fail), skipped: skips };
        let refuted = |check| probes.iter().any(|o| o.check == check && o.status == Status::Fail);
        let probed = !run.asks_pods() || probes.iter().any(|o| o.vantage == Vantage::P);
        let status = if interrupted {
            Verdict::Interrupted
        } else if refuted(check::KUBECONFIG) {
            Verdict::Usage
        } else if refuted(check::API) {
            Verdict::Incomplete
        } else if counts.failed > 0 || causes > 0 {
            Verdict::Fail
        } else if skipped.iter().any(|s| s.required) || !probed {
            Verdict::Incomplete
        } else {
            Verdict::Pass
        };
        Self { status, exit_code: status.exit_code(), counts }
    }
}
