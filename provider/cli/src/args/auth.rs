//! The flags of `mops auth`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use mops_engine::stackfile::Phase;

use super::{
    AuthStatusArgs, CheckImagesArgs, ClusterArgs, FileArgs, HostArgs, KeyArgs, LoginArgs, LogoutArgs, NovitaKeyArgs,
    NovitaPasswordArgs, PaceArgs, ProbeArgs, RemotePathArgs, value,
};

#[derive(Debug, Args)]
pub(crate) struct AuthArgs {
    #[command(subcommand)]
    pub(crate) verb: AuthVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuthVerb {
    /// Show a login to its registry, and keep it if it is taken.
    #[command(
        after_help = "Examples:\n  mops auth login\n  pass registry | mops auth login ghcr.io -u me --key-stdin\n  mops auth login myacr.azurecr.io --identity"
    )]
    Login(LoginArgs),
    /// Forget the login of a registry wherever this machine keeps it.
    #[command(after_help = "Examples:\n  mops auth logout\n  mops auth logout ghcr.io")]
    Logout(LogoutArgs),
    /// Tell whether images can be pulled from here, before anything tries to.
    #[command(
        after_help = "Examples:\n  mops auth check nvcr.io/nvidia/pytorch:25.12-py3\n  mops auth check ghcr.io/team/image@sha256:… --anonymous"
    )]
    Check(CheckImagesArgs),
    /// Move a live stack up to a safer way to sign in to its registry.
    #[command(
        after_help = "Examples:\n  mops auth migrate --to token\n  mops auth migrate --to workload_identity unified-infra.yaml --yes"
    )]
    Migrate(MigrateArgs),
    /// Put another credential in the place of one in use: proven first, then the old one is taken back.
    #[command(after_help = "Examples:\n  mops auth rotate acr\n  mops auth rotate storage unified-infra.yaml --plan")]
    Rotate(AuthRotateArgs),
    /// Show the logins for a registry and what it says of them, or who signs in to Azure.
    #[command(
        after_help = "Examples:\n  mops auth status\n  mops auth status nvcr.io\n  mops auth status unified-infra.yaml --json"
    )]
    Status(AuthStatusArgs),
}

/// A way to sign in that a stack can move up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Way {
    ServicePrincipal,
    Token,
    WorkloadIdentity,
}

