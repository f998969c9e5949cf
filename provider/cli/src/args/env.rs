//! The flags of `mops env`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use mops_containers::gpu::Gpus;
use mops_containers::name::is_name;
use mops_containers::ports::Port;
use mops_containers::spec::Restart;

use super::value;

#[derive(Debug, Args)]
pub(crate) struct EnvArgs {
    #[command(subcommand)]
    pub(crate) verb: EnvVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnvVerb {
    /// Start the container of this folder; pull its image first, with the login it needs.
    #[command(
        after_help = "Examples:\n  mops env up --image nvcr.io/acme/model:1\n  mops env up --requirements requirements.txt --port 8888:8888 --gpu 0,1"
    )]
    Up(Box<EnvUpArgs>),
    /// Run a command or a shell in it.
    #[command(
        after_help = "Examples:\n  mops env exec\n  mops env exec -c 'nvidia-smi | head -20'\n  mops env exec -- python train.py"
    )]
    Exec(EnvExecArgs),
    /// Stop it, and remove it with `--rm`.
    #[command(after_help = "Examples:\n  mops env down\n  mops env down --all --rm")]
    Down(EnvDownArgs),
    /// What it has written.
    #[command(after_help = "Examples:\n  mops env logs --tail 50\n  mops env logs -f --since 10m")]
    Logs(EnvLogsArgs),
    /// The containers of every folder.
    #[command(after_help = "Examples:\n  mops env ls\n  mops env ls --json")]
    Ls,
}

