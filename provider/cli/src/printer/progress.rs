//! One line a resource that is being worked on: on a terminal a region that is redrawn at most ten times a second,
//! elsewhere one line a change of state (`tests`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Printer, clip, elapsed};

/// How long a workload may wait for an image before the diagnosis is suggested.
const PATIENCE: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(100);
/// Columns for the name of a resource.
pub(super) const NAME_WIDTH: usize = 26;

/// One resource under way.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    key: String,
    name: String,
    state: String,
    since: Instant,
    waiting: String,
    /// The reason that was last said in full, without its figures.
    said: String,
}

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As wanted.
    Done,
    /// With an error, which is printed apart.
    Failed,
    /// Because the run was interrupted.
    Interrupted,
}

/// The live region; ends when dropped.
pub(crate) struct Progress {
    printer: Printer,
    rows: Arc<Mutex<Vec<Row>>>,
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
    /// Whether the way to a diagnosis was named.
    hinted: AtomicBool,
}

impl Progress {
    /// Starts redrawing when the terminal can take it.
    pub(crate) fn start(printer: &Printer) -> Self {
        let rows = Arc::new(Mutex::new(Vec::new()));
        let look = printer.look();
        let ticker = (look.live && !look.json).then(|| ticker(printer.clone(), Arc::clone(&rows)));
        Self { printer: printer.clone(), rows, ticker, hinted: AtomicBool::new(false) }
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Work on something begins: `creating`.
    pub(crate) fn begin(&self, key: &str, name: &str, state: &str) {
        let row = Row {
            key: key.to_owned(),
            name: name.to_owned(),
            state: state.to_owned(),
            since: Instant::now(),
            waiting: String::new(),
            said: String::new(),
        };
        if self.ticker.is_none() {
            self.printer.tell(&line(&row, usize::MAX));
        }
        self.rows().push(row);
    }

    /// What it waits for. Without a terminal each change is a line, whole. On a terminal the row holds as much as fits,
    /// and a new kind of reason that does not fit is said whole once.
    pub(crate) fn waiting(&self, key: &str, text: &str) {
        let mut rows = self.rows();
        let Some(row) = rows.iter_mut().find(|r| r.key == key).filter(|r| r.waiting != text) else { return };
        text.clone_into(&mut row.waiting);
        let kind: String = text.chars().filter(|c| !c.is_ascii_digit()).collect();
        let new_kind = std::mem::replace(&mut row.said, kind.clone()) != kind;
        let row = row.clone();
        drop(rows);
        let whole = line(&row, usize::MAX);
        if self.ticker.is_none() {
            self.printer.tell(&whole);
        } else if new_kind && whole.chars().count() >= self.printer.look().width {
            self.printer.note(&format!("`{}` waits: {}", row.name, clip(text, usize::MAX)));
        }
        if row.since.elapsed() >= PATIENCE && text.contains("ImagePull") && !self.hinted.swap(true, Ordering::Relaxed) {
            self.printer.hint("`mops diagnose-auth` says why an image cannot be pulled");
        }
    }

    /// It is over: one line stays on the screen.
    pub(crate) fn end(&self, key: &str, end: End, word: &str) {
        let mut rows = self.rows();
        let Some(at) = rows.iter().position(|r| r.key == key) else { return };
        let row = rows.remove(at);
        drop(rows);
        let style = self.printer.look().err;
        let word = match end {
            End::Done => style.green(&format!("{word:<9}")),
            End::Failed => style.red(&format!("{word:<9}")),
            End::Interrupted => style.yellow(&format!("{word:<9}")),
        };
        let (name, time) = (clip(&row.name, NAME_WIDTH), elapsed(row.since.elapsed()));
        self.printer.tell(&format!("  {name:<NAME_WIDTH$}  {word}  {time:>6}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.ticker.take() {
            let _ = stop.send(());
            let _ = thread.join();
            self.printer.draw(&[]);
        }
    }
}

fn ticker(printer: Printer, rows: Arc<Mutex<Vec<Row>>>) -> (Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = channel();
    let thread = std::thread::spawn(move || {
        while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            let lines = region(&rows.lock().unwrap_or_else(PoisonError::into_inner), &printer);
            printer.draw(&lines);
        }
    });
    (stop, thread)
}

/// As many rows as the terminal has room for, and how many more there are.
fn region(rows: &[Row], printer: &Printer) -> Vec<String> {
    let look = printer.look();
    let room = look.height.saturating_sub(3).max(1);
    let mut lines: Vec<String> = rows.iter().take(room).map(|r| look.err.dim(&line(r, look.width - 1))).collect();
    if rows.len() > room {
        lines.push(format!("  … and {} more", rows.len() - room));
    }
    lines
}

fn line(row: &Row, width: usize) -> String {
    let name = clip(&row.name, NAME_WIDTH);
    let since = row.since.elapsed();
    let time = if since < TICK { String::new() } else { elapsed(since) };
    let text = format!("  {name:<NAME_WIDTH$}  {:<9}  {time:>6}  {}", row.state, row.waiting);
    clip(text.trim_end(), width)
}

#[cfg(test)]
mod tests {
    use super::super::tests::printer;
    use super::*;

    #[test]
    fn without_a_terminal_each_change_is_one_line() {
        let (printer, _, err) = printer(false, false);
        let progress = Progress::start(&printer);
        progress.begin("u", "agent pool gpu", "creating");
        progress.waiting("u", "0/1 nodes");
        progress.waiting("u", "0/1 nodes");
        progress.end("u", End::Done, "created");
        let text = err.text();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.lines().nth(1).unwrap().ends_with("0/1 nodes"));
        let reason = "ImagePullBackOff ".repeat(20);
        progress.begin("v", "dask-workers", "creating");
        progress.waiting("v", &reason);
        assert!(err.text().contains(reason.trim()), "a reason is never cut where nobody redraws it");
        assert!(text.lines().last().unwrap().contains("created"));
        assert!(!text.contains('\x1b'));
    }

    #[test]
    fn the_region_fits_the_terminal() {
        let (printer, ..) = printer(false, true);
        let progress = Progress::start(&printer);
        for i in 0..100 {
            progress.begin(&i.to_string(), &format!("resource {i} {}", "x".repeat(90)), "creating");
        }
        let lines = region(&progress.rows(), &printer);
        assert_eq!(lines.len(), 22);
        assert!(lines.iter().all(|l| l.chars().count() <= 80));
        assert_eq!(lines.last().map(String::as_str), Some("  … and 79 more"));
    }
}
