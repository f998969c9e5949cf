//! A folder of one test, with a home of its own and the environment of the programs that it runs there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mops_host::proc::{Command, Output};
use mops_host::{Env, fsx};

/// The folder of the built programs.
///
/// # Panics
/// When MOPS_BIN_DIR does not name it.
#[must_use]
pub fn bin_dir() -> PathBuf {
    let env = Env::process();
    PathBuf::from(env.get("MOPS_BIN_DIR").expect("MOPS_BIN_DIR is not set: run `make test`"))
}

/// A folder for one test, with the environment of its commands.
pub struct Place {
    folder: tempfile::TempDir,
    /// The whole environment of its commands.
    pub env: Vec<(String, String)>,
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Place {
    /// An empty folder, with no way out of the machine.
    ///
    /// # Panics
    /// When no folder can be made or MOPS_BIN_DIR is not set.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("home").display().to_string();
        let path = format!("{}:/usr/bin:/bin", bin_dir().display());
        let pairs = [
            ("HOME", home.as_str()),
            ("USER", "tester"),
            ("PATH", path.as_str()),
            ("HTTPS_PROXY", "http://127.0.0.1:1"),
            ("NO_PROXY", "127.0.0.1,localhost"),
            // No engine of this machine is ever touched; a test that needs one names its own.
            ("DOCKER_HOST", "unix:///nowhere/engine.sock"),
        ];
        let env = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Self { folder, env }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file in it.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        path.parent().into_iter().for_each(|folder| fsx::create_dir_all(folder).expect("a folder"));
        fsx::replace(&path, text.as_bytes()).expect("a file");
    }

    /// The value of a variable for all later commands.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env.retain(|(n, _)| n != name);
        self.env.push((name.to_owned(), value.into()));
    }

    /// Runs a program of ours in this folder, with nothing on its standard input.
    pub async fn run(&self, words: &[&str]) -> Output {
        self.run_with(Input::Null, &[], words).await
    }

    /// The same with another standard input.
    pub async fn run_on(&self, input: Input, words: &[&str]) -> Output {
        self.run_with(input, &[], words).await
    }

    /// The same with more variables.
    ///
    /// # Panics
    /// When the program is not there or does not end in two minutes.
    pub async fn run_with(&self, input: Input, set: &[(String, String)], words: &[&str]) -> Output {
        let enter = format!("cd \"$1\" && shift && {}", input.redirection());
        let mut args = vec!["-c".to_owned(), enter, "sh".to_owned(), self.path().display().to_string()];
        args.extend(words.iter().map(|w| (*w).to_owned()));
        let command = Command {
            program: "/bin/sh".into(),
            args,
            env: self.env.iter().chain(set).cloned().collect(),
            stdin: None,
            timeout: Duration::from_secs(120),
            max_output: 4 << 20,
        };
        command.run().await.unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }
}

/// Standard input of a command to whom nobody speaks.
#[derive(Clone, Copy, Debug)]
pub enum Input {
    /// It ends at once.
    Null,
    /// It is not open at all.
    Closed,
    /// It is open for ever, and nothing comes.
    Silent,
}

impl Input {
    /// For `sh`: starts the command.
    const fn redirection(self) -> &'static str {
        match self {
            Self::Null => "exec \"$@\" </dev/null",
            Self::Closed => "exec \"$@\" <&-",
            // A pipe that its reader could write to has no end.
            Self::Silent => "{ [ -p .silent ] || mkfifo .silent; } && exec \"$@\" <>.silent",
        }
    }
}
