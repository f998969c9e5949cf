//! The flags of `mops tokens`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use mops_tokens::secret;

use super::{ClusterArgs, value};
use crate::exit::Failure;

#[derive(Debug, Args)]
pub(crate) struct TokensArgs {
    #[command(subcommand)]
    pub(crate) verb: TokensVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokensVerb {
    /// Write the tokens of `.env` to a host, whole and private, by ssh; or into a Secret.
    #[command(
        after_help = "Examples:\n  mops tokens sync --host koa.example.edu --user me\n  mops tokens sync --env-file lab.env --only HF_TOKEN --merge\n  mops tokens sync --target k8s --namespace research-ops"
    )]
    Sync(Box<TokensSyncArgs>),
    /// Tell which tokens a host or a Secret has, whether they are those of here, and whether their services take them.
    #[command(
        after_help = "Examples:\n  mops tokens check --host koa.example.edu --user me\n  mops tokens check --model meta-llama/Llama-3.1-8B --max-age 90\n  mops tokens check --job 48213 --offline\n  mops tokens check --target k8s --namespace research-ops"
    )]
    Check(Box<TokensCheckArgs>),
    /// Print the lines by which a job's script reads them.
    #[command(after_help = "Examples:\n  mops tokens loader\n  mops tokens loader --remote-path secrets/.env")]
    Loader(RemotePathArgs),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TokensSyncArgs {
    /// File of tokens, NAME=VALUE [default: .env].
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Only this variable of it (repeatable).
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Replace these variables there, and keep what else is there.
    #[arg(long)]
    pub(crate) merge: bool,
    /// Then look at what is there, as `mops tokens check` does.
    #[arg(long)]
    pub(crate) check: bool,
    /// Send a file that git tracks all the same.
    #[arg(long)]
    pub(crate) allow_tracked: bool,
    #[command(flatten)]
    pub(crate) to: TargetArgs,
    #[command(flatten)]
    pub(crate) path: RemotePathArgs,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct LiveArgs {
    /// A model that HF_TOKEN must get (repeatable): ORG/NAME.
    #[arg(long, value_name = "MODEL", value_parser = hub_model)]
    pub(crate) model: Vec<String>,
    /// A variable that must have a value (repeatable).
    #[arg(long, value_name = "NAME", value_parser = variable)]
    pub(crate) require: Vec<String>,
    /// Tell of a file that is older.
    #[arg(long, value_name = "DAYS")]
    pub(crate) max_age: Option<u64>,
    /// Show no token to its service.
    #[arg(long, conflicts_with = "model")]
    pub(crate) offline: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TokensCheckArgs {
    /// File of tokens here, NAME=VALUE [default: .env, if it is there].
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
    /// Look at this machine instead: the file, variables, and what programs have saved.
    #[arg(long, conflicts_with_all = ["job", "max_age"])]
    pub(crate) local: bool,
    /// Tell whether this job has read them, by its log.
    #[arg(long, value_name = "ID", value_parser = super::slurm::job_id)]
    pub(crate) job: Option<String>,
    #[command(flatten)]
    pub(crate) to: TargetArgs,
    #[command(flatten)]
    pub(crate) path: RemotePathArgs,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// Where tokens are read by those who use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TokensPlace {
    /// A file on a login node.
    Slurm,
    /// A Secret of a cluster.
    K8s,
}

/// To a host by ssh, or into a cluster.
#[derive(Clone, Debug, Args)]
pub(crate) struct TargetArgs {
    /// `slurm`: the file of a login node; `k8s`: a Secret of a cluster.
    #[arg(long, value_name = "PLACE", value_enum, default_value = "slurm", hide_possible_values = true)]
    pub(crate) target: TokensPlace,
    /// Namespace of the Secret [default: that of the context].
    #[arg(short, long, value_name = "NAME", value_parser = value::object_name)]
    pub(crate) namespace: Option<String>,
    /// Name of the Secret [default: hf-wandb-tokens].
    #[arg(long, value_name = "NAME", value_parser = value::object_name)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// Print the right that it needs in the cluster as a Role, and do nothing.
    #[arg(long)]
    pub(crate) explain_permissions: bool,
}

impl TargetArgs {
    /// A host.
    pub(crate) const fn slurm() -> Self {
        Self {
            target: TokensPlace::Slurm,
            namespace: None,
            name: None,
            cluster: ClusterArgs { context: None, kubeconfig: None },
            explain_permissions: false,
        }
    }

    /// Whether a cluster is meant; a flag of the other place is refused, not ignored.
    pub(crate) fn is_cluster(&self, host: &HostArgs, path: &RemotePathArgs) -> Result<bool, Failure> {
        let (cluster, HostArgs { host, user, port, identity_file, workdir, ssh_config, profile, file }) =
            (&self.cluster, host);
        let of_host = [host, user, identity_file, workdir, ssh_config, profile, &path.remote_path];
        let of_cluster = [&self.namespace, &self.name, &cluster.context, &cluster.kubeconfig];
        match self.target {
            TokensPlace::K8s if port.is_some() || file.is_some() || of_host.iter().any(|flag| flag.is_some()) => {
                Err(Failure::usage("`--target k8s` takes no flag of a host", "leave out either"))
            }
            TokensPlace::Slurm if self.explain_permissions || of_cluster.iter().any(|flag| flag.is_some()) => {
                Err(Failure::usage("a host has no namespace and no Secret", "add `--target k8s`"))
            }
            place => Ok(place == TokensPlace::K8s),
        }
    }

    /// What the Secret is called.
    pub(crate) fn secret(&self) -> &str {
        self.name.as_deref().unwrap_or(secret::NAME)
    }
}

/// Which file on the host.
#[derive(Clone, Debug, Args)]
pub(crate) struct RemotePathArgs {
    /// The file on the host [default: .env in the folder of jobs, ~/koa-ml].
    #[arg(long, value_name = "PATH")]
    pub(crate) remote_path: Option<String>,
}

/// Which host, and how it is reached; each flag before its variable, both before a profile.
#[derive(Clone, Debug, Args)]
pub(crate) struct HostArgs {
    /// Login node, or its alias in ~/.ssh/config (or KOA_HOST).
    #[arg(long, value_name = "HOST", value_parser = ssh_word)]
    pub(crate) host: Option<String>,
    /// User there (or KOA_USER).
    #[arg(long, value_name = "USER", value_parser = ssh_word)]
    pub(crate) user: Option<String>,
    /// Port of ssh.
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Key file (or KOA_IDENTITY_FILE).
    #[arg(long, value_name = "FILE")]
    pub(crate) identity_file: Option<String>,
    /// Folder of jobs there (or KOA_REMOTE_WORKDIR).
    #[arg(long, value_name = "DIR")]
    pub(crate) workdir: Option<String>,
    /// Another file than ~/.ssh/config.
    #[arg(long, value_name = "FILE")]
    pub(crate) ssh_config: Option<String>,
    /// Settings of ~/.modelops/profiles/NAME.yaml; `koa` is known.
    #[arg(long, value_name = "NAME", value_parser = value::object_name)]
    pub(crate) profile: Option<String>,
    /// Stack file whose `tokens.slurm` names it [default: unified-infra.yaml, if it is there].
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// What ssh takes for no flag, and no shell for anything but a word.
fn ssh_word(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-:%@+".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("letters, digits, `.`, `_` and `-`, not beginning with `-`".into())
    }
}

fn hub_model(text: &str) -> Result<String, String> {
    let part = |part: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        !part.is_empty() && part.chars().all(fits) && !part.starts_with('.')
    };
    let whole = text.split_once('/').is_some_and(|(org, name)| part(org) && part(name));
    if whole { Ok(text.to_owned()) } else { Err("ORG/NAME, for example meta-llama/Llama-3.1-8B".into()) }
}

fn variable(text: &str) -> Result<String, String> {
    match mops_tokens::envfile::is_name(text) {
        true => Ok(text.to_owned()),
        false => Err("the name of a variable, for example HF_TOKEN".into()),
    }
}