impl Way {
    /// The stack file's word for it.
    pub(crate) const fn phase(self) -> Phase {
        match self {
            Self::ServicePrincipal => Phase::ServicePrincipal,
            Self::Token => Phase::Token,
            Self::WorkloadIdentity => Phase::WorkloadIdentity,
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,
    /// The way that pods are to sign in, as `registry.auth` says it.
    #[arg(long, value_name = "PHASE")]
    pub(crate) to: Way,
    /// Change the sign-in without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// How long each workload may take until it is available.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = value::duration)]
    pub(crate) ready_timeout: Duration,
    #[command(flatten)]
    pub(crate) probe: ProbeArgs,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AuthRotateArgs {
    #[command(subcommand)]
    pub(crate) kind: RotateKind,
}

/// Whose credential.
#[derive(Debug, Subcommand)]
pub(crate) enum RotateKind {
    /// The password of the stack's own token at its registry, or of its admin user.
    #[command(after_help = "Examples:\n  mops auth rotate acr\n  mops auth rotate acr unified-infra.yaml --plan")]
    Acr(RotateStackArgs),
    /// The account key that signs for the stack's storage.
    #[command(
        after_help = "Examples:\n  mops auth rotate storage\n  mops auth rotate storage unified-infra.yaml --plan"
    )]
    Storage(RotateStackArgs),
    /// The secret of the application by which the stack's pods pull, in the file that has it.
    #[command(
        after_help = "Examples:\n  mops auth rotate sp\n  mops auth rotate sp unified-infra.yaml --days 90 --plan"
    )]
    Sp(Box<RotateSpArgs>),
    /// A key of NGC that you have made, in every place that holds the old one.
    #[command(mut_arg("identity", |arg| arg.hide(true)))]
    #[command(
        after_help = "Examples:\n  mops auth rotate ngc\n  mops auth rotate ngc --namespace research-ops --key-stdin --yes < key"
    )]
    Ngc(Box<RotateNgcArgs>),
    /// A token of Hugging Face that you have made, in every place that holds the old one.
    #[command(mut_arg("identity", |arg| arg.hide(true)))]
    #[command(
        after_help = "Examples:\n  mops auth rotate hf\n  mops auth rotate hf --namespace research-ops --key-stdin --yes < token"
    )]
    Hf(Box<RotateTokenArgs>),
    /// A key of Weights & Biases that you have made, likewise.
    #[command(mut_arg("identity", |arg| arg.hide(true)))]
    #[command(after_help = "Examples:\n  mops auth rotate wandb\n  mops auth rotate wandb --here --key-file key --yes")]
    Wandb(Box<RotateTokenArgs>),
    /// A registry login that Novita keeps, by another password of it.
    #[command(
        after_help = "Examples:\n  mops auth rotate novita cra-7f31 --templates templates --password-stdin < token\n  mops auth rotate novita cra-7f31 --password-file token --plan"
    )]
    Novita(Box<RotateNovitaArgs>),
    /// A key of Novita's API that you have made, likewise.
    #[command(mut_arg("identity", |arg| arg.hide(true)))]
    #[command(
        after_help = "Examples:\n  mops auth rotate novita-key\n  mops auth rotate novita-key --here --key-file key --yes"
    )]
    NovitaKey(Box<RotateTokenArgs>),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RotateNovitaArgs {
    /// Id of the login; upper and lower case count.
    pub(crate) id: String,
    /// File or folder of templates that name it (repeatable).
    #[arg(long, value_name = "PATH")]
    pub(crate) templates: Vec<PathBuf>,
    /// Show the password to the registry, and only show what else it would do.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Rotate without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) password: NovitaPasswordArgs,
    #[command(flatten)]
    pub(crate) key: NovitaKeyArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RotateTokenArgs {
    /// File of tokens here, NAME=VALUE [default: .env].
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Leave login nodes and clusters as they are, and name them.
    #[arg(long)]
    pub(crate) here: bool,
    /// A namespace whose Secret gets it (repeatable); without one each that has the old one.
    #[arg(short, long, value_name = "NAME", value_parser = value::object_name)]
    pub(crate) namespace: Vec<String>,
    /// Name of the Secret [default: hf-wandb-tokens].
    #[arg(long, value_name = "NAME", value_parser = value::object_name)]
    pub(crate) name: Option<String>,
    /// Show it to its service, and only show what else it would do.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Rotate without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) path: RemotePathArgs,
    #[command(flatten)]
    pub(crate) node: HostArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RotateNgcArgs {
    /// A namespace whose secrets get it (repeatable); without one each that has the old one.
    #[arg(short, long, value_name = "NAME", value_parser = value::object_name)]
    pub(crate) namespace: Vec<String>,
    /// Show it to NGC, and only show what else it would do.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Rotate without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Longest wait for the servers of a namespace.
    #[arg(long, value_name = "TIME", value_parser = value::duration, default_value = "15m")]
    pub(crate) wait: Duration,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RotateSpArgs {
    /// How many days the second secret is valid.
    #[arg(long, value_name = "N", default_value_t = 180, value_parser = clap::value_parser!(u16).range(1..=730))]
    pub(crate) days: u16,
    /// The id of the secret that goes, where several begin alike.
    #[arg(long, value_name = "KEY_ID")]
    pub(crate) old: Option<String>,
    #[command(flatten)]
    pub(crate) stack: RotateStackArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RotateStackArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,
    /// Only show what it would do.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Rotate without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// How long each workload may take until it is available, and its old pods until they are gone.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = value::duration)]
    pub(crate) ready_timeout: Duration,
    #[command(flatten)]
    pub(crate) probe: ProbeArgs,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
}
