//! A program that serves until its handle is dropped.
//!
//! It dies with its handle, and with the thread that started it, also when that thread is killed:
//! the kernel is asked for that by `setpriv`, which every Debian has.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use mops_host::Env;
use mops_host::proc::{Command, Output, ProcError};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;

/// Longest wait for the first answer, on a loaded machine.
const READY: Duration = Duration::from_secs(60);
/// Longest life: longer than any test.
const LIFE: Duration = Duration::from_secs(4 * 3600);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// Why a program does not serve.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// What it needs could not be written or made.
    #[error("it cannot be prepared: {0}")]
    Prepare(#[from] std::io::Error),
    /// It cannot be run.
    #[error(transparent)]
    Run(#[from] ProcError),
    /// It ended before it served.
    #[error("program `{program}` ended before it was ready: {last_line}")]
    Ended {
        /// Its name.
        program: String,
        /// The last line that it wrote.
        last_line: String,
    },
    /// It runs and does not answer.
    #[error("program `{program}` was not ready within {} s", READY.as_secs())]
    Silent {
        /// Its name.
        program: String,
    },
}

/// What shows that a program serves.
#[derive(Clone, Copy, Debug)]
pub enum Ready<'a> {
    /// It takes connections at a port.
    Port(SocketAddr),
    /// It takes connections at a Unix socket.
    Socket(&'a Path),
    /// It has written a file.
    File(&'a Path),
}

impl Ready<'_> {
    async fn now(&self) -> bool {
        match self {
            Self::Port(address) => TcpStream::connect(address).await.is_ok(),
            Self::Socket(path) => UnixStream::connect(path).await.is_ok(),
            Self::File(path) => path.exists(),
        }
    }
}

/// A running program.
#[derive(Debug)]
pub struct Daemon {
    task: JoinHandle<Result<Output, ProcError>>,
}

impl Daemon {
    /// Starts a program with its arguments and these variables beside `PATH`; gives it back once
    /// it serves. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// See [`DaemonError`]; the program is gone then.
    pub async fn start(
        program: &str,
        args: &[&str],
        env: &[(&str, &str)],
        ready: Ready<'_>,
    ) -> Result<Self, DaemonError> {
        let command = command(program, args, env);
        let mut daemon = Self { task: tokio::spawn(async move { command.run().await }) };
        tokio::time::timeout(READY, daemon.until(program, ready))
            .await
            .map_err(|_| DaemonError::Silent { program: program.to_owned() })??;
        Ok(daemon)
    }

    async fn until(&mut self, program: &str, ready: Ready<'_>) -> Result<(), DaemonError> {
        while !ready.now().await {
            if let Ok(ended) = tokio::time::timeout(LOOK, &mut self.task).await {
                let output = ended.map_err(std::io::Error::other)??;
                let text = String::from_utf8_lossy(&output.stderr).into_owned();
                let last_line = text.lines().last().unwrap_or("no message").to_owned();
                return Err(DaemonError::Ended { program: program.to_owned(), last_line });
            }
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn command(program: &str, args: &[&str], env: &[(&str, &str)]) -> Command {
    let path = Env::process().get("PATH").unwrap_or("/usr/sbin:/usr/bin:/sbin:/bin").to_owned();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Command {
        program: "setpriv".into(),
        args: ["--pdeathsig", "KILL", "--", program].iter().chain(args).map(|&a| a.to_owned()).collect(),
        env: std::iter::once(("PATH".to_owned(), path)).chain(env.iter().map(owned)).collect(),
        stdin: None,
        timeout: LIFE,
        max_output: 16 << 20,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_ends_early_is_named_with_its_last_line() {
        let error =
            Daemon::start("sh", &["-c", "echo no port >&2; exit 3"], &[], Ready::File(Path::new("/nowhere"))).await;
        let text = error.expect_err("it ended").to_string();
        assert_eq!(text, "program `sh` ended before it was ready: no port");
    }

    #[tokio::test]
    async fn it_is_gone_with_its_handle() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("pid");
        let script = format!("echo $$ >{}.new; mv {0}.new {0}; exec tail -f /dev/null", file.display());
        let daemon = Daemon::start("sh", &["-c", &script], &[], Ready::File(&file)).await.expect("it runs");
        let pid = std::fs::read_to_string(&file).expect("its number").trim().to_owned();
        let there = || std::path::Path::new("/proc").join(&pid).join("exe").exists();
        assert!(there());
        drop(daemon);
        let gone = async {
            while there() {
                let _ = tokio::time::timeout(LOOK, std::future::pending::<()>()).await;
            }
        };
        tokio::time::timeout(READY, gone).await.expect("it is gone");
    }
}
