//! Whether secrets may be printed, and what becomes of the passphrase.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{LockArgs, StackArgs};

/// Asks for secrets in clear.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct SecretsArgs {
    /// Print secrets in clear; under CI=true it needs `--force` as well.
    #[arg(long)]
    pub(crate) show_secrets: bool,
    /// Confirms `--show-secrets` where logs are kept.
    #[arg(long, requires = "show_secrets")]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PassphraseArgs {
    #[command(subcommand)]
    pub(crate) verb: PassphraseVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PassphraseVerb {
    /// Seal every secret of a state with a new passphrase.
    #[command(
        after_help = "Examples:\n  mops infra passphrase rotate --generate\n  mops infra passphrase rotate --new-passphrase-file new.txt\n\nWithout either flag it is asked for on the terminal. The old one is found as\nalways: PULUMI_CONFIG_PASSPHRASE, the file that PULUMI_CONFIG_PASSPHRASE_FILE\nnames, or a generated file."
    )]
    Rotate(RotateArgs),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    /// File with the new passphrase: your own, mode 0600; `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "generate")]
    pub(crate) new_passphrase_file: Option<PathBuf>,
    /// Make one, and keep it in a file of mode 0600 beside the state.
    #[arg(long)]
    pub(crate) generate: bool,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}
