//! Asks for the name of what is to be destroyed. Never waits for an answer that cannot come: without a terminal on
//! standard input it says which flag gives it (`tests/cli.rs`).

use std::io::{BufRead, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mops_core::{Cancel, Class, Error, Secret};
use mops_engine::plan::{Op, Plan};
use mops_engine::run::Approve;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::app::App;
use crate::exit::{Exit, Failure};
use crate::printer::Printer;

/// What is to be confirmed.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// What has to be typed.
    pub(crate) name: String,
    /// `--yes` was given.
    pub(crate) yes: bool,
}

/// Asks once, and remembers why the answer was no.
#[derive(Clone)]
pub(crate) struct Asker {
    printer: Printer,
    cancel: Cancel,
    question: Question,
    refused: Arc<Mutex<Option<Failure>>>,
}

impl App {
    /// Prepares a question.
    pub(crate) fn asker(&self, name: &str, yes: bool) -> Asker {
        let question = Question { name: name.to_owned(), yes };
        Asker { printer: self.printer.clone(), cancel: self.cancel.clone(), question, refused: Arc::default() }
    }

    /// A line that is not shown while it is typed; for a terminal on standard input.
    pub(crate) fn ask_hidden(&self, prompt: &str) -> Result<Secret<String>, Failure> {
        let _silent = Silent::new().map_err(|error| {
            Failure::could_not_run(
                Error::new(Class::Conflict, "the terminal does not hide what is typed").caused_by(error),
            )
        })?;
        let line = ask(prompt, &self.cancel)?;
        Ok(Secret::from(line.trim_end_matches(['\n', '\r'])))
    }
}

impl Asker {
    /// Succeeds when the user agrees that `what` happens to the named thing.
    pub(crate) fn confirm(&self, what: &str) -> Result<(), Failure> {
        let Question { name, yes } = &self.question;
        if *yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            let hint = "look at the plan above and give `--yes`";
            return Err(Failure::usage(format!("{what} `{name}`, and nobody can be asked here"), hint));
        }
        self.printer.say(&format!("{what} `{name}`"));
        if ask(&format!("type `{name}` to go on: "), &self.cancel)?.trim() == name {
            return Ok(());
        }
        Err(Failure::Told(Exit::Failed))
    }

    /// For the engine: only what destroys something is asked for.
    pub(crate) fn approve(&self) -> Approve {
        self.approve_when(destroys)
    }

    /// For the engine: asks when `what` has something to say about the plan.
    pub(crate) fn approve_when(&self, what: fn(&Plan) -> Option<String>) -> Approve {
        let asker = self.clone();
        Arc::new(move |plan| {
            let Some(what) = what(plan) else { return true };
            match asker.confirm(&what) {
                Ok(()) => true,
                Err(failure) => {
                    *asker.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
                    false
                }
            }
        })
    }

    /// Why the engine was told no.
    pub(crate) fn refusal(&self) -> Failure {
        let kept = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        kept.unwrap_or(Failure::Told(Exit::Failed))
    }
}

/// One line from the terminal; ends at once when the run is canceled.
fn ask(prompt: &str, cancel: &Cancel) -> Result<String, Failure> {
    let mut err = std::io::stderr();
    let _ = err.write_all(prompt.as_bytes()).and_then(|()| err.flush());
    let (line, lines) = channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = std::io::stdin().lock().read_line(&mut text);
        let _ = line.send(read.map(|_| text));
    });
    loop {
        match lines.recv_timeout(Duration::from_millis(50)) {
            Ok(Ok(text)) => return Ok(text),
            Err(RecvTimeoutError::Timeout) if !cancel.is_canceled() => {}
            _ => return Err(Failure::Told(Exit::Interrupted)),
        }
    }
}

/// A terminal that does not show what is typed, until this is dropped.
struct Silent(Termios);

impl Silent {
    fn new() -> std::io::Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Now, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
        // The line end that was typed was not shown either.
        let _ = std::io::stderr().write_all(b"\n");
    }
}

/// `this deletes 3 and replaces 1 resources of`; `None` when nothing goes away.
fn destroys(plan: &Plan) -> Option<String> {
    let count = |op| plan.steps.iter().filter(|s| s.op == op).count();
    let things = |n: usize| if n == 1 { "1 resource".to_owned() } else { format!("{n} resources") };
    match (count(Op::Delete), count(Op::Replace)) {
        (0, 0) => None,
        (deleted, 0) => Some(format!("this deletes {} of stack", things(deleted))),
        (0, replaced) => Some(format!("this replaces {} of stack", things(replaced))),
        (deleted, replaced) => Some(format!("this deletes {} and replaces {replaced} of stack", things(deleted))),
    }
}
