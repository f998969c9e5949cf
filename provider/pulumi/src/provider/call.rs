//! What surrounds a call of a resource: whose it is, how long it may take, and where its progress goes.

use std::sync::Arc;
use std::time::Duration;

use mops_core::provider::{CallContext, Progress, ProgressSink};
use mops_core::{Lineage, Mark, Urn, Value};
use tonic::Status;

use super::log::Severity;
use super::redaction::Redaction;
use super::{Modelops, ownership};

/// The longest a call may take when the program does not say.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// The name of the resource that a request is about.
pub(super) fn urn(text: &str) -> Result<Urn, Status> {
    Urn::parse(text).ok_or_else(|| Status::invalid_argument("the request has no valid URN"))
}

impl Modelops {
    /// The context of a call; `seconds` as requests say them, 0 for our own. No secret in `about` is in its progress.
    pub(super) fn context(&self, urn: &Urn, seconds: f64, about: &[&Value]) -> Result<CallContext, Status> {
        let stack = ownership::stack(urn).ok_or_else(|| Status::invalid_argument("the URN names no stack"))?;
        let lineage = Lineage::of_pulumi(&stack);
        Ok(CallContext {
            urn: urn.clone(),
            mark: Mark { stack, urn: urn.clone(), lineage },
            cancel: self.0.cancel.clone(),
            progress: self.progress(urn, Redaction::of(about)),
            timeout: Duration::try_from_secs_f64(seconds).ok().filter(|t| !t.is_zero()).unwrap_or(TIMEOUT),
            resume: None,
            takeover: false,
            import: false,
            renew: false,
        })
    }

    fn progress(&self, urn: &Urn, redaction: Redaction) -> ProgressSink {
        let (instance, urn) = (Arc::clone(&self.0), urn.clone());
        Arc::new(move |progress| match progress {
            Progress::Waiting(what) => instance.log.wait(&urn, redaction.masked(what)),
            Progress::Note(text) => instance.log.say(Severity::Info, &urn, redaction.masked(text)),
            // There is no journal to keep it in: a later run finds the resource itself.
            Progress::Operation(_) => {}
        })
    }
}
