//! What `mops smoke-test` does beside a diagnosis.

use clap::Args;

use super::{CheckArgs, value};

#[derive(Clone, Debug, Args)]
pub(crate) struct SmokeTestArgs {
    #[command(flatten)]
    pub(crate) check: CheckArgs,
    #[command(flatten)]
    pub(crate) smoke: SmokeArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct SmokeArgs {
    /// Push the tag `smoke-test`, print it, and stop.
    #[arg(long, conflicts_with_all = ["from", "save", "keep"])]
    pub(crate) push_only: bool,
    /// Push this OCI layout, not a tiny image.
    #[arg(short, long, value_name = "DIR", conflicts_with = "from")]
    pub(crate) bundle: Option<String>,
    /// Where in the registry (default: smoke-test).
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    pub(crate) repository: Option<String>,
    /// A pod must get a GPU on each pool that has some.
    #[arg(long, conflicts_with_all = ["from", "push_only"])]
    pub(crate) gpu: bool,
    /// The Service of the scheduler (default: dask-scheduler).
    #[arg(short, long, value_name = "NAME", value_parser = value::object_name, conflicts_with_all = ["from", "push_only"])]
    pub(crate) scheduler: Option<String>,
    /// Do not ask the scheduler.
    #[arg(long, conflicts_with_all = ["from", "push_only", "scheduler"])]
    pub(crate) skip_port_forward: bool,
    /// Prove that a SAS cannot write (always in dev).
    #[arg(long, conflicts_with_all = ["from", "push_only"])]
    pub(crate) verify_readonly: bool,
    /// Leave what was pushed in the registry.
    #[arg(long, conflicts_with = "from")]
    pub(crate) keep: bool,
}
