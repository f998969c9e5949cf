//! The `pulumi` command: found on PATH, asked for its version, called with our plugins in front of any other.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use mops_core::{Class, Error, Secret};
use mops_host::proc::{Command, Output, ProcError};
use mops_host::{Clock as _, SystemClock, fsx};

use super::events::{EventLog, Seen};
use crate::app::App;
use crate::exit::{Exit, Failure};

/// The first version that takes every flag given here.
const OLDEST: (u32, u32) = (3, 181);
const INSTALL: &str = "install it: `curl -fsSL https://get.pulumi.com | sh`";
/// What a deployment of ten thousand resources takes ten times over.
const MOST: usize = 256 << 20;
/// How long a run may take; each resource in it has its own limit.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// How often the log of a run is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// The command in the folder of a project, for one stack.
pub(super) struct Pulumi<'a> {
    app: &'a App,
    folder: PathBuf,
    stack: String,
    env: Vec<(String, String)>,
}

impl<'a> Pulumi<'a> {
    /// Finds it.
    ///
    /// # Errors
    /// When it is not there, or older than what is needed.
    pub(super) async fn find(app: &'a App, folder: PathBuf, stack: &str) -> Result<Self, Failure> {
        let env = environment(app)?;
        let found = Self { app, folder, stack: stack.to_owned(), env };
        let output = found.command(vec!["version".into()]).run().await.map_err(|error| found.not_run(error))?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match version(&text) {
            Some(version) if version >= OLDEST => Ok(found),
            _ => {
                let text =
                    format!("`--engine pulumi` needs pulumi {}.{} or newer, and this is `{text}`", OLDEST.0, OLDEST.1);
                Err(Failure::could_not_run(Error::new(Class::User, text).hint(INSTALL)))
            }
        }
    }

    /// Calls it and gives back what it printed.
    ///
    /// # Errors
    /// What it said when it failed.
    pub(super) async fn ask(&self, words: &[&str]) -> Result<Vec<u8>, Failure> {
        let args = words.iter().chain(&["--non-interactive"]).map(ToString::to_string).collect();
        let output = self.command(args).run().await.map_err(|error| self.not_run(error))?;
        if output.success() { Ok(output.stdout) } else { Err(self.failed(&output, None)) }
    }

    /// Calls it with something to read.
    ///
    /// # Errors
    /// What it said when it failed.
    pub(super) async fn tell(&self, words: &[&str], text: Secret<String>) -> Result<(), Failure> {
        let args = words.iter().chain(&["--non-interactive"]).map(ToString::to_string).collect();
        let command = Command { stdin: Some(text), ..self.command(args) };
        let output = command.run().await.map_err(|error| self.not_run(error))?;
        if output.success() { Ok(()) } else { Err(self.failed(&output, None)) }
    }

    /// Carries a run out and hands on what it tells while it goes on.
    ///
    /// # Errors
    /// What kept it from ending well; steps that failed were handed on before.
    pub(super) async fn run(&self, words: Vec<String>, mut seen: impl FnMut(Seen)) -> Result<(), Failure> {
        let log = self.folder.join(format!(".events-{}.json", mops_host::random::hex::<8>()));
        let mut reader = EventLog::at(&log);
        let mut last = None;
        let mut hand_on = |found: Seen| {
            if let Seen::Told { urn: None, error: true, text } = &found {
                last = Some(text.clone());
            }
            seen(found);
        };
        let own =
            ["--non-interactive", "--stack", &self.stack, "--event-log", &log.display().to_string()].map(String::from);
        let command = self.command(words.into_iter().chain(own).collect());
        let ended = {
            let mut running = pin!(command.run_until(self.app.cancel.canceled()));
            let clock = SystemClock::new();
            loop {
                tokio::select! {
                    ended = &mut running => break ended,
                    () = clock.sleep(LOOK) => reader.news().into_iter().for_each(&mut hand_on),
                }
            }
        };
        reader.news().into_iter().for_each(&mut hand_on);
        let _ = fsx::remove(&log);
        let output = ended.map_err(|error| self.not_run(error))?;
        if output.success() { Ok(()) } else { Err(self.failed(&output, last)) }
    }

    fn command(&self, args: Vec<String>) -> Command {
        let folder = ["--cwd".to_owned(), self.folder.display().to_string()];
        Command {
            program: "pulumi".into(),
            args: folder.into_iter().chain(args).collect(),
            env: self.env.clone(),
            stdin: None,
            timeout: LONGEST,
            max_output: MOST,
        }
    }

    fn not_run(&self, error: ProcError) -> Failure {
        let told = match &error {
            ProcError::NotFound { .. } => {
                Error::new(Class::User, "`--engine pulumi` needs the `pulumi` command, and PATH has none").hint(INSTALL)
            }
            _ => Error::new(Class::Transient, error.to_string()),
        };
        Failure::could_not_run(told)
    }

