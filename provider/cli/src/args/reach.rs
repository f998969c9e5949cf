//! What to do about a cluster that does not answer.

use clap::Args;

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ReachArgs {
    /// Drop what is inside a cluster that does not answer from the state.
    #[arg(long)]
    pub(crate) skip_unreachable: bool,
}
