//! The flags of `mops auth login` and `mops auth logout`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mops_logins::Keep;

/// Where a login is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StoreIn {
    /// Where docker would: its credential program for the host, else its file.
    Docker,
    /// In the credential program, or not at all.
    Program,
    /// In files.
    File,
}

impl StoreIn {
    pub(crate) const fn keep(self) -> Keep {
        match self {
            Self::Docker => Keep::AsDocker,
            Self::Program => Keep::Program,
            Self::File => Keep::File,
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct LoginArgs {
    /// The registry (or MLENV_NGC_REGISTRY) [default: nvcr.io].
    pub(crate) host: Option<String>,
    /// The user; NGC's is `$oauthtoken` for everybody.
    #[arg(short, long, value_name = "USER")]
    pub(crate) username: Option<String>,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// NGC: the organisation that the key was made in.
    #[arg(long, value_name = "NAME")]
    pub(crate) org: Option<String>,
    /// NGC: keep the key as a profile of mlenv beside the one in use.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Also ask for a token to pull from this repository.
    #[arg(long, value_name = "REPOSITORY")]
    pub(crate) scope: Option<String>,
    /// Trust this realm of the registry with the login, and no other.
    #[arg(long, value_name = "URL")]
    pub(crate) realm: Option<String>,
    /// Keep it where docker would, in docker's credential program or not at all, or in files.
    #[arg(long, value_enum, default_value = "docker", value_name = "docker|program|file", hide_possible_values = true)]
    pub(crate) store: StoreIn,
    /// Keep it although the registry asks nobody for a login.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Where the key is read; on a terminal it is asked for.
#[derive(Clone, Debug, Args)]
#[group(multiple = false)]
pub(crate) struct KeyArgs {
    /// Read the key or password from standard input.
    #[arg(long)]
    pub(crate) key_stdin: bool,
    /// Read it from a file of yours that nobody else may read.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Read it from a variable.
    #[arg(long, value_name = "VARIABLE")]
    pub(crate) key_env: Option<String>,
    /// Azure: sign in as the identity of `mops auth status`, without a key.
    #[arg(long)]
    pub(crate) identity: bool,
}

impl KeyArgs {
    /// Whether the user says where it is.
    pub(crate) const fn is_named(&self) -> bool {
        self.key_stdin || self.key_file.is_some() || self.key_env.is_some()
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct LogoutArgs {
    /// The registry (or MLENV_NGC_REGISTRY) [default: nvcr.io].
    pub(crate) host: Option<String>,
    /// NGC: forget this profile of mlenv, and nothing else.
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    pub(crate) profile: Option<String>,
    /// NGC: forget every profile of mlenv as well.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct CheckImagesArgs {
    /// Images, by tag or digest.
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// Send no login: what anybody gets counts.
    #[arg(long)]
    pub(crate) anonymous: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct AuthStatusArgs {
    /// A registry, for the logins that this machine keeps for it; or a stack file, for the identity in Azure.
    #[arg(value_name = "HOST|FILE")]
    pub(crate) what: Option<String>,
    /// Azure: environment, or PROJECT/ENVIRONMENT.
    #[arg(short, long, value_name = "ENV")]
    pub(crate) env: Option<String>,
    /// Registry: ask nobody.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Registry: warn of files that were written so many days ago.
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    pub(crate) max_age: u64,
}
