//! The command line as types: verbs, flags, defaults and limits. Nothing here reads a file or the network, so
//! that `--version` and `--help` cost nothing.

mod asking;
mod auth;
mod diagnose;
mod engine;
mod env;
mod explain;
mod fix;
mod infra;
mod lock;
mod login;
mod moves;
mod ngc;
mod novita;
mod reach;
mod reading;
mod refresh;
mod report;
mod secrets;
mod slurm;
mod smoke;
mod state;
mod tokens;
mod value;
mod watch;
mod workload;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use asking::AskingArgs;
pub(crate) use auth::*;
pub(crate) use diagnose::*;
pub(crate) use engine::EngineArgs;
pub(crate) use env::*;
pub(crate) use explain::ExplainArgs;
pub(crate) use fix::FixArgs;
pub(crate) use infra::*;
pub(crate) use lock::*;
pub(crate) use login::*;
pub(crate) use moves::*;
pub(crate) use ngc::*;
pub(crate) use novita::*;
pub(crate) use reach::ReachArgs;
pub(crate) use reading::ReadingArgs;
pub(crate) use refresh::RefreshArgs;
pub(crate) use report::*;
pub(crate) use secrets::*;
pub(crate) use slurm::*;
pub(crate) use smoke::{SmokeArgs, SmokeTestArgs};
pub(crate) use state::*;
pub(crate) use tokens::*;
pub(crate) use watch::WatchArgs;
pub(crate) use workload::WorkloadArgs;

/// Provisions what a machine-learning workload needs, wires its credentials and proves that they work.
#[derive(Debug, Parser)]
#[command(name = "mops", version, max_term_width = 80, disable_help_subcommand = true, propagate_version = false)]
#[command(after_help = "Examples:\n  mops infra up unified-infra.yaml\n  mops diagnose-auth --env dev")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Flags of every verb; in its help they stand behind its own.
#[derive(Clone, Debug, Args)]
#[command(next_display_order = 900)]
pub(crate) struct Global {
    /// More detail on standard error, never a secret (or LOG_LEVEL=DEBUG).
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// One JSON object a line on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// File that describes the cloud (or MOPS_CLOUD); replaces `cloud:` of the stack file.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) cloud: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Bring a stack up and down, and look at it.
    Infra(InfraArgs),
    /// Find why a pod cannot reach its images or data, with proof.
    #[command(
        after_help = "Examples:\n  mops diagnose-auth deployment/nim --context prod --namespace ml\n  mops diagnose-auth --format github --format sarif=auth.sarif"
    )]
    DiagnoseAuth(DiagnoseArgs),
    /// Push an image, fetch it from every pool, and take it away again.
    #[command(after_help = "Examples:\n  mops smoke-test --env dev --json\n  mops smoke-test --push-only")]
    SmokeTest(SmokeTestArgs),
    /// What a cause means, how it is told from its neighbours, and what mends it.
    #[command(after_help = "Examples:\n  mops explain ACR_PASSWORD_ROTATED\n  mops explain --list")]
    Explain(ExplainArgs),
    /// Logins: of this machine at registries, and of a stack.
    Auth(AuthArgs),
    /// Images and models of NGC: log in once, and know which gate is shut.
    Ngc(NgcArgs),
    /// Registry logins and instances of Novita's cloud of GPUs.
    Novita(NovitaArgs),
    /// A GPU container for this folder, from an image that may need a login.
    Env(EnvArgs),
    /// Tokens of Hugging Face and Weights & Biases on a SLURM host.
    Tokens(TokensArgs),
    /// Jobs of a SLURM host, with the tokens that are there.
    Slurm(SlurmArgs),
    /// The older place of the checks.
    #[command(hide = true)]
    Dev(DevArgs),
    /// Print a completion script for a shell.
    #[command(
        after_help = "Examples:\n  mops completions bash > ~/.local/share/bash-completion/completions/mops\n  mops completions zsh"
    )]
    Completions(CompletionsArgs),
    /// Print version and build.
    #[command(after_help = "Examples:\n  mops version\n  mops version --json")]
    Version,
}

impl Verb {
    /// Whether its own flags ask for JSON on standard output, as `--json` does.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::DiagnoseAuth(args) | Self::Dev(DevArgs { verb: DevVerb::DiagnoseAuth(args) }) => {
                args.check.report.is_json()
            }
            Self::SmokeTest(args) | Self::Dev(DevArgs { verb: DevVerb::SmokeTest(args) }) => {
                args.check.report.is_json()
            }
            Self::Ngc(NgcArgs { verb: NgcVerb::Check(args) }) => args.check.report.is_json(),
            _ => false,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    #[command(subcommand)]
    pub(crate) verb: DevVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DevVerb {
    /// Same as `mops diagnose-auth`.
    #[command(after_help = "Examples:\n  mops dev diagnose-auth\n  mops diagnose-auth --env dev")]
    DiagnoseAuth(DiagnoseArgs),
    /// Same as `mops smoke-test`.
    #[command(after_help = "Examples:\n  mops dev smoke-test\n  mops smoke-test --env dev")]
    SmokeTest(SmokeTestArgs),
}

