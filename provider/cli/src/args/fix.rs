//! What a diagnosis may mend.

use clap::Args;
use mops_diagnose::catalogue;
use mops_diagnose::fix::Allowed;

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct FixArgs {
    /// Plan what can be mended, ask, do it, look again.
    #[arg(long, conflicts_with_all = ["from", "offline", "cleanup"])]
    pub(crate) fix: bool,
    /// Do so without asking.
    #[arg(short, long, requires = "fix")]
    pub(crate) yes: bool,
    /// With --fix: pods may be made again.
    #[arg(long, requires = "fix")]
    pub(crate) allow_restart: bool,
    /// With --fix: only this cause (repeatable).
    #[arg(long, value_name = "ID", requires = "fix", value_parser = cause)]
    pub(crate) only_cause: Vec<String>,
}

impl FixArgs {
    /// For the planner.
    pub(crate) fn allowed(&self) -> Allowed {
        Allowed { restart: self.allow_restart, only: self.only_cause.clone() }
    }
}

fn cause(text: &str) -> Result<String, String> {
    match catalogue::find(text) {
        Some((_, cause)) => Ok(cause.id.to_owned()),
        None => Err("there is no such cause; `mops explain --list` shows them".to_owned()),
    }
}
