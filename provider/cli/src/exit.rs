//! What the process says to its caller. The class of an error decides the code, nothing else does
//! (`tests::the_class_decides_the_code`).

use mops_core::{Class, Diagnostic, Error};

/// Exit codes of every verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Ok,
    /// A check or an operation failed.
    Failed,
    /// Usage or configuration.
    Usage,
    /// It could not run at all.
    CouldNotRun,
    /// Another run holds the stack.
    Locked,
    /// Changes are pending; only with `--exit-code`.
    Changes,
    /// Interrupted by the user.
    Interrupted,
    /// That of a command in a container.
    Of(u8),
}

impl Exit {
    /// The number that the process ends with.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::CouldNotRun => 3,
            Self::Locked => 4,
            Self::Changes => 5,
            Self::Interrupted => 130,
            Self::Of(code) => code,
        }
    }
}

impl From<mops_engine::error::Exit> for Exit {
    fn from(code: mops_engine::error::Exit) -> Self {
        use mops_engine::error::Exit as Code;
        match code {
            Code::Ok => Self::Ok,
            Code::Failed => Self::Failed,
            Code::Usage => Self::Usage,
            Code::CouldNotRun => Self::CouldNotRun,
            Code::Locked => Self::Locked,
            Code::Interrupted => Self::Interrupted,
        }
    }
}

/// Why a verb ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The stack file or the flags are not acceptable; all findings at once.
    Diagnostics(Vec<Diagnostic>),
    /// One error, with its code.
    Error(Exit, Box<Error>),
    /// One error about a container, with its code and the word that machines sort it by.
    Sorted(Sort, Exit, Box<Error>),
    /// One error whose cause is known by name.
    Caused(Box<Caused>),
    /// Everything has been said already.
    Told(Exit),
}

/// An error with the name of its cause.
#[derive(Debug)]
pub(crate) struct Caused {
    /// How the verb ends.
    pub(crate) exit: Exit,
    /// What happened.
    pub(crate) error: Error,
    /// The cause of the catalogue.
    pub(crate) cause: Option<String>,
    /// The service's word for the kind of failure.
    pub(crate) kind: &'static str,
}

/// What an error about a container is about, in the words that scripts of mlenv sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// A login or a right.
    Auth,
    /// An image.
    Image,
    /// The engine, or what runs in it.
    Container,
    /// Settings.
    Config,
    /// Room, GPUs, ports.
    Resource,
}

impl Sort {
    /// Its word in JSON.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Image => "image",
            Self::Container => "container",
            Self::Config => "config",
            Self::Resource => "resource",
        }
    }

    /// An error of this sort that ends the verb with 1.
    pub(crate) fn failed(self, error: Error) -> Failure {
        Failure::Sorted(self, Exit::Failed, Box::new(error))
    }
}

/// What a verb gives.
pub(crate) type Outcome = Result<Exit, Failure>;

impl Failure {
    /// A mistake in flags or configuration, with the one thing to do.
    pub(crate) fn usage(summary: impl Into<String>, hint: impl Into<String>) -> Self {
        Error::new(Class::User, summary).hint(hint).into()
    }

    /// Something that kept the verb from running.
    pub(crate) fn could_not_run(error: Error) -> Self {
        Self::Error(Exit::CouldNotRun, Box::new(error))
    }

    /// See [`Exit`].
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Diagnostics(_) => Exit::Usage,
            Self::Error(exit, _) | Self::Sorted(_, exit, _) | Self::Told(exit) => *exit,
            Self::Caused(caused) => caused.exit,
        }
    }
}

impl From<Error> for Failure {
    /// For errors before anything was changed: the user's mistakes are 2, everything else could not run.
    fn from(error: Error) -> Self {
        let exit = match error.class() {
            Class::User => Exit::Usage,
            Class::Canceled => Exit::Interrupted,
            Class::Partial => Exit::Failed,
            _ => Exit::CouldNotRun,
        };
        Self::Error(exit, Box::new(error))
    }
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(found: Vec<Diagnostic>) -> Self {
        Self::Diagnostics(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_decides_the_code() {
        let rows = [
            (Class::User, 2),
            (Class::Auth, 3),
            (Class::NotFound, 3),
            (Class::Conflict, 3),
            (Class::Throttled(None), 3),
            (Class::Transient, 3),
            (Class::Partial, 1),
            (Class::Canceled, 130),
            (Class::Bug, 3),
        ];
        for (class, code) in rows {
            assert_eq!(Failure::from(Error::new(class, "x")).exit().code(), code, "{class:?}");
        }
    }
}
