//! One command in a running container. What it says is taken as secret, and is in no error (`tests`).

use std::pin::pin;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::AttachParams;
use mops_core::Secret;
use mops_host::SharedClock;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use crate::cluster::{Cluster, Trouble};
use crate::observed::code;

/// Some servers hold back what a program says until it has ended.
const HELD_BACK: Duration = Duration::from_secs(1);
/// More than an environment can be.
const MOST: u64 = 4 << 20;

/// Where a command runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inside<'a> {
    pub(crate) pod: &'a str,
    pub(crate) container: &'a str,
}

/// What a program is told: one line, since not every server can tell it that no more comes. It is given once the program
/// has said something, since the connection to one that is not there breaks over it.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) line: &'a str,
    pub(crate) clock: &'a SharedClock,
}

/// What a command said that ended well.
pub(crate) async fn run(
    cluster: &Cluster,
    inside: Inside<'_>,
    words: &[&str],
    input: Option<Input<'_>>,
) -> Result<Secret<Vec<u8>>, Trouble> {
    let parameters = AttachParams::default().container(inside.container).stdin(input.is_some());
    let mut process = cluster.pods_api().exec(inside.pod, words.iter().copied(), &parameters).await?;
    let (status, mut stdout) = (process.take_status(), process.stdout());
    let (stdin, stderr) = (process.stdin(), process.stderr());
    let (mut said, mut errors) = (Vec::new(), Vec::new());
    {
        let talk = async {
            if let (Some(mut stdin), Some(input)) = (stdin, input)
                && asked(&mut stdout, &mut said, input.clock).await
            {
                // A program that does not listen has its own status.
                let _ = stdin.write_all(format!("{}\n", input.line).as_bytes()).await;
                let _ = stdin.shutdown().await;
            }
            all(stdout, &mut said).await;
        };
        let mut talk = pin!(futures::future::join(talk, all(stderr, &mut errors)));
        tokio::select! {
            biased;
            _ = &mut talk => {}
            // Pipes of a connection that broke do not end by themselves: what is in them is all that comes.
            _ = process.join() => {
                let _ = futures::poll!(&mut talk);
            }
        }
    }
    let status = match status {
        Some(status) => status.await,
        None => None,
    };
    judge(status.as_ref()).map(|()| Secret::new(said))
}

/// Whether the program asks for its input: by saying something, or by saying nothing for a while.
async fn asked(stdout: &mut Option<impl AsyncRead + Unpin>, said: &mut Vec<u8>, clock: &SharedClock) -> bool {
    let Some(stdout) = stdout else { return false };
    tokio::select! {
        read = stdout.read_buf(said) => read.is_ok_and(|count| count > 0),
        () = clock.sleep(HELD_BACK) => true,
    }
}

/// A pipe to its end.
async fn all(pipe: Option<impl AsyncRead + Unpin>, bytes: &mut Vec<u8>) {
    if let Some(pipe) = pipe {
        // Half an environment is found out by who reads it; the status says why it is half.
        let _ = pipe.take(MOST).read_to_end(bytes).await;
    }
}

/// What the server says of the end of a command.
fn judge(status: Option<&Status>) -> Result<(), Trouble> {
    let failed = |code, detail: &str| Err(Trouble { code, detail: detail.to_owned() });
    let Some(status) = status else {
        return failed(code::UNREACHABLE, "the connection broke before the command ended");
    };
    if status.status.as_deref() == Some("Success") {
        return Ok(());
    }
    let message = status.message.as_deref().unwrap_or_default();
    let absent = ["executable file not found", "no such file or directory"].iter().any(|words| message.contains(words));
    if absent { failed(code::NOT_INSTALLED, "no such program") } else { failed(code::PROGRAM_FAILED, last(message)) }
}

/// The server wraps the runtime's own words in several of its.
fn last(message: &str) -> &str {
    message.rsplit(": ").next().unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_command_is_told_apart() {
        let status = |status: &str, message: &str| Status {
            status: Some(status.to_owned()),
            message: Some(message.to_owned()),
            ..Status::default()
        };
        let code = |s: Option<Status>| judge(s.as_ref()).map_err(|t| (t.code, t.detail));
        let failed = |code, detail: &str| Err((code, detail.to_owned()));
        assert_eq!(code(Some(status("Success", ""))), Ok(()));
        let absent =
            "Internal error occurred: OCI runtime exec failed: exec: \"cat\": executable file not found in $PATH";
        assert_eq!(code(Some(status("Failure", absent))), failed(code::NOT_INSTALLED, "no such program"));
        let ended = "command terminated with non-zero exit code: command terminated with exit code 1";
        let want = failed(code::PROGRAM_FAILED, "command terminated with exit code 1");
        assert_eq!(code(Some(status("Failure", ended))), want);
        assert_eq!(code(None).map_err(|(code, _)| code), Err(code::UNREACHABLE));
    }
}
