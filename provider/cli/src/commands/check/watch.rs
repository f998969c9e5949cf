//! `--watch`: the same diagnosis again and again. The first report is printed whole, then what came, went or changed; the
//! numbers are served as metrics. Guarantees that it makes nothing but the usual probes, and ends within a moment of
//! Ctrl-C (`tests`, `tests/watch.rs`).

mod serve;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use mops_clients::identity::Spared;
use mops_core::Cancel;
use mops_diagnose::observed::Vantage;
use mops_diagnose::report::Verdict;
use mops_diagnose::watch::{BACK_OFF, Change, Watch};
use mops_diagnose::{Capture, Command, Request};
use mops_engine::state::Snapshot;
use mops_host::{SharedClock, SystemClock};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Ready, Subject, known, lines, ready, report};
use crate::app::App;
use crate::args::{DiagnoseArgs, Form, Wanted};
use crate::exit::{Exit, Failure, Outcome};
use crate::pointed::Pointed;
use serve::Metrics;

/// What is watched, said once.
#[derive(Serialize, JsonSchema)]
pub(crate) struct WatchingLine {
    /// Where the metrics are.
    metrics: String,
    /// Time from the beginning of one run to that of the next.
    interval_seconds: u64,
}

/// Repeats the diagnosis until somebody ends it.
pub(super) fn run(app: &App, args: &DiagnoseArgs, every: Duration) -> Outcome {
    let wanted = fitting(app, args)?;
    let listener = serve::bind(args.watch.address())?;
    app.wait_for(async {
        let clock = SystemClock::shared();
        let metrics = Arc::new(Metrics::new(every, Arc::clone(&clock)));
        let at = serve::start(listener, &metrics)?;
        let line = WatchingLine { metrics: format!("http://{at}/metrics"), interval_seconds: every.as_secs() };
        app.printer.tell(&format!("watching every {} s; metrics: {}", line.interval_seconds, line.metrics));
        app.printer.event(&line);
        let (watch, spared) = (Watch::new(), Arc::new(Spared::new(BACK_OFF)));
        let mut watcher = Watcher { app, args, wanted, clock, metrics, watch, spared, known: None, begun: false };
        let clock = Arc::clone(&watcher.clock);
        repeat(&clock, &app.cancel, every, async || watcher.turn().await).await
    })
}

/// What fits to a run that is repeated, and changes nothing.
fn fitting(app: &App, args: &DiagnoseArgs) -> Result<Vec<Wanted>, Failure> {
    let no = |flag: &str, hint: &str| Err(Failure::usage(format!("`--watch` does not go with `{flag}`"), hint));
    let check = &args.check;
    if args.fix.fix {
        return no(
            "--fix",
            "watching changes nothing: mend with `mops diagnose-auth --fix` beside it, and see it here",
        );
    }
    if check.asking.vantage.contains(&Vantage::C) {
        return no(
            "--vantage c",
            "containers that come into workers stay there: name w, p or n, and use c in a run of its own",
        );
    }
    let once = [
        ("--from", check.reading.from.is_some()),
        ("--save", check.reading.save.is_some()),
        ("--offline", args.subject.offline),
        ("--cleanup", check.cleanup),
        ("--scale-up", check.asking.scale_up),
        ("--explain-permissions", check.explain_permissions),
    ];
    if let Some((flag, _)) = once.into_iter().find(|(_, given)| *given) {
        return no(flag, "use one of the two");
    }
    let wanted = check.report.wanted(app.global.json)?;
    match wanted.iter().find(|w| w.file.is_some() || !matches!(w.form, Form::Text | Form::Json)) {
        Some(other) => {
            no(&format!("--format {}", other.form.word()), "changes are told as text, or as lines with `--json`")
        }
        None => Ok(wanted),
    }
}

/// One turn after the other, each beginning `every` after the one before, or when that one has ended.
async fn repeat(
    clock: &SharedClock,
    cancel: &Cancel,
    every: Duration,
    mut turn: impl AsyncFnMut() -> ControlFlow<Outcome>,
) -> Outcome {
    loop {
        let next = clock.monotonic() + every;
        let turned = turn().await;
        if cancel.is_canceled() {
            return Ok(Exit::Interrupted);
        }
        if let ControlFlow::Break(outcome) = turned {
            return outcome;
        }
        tokio::select! {
            biased;
            () = cancel.canceled() => return Ok(Exit::Interrupted),
            () = clock.sleep(next.saturating_sub(clock.monotonic())) => {}
        }
    }
}

struct Watcher<'a> {
    app: &'a App,
    args: &'a DiagnoseArgs,
    wanted: Vec<Wanted>,
    clock: SharedClock,
    metrics: Arc<Metrics>,
    watch: Watch,
    /// Sign-ins to the cloud that were refused.
    spared: Arc<Spared>,
    /// Which stack it is, and where; said once.
    known: Option<(Snapshot, Pointed)>,
    /// A report was printed.
    begun: bool,
}

