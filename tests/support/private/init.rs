//! Process 1 of the world: it reaps what nobody waits for, hands signals on, and ends the world with the one process
//! that it started.

use std::io;
use std::process::Command;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use tokio::signal::unix::{SignalKind, signal};

/// Runs this program with other words as the one process that counts; its exit code, 128 and the signal for a kill.
///
/// # Errors
/// When it cannot be started.
pub async fn run(words: &[String]) -> io::Result<u8> {
    let mut children = signal(SignalKind::child())?;
    let mut asked = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let child = start(words)?;
    loop {
        tokio::select! {
            _ = children.recv() => {
                if let Some(code) = reap(child)? {
                    return Ok(code);
                }
            }
            _ = asked.recv() => hand_on(child, Signal::TERM),
            _ = interrupted.recv() => hand_on(child, Signal::INT),
            _ = hung_up.recv() => hand_on(child, Signal::HUP),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a child on the caller's terminal, which `proc` does not offer")]
fn start(words: &[String]) -> io::Result<Pid> {
    let child = Command::new(std::env::current_exe()?).args(words).spawn()?;
    Ok(Pid::from_child(&child))
}

fn hand_on(child: Pid, signal: Signal) {
    // It may have ended a moment ago; then its end is what comes next.
    let _ = kill_process(child, signal);
}

/// Reaps everything that has ended; the exit code of the one that counts, when it is among them.
fn reap(child: Pid) -> io::Result<Option<u8>> {
    let mut ended = None;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == child => {
                let code = status.exit_status().or_else(|| status.terminating_signal().map(|s| 128 + s));
                ended = Some(code.and_then(|c| u8::try_from(c).ok()).unwrap_or(1));
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(ended),
            Err(error) => return Err(error.into()),
        }
    }
}
