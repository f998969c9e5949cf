//! Who may work on a stack.

use std::time::Duration;

use clap::Args;

use super::{PaceArgs, StackArgs, value};

/// How patient a verb is that changes state and calls nothing.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct LockArgs {
    /// How long to wait for another run on the stack.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = value::duration)]
    pub(crate) lock_timeout: Duration,
}

impl LockArgs {
    /// One thing at a time.
    pub(crate) const fn pace(self) -> PaceArgs {
        PaceArgs { parallelism: 1, lock_timeout: self.lock_timeout }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct UnlockArgs {
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    /// Remove a lease that has not ended without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
}
