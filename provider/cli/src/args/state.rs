//! The verbs below `mops infra state`.

use clap::{Args, Subcommand};

use super::LockArgs;

#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    #[command(subcommand)]
    pub(crate) verb: StateVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StateVerb {
    /// Show what state knows of a resource; without ADDRESS the names of all.
    #[command(after_help = "Examples:\n  mops infra state show\n  mops infra state show storage --env dev --json")]
    Show(ShowArgs),
    /// Drop a resource from state; the resource itself stays.
    #[command(
        after_help = "Examples:\n  mops infra state forget sas-results\n  mops infra state forget cluster --with-dependants --yes"
    )]
    Forget(ForgetArgs),
    /// Let a protected resource be deleted.
    #[command(
        after_help = "Examples:\n  mops infra state unprotect resource-group\n  mops infra state unprotect registry --env dev"
    )]
    Unprotect(UnprotectArgs),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ShowArgs {
    /// Name or URN of a resource.
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: Option<String>,
    /// Environment, or PROJECT/ENVIRONMENT.
    #[arg(short, long, value_name = "ENV")]
    pub(crate) env: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ForgetArgs {
    /// Name or URN of a resource.
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    /// Environment, or PROJECT/ENVIRONMENT.
    #[arg(short, long, value_name = "ENV")]
    pub(crate) env: Option<String>,
    /// Forget what depends on it as well.
    #[arg(long)]
    pub(crate) with_dependants: bool,
    /// Forget without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct UnprotectArgs {
    /// Name or URN of a resource.
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    /// Environment, or PROJECT/ENVIRONMENT.
    #[arg(short, long, value_name = "ENV")]
    pub(crate) env: Option<String>,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}
