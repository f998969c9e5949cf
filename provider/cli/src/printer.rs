//! The only place that prints. Data goes to standard output, everything else to standard error; the live lines
//! of a terminal are taken away before anything else is written (`tests::messages_push_the_live_lines_down`).

mod drift;
mod excerpt;
mod message;
mod plan;
mod progress;
mod run;
mod style;
mod table;

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mops_containers::stream::Stream;
use mops_host::Env;

use crate::line::Line;

pub(crate) use message::{ErrorLine, Sources, class_name};
pub(crate) use plan::kind;
pub(crate) use progress::{End, Progress};
pub(crate) use run::RunView;
pub(crate) use style::{Style, clip, elapsed, fold};
pub(crate) use table::Table;

/// Where and how to print; cheap to clone.
#[derive(Clone)]
pub(crate) struct Printer(Arc<Mutex<Inner>>, Look);

/// What the terminal can show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// One JSON object a line on standard output.
    pub(crate) json: bool,
    /// Style of standard output.
    pub(crate) out: Style,
    /// Style of standard error.
    pub(crate) err: Style,
    /// Standard error is a terminal that can move its cursor.
    pub(crate) live: bool,
    /// Columns, at most 100.
    pub(crate) width: usize,
    /// Rows of the terminal.
    pub(crate) height: usize,
}

struct Inner {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// The live region as it stands on the screen.
    live: Vec<String>,
}

impl Look {
    /// From the environment and the two streams.
    pub(crate) fn detect(env: &Env, json: bool) -> Self {
        let plain = env.has("NO_COLOR") || env.get("TERM") == Some("dumb");
        let terminal = std::io::stderr().is_terminal();
        let (width, height) = size();
        Self {
            json,
            out: Style::of(!plain && std::io::stdout().is_terminal()),
            err: Style::of(!plain && terminal),
            live: terminal && env.get("TERM") != Some("dumb"),
            width: width.clamp(40, 100),
            height,
        }
    }
}

/// Columns and rows of the terminal on standard error; 80 × 24 without one.
fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(found) if found.ws_col > 0 && found.ws_row > 0 => (found.ws_col.into(), found.ws_row.into()),
        _ => (80, 24),
    }
}

impl Printer {
    /// On the streams of the process.
    pub(crate) fn new(look: Look) -> Self {
        Self::on(look, Box::new(std::io::stdout()), Box::new(std::io::stderr()))
    }

    fn on(look: Look, out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self(Arc::new(Mutex::new(Inner { out, err, live: Vec::new() })), look)
    }

    /// See [`Look`].
    pub(crate) const fn look(&self) -> Look {
        self.1
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Data as it is, on standard output. A reader that went away is not an error.
    pub(crate) fn data(&self, text: &str) {
        let mut inner = self.inner();
        inner.clear();
        let _ = inner.out.write_all(text.as_bytes());
        if !text.ends_with('\n') {
            let _ = inner.out.write_all(b"\n");
        }
        let _ = inner.out.flush();
    }

    /// One JSON object on a line of standard output.
    pub(crate) fn object(&self, line: &impl Line) {
        match line.text() {
            Ok(line) => self.data(&line),
            Err(error) => self.say(&format!("error: {error}")),
        }
    }

    /// The same, only with `--json`.
    pub(crate) fn event(&self, line: &impl Line) {
        if self.1.json {
            self.object(line);
        }
    }

    /// Bytes of a program in a container or a job, as they are; whether somebody still reads.
    pub(crate) fn pass(&self, stream: Stream, bytes: &[u8]) -> bool {
        let mut inner = self.inner();
        inner.clear();
        let to = match stream {
            Stream::Out => &mut inner.out,
            Stream::Err => &mut inner.err,
        };
        to.write_all(bytes).and_then(|()| to.flush()).is_ok()
    }

    /// A line that is replaced by the next one, where somebody looks.
    pub(crate) fn passing(&self, text: &str) {
        if self.1.live && !self.1.json {
            self.draw(&[clip(text, self.1.width)]);
        }
    }

    /// Lines for a person, on standard error.
    pub(crate) fn say(&self, text: &str) {
        // Where nobody sees it at once it stays one line, which can be searched.
        let text = if self.1.live { fold(text, self.1.width) } else { text.to_owned() };
        let mut inner = self.inner();
        inner.clear();
        inner.message(&text);
    }

    /// Lines for a person that a machine does not need: silent with `--json`.
    pub(crate) fn tell(&self, text: &str) {
        if !self.1.json {
            self.say(text);
        }
    }

    /// Replaces the live region by these lines, unless they stand there already.
    fn draw(&self, lines: &[String]) {
        let mut inner = self.inner();
        if inner.live == lines {
            return;
        }
        inner.clear();
        let text: String = lines.iter().map(|l| format!("{l}\n")).collect();
        let _ = inner.err.write_all(text.as_bytes());
        let _ = inner.err.flush();
        inner.live = lines.to_vec();
    }
}

impl Inner {
    fn clear(&mut self) {
        if !self.live.is_empty() {
            let _ = write!(self.err, "\x1b[{}F\x1b[J", self.live.len());
            self.live.clear();
        }
    }

    fn message(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes());
        if !text.ends_with('\n') {
            let _ = self.err.write_all(b"\n");
        }
        let _ = self.err.flush();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Two streams that a test can read.
    #[derive(Clone, Default)]
    pub(crate) struct Tape(Arc<Mutex<Vec<u8>>>);

    impl Write for Tape {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Tape {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    pub(crate) fn printer(json: bool, live: bool) -> (Printer, Tape, Tape) {
        let (out, err) = (Tape::default(), Tape::default());
        let look = Look { json, out: Style::of(false), err: Style::of(false), live, width: 80, height: 24 };
        (Printer::on(look, Box::new(out.clone()), Box::new(err.clone())), out, err)
    }

    #[test]
    fn messages_push_the_live_lines_down() {
        let (printer, out, err) = printer(false, true);
        printer.draw(&["one".into(), "two".into()]);
        printer.say("done");
        printer.data("x");
        assert_eq!(err.text(), "one\ntwo\n\x1b[2F\x1b[Jdone\n");
        assert_eq!(out.text(), "x\n");
    }

    #[test]
    fn json_silences_what_is_only_for_people() {
        let (printer, out, err) = printer(true, false);
        printer.tell("for people");
        printer.event(&mops_engine::event::Event::new(mops_engine::event::Body::Reading { count: 3 }));
        assert_eq!(out.text(), "{\"version\":1,\"type\":\"reading\",\"count\":3}\n");
        assert_eq!(err.text(), "");
    }
}
