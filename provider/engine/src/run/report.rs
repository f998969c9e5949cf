//! What a run did.

use mops_core::{Class, Error, Urn};

use crate::error::Exit;
use crate::event::Totals;
use crate::plan::Op;
use crate::state::Outputs;

/// A step that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which resource.
    pub urn: Urn,
    /// What was tried.
    pub op: Op,
    /// The class of the error.
    pub class: Class,
    /// One sentence.
    pub summary: String,
    /// Evidence.
    pub notes: Vec<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Failure {
    pub(crate) fn of(urn: &Urn, op: Op, error: &Error) -> Self {
        Self {
            urn: urn.clone(),
            op,
            class: error.class(),
            summary: error.summary().to_owned(),
            notes: error.notes().to_vec(),
            hint: error.hint_text().map(str::to_owned),
        }
    }
}

/// The result of a run; everything in it is durable.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many of each.
    pub totals: Totals,
    /// In the order in which they failed.
    pub failures: Vec<Failure>,
    /// What was not started, and why.
    pub not_started: Vec<(Urn, String)>,
    /// Whether the run was interrupted.
    pub canceled: bool,
    /// Whether the user said no; then nothing was done.
    pub declined: bool,
    /// Whether something was not as state knew it, in a run that looked at everything.
    pub drifted: bool,
    /// Outputs of the stack, secrets sealed.
    pub outputs: Outputs,
}

impl Report {
    /// The exit code that follows.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.canceled {
            Exit::Interrupted
        } else if self.failures.is_empty() && self.not_started.is_empty() {
            Exit::Ok
        } else {
            Exit::Failed
        }
    }

    /// Whether anything was changed.
    #[must_use]
    pub const fn changed(&self) -> bool {
        let t = &self.totals;
        t.created + t.adopted + t.updated + t.replaced + t.deleted + t.forgotten > 0
    }

    pub(crate) const fn count(&mut self, op: Op) {
        let t = &mut self.totals;
        let field = match op {
            Op::Create => &mut t.created,
            Op::Adopt => &mut t.adopted,
            Op::Update => &mut t.updated,
            Op::Replace => &mut t.replaced,
            Op::Delete => &mut t.deleted,
            Op::Forget => &mut t.forgotten,
            Op::Same | Op::Read => &mut t.unchanged,
        };
        *field += 1;
    }
}
