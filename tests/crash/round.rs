//! One stack under test: its home, and its service as a folder or at an address.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use mops_host::{SystemClock, fsx};
use mops_tests::null::Null;
use mops_tests::remote::Remote;

use super::audit::{Audit, Book};

/// See the module.
pub(crate) struct Round {
    pub(crate) home: PathBuf,
    pub(crate) service: PathBuf,
    /// Where the service is, when it is a process.
    server: Option<SocketAddr>,
    /// The passphrase of its runs; else one that is made.
    phrase: Option<&'static str>,
    _folder: tempfile::TempDir,
}

impl Round {
    /// A service in a folder.
    pub(crate) fn new() -> Self {
        Self::with_phrase(Some("crash"))
    }

    /// The same with this passphrase, or with one that is made.
    pub(crate) fn with_phrase(phrase: Option<&'static str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (home, service) = (folder.path().join("home"), folder.path().join("service"));
        fsx::create_dir_all(&home).unwrap();
        fsx::create_dir_all(&service).unwrap();
        Self { home, service, server: None, phrase, _folder: folder }
    }

    /// A service at an address.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { server: Some(address), ..Self::new() }
    }

    /// With its home elsewhere.
    pub(crate) fn with_home(home: &Path) -> Self {
        Self { home: home.to_owned(), ..Self::new() }
    }

    /// The same state and service once more.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::with_phrase(self.phrase);
        copy_folder(&self.home, &copy.home);
        copy_folder(&self.service, &copy.service);
        copy
    }

    #[expect(clippy::disallowed_methods, reason = "the child is killed at a chosen moment")]
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mops-bench"));
        command.args(&words[..1]).arg("--dir").arg(&self.home);
        match self.server {
            Some(address) => command.arg("--server").arg(address.to_string()),
            None => command.arg("--service").arg(&self.service),
        };
        command.args(&words[1..]).env_remove("MOPS_FAILPOINT").env_remove("PULUMI_CONFIG_PASSPHRASE");
        command.envs(self.phrase.map(|phrase| ("PULUMI_CONFIG_PASSPHRASE", phrase)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    pub(crate) fn start(&self, words: &[&str]) -> Child {
        self.command(words).spawn().unwrap()
    }

    /// A run that must end well; the line that it prints.
    pub(crate) fn finish(&self, words: &[&str]) -> serde_json::Value {
        let done = self.run(words);
        assert!(done.status.success(), "{words:?}: {:?} {}", done.status, said(&done));
        serde_json::from_slice(&done.stdout).unwrap()
    }

    /// A run that is told where to die, fail or stall; whether it came there, and how it ended. A stalled one is killed
    /// as soon as it has said that it stalls.
    pub(crate) fn struck(&self, words: &[&str], failpoint: &str) -> (bool, ExitStatus) {
        let mut child = self.command(words).env("MOPS_FAILPOINT", failpoint).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let mut reached = false;
        while !reached && lines.read_line(&mut line).unwrap() > 0 {
            reached = line.starts_with("failpoint ");
            line.clear();
        }
        if reached && failpoint.ends_with(":sleep") {
            child.kill().unwrap();
        }
        let _ = lines.read_to_string(&mut line);
        (reached, child.wait().unwrap())
    }

    /// What exists.
    pub(crate) fn book(&self) -> Book {
        match self.server {
            Some(address) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(Remote::new(address).book()).unwrap()
            }
            None => {
                let null = Null::in_folder(SystemClock::shared(), &self.service);
                null.things().into_iter().map(|(name, t)| (name, t.mark.map(|m| m.1))).collect()
            }
        }
    }

    /// One more run must finish the work, and another one find nothing to do; `n` things are declared.
    pub(crate) fn converges(&self, words: &[&str], n: usize) -> Audit {
        let mut audit = Audit::default();
        let next = self.run(words);
        if !audit.ended(next.status.code(), &said(&next)) {
            return audit;
        }
        audit.compare(&self.home, &self.book(), n);
        let last = self.run(words);
        let line: serde_json::Value = serde_json::from_slice(&last.stdout).unwrap_or_default();
        if line["written"].as_u64() != Some(0) {
            audit.unsettled += 1;
            audit.tell(format!("the run after it ended with {:?} and wrote: {line} {}", last.status, said(&last)));
        }
        audit
    }
}

/// What a program said on standard error.
pub(crate) fn said(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fsx::create_dir_all(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