impl Watcher<'_> {
    /// A first run that cannot be made, or that nothing can be asked by, ends it: what is given is wrong. Later ones may
    /// be hindered for a while.
    async fn turn(&mut self) -> ControlFlow<Outcome> {
        let looked = self.look().await;
        if self.app.cancel.is_canceled() {
            return ControlFlow::Continue(());
        }
        match looked {
            Ok((request, capture)) => self.told(&request, capture),
            Err(failure) if !self.begun => ControlFlow::Break(Err(failure)),
            Err(failure) => {
                self.app.printer.failure(&failure, &self.app.sources.borrow());
                self.watch.failed();
                self.metrics.set(self.watch.numbers());
                ControlFlow::Continue(())
            }
        }
    }

    /// State is read anew, and the cluster is signed in to anew: both may change meanwhile.
    async fn look(&mut self) -> Result<(Request, Capture), Failure> {
        let (app, check) = (self.app, &self.args.check);
        let (snapshot, pointed) = match &self.known {
            Some((none, pointed)) if none.stack.stack.is_empty() => (none.clone(), pointed.clone()),
            Some((before, pointed)) => (app.snapshot(&before.stack)?, pointed.clone()),
            None => known(app, &check.stack.stack(), &check.workload)?,
        };
        self.known = Some((snapshot.clone(), pointed.clone()));
        let session = app.session_sparing(&pointed, &self.spared)?;
        let subject = Subject {
            session: &session,
            snapshot: &snapshot,
            pointed: &pointed,
            named: &self.args.subject,
            workload: &check.workload,
            asking: &check.asking,
            probe: &check.probe,
            smoke: None,
        };
        let (request, mut capture) = match ready(app, Command::DiagnoseAuth, &subject).await? {
            Ready::Ask(both) => {
                let (request, mut services) = *both;
                let request = self.watch.request(request, self.clock.monotonic());
                if self.begun {
                    services.progress = Arc::new(|_| ());
                }
                let capture = mops_diagnose::look(Command::DiagnoseAuth, request.clone(), services).await;
                (request, capture)
            }
            Ready::Not(capture) => (super::request::of(app, &subject)?, *capture),
        };
        if let Some(file) = &pointed.stack_file {
            capture.stack_lines = lines::of(app, file, check.stack.env.as_deref());
        }
        Ok((request, capture))
    }

    fn told(&mut self, request: &Request, capture: Capture) -> ControlFlow<Outcome> {
        let reading = self.args.check.reading.reading();
        let times = (self.clock.monotonic(), self.clock.now());
        let (found, change) = self.watch.take(request, capture, &reading, times);
        if !self.begun {
            self.begun = true;
            if let Err(failure) = report::write(self.app, found, &self.wanted) {
                return ControlFlow::Break(Err(failure));
            }
            if found.summary.status == Verdict::Usage {
                return ControlFlow::Break(Ok(Exit::Usage));
            }
        }
        if let Some(change) = change {
            self.print(&change);
        }
        self.metrics.set(self.watch.numbers());
        ControlFlow::Continue(())
    }

    fn print(&self, change: &Change) {
        let look = self.app.printer.look();
        match look.json {
            true => self.app.printer.object(change),
            false => self.app.printer.data(&change.text(look.width)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use mops_host::clock::ManualClock;
    use time::macros::datetime;

    use super::*;

    #[tokio::test]
    async fn turns_begin_at_their_time_and_end_with_the_switch() {
        let manual = ManualClock::automatic(datetime!(2026-11-27 10:00 UTC));
        let (clock, cancel): (SharedClock, _) = (Arc::new(manual), Cancel::new());
        let begun = RefCell::new(Vec::new());
        let ended = repeat(&clock, &cancel, Duration::from_secs(60), async || {
            begun.borrow_mut().push(clock.monotonic().as_secs());
            // The second one takes longer than there is.
            let takes = if begun.borrow().len() == 2 { 100 } else { 5 };
            clock.sleep(Duration::from_secs(takes)).await;
            if begun.borrow().len() == 4 {
                cancel.cancel();
            }
            ControlFlow::Continue(())
        });
        assert!(matches!(ended.await, Ok(Exit::Interrupted)));
        assert_eq!(*begun.borrow(), [0, 60, 160, 220]);
    }

    #[tokio::test]
    async fn what_is_given_wrong_ends_it() {
        let cancel = Cancel::new();
        let clock: SharedClock = Arc::new(ManualClock::automatic(datetime!(2026-11-27 10:00 UTC)));
        let ended = repeat(&clock, &cancel, Duration::from_secs(1), async || ControlFlow::Break(Ok(Exit::Usage)));
        assert!(matches!(ended.await, Ok(Exit::Usage)));
    }
}