    /// Why a call failed: what its log told last, else the last thing that it printed.
    fn failed(&self, output: &Output, told: Option<String>) -> Failure {
        if self.app.cancel.is_canceled() {
            return Failure::Told(Exit::Interrupted);
        }
        failure(&String::from_utf8_lossy(&output.stderr), told)
    }
}

/// From what Pulumi printed to what its caller is told.
fn failure(printed: &str, told: Option<String>) -> Failure {
    let lines: Vec<&str> = printed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if printed.contains("the stack is currently locked by") {
        let holder = lines.iter().find(|line| line.contains("created by")).map(|line| (*line).to_owned());
        let error = Error::new(Class::Conflict, "another run of Pulumi's holds the stack")
            .hint("wait for it; after a run that died, `pulumi cancel` removes the lock");
        let error = holder.into_iter().fold(error, Error::note);
        return Failure::Error(Exit::Locked, Box::new(error));
    }
    if printed.contains("passphrase must be set") || printed.contains("incorrect passphrase") {
        let text = "Pulumi cannot open the secrets of the stack: the passphrase is missing or wrong";
        return Failure::usage(text, "set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE");
    }
    if printed.contains("PULUMI_ACCESS_TOKEN must be set") {
        return Failure::usage("Pulumi is signed in to no backend", "run `pulumi login`, or set PULUMI_BACKEND_URL");
    }
    let said = lines.iter().rev().find_map(|line| line.strip_prefix("error: "));
    let text = told.or_else(|| said.map(str::to_owned)).or_else(|| lines.last().map(|line| (*line).to_owned()));
    let text = text.unwrap_or_else(|| "it said nothing".to_owned());
    Failure::Error(Exit::Failed, Box::new(Error::new(Class::Conflict, format!("pulumi: {text}"))))
}

/// `v3.259.0` → (3, 259).
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The user's own environment, with the folder of our plugins in front.
fn environment(app: &App) -> Result<Vec<(String, String)>, Failure> {
    let beside = plugins()?;
    let path = app.env.get("PATH").unwrap_or_default();
    let here = std::env::current_dir().map(|folder| folder.display().to_string()).unwrap_or_default();
    let mut env: Vec<_> = app.env.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut set = |name: &str, value: String| {
        env.retain(|(known, _)| known != name);
        env.push((name.to_owned(), value));
    };
    set("PATH", format!("{}:{path}", beside.display()));
    set("MOPS_FOLDER", here);
    if let Some(cloud) = &app.global.cloud {
        set("MOPS_CLOUD", std::path::absolute(cloud).unwrap_or_else(|_| cloud.clone()).display().to_string());
    }
    // Only with the second of these does `--event-log` exist.
    for name in ["PULUMI_SKIP_UPDATE_CHECK", "PULUMI_DEBUG_COMMANDS", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] {
        set(name, "true".to_owned());
    }
    set("NO_COLOR", "1".to_owned());
    Ok(env)
}

/// The folder of this program, where its two plugins are too.
pub(super) fn plugins() -> Result<PathBuf, Failure> {
    let beside =
        std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned)).unwrap_or_default();
    for plugin in ["pulumi-language-modelops", "pulumi-resource-modelops"] {
        if !beside.join(plugin).is_file() {
            let text = format!("`{plugin}` is not beside `mops`, in `{}`", beside.display());
            let error = Error::new(Class::User, text).hint("unpack it there; it comes in the same archive");
            return Err(Failure::could_not_run(error));
        }
    }
    Ok(beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pulumi_prints_becomes_an_exit_code_and_a_sentence() {
        let locked = "error: the stack is currently locked by 1 lock(s). Either wait\n  file:///x.json: created by a@b (pid 7) at 2026\n";
        let rows = [
            (locked, None, 4, "another run of Pulumi's holds the stack"),
            (
                "error: constructing secrets manager: passphrase must be set with X\n",
                None,
                2,
                "the passphrase is missing",
            ),
            ("error: PULUMI_ACCESS_TOKEN must be set for login\n", None, 2, "signed in to no backend"),
            ("error: no such thing\n", None, 1, "pulumi: no such thing"),
            ("error: update failed\n", Some("quota"), 1, "pulumi: quota"),
            ("", None, 1, "pulumi: it said nothing"),
        ];
        for (printed, told, code, part) in rows {
            let Failure::Error(exit, error) = failure(printed, told.map(str::to_owned)) else { panic!("{printed}") };
            assert!(exit.code() == code && error.summary().contains(part), "{printed}: {exit:?} {error}");
            assert!(code != 4 || error.notes().iter().any(|note| note.contains("a@b (pid 7)")), "{:?}", error.notes());
        }
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(version("v3.259.0").is_some_and(|found| found >= OLDEST));
        assert!(version("v3.99.0").is_some_and(|found| found < OLDEST) && version("dev").is_none());
    }
}
