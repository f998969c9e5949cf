//! The boundaries at which a test build can die, fail, stall or panic. `MOPS_FAILPOINT=name:n:abort|error|sleep|panic`
//! acts the n-th time the boundary is passed and says so on standard error first (`failpoint NAME`); what follows
//! `panic` is quoted by its message, and `all:0:tell` says it at each pass of each boundary and goes on. A release build
//! has none of this (`tests/crash.rs` asserts it).

use crate::error::StateError;

/// The list: one line a boundary.
macro_rules! failpoints {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// Every boundary; the crash sweep iterates over this list, so that a new one cannot be forgotten.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Failpoint {
            $($(#[$doc])* $name,)*
        }

        impl Failpoint {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word in the variable.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

failpoints! {
    /// The lock is taken, nothing is read.
    Locked = "locked",
    /// First run of a stack: its empty snapshot is in place.
    FirstSnapshot = "first_snapshot",
    /// First run of a stack: its empty journal is there too, the stack does not exist yet.
    FirstJournal = "first_journal",
    /// First run of a stack: it exists, nothing is recorded.
    FirstMeta = "first_meta",
    /// What the stack is about was written anew.
    ScopeWritten = "scope_written",
    /// The torn end of a journal was cut off.
    TornCut = "torn_cut",
    /// Recovery has looked for something, its End is not written.
    RecoveryLooked = "recovery_looked",
    /// Recovery's Ends are durable.
    RecoveryEnded = "recovery_ended",
    /// The plan is made and approved, nothing of it is written.
    Planned = "planned",
    /// Takeovers, and Ends of what the plan answers for, are durable.
    Prepared = "prepared",
    /// The salt is queued, the record with the first secret is not.
    SaltQueued = "salt_queued",
    /// A step is about to write its Begin.
    BeforeBegin = "before_begin",
    /// The Begin is durable, the call has not left.
    BeginDurable = "begin_durable",
    /// The URL of a running operation came, it is not written.
    OperationHeard = "operation_heard",
    /// The provider has answered, nothing is written.
    AnswerReceived = "answer_received",
    /// The End is queued, it is not written.
    EndQueued = "end_queued",
    /// The End is durable, nobody has heard of it.
    EndDurable = "end_durable",
    /// A step that changes state only is about to be written.
    BeforeLocal = "before_local",
    /// A step that changed state only is durable, nobody has heard of it.
    LocalDurable = "local_durable",
    /// Every step is over, the outputs of the stack are not written.
    BeforeOutputs = "before_outputs",
    /// The outputs are queued, the run is about to end.
    BeforeFinish = "before_finish",
    /// Import: everything is read and judged, nothing is recorded.
    ImportJudged = "import_judged",
    /// Import: the record of all of it is queued, it is not written.
    ImportQueued = "import_queued",
    /// Import: all of it is durable, nobody has heard of it.
    ImportDurable = "import_durable",
    /// New passphrase: its generated file is in place, the state is sealed with the old one.
    PhraseKept = "phrase_kept",
    /// New passphrase: the state is sealed with it, the file of the old one is still there.
    PhraseReplaced = "phrase_replaced",
    /// New passphrase: nothing of the old one is left, nobody has heard of it.
    PhraseSwept = "phrase_swept",
    /// Half of a batch of records is in the file.
    TornRecord = "torn_record",
    /// A batch is in the file, not synced.
    BatchWritten = "batch_written",
    /// A batch is synced, nobody knows.
    BatchSynced = "batch_synced",
    /// Rotation: nothing done yet.
    RotateStart = "rotate_start",
    /// Rotation: the snapshot before the last one is gone.
    RotateDropped = "rotate_dropped",
    /// Rotation: the last snapshot was put aside.
    RotateKept = "rotate_kept",
    /// Rotation: the new snapshot is in place, the journal is not emptied.
    RotateReplaced = "rotate_replaced",
    /// Rotation: the journal is emptied.
    RotateEmptied = "rotate_emptied",
}

/// Whether this build has failpoints.
pub const AVAILABLE: bool = cfg!(failpoints);

/// Passes a boundary.
///
/// # Errors
/// In a test build, when the variable says so.
pub(crate) fn hit(point: Failpoint) -> std::io::Result<()> {
    hit_after(point, || Ok(()))
}

/// The same where errors are those of the state.
///
/// # Errors
/// In a test build, when the variable says so.
pub(crate) fn pass(point: Failpoint) -> Result<(), StateError> {
    hit(point).map_err(|source| StateError::Write { file: "state".into(), source })
}

/// Passes a boundary that lies in the middle of some work: `half` is done when the run ends here, and only then.
///
/// # Errors
/// In a test build, when the variable says so.
#[cfg(not(failpoints))]
#[inline]
pub(crate) fn hit_after(_: Failpoint, _: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<()> {
    Ok(())
}

#[cfg(failpoints)]
pub(crate) use armed::hit_after;

#[cfg(failpoints)]
mod armed {
    use std::io::{self, Write as _};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::Failpoint;

    struct Armed {
        name: String,
        n: u64,
        what: String,
    }

    fn armed() -> Option<&'static Armed> {
        static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
        ARMED
            .get_or_init(|| {
                let env = mops_host::Env::process();
                let mut parts = env.get("MOPS_FAILPOINT")?.splitn(3, ':');
                let (name, n, what) = (parts.next()?, parts.next()?, parts.next()?);
                Some(Armed { name: name.to_owned(), n: n.parse().ok()?, what: what.to_owned() })
            })
            .as_ref()
    }

    fn say(point: Failpoint) {
        let _ = io::stderr().write_all(format!("failpoint {}\n", point.name()).as_bytes());
    }

    pub(crate) fn hit_after(point: Failpoint, half: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        static PASSED: AtomicU64 = AtomicU64::new(0);
        let Some(armed) = armed() else { return Ok(()) };
        if armed.what == "tell" {
            say(point);
            return Ok(());
        }
        if armed.name != point.name() || PASSED.fetch_add(1, Ordering::SeqCst) + 1 != armed.n {
            return Ok(());
        }
        half()?;
        act(point, &armed.what)
    }

    #[expect(clippy::disallowed_methods, reason = "a test build stalls in earnest until it is killed")]
    fn act(point: Failpoint, what: &str) -> io::Result<()> {
        say(point);
        match what {
            "abort" => std::process::abort(),
            "sleep" => loop {
                std::thread::sleep(Duration::from_secs(3600));
            },
            _ if what.starts_with("panic") => panic!("{what}"),
            _ => Err(io::Error::other(format!("failpoint {}", point.name()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_boundary_has_a_word_of_its_own() {
        let mut words: Vec<_> = Failpoint::ALL.iter().map(|p| p.name()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Failpoint::ALL.len());
    }
}
