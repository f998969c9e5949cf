//! From where registry and storage are asked.

use std::time::Duration;

use clap::Args;
use mops_diagnose::observed::Vantage;

use super::value;

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AskingArgs {
    /// w here, p pods, n nodes, c in workers [w,p,n].
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = value::vantage)]
    pub(crate) vantage: Vec<Vantage>,
    /// Bring a node to a pool at zero; it costs.
    #[arg(long, conflicts_with_all = ["from", "cleanup"])]
    pub(crate) scale_up: bool,
    /// Longest time for that.
    #[arg(long, value_name = "T", value_parser = value::patience, default_value = "15m", requires = "scale_up")]
    pub(crate) scale_up_timeout: Duration,
    /// From how many nodes of a pool (default: 1).
    #[arg(long, value_name = "N", value_parser = value::count)]
    pub(crate) per_pool: Option<usize>,
    /// Longest time of one request (default: 10s).
    #[arg(long, value_name = "TIME", value_parser = value::patience)]
    pub(crate) probe_timeout: Option<Duration>,
}