/// Which container.
#[derive(Clone, Debug, Args)]
pub(crate) struct EnvNameArgs {
    /// Name of the container; by itself it follows from the folder.
    #[arg(long, value_name = "NAME", value_parser = container_name)]
    pub(crate) name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pull {
    Missing,
    Always,
    Never,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct EnvUpArgs {
    /// Image by tag or digest [default: nvcr.io/nvidia/pytorch:25.12-py3].
    #[arg(long, value_name = "REF", value_parser = value::image)]
    pub(crate) image: Option<String>,
    /// File of this folder that pip installs from.
    #[arg(long, value_name = "FILE")]
    pub(crate) requirements: Option<PathBuf>,
    /// Install from it again.
    #[arg(long, requires = "requirements")]
    pub(crate) force_requirements: bool,
    /// [ADDRESS:]HOST:CONTAINER (repeatable, or with commas); ADDRESS is 127.0.0.1.
    #[arg(long, value_name = "PORT", value_delimiter = ',', value_parser = Port::parse)]
    pub(crate) port: Vec<Port>,
    /// GPUs: all, none or numbers such as 0,1 [default: all].
    #[arg(long, value_name = "GPUS", value_parser = Gpus::parse)]
    pub(crate) gpu: Option<Gpus>,
    /// So many idle GPUs, each of which no other container of ours has.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1", conflicts_with = "gpu", value_parser = value::count)]
    pub(crate) auto_gpu: Option<usize>,
    /// File of variables, NAME=VALUE.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,
    /// A variable; without a value that of this shell (repeatable).
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// Limit of memory, for example 32g.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) memory: Option<u64>,
    /// Limit of processors, for example 4 or 0.5.
    #[arg(long, value_name = "N", value_parser = nano_cpus)]
    pub(crate) cpus: Option<u64>,
    /// Shared memory [default: 16g].
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) shm_size: Option<u64>,
    /// Run as the user of the image, not as you.
    #[arg(long)]
    pub(crate) no_user_mapping: bool,
    /// Where this folder is inside [default: /workspace].
    #[arg(long, value_name = "DIR", value_parser = whole_path)]
    pub(crate) mount_at: Option<String>,
    /// When the image is pulled.
    #[arg(
        long,
        value_enum,
        default_value = "missing",
        value_name = "missing|always|never",
        hide_possible_values = true
    )]
    pub(crate) pull: Pull,
    /// Pull without a login.
    #[arg(long, conflicts_with = "profile")]
    pub(crate) anonymous: bool,
    /// NGC: pull with the key of this profile of mlenv.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Replace the container if its settings differ.
    #[arg(long)]
    pub(crate) recreate: bool,
    /// no, always, unless-stopped or on-failure [default: unless-stopped].
    #[arg(long, value_name = "POLICY", value_parser = restart)]
    pub(crate) restart: Option<Restart>,
    #[command(flatten)]
    pub(crate) name: EnvNameArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct EnvExecArgs {
    /// A line for the shell.
    #[arg(short, long, value_name = "LINE", conflicts_with = "argv")]
    pub(crate) command: Option<String>,
    /// As this user of the container.
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// In this folder of the container.
    #[arg(long, value_name = "DIR")]
    pub(crate) workdir: Option<String>,
    /// A variable; without a value that of this shell (repeatable).
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    #[command(flatten)]
    pub(crate) name: EnvNameArgs,
    /// Program and arguments, exactly as they are; a shell without any.
    #[arg(last = true)]
    pub(crate) argv: Vec<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct EnvDownArgs {
    /// Remove it too; what is not in the folder or its home is lost.
    #[arg(long)]
    pub(crate) rm: bool,
    /// Every container of ours, of every folder.
    #[arg(long, conflicts_with = "name")]
    pub(crate) all: bool,
    /// How long its programs may take to end.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = value::duration)]
    pub(crate) time: Duration,
    #[command(flatten)]
    pub(crate) name: EnvNameArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct EnvLogsArgs {
    /// Go on with what comes.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only the last lines.
    #[arg(long, value_name = "N")]
    pub(crate) tail: Option<u64>,
    /// Only what is younger than this.
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub(crate) since: Option<Duration>,
    #[command(flatten)]
    pub(crate) name: EnvNameArgs,
}

impl EnvUpArgs {
    /// Whether a setting of the container is given.
    pub(crate) fn asks(&self) -> bool {
        let given = [&self.image.is_some(), &self.gpu.is_some(), &self.memory.is_some(), &self.cpus.is_some()];
        let more = [&self.shm_size.is_some(), &self.mount_at.is_some(), &self.restart.is_some(), &self.no_user_mapping];
        let lists = [!self.port.is_empty(), !self.env.is_empty(), !self.env_file.is_empty(), self.auto_gpu.is_some()];
        given.into_iter().chain(more).any(|given| *given) || lists.contains(&true)
    }
}

fn container_name(text: &str) -> Result<String, String> {
    if is_name(text) { Ok(text.to_owned()) } else { Err("letters, digits, `_`, `.` and `-`, at most 63".into()) }
}

fn whole_path(text: &str) -> Result<String, String> {
    let fits = text.len() > 1 && text.starts_with('/') && !text.split('/').any(|part| part == "..");
    if fits { Ok(text.trim_end_matches('/').to_owned()) } else { Err("a whole path, for example /workspace".into()) }
}

fn restart(text: &str) -> Result<Restart, String> {
    let all = [Restart::No, Restart::Always, Restart::UnlessStopped, Restart::OnFailure];
    all.into_iter()
        .find(|policy| policy.word() == text)
        .ok_or_else(|| "no, always, unless-stopped or on-failure".into())
}

/// `512m`, `32g`, or bytes.
fn size(text: &str) -> Result<u64, String> {
    const FORM: &str = "a size is a number with k, m or g, for example 16g";
    let lower = text.to_ascii_lowercase();
    let plain = lower.trim_end_matches('b');
    let digits = plain.trim_end_matches(['k', 'm', 'g', 't']);
    let shift = match &plain[digits.len()..] {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(FORM.into()),
    };
    let count: u64 = digits.parse().map_err(|_| FORM.to_owned())?;
    count.checked_mul(1 << shift).filter(|size| (1..=i64::MAX.unsigned_abs()).contains(size)).ok_or_else(|| FORM.into())
}

/// Billionths of a processor.
fn nano_cpus(text: &str) -> Result<u64, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let nano = format!("{whole}{part:0<9}").parse::<u64>().ok();
    nano.filter(|nano| {
        digits(whole) && digits(part) && !whole.is_empty() && part.len() <= 9 && *nano > 0 && whole.len() < 6
    })
    .ok_or_else(|| "a number such as 4 or 0.5".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_processors_are_read_as_the_engines_read_them() {
        for (text, want) in
            [("16g", Some(16 << 30)), ("512M", Some(512 << 20)), ("64kb", Some(64 << 10)), ("7", Some(7))]
        {
            assert_eq!(size(text).ok(), want, "{text}");
        }
        for text in ["", "g", "1.5g", "-1", "0", "99999999999t"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert_eq!((nano_cpus("4").ok(), nano_cpus("0.5").ok()), (Some(4_000_000_000), Some(500_000_000)));
        for text in ["", "0", "a", "1.0000000001", "-1", ".5", "1e3"] {
            assert!(nano_cpus(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_folder_inside_is_a_whole_path() {
        assert_eq!(whole_path("/data/").as_deref(), Ok("/data"));
        assert!(["", "/", "data", "/a/../b"].iter().all(|text| whole_path(text).is_err()));
    }
}
