//! The verbs below `mops infra`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use mops_engine::program::Component;

use super::{
    EngineArgs, ExportArgs, ImportArgs, PassphraseArgs, ReachArgs, RefreshArgs, SecretsArgs, StateArgs, UnlockArgs,
    value,
};

#[derive(Debug, Args)]
pub(crate) struct InfraArgs {
    #[command(subcommand)]
    pub(crate) verb: InfraVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InfraVerb {
    /// Write a commented starter file.
    #[command(after_help = "Examples:\n  mops infra init\n  mops infra init stacks/dev.yaml")]
    Init(InitArgs),
    /// Check a stack file without network or credential.
    #[command(after_help = "Examples:\n  mops infra validate unified-infra.yaml\n  mops infra validate --json")]
    Validate(FileArgs),
    /// Show what `up` would do.
    #[command(
        after_help = "Examples:\n  mops infra preview unified-infra.yaml\n  mops infra preview --save-plan dev.plan --exit-code --json"
    )]
    Preview(PreviewArgs),
    /// Make reality what the stack file says.
    #[command(
        after_help = "Examples:\n  mops infra up unified-infra.yaml\n  mops infra up -c registry,storage --yes --json\n  mops infra up --from-plan dev.plan"
    )]
    Up(UpArgs),
    /// Delete the cluster, what is inside it and what is at Novita; more on request.
    #[command(after_help = "Examples:\n  mops infra down --env dev\n  mops infra down --destroy-all --delete-rg --yes")]
    Down(DownArgs),
    /// Show what changed behind our back, and bring state up to what exists.
    #[command(after_help = "Examples:\n  mops infra refresh --env dev\n  mops infra refresh --plan --exit-code --json")]
    Refresh(RefreshArgs),
    /// Show the resources of a stack from its state.
    #[command(after_help = "Examples:\n  mops infra status\n  mops infra status --env dev -o json")]
    Status(StatusArgs),
    /// Print the outputs of a stack.
    #[command(after_help = "Examples:\n  mops infra outputs\n  mops infra outputs registry --json")]
    Outputs(OutputsArgs),
    /// Print the graph of the resources as Mermaid or DOT.
    #[command(
        after_help = "Examples:\n  mops infra graph unified-infra.yaml\n  mops infra graph --format dot | dot -Tsvg > graph.svg"
    )]
    Graph(GraphArgs),
    /// Print the user credentials of the cluster, or merge them into the kubeconfig.
    #[command(
        after_help = "Examples:\n  mops infra kubeconfig --merge\n  mops infra kubeconfig --env dev > dev.kubeconfig"
    )]
    Kubeconfig(KubeconfigArgs),
    /// List the stacks of this home.
    #[command(after_help = "Examples:\n  mops infra list\n  mops infra list --json")]
    List,
    /// Remove the state of an empty stack.
    #[command(after_help = "Examples:\n  mops infra remove --env dev\n  mops infra remove --env modelops/dev --yes")]
    Remove(RemoveArgs),
    /// Print the state as a deployment that `pulumi stack import` takes.
    #[command(
        after_help = "Examples:\n  mops infra export -o dev.json\n  mops infra export --env dev | pulumi stack import"
    )]
    Export(ExportArgs),
    /// Take a state over from elsewhere.
    #[command(
        after_help = "Examples:\n  mops infra import registry=/subscriptions/ID/resourceGroups/RG/providers/\\\n      Microsoft.ContainerRegistry/registries/NAME\n  mops infra import --from-modelops --env dev\n  mops infra import --state - --env modelops/dev < dev.json"
    )]
    Import(ImportArgs),
    /// Say who works on a stack, and remove the lease of a dead run.
    #[command(after_help = "Examples:\n  mops infra unlock\n  mops infra unlock --env dev --yes")]
    Unlock(UnlockArgs),
    /// The passphrase of the secrets in state.
    Passphrase(PassphraseArgs),
    /// Look at single resources in state, and correct it.
    State(StateArgs),
}

/// A part of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Part {
    Registry,
    Storage,
    Cluster,
    Workspace,
    Ngc,
    Novita,
    Tokens,
}

