//! Why an engine command did not do what was asked. Guarantees that the exit code follows from the
//! kind of error alone (`tests::exit_codes_follow_the_kind`).

use mops_core::{Class, Diagnostic, Urn};
use mops_host::fsx::{Holder, Lease};

use crate::state::SealError;

/// How the process ends; the numbers are those of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything done.
    Ok = 0,
    /// An operation failed.
    Failed = 1,
    /// Usage or configuration.
    Usage = 2,
    /// It could not run at all.
    CouldNotRun = 3,
    /// Another run holds the stack.
    Locked = 4,
    /// Interrupted.
    Interrupted = 130,
}

/// Everything that stops a command of the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The program, or what was found, forbids the plan; every reason at once.
    #[error("{}", first(.0))]
    Refused(Vec<Diagnostic>),
    /// Another state manages what was found.
    #[error("{}", first(.0))]
    ForeignState(Vec<Diagnostic>),
    /// Reading what exists failed, so that nothing can be planned.
    #[error("`{}` could not be read: {}", .0[0].0.name(), .0[0].1)]
    Observe(Vec<(Urn, mops_core::Error)>),
    /// A plan file cannot be used at all.
    #[error("the plan `{file}` cannot be used: {reason}")]
    UnusablePlan {
        /// Which file.
        file: String,
        /// Why.
        reason: String,
    },
    /// What a saved plan was made from is not what is there; every difference at once. Nothing was changed.
    #[error("the saved plan is out of date: {}", .0.first().map_or("", String::as_str))]
    OutdatedPlan(Vec<String>),
    /// State could not be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The run was interrupted before it changed anything.
    #[error("interrupted")]
    Canceled,
    /// A fault of ours.
    #[error("this is a fault in mops: {0}")]
    Bug(String),
}

fn first(found: &[Diagnostic]) -> String {
    found.first().map(ToString::to_string).unwrap_or_default()
}

impl EngineError {
    /// Decides retry and voice.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Refused(_) | Self::UnusablePlan { .. } => Class::User,
            Self::ForeignState(_) | Self::OutdatedPlan(_) => Class::Conflict,
            Self::Observe(all) => all.first().map_or(Class::Bug, |(_, e)| e.class()),
            Self::State(error) => error.class(),
            Self::Canceled => Class::Canceled,
            Self::Bug(_) => Class::Bug,
        }
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Refused(_) | Self::UnusablePlan { .. } => Exit::Usage,
            Self::ForeignState(_) | Self::OutdatedPlan(_) | Self::Observe(_) | Self::Bug(_) => Exit::CouldNotRun,
            Self::State(error) => error.exit(),
            Self::Canceled => Exit::Interrupted,
        }
    }

    /// The one thing to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(all) | Self::ForeignState(all) => all.first().and_then(|d| d.hint.clone()),
            Self::Observe(all) => all.first().and_then(|(_, e)| e.hint_text().map(str::to_owned)),
            Self::State(error) => error.hint(),
            Self::UnusablePlan { .. } | Self::OutdatedPlan(_) => {
                Some("look again, and save what you see: `mops infra preview --save-plan PLAN`".into())
            }
            Self::Canceled => None,
            Self::Bug(_) => Some("please report this line together with `mops version`".into()),
        }
    }
}

