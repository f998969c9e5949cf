//! `mops env exec`: a command or a shell in the container of this folder. Its words arrive as they were given, its exit code
//! is that of the verb, and it has a terminal exactly when both ends are one (`tests/env_exec.rs`, L-18).

use std::io::{IsTerminal as _, Read as _};

use mops_containers::engine::{Attached, Command};
use mops_containers::stream::{Frames, Stream};
use mops_containers::{EngineError, Trouble};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use crate::app::App;
use crate::args::EnvExecArgs;
use crate::containers::{Site, failed, given, unless_canceled};
use crate::exit::{Exit, Failure, Outcome};
use crate::key;

/// What a program in a container has written.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OutputLine {
    /// `out` or `err`.
    stream: &'static str,
    /// A piece of it, not always a whole line; bytes that are no text are replaced.
    text: String,
}

/// A command in a container has ended.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EndedLine {
    /// Its exit code, which is that of the verb.
    code: u8,
}

/// Takes the shell that the image has.
const SHELL: &str = "if command -v bash >/dev/null 2>&1; then exec bash \"$@\"; else exec sh \"$@\"; fi";
/// What a shell says of a program that is not there, and of one that may not be run.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;

pub(crate) fn run(app: &App, args: &EnvExecArgs) -> Outcome {
    key::none_of(args.env.iter().map(String::as_str))?;
    let env = given(app, &args.env)?.into_iter().map(|(name, value)| format!("{name}={}", value.expose())).collect();
    let terminal = !app.global.json && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let command = Command {
        argv: argv(args),
        user: args.user.clone(),
        workdir: args.workdir.clone(),
        env,
        terminal,
        input: true,
    };
    app.wait_for(async {
        let site = Site::find(app, &args.name).await?;
        site.running().await?;
        let running = Running { app, site: &site, terminal };
        let code = unless_canceled(app, running.to_its_end(&command)).await?;
        app.printer.event(&EndedLine { code });
        Ok(Exit::Of(code))
    })
}

fn argv(args: &EnvExecArgs) -> Vec<String> {
    let shell = |more: &[&str]| ["sh", "-c", SHELL, "sh"].iter().chain(more).map(|word| (*word).to_owned()).collect();
    match &args.command {
        Some(line) => shell(&["-c", line]),
        None if args.argv.is_empty() => shell(&[]),
        None => args.argv.clone(),
    }
}

/// One way for what an exec shows.
pub(super) fn pass(app: &App, stream: Stream, bytes: &[u8]) {
    if !app.global.json {
        let _ = app.printer.pass(stream, bytes);
        return;
    }
    let stream = if stream == Stream::Out { "out" } else { "err" };
    app.printer.object(&OutputLine { stream, text: String::from_utf8_lossy(bytes).into_owned() });
}

struct Running<'a> {
    app: &'a App,
    site: &'a Site,
    terminal: bool,
}

impl Running<'_> {
    async fn to_its_end(&self, command: &Command) -> Result<u8, Failure> {
        let wrong = |error: &EngineError| failed(error, &self.site.name);
        let exec = self.site.engine.exec(&self.site.name, command).await.map_err(|error| wrong(&error))?;
        let _raw = self.terminal.then(Raw::new);
        let attached = match self.site.engine.attach(&exec, self.terminal).await {
            Err(error) if error.trouble() == Trouble::Runtime => return Ok(self.not_started(&error)),
            attached => attached.map_err(|error| wrong(&error))?,
        };
        let (read, write) = tokio::io::split(attached);
        tokio::spawn(typed(write));
        tokio::select! {
            done = self.shown(read) => done.map_err(|error| wrong(&error))?,
            () = self.sized(&exec), if self.terminal => {}
        }
        let code = self.site.code(&exec).await.map_err(|error| wrong(&error))?;
        Ok(u8::try_from(code & 0xff).unwrap_or(u8::MAX))
    }

    /// As a shell would say it.
    fn not_started(&self, error: &EngineError) -> u8 {
        self.app.printer.say(&format!("error: {error}"));
        if error.to_string().contains("permission denied") { NOT_RUN } else { NOT_FOUND }
    }

    /// Everything that it writes, until it ends.
    async fn shown(&self, mut read: ReadHalf<Attached>) -> Result<(), EngineError> {
        let (mut frames, mut buffer) = (Frames::default(), vec![0_u8; 32 << 10]);
        loop {
            let count = read.read(&mut buffer).await.map_err(|error| self.site.broke_off(&error))?;
            match count {
                0 => return Ok(()),
                _ if self.terminal => pass(self.app, Stream::Out, &buffer[..count]),
                _ => {
                    frames.push(&buffer[..count]).into_iter().for_each(|(stream, bytes)| pass(self.app, stream, &bytes))
                }
            }
        }
    }

    /// Tells it the size of the window, at once and whenever that changes; never ends.
    async fn sized(&self, exec: &str) {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut changes) = signal(SignalKind::window_change()) else { return std::future::pending().await };
        loop {
            if let Ok(size) = tcgetwinsize(std::io::stdout()) {
                // A window of another size is a blemish and no reason to end.
                let _ = self.site.engine.resize(exec, size.ws_col, size.ws_row).await;
            }
            if changes.recv().await.is_none() {
                return std::future::pending().await;
            }
        }
    }
}

/// Passes standard input on. It is read on a thread of its own, which nobody waits for.
async fn typed(mut write: WriteHalf<Attached>) {
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(4);
    std::thread::spawn(move || {
        let (mut stdin, mut buffer) = (std::io::stdin().lock(), vec![0_u8; 16 << 10]);
        while let Ok(count @ 1..) = stdin.read(&mut buffer) {
            if sender.blocking_send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    while let Some(bytes) = receiver.recv().await {
        if write.write_all(&bytes).await.and(write.flush().await).is_err() {
            return;
        }
    }
    // The end of the input; what it still writes is read on.
    let _ = write.shutdown().await;
}

/// Every key goes to the container, Ctrl-C too; the terminal is as it was when this is dropped.
struct Raw(Option<Termios>);

impl Raw {
    fn new() -> Self {
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(mut raw) = before.clone() {
            raw.make_raw();
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, &raw);
        }
        Self(before)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::EnvNameArgs;

    fn of(command: Option<&str>, argv: &[&str]) -> Vec<String> {
        super::argv(&EnvExecArgs {
            command: command.map(str::to_owned),
            user: None,
            workdir: None,
            env: Vec::new(),
            name: EnvNameArgs { name: None },
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        })
    }

    #[test]
    fn words_arrive_as_they_were_given() {
        assert_eq!(of(None, &["a b", "|", "$X", ""]), ["a b", "|", "$X", ""]);
        assert_eq!(of(Some("ls | wc -l; echo '$X'"), &[])[4..], ["-c", "ls | wc -l; echo '$X'"]);
        assert_eq!(of(None, &[]), ["sh", "-c", SHELL, "sh"]);
    }
}
