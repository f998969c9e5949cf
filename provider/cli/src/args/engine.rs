//! Which engine carries a stack out.

use clap::{Args, ValueEnum};

/// Who plans, writes and keeps the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    // The one that is built in; state in the home folder.
    #[default]
    Mops,
    // The `pulumi` command on PATH; state in its backend.
    Pulumi,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct EngineArgs {
    /// Whose engine, and state: that of `mops`, or the `pulumi` command on PATH with its backend.
    #[arg(long, value_name = "ENGINE", default_value = "mops")]
    pub(crate) engine: EngineName,
}

impl EngineArgs {
    /// Whether the user's `pulumi` does it.
    pub(crate) fn is_pulumi(self) -> bool {
        self.engine == EngineName::Pulumi
    }
}
