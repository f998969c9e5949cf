//! The command line of mops: one file a verb under `commands`, one printer, one place that wires the layers
//! together (`session`). Exit codes and output rules are held by `tests/cli.rs` and the scenarios.

mod app;
mod approval;
mod args;
mod bundle_env;
mod commands;
mod confirm;
mod containers;
mod exit;
mod fault;
mod key;
mod kubeconfig;
mod line;
mod login_node;
mod pointed;
mod printer;
mod pulumi;
mod selection;
mod session;
mod signals;
mod token_file;
mod verb;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};
use mops_host::Env;

use printer::{Look, Printer};

/// Runs one command line and gives the exit code of the process.
#[must_use]
pub fn run(args: impl Iterator<Item = OsString>) -> u8 {
    keep_memory_private();
    let env = Env::process();
    let args: Vec<OsString> = args.collect();
    let command = args::Cli::command().after_long_help(long_help());
    let cli = command.try_get_matches_from(&args).and_then(|m| args::Cli::from_arg_matches(&m));
    match cli {
        Ok(cli) => app::run(cli, env).code(),
        Err(error) => {
            let printer = Printer::new(Look::detect(&env, args.iter().any(|a| a == "--json")));
            app::usage(&error, verb::planned(&args), &printer).code()
        }
    }
}

/// JSON Schema of the lines that `--json` prints; published as `schema/events.schema.json`.
#[must_use]
pub fn lines_schema() -> serde_json::Value {
    line::schema()
}

/// The words of every verb that the parser knows, for example `["infra", "up"]`.
#[must_use]
pub fn verbs() -> Vec<Vec<String>> {
    verb::built().into_iter().map(|verb| verb.split(' ').map(ToOwned::to_owned).collect()).collect()
}

/// Reads the text of a `cloud.json`, which stands beside a state and says where and as whom it was made.
///
/// # Errors
/// The reason why it cannot be used.
pub fn cloud_json(bytes: &[u8]) -> Result<(), &'static str> {
    pointed::understood(bytes)
}

/// No core file and no debugger of another user: memory holds secrets.
fn keep_memory_private() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    // Refused only where the limits are already stricter, which is as good.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Examples, variables and exit codes for `mops --help`; `-h` shows the verbs alone.
fn long_help() -> String {
    let mut text = String::from(
        "Exit codes:\n  0 ok, 1 a check or an operation failed, 2 usage or configuration, 3 could not\n  \
         run, 4 locked by another run, 5 changes pending (with --exit-code), 130 interrupted\n\nEnvironment:\n",
    );
    for variable in mops_host::env::VARIABLES {
        text += &format!("  {:<31} {}\n", variable.name, wrapped(variable.description, 44));
    }
    text + "\nExamples:\n  mops infra up unified-infra.yaml\n  mops diagnose-auth --env dev"
}

/// Words in lines of at most `width`, the later ones below the first.
fn wrapped(words: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].len() + word.len() >= width {
            lines.push(word.to_owned());
        } else {
            let blank = if lines[last].is_empty() { "" } else { " " };
            lines[last] += &format!("{blank}{word}");
        }
    }
    lines.join(&format!("\n{:34}", ""))
}
