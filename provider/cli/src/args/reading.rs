//! What of a check counts, and where its record goes or comes from.

use clap::Args;
use mops_diagnose::Reading;

/// Families of the catalogue, as `--only` and `--skip` take them.
fn families() -> Vec<&'static str> {
    mops_diagnose::catalogue::FAMILIES.iter().map(|f| f.name).collect()
}

/// What only a run that asks somebody can heed.
const ASKS: [&str; 19] = [
    "save",
    "timeout",
    "probe_image",
    "probe_namespace",
    "probe_pull_secret",
    "namespace",
    "context",
    "kubeconfig",
    "selector",
    "container",
    "registry",
    "image",
    "pool",
    "model",
    "max_pods",
    "no_arm",
    "vantage",
    "probe_timeout",
    "per_pool",
];

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ReadingArgs {
    /// Only this family of causes counts (repeatable).
    #[arg(long, value_name = "FAMILY", hide_possible_values = true, value_parser = clap::builder::PossibleValuesParser::new(families()))]
    pub(crate) only: Vec<String>,
    /// This family does not; see `mops explain --list`.
    #[arg(long, value_name = "FAMILY", hide_possible_values = true, value_parser = clap::builder::PossibleValuesParser::new(families()))]
    pub(crate) skip: Vec<String>,
    /// Warnings fail the run.
    #[arg(long)]
    pub(crate) strict: bool,
    /// A skipped check keeps the run from passing.
    #[arg(long)]
    pub(crate) require_all: bool,
    /// Keep what was seen, redacted, for `--from`.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<String>,
    /// Read what an earlier run saw; ask nobody.
    #[arg(long, value_name = "FILE", conflicts_with_all = ASKS)]
    pub(crate) from: Option<String>,
}

impl ReadingArgs {
    /// How the capture is read.
    pub(crate) fn reading(&self) -> Reading {
        Reading { only: self.only.clone(), skip: self.skip.clone(), strict: self.strict, require_all: self.require_all }
    }
}
