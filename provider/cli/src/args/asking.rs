//! From where registry and storage are asked.

use std::time::Duration;

use clap::Args;
use mops_diagnose::observed::Vantage;

use super::value;

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AskingArgs {
    /// From where to ask: w (here), p (a pod a pool), n (a node's network), c (a container in workers); default: w,p,n.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = value::vantage)]
    pub(crate) vantage: Vec<Vantage>,
    /// From how many nodes of a pool (default: 1).
    #[arg(long, value_name = "N", value_parser = value::count)]
    pub(crate) per_pool: Option<usize>,
    /// Longest time of one request (default: 10s).
    #[arg(long, value_name = "TIME", value_parser = value::patience)]
    pub(crate) probe_timeout: Option<Duration>,
}
