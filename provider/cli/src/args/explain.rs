//! What is asked of the catalogue of causes.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A cause, as reports name it.
    #[arg(value_name = "ID", required_unless_present = "list")]
    pub(crate) id: Option<String>,
    /// Every cause in one line each.
    #[arg(long, conflicts_with = "id")]
    pub(crate) list: bool,
}
