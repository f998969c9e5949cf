//! What every verb needs: environment, printer, the switch that Ctrl-C turns, and the files read so far.

use std::cell::RefCell;
use std::future::Future;
use std::io::IsTerminal;

use mops_core::{Cancel, Class, Error};
use mops_host::Env;
use mops_host::fsx::reason;

use crate::args::{Cli, Global};
use crate::commands;
use crate::exit::{Exit, Failure};
use crate::fault;
use crate::printer::{Look, Printer, Sources};
use crate::signals;

/// The context of one command.
pub(crate) struct App {
    pub(crate) env: Env,
    pub(crate) printer: Printer,
    pub(crate) global: Global,
    pub(crate) cancel: Cancel,
    /// Files whose lines messages may show.
    pub(crate) sources: RefCell<Sources>,
}

/// Runs a parsed command line.
pub(crate) fn run(cli: Cli, env: Env) -> Exit {
    let global = Global { json: cli.global.json || cli.verb.is_json(), ..cli.global };
    let printer = Printer::new(Look::detect(&env, global.json));
    log(&env, &global);
    let app = App { env, printer, global, cancel: Cancel::new(), sources: RefCell::default() };
    fault::say_only_the_place();
    match fault::guarded(|| commands::run(&app, cli.verb)) {
        Ok(exit) => exit,
        Err(failure) => app.printer.failure(&failure, &app.sources.borrow()),
    }
}

/// What clap has to say: help and version are data, everything else is a mistake.
pub(crate) fn usage(error: &clap::Error, planned: Option<&str>, printer: &Printer) -> Exit {
    if let (clap::error::ErrorKind::InvalidSubcommand, Some(verb)) = (error.kind(), planned) {
        let text = format!("`mops {verb}` is not supported by this version");
        let error = Error::new(Class::User, text).hint("`mops --help` lists the verbs that are");
        return printer.failure(&error.into(), &Sources::default());
    }
    let text = crate::key::hidden(error.render().to_string(), std::env::args_os());
    match (error.use_stderr(), printer.look().json) {
        (true, true) => return printer.failure(&mistake(error, &text).into(), &Sources::default()),
        (true, false) => printer.say(&text),
        (false, true) => printer.object(&HelpLine { text }),
        (false, false) => printer.data(&text),
    }
    if error.use_stderr() { Exit::Usage } else { Exit::Ok }
}

/// What `--help` or `--version` shows.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub(crate) struct HelpLine {
    /// As on a screen.
    text: String,
}

/// A mistake on the command line in one sentence: the first paragraph of what clap says, and its tip.
fn mistake(error: &clap::Error, text: &str) -> Error {
    use clap::error::ErrorKind::{DisplayHelpOnMissingArgumentOrSubcommand, MissingSubcommand};
    const HELP: &str = "`--help` shows what can be given";
    if matches!(error.kind(), DisplayHelpOnMissingArgumentOrSubcommand | MissingSubcommand) {
        return Error::new(Class::User, "no verb is given").hint(HELP);
    }
    let first: Vec<&str> = text.lines().take_while(|l| !l.is_empty()).map(str::trim).collect();
    let tip = text.lines().find_map(|l| l.trim().strip_prefix("tip: "));
    Error::new(Class::User, first.join(" ").trim_start_matches("error: ")).hint(tip.unwrap_or(HELP))
}

/// Detail of our own crates only: what others log at these levels has not been checked for secrets.
fn log(env: &Env, global: &Global) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    let named = env.get("LOG_LEVEL").and_then(|word| word.parse::<LevelFilter>().ok());
    let level = if global.verbose { Some(LevelFilter::DEBUG) } else { named };
    let Some(level) = level.filter(|l| *l > LevelFilter::WARN) else { return };
    let ansi = std::io::stderr().is_terminal() && !env.has("NO_COLOR");
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(ansi).without_time();
    let _ = tracing_subscriber::registry().with(Targets::new().with_target("mops", level)).with(lines).try_init();
}

impl App {
    /// Runs the part of a verb that waits for services, with Ctrl-C and SIGTERM turning the switch.
    pub(crate) fn wait_for<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        signals::watch(&self.cancel, &self.printer);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
            Failure::could_not_run(Error::new(Class::Bug, "the runtime does not start").caused_by(error))
        })?;
        let outcome = runtime.block_on(work);
        // Tasks that still wait for an answer are dropped, not waited for.
        runtime.shutdown_background();
        outcome
    }

    /// Reads a file that messages may quote from.
    pub(crate) fn read_source(&self, path: &std::path::Path) -> Result<String, Failure> {
        const LIMIT: usize = 1 << 20;
        let name = path.display().to_string();
        let bytes = mops_host::fsx::read(path).map_err(|error| {
            let hint = match error.kind() {
                std::io::ErrorKind::NotFound => "give the path of a stack file, or write one with `mops infra init`",
                _ => "check the path and its permissions",
            };
            Error::new(Class::User, format!("`{name}` cannot be read: {}", reason(&error))).hint(hint).caused_by(error)
        })?;
        if bytes.len() > LIMIT {
            return Err(Failure::usage(format!("`{name}` is larger than 1 MiB"), "a stack file is a few kilobytes"));
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| Failure::usage(format!("`{name}` is not UTF-8 text"), "save the file as UTF-8"))?;
        self.sources.borrow_mut().add(&name, &text);
        Ok(text)
    }
}
