//! `mops slurm logs`: what a job has written, until it ends. A token that this machine has is never shown, whatever a
//! program printed (`e2e::slurm`, K-21; `tests/slurm.rs`).

use mops_containers::stream::Stream;
use mops_tokens::slurm::log::{self, Read, Told, Wanted};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::env_logs::Mask;
use super::{refusal, tokens, unless_canceled};
use crate::app::App;
use crate::args::SlurmLogsArgs;
use crate::exit::{Exit, Outcome};
use crate::login_node;

/// Longer lines are shown in parts.
const LINE: usize = 64 * 1024;

/// A piece of a job's log.
#[derive(Serialize, JsonSchema)]
pub(crate) struct JobLogLine {
    /// Its number.
    id: String,
    /// What it wrote; bytes that are no text are replaced.
    text: String,
}

pub(crate) fn run(app: &App, args: &SlurmLogsArgs) -> Outcome {
    let node = login_node::named(app, &args.host)?;
    let wanted = Wanted { job: &args.id, workdir: &node.workdir, follow: args.follow, tail: args.tail };
    let mask = Mask::over_all(tokens::values(None).into_iter().map(|(_, value)| value));
    let mut view =
        View { app, id: &args.id, follow: args.follow, file: String::new(), rest: Vec::new(), mask, unread: false };
    let read = app.wait_for(unless_canceled(app, async {
        log::read(&app.env, &node.host, &wanted, |told| view.told(told)).await.map_err(login_node::no_ssh)
    }));
    if view.unread {
        return Ok(Exit::Ok);
    }
    let Read { seen, there } = read?;
    view.flush();
    match there {
        Err(refused) => return Err(refusal(refused, &seen)),
        Ok(false) => app.printer.note(&format!("there is no `{}` yet", view.file)),
        Ok(true) => {}
    }
    login_node::notes(app, &seen);
    Ok(Exit::Ok)
}

/// What is shown of a job while it runs.
struct View<'a> {
    app: &'a App,
    id: &'a str,
    follow: bool,
    file: String,
    /// Not shown yet: a token that is cut in two would not be known.
    rest: Vec<u8>,
    mask: Mask,
    /// Whoever read it has gone.
    unread: bool,
}

impl View<'_> {
    fn told(&mut self, told: Told<'_>) {
        match told {
            Told::File(path) => path.clone_into(&mut self.file),
            Told::Guessed => self.app.printer.note(&format!(
                "SLURM has forgotten job {}; this is where a log is when a script names no other place",
                self.id
            )),
            Told::State(state, reason) => self.state(state, reason),
            Told::Bytes(bytes) => self.bytes(bytes),
        }
    }

    fn state(&mut self, state: &str, reason: &str) {
        let why = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        if self.follow || state == "PENDING" {
            let word = if state.is_empty() { "gone" } else { state };
            self.app.printer.note(&format!("job {} is {word}{why}", self.id));
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let end = self.rest.iter().rposition(|byte| matches!(byte, b'\n' | b'\r'));
        if let Some(end) = end.or_else(|| (self.rest.len() > LINE).then(|| self.rest.len() - 1)) {
            let whole: Vec<u8> = self.rest.drain(..=end).collect();
            self.show(&whole);
        }
    }

    fn flush(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            self.show(&rest);
        }
    }

    fn show(&mut self, bytes: &[u8]) {
        let bytes = self.mask.over(bytes);
        if self.app.printer.look().json {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            self.app.printer.object(&JobLogLine { id: self.id.to_owned(), text });
        } else if !self.app.printer.pass(Stream::Out, &bytes) {
            // What follows on the host has nobody to read it.
            self.unread = true;
            self.app.cancel.cancel();
        }
    }
}
