//! The flags of `mops novita`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct NovitaArgs {
    #[command(subcommand)]
    pub(crate) verb: NovitaVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NovitaVerb {
    /// The registry logins that Novita keeps.
    Auth(NovitaAuthArgs),
    /// Instances, from templates that name their registry login.
    Instance(NovitaInstanceArgs),
    /// Tell whether Novita is reached, takes the key, and what it keeps.
    #[command(after_help = "Examples:\n  mops novita check\n  mops novita check --json")]
    Check(NovitaKeyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NovitaAuthArgs {
    #[command(subcommand)]
    pub(crate) verb: NovitaAuthVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NovitaAuthVerb {
    /// List them, without passwords.
    #[command(after_help = "Examples:\n  mops novita auth list\n  mops novita auth list --json")]
    List(NovitaKeyArgs),
    /// Show one by its exact id; of one that is absent the nearest ids.
    #[command(after_help = "Examples:\n  mops novita auth get cra-7f31\n  mops novita auth get cra-7f31 --json")]
    Get(NovitaAuthGetArgs),
    /// Have Novita keep a login of a registry, and tell its id.
    #[command(
        after_help = "Examples:\n  mops novita auth create myacr.azurecr.io -u puller --password-stdin < token\n  mops novita auth create ghcr.io -u me --password-env GHCR_PAT"
    )]
    Create(NovitaAuthCreateArgs),
    /// Have Novita forget one.
    #[command(
        after_help = "Examples:\n  mops novita auth delete cra-7f31 --templates templates/\n  mops novita auth delete cra-7f31 --idempotent"
    )]
    Delete(NovitaAuthDeleteArgs),
}

/// Where Novita's key is.
#[derive(Clone, Debug, Args)]
#[group(id = "novita_key", multiple = false)]
pub(crate) struct NovitaKeyArgs {
    /// Read Novita's key from standard input (or NOVITA_API_KEY).
    #[arg(long)]
    pub(crate) key_stdin: bool,
    /// Read it from a file of yours that nobody else may read.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Read it from another variable.
    #[arg(long, value_name = "VARIABLE")]
    pub(crate) key_env: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct NovitaAuthGetArgs {
    /// Its id; upper and lower case count.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) key: NovitaKeyArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct NovitaAuthCreateArgs {
    /// The registry, as images name it.
    pub(crate) registry: String,
    /// The user.
    #[arg(short, long, value_name = "USER")]
    pub(crate) username: String,
    #[command(flatten)]
    pub(crate) password: NovitaPasswordArgs,
    #[command(flatten)]
    pub(crate) key: NovitaKeyArgs,
}

/// Where the password is read; on a terminal it is asked for.
#[derive(Clone, Debug, Args)]
#[group(id = "novita_password", multiple = false)]
pub(crate) struct NovitaPasswordArgs {
    /// Read the password from standard input.
    #[arg(long, conflicts_with = "key_stdin")]
    pub(crate) password_stdin: bool,
    /// Read it from a file of yours that nobody else may read.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Read it from a variable.
    #[arg(long, value_name = "VARIABLE")]
    pub(crate) password_env: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct NovitaAuthDeleteArgs {
    /// Its id; upper and lower case count.
    pub(crate) id: String,
    /// Refuse while a template in this file or folder refers to it (repeatable).
    #[arg(long, value_name = "PATH")]
    pub(crate) templates: Vec<PathBuf>,
    /// One that is gone already is as good.
    #[arg(long)]
    pub(crate) idempotent: bool,
    #[command(flatten)]
    pub(crate) key: NovitaKeyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct NovitaInstanceArgs {
    #[command(subcommand)]
    pub(crate) verb: NovitaInstanceVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NovitaInstanceVerb {
    /// Create one, with the registry login that its template names; -v shows the six steps to it.
    #[command(
        after_help = "Examples:\n  mops novita instance create --template trainer.yaml --product 4090-1\n  mops novita instance create --image ghcr.io/me/app:1 --product 4090 --disk 60"
    )]
    Create(Box<NovitaInstanceCreateArgs>),
    /// Show one.
    #[command(
        after_help = "Examples:\n  mops novita instance get ins-7f31\n  mops novita instance get ins-7f31 --json"
    )]
    Get(NovitaInstanceIdArgs),
    /// List them.
    #[command(
        after_help = "Examples:\n  mops novita instance list\n  mops novita instance list --status running --name trainer"
    )]
    List(NovitaInstanceListArgs),
    /// Start one that was stopped.
    #[command(
        after_help = "Examples:\n  mops novita instance start ins-7f31\n  mops novita instance start ins-7f31 --json"
    )]
    Start(NovitaInstanceIdArgs),
    /// Stop one; its disk stays, and is paid for.
    #[command(
        after_help = "Examples:\n  mops novita instance stop ins-7f31\n  mops novita instance stop ins-7f31 --json"
    )]
    Stop(NovitaInstanceIdArgs),
    /// Delete one with its disk.
    #[command(
        after_help = "Examples:\n  mops novita instance delete ins-7f31\n  mops novita instance delete ins-7f31 --idempotent"
    )]
    Delete(NovitaInstanceDeleteArgs),
}

/// What an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NovitaKind {
    Gpu,
    Cpu,
}

/// How an instance is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "camelCase")]
pub(crate) enum NovitaBilling {
    OnDemand,
    Monthly,
    Spot,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct NovitaInstanceCreateArgs {
    /// A template: a file (YAML or JSON), or the id of one that Novita keeps. Other flags go before it.
    #[arg(long, value_name = "FILE|ID", required_unless_present = "image")]
    pub(crate) template: Option<String>,
    /// Its name; a random end makes it its own.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Image.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// Id of the registry login for the image.
    #[arg(long, value_name = "ID")]
    pub(crate) image_auth: Option<String>,
    /// Product of Novita's list.
    #[arg(long, value_name = "ID")]
    pub(crate) product: Option<String>,
    /// GPUs, 1 to 8.
    #[arg(long, value_name = "N")]
    pub(crate) gpus: Option<u64>,
    /// Gigabytes of its disk, 10 to 6144.
    #[arg(long, value_name = "GB")]
    pub(crate) disk: Option<u64>,
    /// With GPUs or without.
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) kind: Option<NovitaKind>,
    /// Ports, as `8888/http,22/tcp`.
    #[arg(long, value_name = "PORTS")]
    pub(crate) ports: Option<String>,
    /// Cluster.
    #[arg(long, value_name = "ID")]
    pub(crate) cluster: Option<String>,
    /// How it is paid for.
    #[arg(long, value_enum, value_name = "MODE")]
    pub(crate) billing: Option<NovitaBilling>,
    /// Months, with `--billing monthly`.
    #[arg(long, value_name = "N")]
    pub(crate) months: Option<u64>,
    /// Send user and password in the request instead of the login's id; refused when Novita masks the password.
    #[arg(long)]
    pub(crate) inline_credentials: bool,
    #[command(flatten)]
    pub(crate) key: NovitaKeyArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct NovitaInstanceIdArgs {
    /// Its id.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) key: NovitaKeyArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct NovitaInstanceDeleteArgs {
    /// Its id.
    pub(crate) id: String,
    /// One that is gone already is as good.
    #[arg(long)]
    pub(crate) idempotent: bool,
    #[command(flatten)]
    pub(crate) key: NovitaKeyArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct NovitaInstanceListArgs {
    /// Only those with this in their name.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Only those in this state: running, exited and others.
    #[arg(long, value_name = "STATE")]
    pub(crate) status: Option<String>,
    #[command(flatten)]
    pub(crate) key: NovitaKeyArgs,
}
