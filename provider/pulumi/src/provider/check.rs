//! Check: defaults, normal form and findings; contacts nothing.

use mops_core::provider::{CheckFailure, Checked};
use mops_core::{Urn, Value};
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use tonic::Status;

use super::failure::clipped;
use super::log::Severity;
use super::redaction::Redaction;
use super::{Modelops, call, path, properties};
use crate::schema::placed;

impl Modelops {
    /// There is no word in the request for a preview: a source that is absent is said here, and refused by the write.
    pub(super) fn check_inputs(&self, request: &rpc::CheckRequest) -> Result<rpc::CheckResponse, Status> {
        let urn = call::urn(&request.urn)?;
        let news = properties::arrived(request.news.as_ref())?;
        let Checked { inputs, failures, notes } = self.examined(&urn, news, true)?;
        if !notes.is_empty() {
            let redaction = Redaction::of(&[&properties::arrived(request.news.as_ref())?]);
            notes.into_iter().for_each(|note| self.0.log.say(Severity::Warning, &urn, redaction.masked(note)));
        }
        let failures = failures.iter().map(failure).collect();
        Ok(rpc::CheckResponse { inputs: properties::leaving(&inputs)?, failures })
    }

    /// The inputs of a write in their normal form; a source that is absent is refused.
    pub(super) fn checked(&self, urn: &Urn, inputs: Value, preview: bool) -> Result<Value, Status> {
        let Checked { inputs, failures, .. } = self.examined(urn, inputs, preview)?;
        match failures.first() {
            None => Ok(inputs),
            Some(found) => {
                let rpc::CheckFailure { property, reason } = failure(found);
                let place = if property.is_empty() { String::new() } else { format!(": `{property}`") };
                Err(Status::invalid_argument(format!("`{}` cannot be made like this{place}: {reason}", urn.name())))
            }
        }
    }

    fn examined(&self, urn: &Urn, inputs: Value, preview: bool) -> Result<Checked, Status> {
        let resources = self.resources()?;
        let Some(schema) = resources.schema(urn.token()) else {
            return Ok(resources.check(urn, &inputs, preview));
        };
        let (inputs, failures) = placed(&schema.inputs, inputs);
        if failures.is_empty() {
            return Ok(resources.check(urn, &inputs, preview));
        }
        Ok(Checked { inputs, failures, notes: Vec::new() })
    }
}

/// A finding on the wire.
pub(super) fn failure(found: &CheckFailure) -> rpc::CheckFailure {
    let hint = found.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    let reason = clipped(&found.reason).unwrap_or_else(|| found.reason.clone());
    rpc::CheckFailure { property: path::spelled(&found.path), reason: format!("{reason}{hint}") }
}
