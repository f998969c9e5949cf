//! The flags of `mops slurm`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mops_tokens::slurm::is_id;

use super::{HostArgs, RemotePathArgs};

#[derive(Debug, Args)]
pub(crate) struct SlurmArgs {
    #[command(subcommand)]
    pub(crate) verb: SlurmVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SlurmVerb {
    /// Send a script to the host and submit it there; prints the number of the job.
    #[command(
        after_help = "Examples:\n  mops slurm submit tune.slurm --profile koa --time 2:00:00\n  mops slurm submit eval.slurm --gpus 2 -- --config 'runs/my config.yaml'"
    )]
    Submit(Box<SlurmSubmitArgs>),
    /// How jobs are: those of the queue, and of the accounting if there is one.
    #[command(after_help = "Examples:\n  mops slurm status --profile koa\n  mops slurm status 48213 48214 --json")]
    Status(SlurmStatusArgs),
    /// What a job has written.
    #[command(after_help = "Examples:\n  mops slurm logs 48213 --tail 50\n  mops slurm logs 48213 -f")]
    Logs(SlurmLogsArgs),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct SlurmSubmitArgs {
    /// The script, on this machine.
    #[arg(value_name = "SCRIPT")]
    pub(crate) script: PathBuf,
    /// What it is called on the host [default: as here].
    #[arg(long, value_name = "NAME", value_parser = file_name)]
    pub(crate) remote_name: Option<String>,
    #[command(flatten)]
    pub(crate) asked: ResourceArgs,
    #[command(flatten)]
    pub(crate) tokens: JobTokensArgs,
    #[command(flatten)]
    pub(crate) path: RemotePathArgs,
    /// Folder of data there (or KOA_REMOTE_DATA_DIR).
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<String>,
    #[command(flatten)]
    pub(crate) host: HostArgs,
    /// What the script is started with, exactly as it is.
    #[arg(last = true)]
    pub(crate) args: Vec<String>,
}

/// What a job asks SLURM for; each before the script's own `#SBATCH` line.
#[derive(Clone, Debug, Args)]
pub(crate) struct ResourceArgs {
    /// Partition, or several with commas.
    #[arg(long, value_name = "NAME")]
    pub(crate) partition: Option<String>,
    /// Limit of time, as sbatch takes it.
    #[arg(long, value_name = "TIME")]
    pub(crate) time: Option<String>,
    /// GPUs on one node: N or TYPE:N.
    #[arg(long, value_name = "GPUS", value_parser = gpus)]
    pub(crate) gpus: Option<String>,
    /// Processors of a task.
    #[arg(long, value_name = "N", value_parser = super::value::count)]
    pub(crate) cpus: Option<usize>,
    /// Memory of a node, for example 32G.
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// Account to charge.
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// Quality of service.
    #[arg(long, value_name = "NAME")]
    pub(crate) qos: Option<String>,
    /// One more word for sbatch (repeatable): --sbatch-arg=--exclusive.
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    pub(crate) sbatch_arg: Vec<String>,
    /// Leave GPUs to the script; else the best type that is free is chosen.
    #[arg(long)]
    pub(crate) no_auto_gpu: bool,
    /// Types from the best to the least, with commas.
    #[arg(long, value_name = "TYPES", value_delimiter = ',', conflicts_with = "no_auto_gpu")]
    pub(crate) gpu_order: Vec<String>,
}

/// How tokens are looked at before a job is submitted.
#[derive(Clone, Debug, Args)]
pub(crate) struct JobTokensArgs {
    /// Do not look at the tokens first.
    #[arg(long)]
    pub(crate) no_token_check: bool,
    /// Submit even if a token ends before the limit of time.
    #[arg(long, conflicts_with = "no_token_check")]
    pub(crate) allow_expiring: bool,
    /// File of tokens here, NAME=VALUE [default: .env, if it is there].
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct SlurmStatusArgs {
    /// Numbers of jobs; without any those of the user.
    #[arg(value_name = "ID", value_parser = job_id)]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct SlurmLogsArgs {
    /// Number of the job; of an array, of its task: JOB_TASK.
    #[arg(value_name = "ID", value_parser = job_id)]
    pub(crate) id: String,
    /// Go on with what comes, until the job ends.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only the last lines of what is there.
    #[arg(long, value_name = "N")]
    pub(crate) tail: Option<u64>,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// The number of a job.
pub(super) fn job_id(text: &str) -> Result<String, String> {
    if is_id(text) { Ok(text.to_owned()) } else { Err("a number such as 48213, or JOB_TASK".into()) }
}

fn file_name(text: &str) -> Result<String, String> {
    let plain = !text.is_empty() && !text.starts_with(['.', '-']) && !text.contains(['/', '\0', '\n']);
    if plain { Ok(text.to_owned()) } else { Err("a name without `/`, not beginning with `.` or `-`".into()) }
}

fn gpus(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let (kind, count) = text.split_once(':').unwrap_or(("any", text));
    let whole = !kind.is_empty() && kind.chars().all(fits) && count.parse::<u32>().is_ok_and(|count| count < 10_000);
    if whole { Ok(text.to_owned()) } else { Err("a number such as 2, or TYPE:N such as a100:2".into()) }
}