impl Part {
    /// The engine's word for it.
    pub(crate) const fn component(self) -> Component {
        match self {
            Self::Registry => Component::Registry,
            Self::Storage => Component::Storage,
            Self::Cluster => Component::Cluster,
            Self::Workspace => Component::Workspace,
            Self::Ngc => Component::Ngc,
            Self::Novita => Component::Novita,
            Self::Tokens => Component::Tokens,
        }
    }
}

/// Which stack file.
#[derive(Clone, Debug, Args)]
pub(crate) struct FileArgs {
    /// The stack file [default: unified-infra.yaml].
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Environment, when the file names none.
    #[arg(short, long, value_name = "ENV")]
    pub(crate) env: Option<String>,
}

impl FileArgs {
    /// The stack file, given or not.
    pub(crate) fn path(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new("unified-infra.yaml"))
    }
}

/// Which stack, when state is enough.
#[derive(Clone, Debug, Args)]
pub(crate) struct StackArgs {
    /// The stack file; without it the stack is found in state.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Environment, or PROJECT/ENVIRONMENT.
    #[arg(short, long, value_name = "ENV")]
    pub(crate) env: Option<String>,
}

/// How much is done at once.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct PaceArgs {
    /// Operations at once, besides the limits of each service (ARM 8 a subscription, Kubernetes 16, 1 below a parent).
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) parallelism: u16,
    /// How long to wait for another run on the stack.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = value::duration)]
    pub(crate) lock_timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where to write; an existing file is never replaced. `-` prints it.
    #[arg(value_name = "FILE", default_value = "unified-infra.yaml")]
    pub(crate) file: PathBuf,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct PreviewArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,
    /// Only these components (comma-separated).
    #[arg(short, long, value_delimiter = ',', value_name = "COMPONENT")]
    pub(crate) component: Vec<Part>,
    /// Take components along whose inputs change with `-c`.
    #[arg(long)]
    pub(crate) with_dependants: bool,
    /// Read every resource, not only what changes.
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Exit 5 when changes are pending.
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Save the plan for `mops infra up --from-plan PLAN`; it holds no secret.
    #[arg(long, value_name = "PLAN")]
    pub(crate) save_plan: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) preview: PreviewArgs,
    /// Same as `mops infra preview`.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Do what this saved plan says, without a question, or nothing when file, state or services differ.
    #[arg(long, value_name = "PLAN")]
    #[arg(conflicts_with_all = ["plan", "save_plan", "env", "component", "with_dependants", "refresh"])]
    pub(crate) from_plan: Option<PathBuf>,
    /// Replace and delete without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// How long each workload may take until it is available.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = value::duration)]
    pub(crate) ready_timeout: Duration,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DownArgs {
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    /// Only these components (comma-separated).
    #[arg(short, long, value_delimiter = ',', value_name = "COMPONENT")]
    pub(crate) component: Vec<Part>,
    /// With `-c`: take what depends on the components down first.
    #[arg(long)]
    pub(crate) with_deps: bool,
    /// Delete the storage account and its data too.
    #[arg(long)]
    pub(crate) destroy_storage: bool,
    /// Delete the registry and its images too.
    #[arg(long)]
    pub(crate) destroy_registry: bool,
    /// Both of the above.
    #[arg(long)]
    pub(crate) destroy_all: bool,
    /// Delete the resource group too, if everything in it is ours.
    #[arg(long)]
    pub(crate) delete_rg: bool,
    /// Show what would be deleted, and stop.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Delete without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
}

/// How `status` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    /// How to print.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct OutputsArgs {
    /// Only this component.
    #[arg(value_name = "COMPONENT")]
    pub(crate) component: Option<Part>,
    /// Environment, or PROJECT/ENVIRONMENT.
    #[arg(short, long, value_name = "ENV")]
    pub(crate) env: Option<String>,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) secrets: SecretsArgs,
}

/// Languages of `graph`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    #[default]
    Mermaid,
    Dot,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,
    /// Which language.
    #[arg(long, value_name = "FORMAT", default_value = "mermaid")]
    pub(crate) format: GraphFormat,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct KubeconfigArgs {
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    /// Merge into the file of KUBECONFIG, else ~/.kube/config, instead of printing.
    #[arg(long)]
    pub(crate) merge: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    /// Remove without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
}
