//! What is looked at before the first write: the resources as a run plans them, and what stands against them.
//! Reads only; what could not be read is a note, never a refusal (`tests/preflight.rs`).

use crate::cancel::Cancel;
use crate::provider::{CheckFailure, Known};
use crate::urn::Urn;
use crate::value::{Path, Value};

/// What a run is going to do with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Nothing: something that changes is made from it.
    Keep,
    /// Makes it under a name that was free when it was looked at.
    Create,
    /// Takes over what is there.
    Adopt,
    /// Changes it in place.
    Update,
    /// Makes it anew.
    Replace,
}

impl Intent {
    /// Whether something new comes into being.
    #[must_use]
    pub const fn makes(self) -> bool {
        matches!(self, Self::Create | Self::Replace)
    }
}

/// One resource as it is planned.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Which.
    pub urn: Urn,
    /// What is going to be done with it.
    pub intent: Intent,
    /// As it is now, when it is there; its sealed secrets are stand-ins.
    pub known: Option<Known>,
    /// As it will be, in its normal form; what others give once they are done is unknown.
    pub inputs: Value,
    /// What it is made from.
    pub dependencies: Vec<Urn>,
}

/// What a run plans: everything that changes, and what that is made from.
#[derive(Clone, Debug, Default)]
pub struct Planning {
    /// In the order in which it could be done.
    pub resources: Vec<Planned>,
    /// Nothing will be done: who only reads may look at a plan all the same.
    pub preview: bool,
    /// On when the run is interrupted.
    pub cancel: Cancel,
}

/// One thing that a service is known to refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The resource that asks for it.
    pub urn: Urn,
    /// Input, reason with figures, and what to do.
    pub failure: CheckFailure,
}

/// What a look found.
#[derive(Clone, Debug, Default)]
pub struct Preflight {
    /// Reasons not to begin.
    pub refusals: Vec<Refusal>,
    /// What could not be looked at, and what may go wrong all the same.
    pub notes: Vec<String>,
}

impl Preflight {
    /// Refuses the input at `path` (`systemPool.vmSize`) of a resource, or all of it.
    pub fn refuse(&mut self, urn: &Urn, path: &str, reason: impl Into<String>, hint: impl Into<String>) {
        let path = Path(path.split('.').filter(|s| !s.is_empty()).map(str::to_owned).collect());
        let failure = CheckFailure { path, reason: reason.into(), hint: Some(hint.into()) };
        self.refusals.push(Refusal { urn: urn.clone(), failure });
    }
}
