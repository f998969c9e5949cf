//! Ctrl-C and SIGTERM: the first turns the switch of the run, the second leaves at once. Guarantees an end within
//! five seconds of the first and 200 ms of the second, whatever the run is doing (`tests`, `tests/cli.rs`).

use std::time::Duration;

use mops_core::Cancel;

use crate::exit::Exit;
use crate::printer::Printer;

/// How long running calls may take to finish after the first signal; what they have not ended stays in the journal.
const GRACE: Duration = Duration::from_millis(4_800);

/// Listens on a thread of its own, so that a busy run cannot delay the second signal.
pub(crate) fn watch(cancel: &Cancel, printer: &Printer) {
    let (cancel, printer) = (cancel.clone(), printer.clone());
    let (ready, started) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(listen(&cancel, &printer, ready));
    });
    // A signal that comes before the listener would end the process without a word.
    let _ = started.recv_timeout(Duration::from_millis(500));
}

async fn listen(cancel: &Cancel, printer: &Printer, ready: std::sync::mpsc::Sender<()>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return;
    };
    let _ = ready.send(());
    let next = async || {
        tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
    };
    hear(cancel, GRACE, next, || {
        printer.say("note: stopping; running calls may finish within 4 s, a second Ctrl-C leaves at once");
    })
    .await;
    leave(printer);
}

/// Turns the switch at the first signal; ends at the second, or when the time for running calls is over.
async fn hear(cancel: &Cancel, grace: Duration, mut next: impl AsyncFnMut(), said: impl FnOnce()) {
    next().await;
    cancel.cancel();
    said();
    let _ = tokio::time::timeout(grace, next()).await;
}

#[expect(clippy::disallowed_methods, reason = "a second signal, or the end of the grace time, does not wait for main")]
fn leave(printer: &Printer) {
    printer.say("note: left at once; what was running is found again by the next run");
    std::process::exit(Exit::Interrupted.code().into());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hears as many signals as were sent before.
    fn heard(signals: usize, grace: Duration) -> bool {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        (0..signals).for_each(|_| sender.send(()).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (cancel, limit) = (Cancel::new(), Duration::from_secs(20));
        let next = async || {
            let _ = receiver.recv().await;
        };
        let ended = runtime.block_on(async { tokio::time::timeout(limit, hear(&cancel, grace, next, || {})).await });
        ended.is_ok() && cancel.is_canceled()
    }

    #[test]
    fn the_second_signal_ends_the_grace_time_and_the_grace_time_ends_anyway() {
        assert!(heard(2, Duration::from_secs(3600)), "the second signal was not heard");
        assert!(heard(1, Duration::from_millis(1)), "the grace time does not end");
    }
}
