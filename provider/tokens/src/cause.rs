//! What was seen on the way to a host and there, as the catalogue names it.

use mops_core::{Class, Error};
use mops_diagnose::observed::{Observed, Vantage};
use mops_diagnose::rule::Severity;
use mops_diagnose::{Finding, Words, finding};
use mops_probe::Observation;

/// The causes.
#[must_use]
pub fn causes(seen: &[Observation]) -> Vec<Finding> {
    let observed: Vec<Observed> = seen.iter().cloned().map(|o| Observed::at(Vantage::W, o).named()).collect();
    finding::classify(&observed, &Words::default())
}

/// The first cause that ends a work, with what to do about it; and whether it kept us from the host.
#[must_use]
pub fn refusal(seen: &[Observation]) -> (Error, bool) {
    let Some(cause) = causes(seen).into_iter().find(|cause| cause.severity == Severity::Error) else {
        return (Error::new(Class::Bug, "the host gave no answer that tells"), true);
    };
    ending(&cause)
}

/// A cause as an error, with what to do about it; and whether it kept us from the host.
#[must_use]
pub fn ending(cause: &Finding) -> (Error, bool) {
    let fix = cause.fixes.first();
    let todo = fix.map(|fix| fix.text.clone()).unwrap_or_default();
    let look = fix.and_then(|fix| fix.command.clone()).map(|command| format!("; `{command}`")).unwrap_or_default();
    let error = Error::new(Class::Auth, format!("{}: {}", cause.cause_id, cause.message))
        .hint(format!("{todo}{look}; `mops explain {}` says more", cause.cause_id));
    (error, cause.cause_id.starts_with("SSH_"))
}
