//! The only process spawner.
//!
//! Guarantees four things: the program is never found through the current folder, its environment
//! is exactly what was given, secrets go to standard input only, and nothing of it outlives its
//! time limit or its caller (`tests` below, R17).

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use mops_core::Secret;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdout};

/// What to run.
#[derive(Clone, Debug)]
pub struct Command {
    /// Absolute path, or a bare name that is looked up in the `PATH` of [`Command::env`].
    pub program: String,
    /// Arguments; never a secret.
    pub args: Vec<String>,
    /// The whole environment of the child.
    pub env: Vec<(String, String)>,
    /// Written to its standard input, which is then closed.
    pub stdin: Option<Secret<String>>,
    /// It is killed with all its children after this.
    pub timeout: Duration,
    /// More bytes than these on one pipe end it.
    pub max_output: usize,
}

/// What came out.
#[derive(Clone)]
pub struct Output {
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output; may be secret.
    pub stdout: Vec<u8>,
    /// Standard error; may be secret.
    pub stderr: Vec<u8>,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Output(code {:?}, {} and {} bytes)", self.code, self.stdout.len(), self.stderr.len())
    }
}

impl Output {
    /// Exit code 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum ProcError {
    /// Not at the path, or in no folder of `PATH`.
    #[error("program `{program}` was not found")]
    NotFound {
        /// As given.
        program: String,
    },
    /// The system's reason.
    #[error("program `{program}` cannot be run: {source}")]
    Io {
        /// As given.
        program: String,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// It was killed.
    #[error("program `{program}` did not finish within {} s and was stopped", limit.as_secs())]
    Timeout {
        /// As given.
        program: String,
        /// The limit.
        limit: Duration,
    },
    /// It was killed.
    #[error("program `{program}` wrote more than {limit} bytes and was stopped")]
    TooMuch {
        /// As given.
        program: String,
        /// The limit.
        limit: usize,
    },
    /// It ended with an error.
    #[error("program `{program}` failed ({}): {last_line}", code.map_or("signal".to_owned(), |c| format!("exit code {c}")))]
    Failed {
        /// As given.
        program: String,
        /// Exit code; none for a signal.
        code: Option<i32>,
        /// The last line of standard error, with what we wrote to it masked.
        last_line: String,
    },
}

impl Command {
    /// Runs it to its end, whatever its exit code is.
    ///
    /// # Errors
    /// See [`ProcError`].
    pub async fn run(&self) -> Result<Output, ProcError> {
        self.ended(&mut self.spawn()?).await
    }

    /// The same for a program that ends in its own way when it is interrupted: it gets SIGINT once `stop` is over, and
    /// is waited for.
    ///
    /// # Errors
    /// See [`ProcError`].
    pub async fn run_until(&self, stop: impl Future<Output = ()>) -> Result<Output, ProcError> {
        let mut group = self.spawn()?;
        let id = group.id;
        let interrupt = async {
            stop.await;
            if let Some(id) = id {
                // It may have ended by itself a moment ago.
                let _ = kill_process(id, Signal::INT);
            }
            std::future::pending::<std::convert::Infallible>().await
        };
        tokio::select! {
            ended = self.ended(&mut group) => ended,
            never = interrupt => match never {},
        }
    }

    /// The same, with what it writes handed on as it comes; [`Output::stdout`] stays empty.
    ///
    /// # Errors
    /// See [`ProcError`].
    pub async fn stream(&self, each: impl FnMut(&[u8])) -> Result<Output, ProcError> {
        let mut group = self.spawn()?;
        self.limited(self.drive(&mut group.child, async |pipe| hand_on(pipe, each).await)).await
    }

    async fn ended(&self, group: &mut Group) -> Result<Output, ProcError> {
        self.limited(self.drive(&mut group.child, async |pipe| drain(pipe, self.max_output).await)).await
    }

    async fn limited(&self, work: impl Future<Output = io::Result<Output>>) -> Result<Output, ProcError> {
        match tokio::time::timeout(self.timeout, work).await {
            Err(_) => Err(ProcError::Timeout { program: self.program.clone(), limit: self.timeout }),
            Ok(Err(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
                Err(ProcError::TooMuch { program: self.program.clone(), limit: self.max_output })
            }
            Ok(Err(source)) => Err(ProcError::Io { program: self.program.clone(), source }),
            Ok(Ok(output)) => Ok(output),
        }
    }

    /// Runs it and takes any exit code but 0 for an error.
    ///
    /// # Errors
    /// See [`ProcError`].
    pub async fn run_checked(&self) -> Result<Output, ProcError> {
        let output = self.run().await?;
        if output.success() {
            return Ok(output);
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let mut last_line = text.lines().rfind(|l| !l.trim().is_empty()).unwrap_or("no message").trim().to_owned();
        if let Some(secret) = &self.stdin
            && !secret.expose().trim().is_empty()
        {
            last_line = last_line.replace(secret.expose().trim(), mops_core::secret::MASK);
        }
        let last_line = last_line.chars().take(300).collect();
        Err(ProcError::Failed { program: self.program.clone(), code: output.code, last_line })
    }

    #[expect(clippy::disallowed_methods, reason = "the one process spawner")]
    fn spawn(&self) -> Result<Group, ProcError> {
        let path = self.locate().ok_or_else(|| ProcError::NotFound { program: self.program.clone() })?;
        let child = tokio::process::Command::new(path)
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter().map(|(k, v)| (k, v)))
            .stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| ProcError::Io { program: self.program.clone(), source })?;
        let id = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(Group { child, id })
    }

