//! How `az` is started: like every other child, with a clean environment, a time limit and a limit on its output
//! (`tests`). The secrets of this process's environment are none of its business.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Output};
use std::time::Duration;

use async_trait::async_trait;
use azure_identity::Executor;
use mops_host::Env;
use mops_host::proc::Command;

/// What `az` needs to find itself, its session and the network.
const NEEDED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "AZURE_CONFIG_DIR",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
];
/// `az` starts slowly, and may renew its session.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Starts `az` for the Azure SDK.
pub(super) struct Shell {
    env: Vec<(String, String)>,
}

impl fmt::Debug for Shell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.env.iter().map(|(name, _)| name)).finish()
    }
}

impl Shell {
    pub(super) fn new(env: &Env) -> Self {
        Self { env: env.only(NEEDED) }
    }
}

#[async_trait]
impl Executor for Shell {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let text = |word: &OsStr| word.to_string_lossy().into_owned();
        let command = Command {
            program: text(program),
            args: args.iter().map(|word| text(word)).collect(),
            env: self.env.clone(),
            stdin: None,
            timeout: TIMEOUT,
            max_output: 1 << 20,
        };
        let output = command.run().await.map_err(io::Error::other)?;
        let status = output.code.map_or(9, |code| code << 8);
        let stderr = if output.success() { output.stderr } else { told(output.stderr, output.code) };
        Ok(Output { status: ExitStatus::from_raw(status), stdout: output.stdout, stderr })
    }
}

/// What a failed `az` said; when that is nothing, how it ended.
fn told(stderr: Vec<u8>, code: Option<i32>) -> Vec<u8> {
    if !stderr.trim_ascii().is_empty() {
        return stderr;
    }
    let how = code.map_or_else(|| "was ended by a signal".to_owned(), |code| format!("ended with exit code {code}"));
    format!("`az` {how} and said nothing").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_child_gets_what_it_needs_and_no_secret() {
        let env = Env::of([("PATH", "/usr/bin:/bin"), ("AZURE_CLIENT_SECRET", "canary"), ("AZURE_CONFIG_DIR", "/a")]);
        let shell = Shell::new(&env);
        let words = ["-c", "env; exit 3"].map(OsStr::new);
        let output = shell.run(OsStr::new("/bin/sh"), &words).await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert!(said.contains("AZURE_CONFIG_DIR=/a") && !said.contains("canary"), "{said}");
        assert!(!format!("{shell:?}").contains("/a"));
    }

    #[tokio::test]
    async fn a_child_that_fails_without_a_word_is_spoken_for() {
        let shell = Shell::new(&Env::of([("PATH", "/usr/bin:/bin")]));
        for (script, said) in [
            ("exit 1", "`az` ended with exit code 1 and said nothing"),
            ("kill -9 $$", "`az` was ended by a signal and said nothing"),
            ("echo please log in >&2; exit 1", "please log in\n"),
        ] {
            let output = shell.run(OsStr::new("/bin/sh"), &["-c", script].map(OsStr::new)).await.unwrap();
            assert_eq!(String::from_utf8(output.stderr).unwrap(), said);
        }
    }
}