/// Options of the two checks.
#[derive(Clone, Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) stack: NamedStackArgs,
    #[command(flatten)]
    pub(crate) workload: WorkloadArgs,
    #[command(flatten)]
    pub(crate) asking: AskingArgs,
    #[command(flatten)]
    pub(crate) probe: ProbeArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    /// Print the rights that a run needs, as roles.
    #[arg(long, conflicts_with = "from")]
    pub(crate) explain_permissions: bool,
    /// Only remove what earlier runs have left.
    #[arg(long, conflicts_with_all = ["from", "save", "explain_permissions"])]
    pub(crate) cleanup: bool,
}

/// How pods are looked at from inside.
#[derive(Clone, Debug, Args)]
pub(crate) struct ProbeArgs {
    /// Image of the probe (or MOPS_PROBE_IMAGE).
    #[arg(long, value_name = "IMAGE")]
    pub(crate) probe_image: Option<String>,
    /// Pull secret of that image, if it needs one.
    #[arg(long, value_name = "ID")]
    pub(crate) probe_pull_secret: Option<String>,
    /// Namespace for probes in the network of nodes.
    #[arg(long, value_name = "NAME")]
    pub(crate) probe_namespace: Option<String>,
    /// Longest time (2m; smoke-test 5m).
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    pub(crate) timeout: Option<std::time::Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell.
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// What `--help` of every verb prints, of groups of verbs too.
    fn helps() -> Vec<(String, bool, String)> {
        fn walk(command: &clap::Command, words: &[&str], found: &mut Vec<(String, bool, String)>) {
            let args = words.iter().copied().chain(["--help"]);
            let help = Cli::command().try_get_matches_from(args).unwrap_err().render().to_string();
            found.push((words.join(" "), command.has_subcommands(), help));
            for sub in command.get_subcommands() {
                walk(sub, &[words, &[sub.get_name()]].concat(), found);
            }
        }
        let mut found = Vec::new();
        Cli::command().debug_assert();
        walk(&Cli::command(), &["mops"], &mut found);
        found
    }

    #[test]
    fn the_parser_is_consistent_and_every_help_fits_a_screen() {
        for (name, _, help) in helps() {
            let wide = help.lines().find(|l| l.chars().count() > 80 && !l.starts_with("  mops "));
            assert_eq!(wide, None, "{name}");
            assert!(help.lines().count() <= 60, "{name}: {} lines", help.lines().count());
        }
    }

    #[test]
    fn the_flags_of_every_verb_stand_behind_its_own() {
        for (name, _, help) in helps() {
            let flag = |line: &str| line.split_whitespace().find_map(|word| word.strip_prefix("--").map(str::to_owned));
            let options = help.lines().skip_while(|l| *l != "Options:").filter(|l| l.trim_start().starts_with('-'));
            let flags: Vec<String> = options.filter_map(flag).collect();
            let last: Vec<&str> = flags.iter().map(String::as_str).filter(|f| *f != "version").collect();
            assert!(last.ends_with(&["verbose", "json", "cloud", "help"]), "{name}: {flags:?}");
        }
    }

    #[test]
    fn every_help_ends_with_two_examples_that_the_parser_takes() {
        for (name, _, help) in helps().into_iter().filter(|(_, group, _)| !group) {
            let examples = help.split("Examples:\n").nth(1).unwrap_or_default();
            let lines: Vec<&str> = examples.lines().map(str::trim).filter(|l| l.starts_with("mops ")).collect();
            assert!(lines.len() >= 2, "{name} has {} examples", lines.len());
            for line in lines {
                let plain = line.split(['|', '>', '<']).next().unwrap_or(line);
                let parsed = Cli::try_parse_from(plain.split_whitespace());
                assert!(parsed.is_ok(), "{name}: `{line}`: {}", parsed.map(drop).unwrap_err());
            }
        }
    }

    #[test]
    fn the_spellings_of_the_original_are_accepted() {
        let rows: [&[&str]; 6] = [
            &["infra", "up", "f.yaml", "-c", "registry,storage", "-e", "dev", "--plan", "--json"],
            &["infra", "down", "-c", "cluster", "-e", "dev", "--with-deps", "--destroy-storage", "--yes", "--json"],
            &["infra", "down", "--destroy-registry", "--destroy-all", "--delete-rg", "--plan"],
            &["infra", "status", "-o", "json"],
            &["infra", "outputs", "registry", "--json", "--show-secrets"],
            &["dev", "diagnose-auth"],
        ];
        for row in rows {
            let args = std::iter::once("mops").chain(row.iter().copied());
            assert!(Cli::try_parse_from(args).is_ok(), "{row:?}");
        }
    }

    #[test]
    fn every_mops_line_of_the_ci_workflow_parses() {
        let workflow = include_str!("../../../examples/ci/.github/workflows/mops.yml");
        let lines: Vec<&str> = workflow.lines().filter_map(|l| l.trim().strip_prefix("run: mops ")).collect();
        assert!(lines.len() >= 4, "{lines:?}");
        for line in lines {
            let line = line.split(" | ").next().unwrap_or(line);
            // The one option of a later version; the workflow itself looks whether it is there.
            let line = line.replace(" --engine pulumi", "");
            let args = std::iter::once("mops").chain(line.split(' '));
            assert!(Cli::try_parse_from(args).is_ok(), "{line}");
        }
    }
}
