//! The file of tokens on this machine: read, never executed, and refused where git would carry it away
//! (`tests/tokens_sync.rs`, K-02, K-14).

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mops_core::{Class, Error};
use mops_host::fsx::{self, reason};
use mops_host::proc::Command;
use mops_tokens::envfile::{self, Variables};
use mops_tokens::names::WANDB;
use mops_tokens::written::{is_placeholder, is_wandb_key};

use crate::app::App;
use crate::exit::{Exit, Failure};

/// Where tokens are, where nothing else is said.
pub(crate) const FILE: &str = ".env";
/// More than any file of tokens.
const LIMIT: usize = 64 * 1024;

/// The variables of the file, with what is wrong with its place told; `tracked` is whether git may know it, and nothing
/// where that is not asked.
pub(crate) fn read(app: &App, given: Option<&Path>, tracked: Option<bool>) -> Result<Variables, Failure> {
    let path = given.map_or_else(|| PathBuf::from(FILE), |given| app.env.path(&given.display().to_string()));
    let name = path.display().to_string();
    let text = fsx::read_text(&path).map_err(|error| missing(&name, &error))?;
    if text.len() > LIMIT {
        return Err(Failure::usage(format!("`{name}` is larger than 64 KiB"), "a file of tokens has a few lines"));
    }
    if tracked == Some(false) {
        untracked(app, &path, &name)?;
    }
    let mode = std::fs::metadata(&path).map(|found| found.permissions().mode() & 0o777).unwrap_or_default();
    if mode & 0o077 != 0 {
        app.printer.note(&format!("others on this machine can read `{name}` (mode {mode:03o}): `chmod 600 {name}`"));
    }
    let (variables, twice) = envfile::parse(&text).map_err(|wrong| {
        Failure::usage(format!("`{name}`: {wrong}"), "lines are NAME=VALUE, with quotes round blanks")
    })?;
    twice.iter().for_each(|twice| app.printer.note(&format!("`{name}` has {twice} twice; the last one counts")));
    for (sample, _) in variables.iter().filter(|(_, value)| is_placeholder(value.expose())) {
        app.printer.note(&format!("{sample} in `{name}` is a sample, not a token"));
    }
    if variables.iter().any(|(name, value)| name == WANDB && !is_wandb_key(value.expose())) {
        app.printer.note(&format!("{WANDB} in `{name}` has not the form of a key: 40 hex digits, or `wandb_v1_…`"));
    }
    Ok(variables)
}

fn missing(name: &str, error: &std::io::Error) -> Failure {
    let text = format!("`{name}` cannot be read: {}", reason(error));
    let hint = match error.kind() {
        std::io::ErrorKind::NotFound => "copy the example and put the tokens in: `cp .env.example .env`",
        std::io::ErrorKind::InvalidData => "save it as UTF-8 text",
        _ => "check the path and its permissions",
    };
    Failure::Error(Exit::Failed, Box::new(Error::new(Class::User, text).hint(hint)))
}

/// Refuses a file that is in git's list, or whose state git does not tell.
fn untracked(app: &App, path: &Path, name: &str) -> Result<(), Failure> {
    let folder =
        path.parent().filter(|f| !f.as_os_str().is_empty()).map_or_else(|| Path::new(".").into(), PathBuf::from);
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let command = Command {
        program: "git".into(),
        args: ["-C", &folder.display().to_string(), "ls-files", "--error-unmatch", "--", &file]
            .map(str::to_owned)
            .to_vec(),
        env: [app.env.only(&["PATH", "HOME"]), vec![("LC_ALL".into(), "C".into())]].concat(),
        stdin: None,
        timeout: Duration::from_secs(10),
        max_output: LIMIT,
    };
    let output = app.wait_for(async { Ok(command.run().await) })?;
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            app.printer.note(&format!("whether git tracks `{name}` could not be asked: {error}"));
            return Ok(());
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if output.success() {
        let text = format!("`{name}` is tracked by git: with the next push others have its tokens");
        let hint = format!("`git rm --cached {name}`, and put it into .gitignore; what was pushed has to be made anew");
        return Err(Failure::usage(text, format!("{hint}. `--allow-tracked` sends it all the same")));
    }
    if !said.contains("did not match") && !said.contains("not a git repository") {
        app.printer.note(&format!("whether git tracks `{name}` could not be asked: git refused this folder"));
    }
    Ok(())
}
