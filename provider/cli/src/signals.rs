//! Ctrl-C and SIGTERM: the first turns the switch of the run, the second leaves at once. Guarantees an end within
//! five seconds of the first and 200 ms of the second, whatever the run is doing (`tests/cli.rs`).

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
    tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
    cancel.cancel();
    printer.say("note: stopping; running calls may finish within 4 s, a second Ctrl-C leaves at once");
    let _ = tokio::time::timeout(GRACE, async {
        tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
    })
    .await;
    leave(printer);
}

#[expect(clippy::disallowed_methods, reason = "a second signal, or the end of the grace time, does not wait for main")]
fn leave(printer: &Printer) {
    printer.say("note: left at once; what was running is found again by the next run");
    std::process::exit(Exit::Interrupted as i32);
}
