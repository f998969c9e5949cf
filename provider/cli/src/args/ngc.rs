//! The flags of `mops ngc`.

use clap::{Args, Subcommand};

use super::{AuthStatusArgs, CheckArgs, LoginArgs, LogoutArgs, value};

#[derive(Debug, Args)]
pub(crate) struct NgcArgs {
    #[command(subcommand)]
    pub(crate) verb: NgcVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NgcVerb {
    /// Tell which of NGC's two gates is shut for images, models, or the servers of a namespace.
    #[command(
        after_help = "Examples:\n  mops ngc check nvcr.io/nim/meta/llama-3.1-8b-instruct:1.0.0\n  mops ngc check --namespace research-ops --deployment reasoning-nim"
    )]
    Check(Box<NgcCheckArgs>),
    /// Same as `mops auth login nvcr.io`.
    #[command(after_help = "Examples:\n  mops ngc login\n  mops ngc login --org acme --key-stdin < key")]
    Login(LoginArgs),
    /// Same as `mops auth logout nvcr.io`.
    #[command(after_help = "Examples:\n  mops ngc logout\n  mops ngc logout --all")]
    Logout(LogoutArgs),
    /// Same as `mops auth status nvcr.io`.
    #[command(after_help = "Examples:\n  mops ngc status\n  mops ngc status --json --max-age 30")]
    Status(AuthStatusArgs),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct NgcCheckArgs {
    /// Images, by tag or digest; without a namespace they are asked for from here alone.
    #[arg(value_name = "IMAGE", value_parser = value::image)]
    pub(crate) images: Vec<String>,
    /// The pods of this deployment (repeatable); without one all of the namespace.
    #[arg(long, value_name = "NAME", value_parser = value::object_name)]
    pub(crate) deployment: Vec<String>,
    #[command(flatten)]
    pub(crate) check: CheckArgs,
}

impl NgcCheckArgs {
    /// Whether pods are meant, and not this machine alone.
    pub(crate) fn names_pods(&self) -> bool {
        let CheckArgs { stack, workload, reading, .. } = &self.check;
        let stack = stack.file.is_some() || stack.env.is_some();
        let pods = workload.namespace.is_some() || workload.names_cluster() || !self.deployment.is_empty();
        stack || pods || reading.from.is_some()
    }
}
