//! The boundaries at which a test build can die, fail or wait. `MOPS_FAILPOINT=name:n:abort|error|sleep` acts on the
//! n-th time the boundary is passed; a release build has none of this (`tests/crash.rs` asserts it).

/// Every boundary; the crash sweep iterates over this list, so that a new one cannot be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// A step is about to write its Begin.
    BeforeBegin,
    /// The Begin is durable, the call has not left.
    BeginDurable,
    /// The provider has answered, nothing is written.
    AnswerReceived,
    /// The End is durable, nobody has heard of it.
    EndDurable,
    /// Half of a batch of records is in the file.
    TornRecord,
    /// Rotation: nothing done yet.
    RotateStart,
    /// Rotation: the last snapshot was put aside.
    RotateKept,
    /// Rotation: the new snapshot is in place, the journal is not emptied.
    RotateReplaced,
    /// Rotation: the journal is emptied.
    RotateEmptied,
}

/// Whether this build has failpoints.
pub const AVAILABLE: bool = cfg!(failpoints);

impl Failpoint {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::BeforeBegin,
        Self::BeginDurable,
        Self::AnswerReceived,
        Self::EndDurable,
        Self::TornRecord,
        Self::RotateStart,
        Self::RotateKept,
        Self::RotateReplaced,
        Self::RotateEmptied,
    ];

    /// The word in the variable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeBegin => "before_begin",
            Self::BeginDurable => "begin_durable",
            Self::AnswerReceived => "answer_received",
            Self::EndDurable => "end_durable",
            Self::TornRecord => "torn_record",
            Self::RotateStart => "rotate_start",
            Self::RotateKept => "rotate_kept",
            Self::RotateReplaced => "rotate_replaced",
            Self::RotateEmptied => "rotate_emptied",
        }
    }
}

/// Passes a boundary.
///
/// # Errors
/// In a test build, when the variable says so.
#[cfg(not(failpoints))]
#[inline]
pub(crate) const fn hit(_: Failpoint) -> std::io::Result<()> {
    Ok(())
}

/// Whether this is the n-th time and the process is to die here; then the caller does its half of the work first.
#[cfg(not(failpoints))]
#[inline]
pub(crate) const fn dies(_: Failpoint) -> bool {
    false
}

#[cfg(failpoints)]
pub(crate) use armed::{dies, hit};

#[cfg(failpoints)]
mod armed {
    use std::io;
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
                let mut parts = env.get("MOPS_FAILPOINT")?.split(':');
                let (name, n, what) = (parts.next()?, parts.next()?, parts.next()?);
                Some(Armed { name: name.to_owned(), n: n.parse().ok()?, what: what.to_owned() })
            })
            .as_ref()
    }

    fn is_the_one(point: Failpoint) -> Option<&'static Armed> {
        static PASSED: AtomicU64 = AtomicU64::new(0);
        let armed = armed().filter(|a| a.name == point.name())?;
        (PASSED.fetch_add(1, Ordering::SeqCst) + 1 == armed.n).then_some(armed)
    }

    pub(crate) fn dies(point: Failpoint) -> bool {
        is_the_one(point).is_some_and(|a| a.what == "abort")
    }

    #[expect(clippy::disallowed_methods, reason = "a test build waits in earnest")]
    pub(crate) fn hit(point: Failpoint) -> io::Result<()> {
        let Some(armed) = is_the_one(point) else { return Ok(()) };
        match armed.what.as_str() {
            "abort" => std::process::abort(),
            "sleep" => std::thread::sleep(Duration::from_secs(3600)),
            _ => return Err(io::Error::other(format!("failpoint {}", armed.name))),
        }
        Ok(())
    }
}
