//! The error that crosses the provider boundary, and the classes that decide what follows.

use std::fmt;
use std::time::Duration;

use crate::value::Value;

/// Decides retry, exit code and voice; nothing else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The user's input or configuration; never retried.
    User,
    /// A credential was missing, refused or lacks a right.
    Auth,
    /// What was asked for is not there.
    NotFound,
    /// Somebody else holds or changed it.
    Conflict,
    /// The service asked for a pause; the time it named, if it did.
    Throttled(Option<Duration>),
    /// Worth another try by the wire layer; seen here only when the tries ran out.
    Transient,
    /// It exists but is not ready; [`Error::partial`] holds what is known.
    Partial,
    /// The run was interrupted while this was under way.
    Canceled,
    /// A fault of ours, not of the user.
    Bug,
}

/// What exists although the operation did not succeed.
#[derive(Clone, Debug, PartialEq)]
pub struct Partial {
    /// The identity given by the service; never empty.
    pub id: String,
    /// Outputs as far as they are known.
    pub outputs: Value,
}

/// What went wrong, in words for a tired person. Holds no secret, no whole body, no command line.
#[derive(Debug)]
pub struct Error {
    class: Class,
    summary: String,
    notes: Vec<String>,
    hint: Option<String>,
    partial: Option<Box<Partial>>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// One sentence without a full stop, names in backticks.
    pub fn new(class: Class, summary: impl Into<String>) -> Self {
        Self { class, summary: summary.into(), notes: Vec::new(), hint: None, partial: None, source: None }
    }

    /// Adds a line of evidence, for example code and request id.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says the one thing to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Turns the error into "exists but is not ready" and keeps what is known of it.
    #[must_use]
    pub fn with_partial(mut self, id: impl Into<String>, outputs: Value) -> Self {
        self.class = Class::Partial;
        self.partial = Some(Box::new(Partial { id: id.into(), outputs }));
        self
    }

    /// See [`Class`].
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class
    }

    /// The pause that the service asked for.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self.class {
            Class::Throttled(after) => after,
            _ => None,
        }
    }

    /// The sentence.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// Evidence, one line each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What to do next.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What exists in spite of the error.
    #[must_use]
    pub fn partial(&self) -> Option<&Partial> {
        self.partial.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}
