//! The flags of `mops ngc`.

use std::time::Duration;

use clap::{Args, Subcommand};
use mops_wire::ngc::Model;

use super::{AuthStatusArgs, CheckArgs, KeyArgs, LoginArgs, LogoutArgs, value};

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
    /// Put one key that NGC takes into both secrets of a namespace, and have its servers read it.
    ///
    /// Without --apply it only shows what it would change.
    #[command(mut_arg("identity", |arg| arg.hide(true)))]
    #[command(
        after_help = "Examples:\n  mops ngc fix --namespace research-ops\n  mops ngc fix -n research-ops --deployment embedding-nim --apply --key-stdin < key"
    )]
    Fix(Box<NgcFixArgs>),
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

#[derive(Clone, Debug, Args)]
pub(crate) struct NgcFixArgs {
    /// Namespace of the servers.
    #[arg(short, long, value_name = "NAME", value_parser = value::object_name)]
    pub(crate) namespace: String,
    /// Only this server (repeatable); without one all of NGC's.
    #[arg(long, value_name = "NAME", value_parser = value::object_name)]
    pub(crate) deployment: Vec<String>,
    /// Make the changes.
    #[arg(long)]
    pub(crate) apply: bool,
    /// Also make a secret again, or another one, without asking.
    #[arg(short, long, requires = "apply")]
    pub(crate) yes: bool,
    /// Write the secrets alone, and leave links and pods as they are.
    #[arg(long)]
    pub(crate) no_restart: bool,
    /// A ready pod may go before its successor is there.
    #[arg(long, conflicts_with = "no_restart")]
    pub(crate) allow_downtime: bool,
    /// Longest wait for the servers.
    #[arg(long, value_name = "TIME", value_parser = value::duration, default_value = "900")]
    pub(crate) wait: Duration,
    /// Wait so long for somebody to accept a licence.
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub(crate) wait_license: Option<Duration>,
    /// A model that the key must get (repeatable): ngc:ORG[/TEAM]/NAME:VERSION.
    #[arg(long, value_name = "REF", value_parser = value::model)]
    pub(crate) model: Vec<Model>,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// The secret for images.
    #[arg(long, value_name = "NAME", value_parser = value::object_name, default_value = "ngc-secret")]
    pub(crate) pull_secret: String,
    /// The secret for models.
    #[arg(long, value_name = "NAME", value_parser = value::object_name, default_value = "nvidia-ngc-secret")]
    pub(crate) env_secret: String,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// A cluster by the file that knows it.
#[derive(Clone, Debug, Args)]
pub(crate) struct ClusterArgs {
    /// The cluster by a context.
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Where that is (or KUBECONFIG).
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<String>,
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
