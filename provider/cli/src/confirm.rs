//! Asks for the name of what is to be destroyed. Never waits for an answer that cannot come: without a terminal on
//! standard input it says which flag gives it (`tests/cli.rs`).

use std::io::{BufRead, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::app::App;
use crate::exit::{Exit, Failure};

/// What is to be confirmed.
pub(crate) struct Question<'a> {
    /// What happens: `this deletes 12 resources of stack`.
    pub(crate) what: &'a str,
    /// What has to be typed.
    pub(crate) name: &'a str,
    /// `--yes` was given.
    pub(crate) yes: bool,
}

impl App {
    /// Succeeds when the user agrees.
    pub(crate) fn confirm(&self, question: &Question<'_>) -> Result<(), Failure> {
        if question.yes {
            return Ok(());
        }
        let (what, name) = (question.what, question.name);
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            let hint = "look at the plan above and give `--yes`";
            return Err(Failure::usage(format!("{what} `{name}`, and nobody can be asked here"), hint));
        }
        self.printer.say(&format!("{what} `{name}`"));
        let answer = self.ask(&format!("type `{name}` to go on: "))?;
        if answer.trim() == name {
            return Ok(());
        }
        self.printer.say("nothing was changed");
        Err(Failure::Told(Exit::Failed))
    }

    /// One line from the terminal; ends at once when the run is canceled.
    fn ask(&self, prompt: &str) -> Result<String, Failure> {
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
                Err(RecvTimeoutError::Timeout) if !self.cancel.is_canceled() => {}
                _ => return Err(Failure::Told(Exit::Interrupted)),
            }
        }
    }
}
