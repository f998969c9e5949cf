//! What is true at every moment, seen by looking all the time from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use mops_host::fsx;

/// A look that is repeated until it is stopped.
#[derive(Debug)]
pub struct Watcher<T> {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(usize, T)>,
}

impl<T: Default + Send + 'static> Watcher<T> {
    /// Begins to look; each look adds to what was found.
    pub fn over(mut look: impl FnMut(&mut T) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut looks, mut found) = (0, T::default());
            while !over.load(Ordering::Relaxed) {
                look(&mut found);
                looks += 1;
            }
            (looks, found)
        });
        Self { stop, thread }
    }

    /// How often it has looked, and what it found.
    ///
    /// # Panics
    /// When a look did.
    #[must_use]
    pub fn end(self) -> (usize, T) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("a watcher")
    }
}

/// The command line of every process of the machine, its words with a blank between them.
pub fn command_lines() -> impl Iterator<Item = String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.map(|process| {
        let words = fsx::read(&process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).replace('\0', " ")
    })
}