    async fn drive(
        &self,
        child: &mut Child,
        reading: impl AsyncFnOnce(Option<ChildStdout>) -> io::Result<Vec<u8>>,
    ) -> io::Result<Output> {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let write = async {
            if let (Some(mut pipe), Some(secret)) = (stdin, &self.stdin) {
                // A program that does not want its input is judged by its exit code.
                let _ = pipe.write_all(secret.expose().as_bytes()).await;
            }
        };
        let ((), out, err) = tokio::join!(write, reading(stdout), drain(stderr, self.max_output));
        let (stdout, stderr) = (out?, err?);
        Ok(Output { code: child.wait().await?.code(), stdout, stderr })
    }

    /// Absolute paths stand for themselves; a bare name is looked up in the absolute folders of
    /// `PATH`; anything else (`./x`, `a/b`) depends on the current folder and is not looked for.
    fn locate(&self) -> Option<PathBuf> {
        let program = Path::new(&self.program);
        if program.is_absolute() {
            return is_executable(program).then(|| program.to_owned());
        }
        if self.program.contains('/') || self.program.is_empty() {
            return None;
        }
        let (_, folders) = self.env.iter().find(|(name, _)| name == "PATH")?;
        let mut candidates = std::env::split_paths(folders).filter(|f| f.is_absolute()).map(|f| f.join(program));
        candidates.find(|c| is_executable(c))
    }
}

/// Kills the whole group when dropped, that is also when the caller stops waiting.
struct Group {
    child: Child,
    id: Option<Pid>,
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // Gone already is the usual case.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

async fn drain(pipe: Option<impl AsyncRead + Unpin>, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Some(pipe) = pipe else { return Ok(bytes) };
    let allowed = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    pipe.take(allowed).read_to_end(&mut bytes).await?;
    if bytes.len() > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

async fn hand_on(pipe: Option<impl AsyncRead + Unpin>, mut each: impl FnMut(&[u8])) -> io::Result<Vec<u8>> {
    let (Some(mut pipe), mut buffer) = (pipe, vec![0; 16 * 1024]) else { return Ok(Vec::new()) };
    loop {
        match pipe.read(&mut buffer).await? {
            0 => return Ok(Vec::new()),
            got => each(&buffer[..got]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock as _, SystemClock};

    fn shell(script: &str) -> Command {
        Command {
            program: "sh".into(),
            args: vec!["-c".into(), script.into()],
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            stdin: None,
            timeout: Duration::from_secs(20),
            max_output: 1000,
        }
    }

    fn run(command: &Command) -> Result<Output, ProcError> {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(command.run_checked())
    }

    #[test]
    fn secret_goes_through_standard_input_and_is_masked_in_errors() {
        let mut command = shell("cat; test -z \"$HOME\"");
        command.stdin = Some(Secret::from("canary"));
        assert_eq!(run(&command).unwrap().stdout, b"canary");
        command.args[1] = "read x; echo \"bad $x\" >&2; exit 3".into();
        let error = run(&command).unwrap_err().to_string();
        assert_eq!(error, "program `sh` failed (exit code 3): bad [secret]");
    }

    #[test]
    fn an_interrupted_program_ends_in_its_own_way() {
        let script = "trap 'echo stopped; exit 7' INT; echo ready; while :; do sleep 0.01; done";
        // A shell does not take a signal that its caller ignores, as one in the background does.
        let args = ["--default-signal=INT", "sh", "-c", script].map(str::to_owned).to_vec();
        let command = Command { program: "env".into(), args, ..shell("") };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let after = async { SystemClock::new().sleep(Duration::from_millis(300)).await };
        let output = runtime.block_on(command.run_until(after)).unwrap();
        assert_eq!((output.code, output.stdout.as_slice()), (Some(7), b"ready\nstopped\n".as_slice()));
    }

    #[test]
    fn limits_hold() {
        let mut command = shell("sleep 30 & sleep 30");
        command.timeout = Duration::from_millis(100);
        assert!(matches!(run(&command), Err(ProcError::Timeout { .. })));
        assert!(matches!(run(&shell("yes | head -c 2000")), Err(ProcError::TooMuch { .. })));
    }

    #[test]
    fn current_folder_is_never_searched() {
        for (program, path) in [("sh", "."), ("sh", ""), ("./sh", "/bin"), ("bin/sh", "/"), ("", "/bin")] {
            let command = Command { program: program.into(), env: vec![("PATH".into(), path.into())], ..shell("true") };
            assert!(matches!(run(&command), Err(ProcError::NotFound { .. })), "{program} in {path}");
        }
    }
}
