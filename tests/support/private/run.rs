//! Short commands of the machine, run to their end.

use std::io;
use std::time::Duration;

use mops_host::Env;
use mops_host::proc::Command;

use super::scratch;

/// Where the machine's own programs are, whatever the user's path holds.
pub const SYSTEM: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a program of the machine with the words of one line; its standard output.
///
/// # Errors
/// When it is not there or fails, with its last line.
pub async fn run(line: &str) -> io::Result<String> {
    run_words(&line.split_whitespace().collect::<Vec<_>>()).await
}

/// The same with words that may be empty or have blanks.
///
/// # Errors
/// When it is not there or fails, with its last line.
pub async fn run_words(words: &[&str]) -> io::Result<String> {
    let (program, args) = words.split_first().ok_or_else(|| io::Error::other("no program is named"))?;
    let path = Env::process().get("PATH").map_or(SYSTEM.to_owned(), |path| format!("{SYSTEM}:{path}"));
    let command = Command {
        program: (*program).to_owned(),
        args: args.iter().map(|&word| word.to_owned()).collect(),
        // What keeps a cache, keeps it in the world.
        env: vec![("PATH".into(), path), ("HOME".into(), scratch::folder().display().to_string())],
        stdin: None,
        timeout: Duration::from_secs(60),
        max_output: 16 << 20,
    };
    let output = command.run_checked().await.map_err(|e| io::Error::other(format!("`{}`: {e}", words.join(" "))))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
