//! How a resource is found again after a crash, and how many of its kind may be written at once.

/// How a resource is recognised at the service when the answer of its creation was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The name is ours to choose: an ARM id, or `CLUSTER/NAMESPACE/KIND/NAME`.
    Name(String),
    /// The service chooses the id; a token of ours was put into a label or name before the call. What was begun and
    /// is not found is waited for as long as the type's `settles` says before it is made again.
    Tag(String),
    /// Nothing outside can hold the value: an open creation is simply repeated.
    Reissue,
}

/// A queue that an operation must pass: at most `limit` operations with this key at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// For example `arm:SUBSCRIPTION` or `parent:ID`.
    pub key: String,
    /// At least 1.
    pub limit: usize,
}

impl Lane {
    /// A lane with a limit of at least one.
    pub fn new(key: impl Into<String>, limit: usize) -> Self {
        Self { key: key.into(), limit: limit.max(1) }
    }
}
