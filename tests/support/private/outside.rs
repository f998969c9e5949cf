//! The world seen from outside: namespaces around it, and somebody who sweeps behind it.
//!
//! The process that the user started holds the world: the world dies with it, however it ends, because the kernel kills
//! `unshare` with its parent and the world with `unshare`. The sweeper has a session of its own, so that what kills the
//! others as a group does not reach it; it begins when the holder is gone.

use std::ffi::OsString;
use std::io;
use std::process::{Child, Command, Stdio};

use rustix::process::getpid;

/// Runs the words in a new world, on the caller's terminal; the exit code.
///
/// # Errors
/// When the caller lacks a program, or something is left.
pub fn hold(words: &[String]) -> io::Result<u8> {
    let own = std::env::current_exe()?;
    let world = format!("mops-{}", getpid().as_raw_nonzero());
    let of_own = |verb: &str| vec![own.clone().into_os_string(), verb.into(), world.clone().into()];
    let mut sweeper = start("setsid", of_own("sweep"), Stdio::piped())?;
    let mut inside = of_own("init");
    inside.extend(words.iter().map(OsString::from));
    // Who is not root is so in namespaces of his own, where the kernel lets him.
    let as_root = (!rustix::process::geteuid().is_root()).then_some("--map-root-user");
    let spaces = ["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--"];
    let around =
        ["--pdeathsig", "KILL", "unshare"].into_iter().chain(as_root).chain(spaces).map(OsString::from).chain(inside);
    let status = start("setpriv", around.collect(), Stdio::inherit())?.wait();
    drop(sweeper.stdin.take());
    let swept = sweeper.wait()?;
    if !swept.success() {
        return Err(io::Error::other(format!("something of the world {world} is left ({swept})")));
    }
    Ok(status?.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

#[expect(clippy::disallowed_methods, reason = "children on the caller's terminal, which `proc` does not offer")]
fn start(program: &str, args: Vec<OsString>, stdin: Stdio) -> io::Result<Child> {
    let child = Command::new(program).args(args).stdin(stdin).spawn();
    child.map_err(|e| io::Error::other(format!("`{program}` cannot be run: {e}")))
}