/// Why state cannot be used. Nothing has been changed when one of these is returned, except by `Write`.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another run works on the stack.
    #[error("stack `{stack}` is locked by {holder}")]
    Locked {
        /// `PROJECT.STACK`.
        stack: String,
        /// Who.
        holder: Box<Holder>,
    },
    /// Another machine works on the stack.
    #[error("stack `{stack}` is leased to {lease}")]
    Leased {
        /// `PROJECT.STACK`.
        stack: String,
        /// To whom, until when.
        lease: Box<Lease>,
    },
    /// Our own lease could not be renewed in time, or somebody removed it.
    #[error("the lease of stack `{0}` was lost, so that another run may work on it now")]
    LeaseLost(String),
    /// The stack holds something, and the command needs one that does not.
    #[error("stack `{stack}` still holds {held} resources")]
    NotEmpty {
        /// `PROJECT.STACK`.
        stack: String,
        /// Resources and operations under way.
        held: usize,
    },
    /// There is no such stack, and the command does not make one.
    #[error("there is no stack `{0}` in this home folder")]
    NoStack(String),
    /// The state is not what was written; it is never taken for an empty stack.
    #[error("state is damaged: `{file}`, offset {offset}: {reason}")]
    Damaged {
        /// Which file.
        file: String,
        /// Byte offset of the first thing that is wrong.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// A newer mops wrote it.
    #[error("`{file}` was written by a newer mops (format {found}, this one reads up to {known})")]
    Newer {
        /// Which file.
        file: String,
        /// Its format.
        found: u64,
        /// Ours.
        known: u64,
    },
    /// The stack file is about something else than the state.
    #[error("stack `{stack}` is about {what} `{ours}`, but the stack file says `{theirs}`")]
    OtherScope {
        /// `PROJECT.STACK`.
        stack: String,
        /// Which part differs.
        what: &'static str,
        /// As in state.
        ours: String,
        /// As in the file.
        theirs: String,
    },
    /// The state changed each time it was looked at.
    #[error("stack `{0}` kept changing while it was read")]
    Busy(String),
    /// Secrets cannot be opened or sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Reading failed.
    #[error("`{file}` cannot be read: {source}")]
    Read {
        /// Which file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Writing failed; what was announced before is durable.
    #[error("state cannot be written: `{file}`: {source}")]
    Write {
        /// Which file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A fault of ours.
    #[error("this is a fault in mops: {0}")]
    Bug(String),
}

impl StateError {
    /// Decides retry and voice.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Locked { .. } | Self::Leased { .. } | Self::LeaseLost(_) => Class::Conflict,
            Self::NotEmpty { .. } | Self::NoStack(_) | Self::OtherScope { .. } | Self::Newer { .. } => Class::User,
            Self::Seal(error) => error.class(),
            Self::Busy(_) => Class::Transient,
            Self::Damaged { .. } | Self::Read { .. } | Self::Write { .. } => Class::Conflict,
            Self::Bug(_) => Class::Bug,
        }
    }

    /// The exit code.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Locked { .. } | Self::Leased { .. } => Exit::Locked,
            Self::NotEmpty { .. } | Self::NoStack(_) | Self::OtherScope { .. } | Self::Seal(_) => Exit::Usage,
            _ => Exit::CouldNotRun,
        }
    }

    /// The one thing to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Locked { .. } => "wait for it, or let this run wait with `--lock-timeout 10m`".into(),
            Self::Leased { .. } => {
                "wait until it ends; when you know that the run is dead, `mops infra unlock` removes its lease".into()
            }
            Self::LeaseLost(_) => "look who works on it with `mops infra unlock`, then run the same command again".into(),
            Self::NotEmpty { .. } => "take it down first: `mops infra down --destroy-all --delete-rg`".into(),
            Self::NoStack(_) => "`mops infra list` shows the stacks; `mops infra up FILE` makes one".into(),
            Self::Damaged { .. } => {
                "the last good snapshots are `snapshot.json.1` and `snapshot.json` in the same folder; nothing was changed"
                    .into()
            }
            Self::OtherScope { .. } => "use another `environment`, or take the old one down first".into(),
            Self::Newer { .. } => "use the mops that wrote it, or a newer one".into(),
            Self::Busy(_) => "try again when the other run has ended".into(),
            Self::Seal(error) => return error.hint(),
            Self::Write { .. } => "make room or fix the folder, then run the same command again to go on".into(),
            Self::Read { .. } | Self::Bug(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_follow_the_kind() {
        let rows = [
            (EngineError::Refused(vec![]), Exit::Usage),
            (EngineError::ForeignState(vec![]), Exit::CouldNotRun),
            (StateError::Locked { stack: "p.s".into(), holder: Box::default() }.into(), Exit::Locked),
            (StateError::Damaged { file: "f".into(), offset: 1, reason: "r".into() }.into(), Exit::CouldNotRun),
            (StateError::Seal(SealError::WrongPassphrase { from: "x" }).into(), Exit::Usage),
            (EngineError::Canceled, Exit::Interrupted),
            (EngineError::UnusablePlan { file: "f".into(), reason: "r".into() }, Exit::Usage),
            (EngineError::OutdatedPlan(vec![]), Exit::CouldNotRun),
        ];
        for (error, exit) in rows {
            assert_eq!(error.exit(), exit, "{error}");
        }
    }
}
