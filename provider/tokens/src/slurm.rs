//! Jobs of a SLURM host, by its own programs over the one connection of [`crate::ssh`].
//!
//! Guarantees three things: whatever is given to a job arrives there as it was given (`e2e::slurm`, K-21); no token is on a
//! command line or in the record of a job by us; and nothing of ours runs on the host once nobody reads (`tests/slurm.rs`).

pub mod gpus;
pub mod jobs;
pub mod log;
pub mod nodes;
pub mod request;
pub mod submit;

use std::time::Duration;

/// Longest time of a question; a scheduler that plans may let one wait.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Finds SLURM's programs.
pub(crate) const PROGRAM: &str = include_str!("sh/program.sh");

/// Whether a text is the number of a job, or of a task of an array.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.len() < 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once(['_', '+']) {
        Some((job, task)) => digits(job) && digits(task),
        None => digits(text),
    }
}

/// Why the host did not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// For a cause of the catalogue.
    Seen,
    /// It has no such program.
    Absent(String),
    /// SLURM's own words.
    Said(String),
    /// For this reason; the second is what can be done.
    Because(String, &'static str),
}

/// What the host refused, unless it did all.
pub(crate) fn refused(session: &crate::ssh::Session) -> Option<Refused> {
    if session.lines.is_none() {
        return Some(Refused::Seen);
    }
    let (word, told) = session.line("refused")?.split_once(' ')?;
    Some(match word {
        "absent" => Refused::Absent(told.to_owned()),
        "slurm" => Refused::Said(told.to_owned()),
        _ => Refused::Because(told.to_owned(), "mend that on the host, then run again"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_jobs_are_known() {
        assert!(["7", "4_1", "12+0"].into_iter().all(is_id));
        assert!(["", "a", "-1", "7,8", "4_", "4_[1-2]", "7;x", "$(x)"].into_iter().all(|text| !is_id(text)));
    }
}
