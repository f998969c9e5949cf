//! The flags of `mops infra refresh`.

use clap::Args;

use super::{EngineArgs, PaceArgs, Part, ReachArgs, StackArgs};

#[derive(Clone, Debug, Args)]
pub(crate) struct RefreshArgs {
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    /// Only these components (comma-separated).
    #[arg(short, long, value_delimiter = ',', value_name = "COMPONENT")]
    pub(crate) component: Vec<Part>,
    /// Show what changed, and leave the state as it is.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Drop what no longer exists from the state without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Exit 5 when something changed behind our back.
    #[arg(long)]
    pub(crate) exit_code: bool,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
}
