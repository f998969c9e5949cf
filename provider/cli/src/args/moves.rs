//! State on its way in and out.

use std::path::PathBuf;

use clap::Args;

use super::{LockArgs, SecretsArgs, StackArgs};

#[derive(Clone, Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    #[command(flatten)]
    pub(crate) secrets: SecretsArgs,
    /// Write to a file of mode 0600 instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ImportArgs {
    /// What exists: the name of a resource of the stack file, and the id that its service knows it by.
    #[arg(value_name = "ADDRESS=ID", required_unless_present_any = ["state", "from_modelops"])]
    pub(crate) targets: Vec<String>,
    /// Deployment to take over: what `pulumi stack export` or `mops infra export` prints; `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["targets", "from_modelops"])]
    pub(crate) state: Option<PathBuf>,
    /// Take over what the original ModelOps deployed, as its records say.
    #[arg(long, conflicts_with = "targets")]
    pub(crate) from_modelops: bool,
    /// The stack file (unified-infra.yaml); with `--state` only if given, and then the state must be that of its stack.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Environment, or PROJECT/ENVIRONMENT; without it the state names its stack.
    #[arg(short, long, value_name = "ENV")]
    pub(crate) env: Option<String>,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}
