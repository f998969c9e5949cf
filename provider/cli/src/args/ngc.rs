//! The flags of `mops ngc`.

use std::net::IpAddr;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use mops_wire::ngc::{ENV_SECRET, Model, PULL_SECRET};

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
    /// Put one key that NGC takes into both secrets of a namespace, and have its servers read it; only shown without --apply.
    #[command(mut_arg("identity", |arg| arg.hide(true)))]
    #[command(
        after_help = "Examples:\n  mops ngc fix --namespace research-ops\n  mops ngc fix -n research-ops --deployment embedding-nim --apply --key-stdin < key"
    )]
    Fix(Box<NgcFixArgs>),
    /// A stand-in for a server of a model.
    Mock(NgcMockArgs),
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
    /// Print the rights that it needs, as roles, and do nothing.
    #[arg(long)]
    pub(crate) explain_permissions: bool,
    /// Longest wait for the servers.
    #[arg(long, value_name = "TIME", value_parser = value::duration, default_value = "15m")]
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
    #[arg(long, value_name = "NAME", value_parser = value::object_name, default_value = PULL_SECRET)]
    pub(crate) pull_secret: String,
    /// The secret for models.
    #[arg(long, value_name = "NAME", value_parser = value::object_name, default_value = ENV_SECRET)]
    pub(crate) env_secret: String,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, Args)]
pub(crate) struct NgcMockArgs {
    #[command(subcommand)]
    pub(crate) verb: MockVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MockVerb {
    /// Answer as a server of a model does, until Ctrl-C.
    #[command(
        after_help = "Examples:\n  mops ngc mock serve --kind reasoning\n  mops ngc mock serve --kind embedding --port 8001"
    )]
    Serve(NgcMockServeArgs),
    /// Lead the services of a server to a mock; `off` leads them back.
    #[command(
        after_help = "Examples:\n  mops ngc mock on --namespace research-ops --deployment reasoning-nim\n  mops ngc mock on -n research-ops --deployment embedder --kind embedding"
    )]
    On(Box<NgcMockOnArgs>),
    /// Lead them back, and take the mock away.
    #[command(
        after_help = "Examples:\n  mops ngc mock off --namespace research-ops --deployment reasoning-nim\n  mops ngc mock off -n ml --deployment embedder --context prod"
    )]
    Off(MockedArgs),
}

/// What a mock answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MockKind {
    /// Chats.
    Reasoning,
    /// Embeddings.
    Embedding,
}

impl MockKind {
    /// The word of the flag.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Reasoning => "reasoning",
            Self::Embedding => "embedding",
        }
    }

    /// The usual port.
    pub(crate) const fn port(self) -> u16 {
        match self {
            Self::Reasoning => 8000,
            Self::Embedding => 8001,
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct NgcMockServeArgs {
    /// What it answers.
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) kind: MockKind,
    /// Port (8000 for reasoning, 8001 for embedding).
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Address; all of this machine's are 0.0.0.0.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) address: IpAddr,
}

/// A server in a cluster.
#[derive(Clone, Debug, Args)]
pub(crate) struct MockedArgs {
    /// Namespace of the server.
    #[arg(short, long, value_name = "NAME", value_parser = value::object_name)]
    pub(crate) namespace: String,
    /// The server.
    #[arg(long, value_name = "NAME", value_parser = value::object_name)]
    pub(crate) deployment: String,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

impl MockedArgs {
    /// What a server of this name most likely answers.
    pub(crate) fn kind(&self) -> MockKind {
        if self.deployment.contains("embed") { MockKind::Embedding } else { MockKind::Reasoning }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct NgcMockOnArgs {
    #[command(flatten)]
    pub(crate) server: MockedArgs,
    /// What it answers; by the name of the server.
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) kind: Option<MockKind>,
    /// An image that holds `mops` (as that of `monitor:`).
    #[arg(long, value_name = "IMAGE", value_parser = value::image)]
    pub(crate) image: Option<String>,
    /// Print the rights that `on` and `off` need, as a role, and do nothing.
    #[arg(long)]
    pub(crate) explain_permissions: bool,
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
