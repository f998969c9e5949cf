//! A program that runs as long as the world does: its output goes to a log, and its end is noticed by whoever waits for
//! it. Few are asked to stop; the world's end is what stops the others.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use mops_host::clock::{Clock as _, SystemClock};
use mops_host::{Env, fsx};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;

use super::run::SYSTEM;

/// How often a part is asked whether it is ready.
const PACE: Duration = Duration::from_millis(50);
/// The longest that a part may take; the slowest takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running program.
#[derive(Debug)]
pub struct Part {
    name: String,
    log: PathBuf,
    child: Child,
}

impl Part {
    /// Starts `program`; `folder` gets its log, `NAME.log`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn start(folder: &Path, name: &str, program: &Path, args: &[String]) -> io::Result<Self> {
        Self::start_with(folder, name, program, args, &[])
    }

    /// The same with variables besides the path.
    ///
    /// # Errors
    /// When it is not there.
    pub fn start_with(
        folder: &Path,
        name: &str,
        program: &Path,
        args: &[String],
        variables: &[(&str, String)],
    ) -> io::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let (out, err) = (fsx::append(&log)?, fsx::append(&log)?);
        let path = Env::process().get("PATH").map_or(SYSTEM.to_owned(), |path| format!("{SYSTEM}:{path}"));
        #[expect(clippy::disallowed_methods, reason = "a child that outlives its caller, which `proc` does not offer")]
        let mut command = std::process::Command::new(program);
        command.args(args).env_clear().env("PATH", path).envs(variables.iter().map(|(n, v)| (n, v)));
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        let child = child.map_err(|e| io::Error::other(format!("`{}` cannot be run: {e}", program.display())))?;
        Ok(Self { name: name.to_owned(), log, child })
    }

    /// The id of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` says so.
    ///
    /// # Errors
    /// When the program ends first or takes too long, with the end of its log.
    pub async fn until(&mut self, ready: impl AsyncFn() -> bool) -> io::Result<()> {
        let clock = SystemClock::new();
        while !ready().await {
            self.wait(&clock).await?;
        }
        Ok(())
    }

    /// Waits until it takes connections there.
    ///
    /// # Errors
    /// See [`Self::until`].
    pub async fn until_it_listens(&mut self, end: SocketAddr) -> io::Result<()> {
        let clock = SystemClock::new();
        while TcpStream::connect(end).await.is_err() {
            self.wait(&clock).await?;
        }
        Ok(())
    }

    /// A moment, unless there is nothing to wait for any more.
    async fn wait(&mut self, clock: &SystemClock) -> io::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            return Err(self.failed(&format!("ended ({status})")));
        }
        if clock.monotonic() > PATIENCE {
            return Err(self.failed("did not get ready"));
        }
        clock.sleep(PACE).await;
        Ok(())
    }

    /// Asks it to end, as a terminal would, and waits until it has: what it holds is on disk then.
    ///
    /// # Errors
    /// When it does not.
    pub async fn stop(mut self) -> io::Result<()> {
        let clock = SystemClock::new();
        kill_process(Pid::from_child(&self.child), Signal::INT)?;
        while self.child.try_wait()?.is_none() {
            if clock.monotonic() > PATIENCE {
                return Err(self.failed("does not end"));
            }
            clock.sleep(PACE).await;
        }
        Ok(())
    }

    fn failed(&self, how: &str) -> io::Error {
        let text = fsx::read_text(&self.log).unwrap_or_default();
        let last: Vec<&str> = text.lines().rev().take(20).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        io::Error::other(format!("{} {how}; its last words:\n{}", self.name, last.join("\n")))
    }
}
