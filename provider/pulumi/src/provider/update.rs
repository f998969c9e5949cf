//! Update: brings it to the wanted state in place. Also asked without any difference after a write that did not finish.

use mops_core::provider::{CheckFailure, Known, Provider};
use mops_core::{Urn, Value, bag};
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use tonic::Status;

use super::create::interrupted;
use super::{Modelops, call, check, failure, ownership, properties};

/// Refuses what no update can do; a replacement may, and the program can ask for one.
fn possible(resources: &dyn Provider, urn: &Urn, old: &Known, inputs: &Value) -> Result<(), Status> {
    let impossible = resources.diff(urn, old, inputs).impossible;
    impossible.as_ref().map_or(Ok(()), |why: &CheckFailure| {
        Err(Status::failed_precondition(format!(
            "`{}` cannot be changed like this: {}",
            urn.name(),
            check::failure(why).reason
        )))
    })
}

impl Modelops {
    pub(super) async fn change(&self, request: rpc::UpdateRequest) -> Result<rpc::UpdateResponse, Status> {
        let urn = call::urn(&request.urn)?;
        let resources = self.resources()?;
        let inputs = properties::arrived(request.news.as_ref())?;
        let old_inputs = properties::arrived(request.old_inputs.as_ref())?;
        let bag = properties::arrived(request.olds.as_ref())?;
        let old = properties::known(resources.schema(urn.token()), &request.id, old_inputs, &bag);
        possible(&*resources, &urn, &old, &inputs)?;
        if request.preview {
            let schema = resources.schema(urn.token()).ok_or_else(|| Status::not_found("no such resource type"))?;
            let properties = properties::leaving(&properties::of_change(schema, &inputs, &old.outputs))?;
            return Ok(rpc::UpdateResponse { properties, refresh_before_update: false });
        }
        let inputs = self.checked(&urn, inputs, false)?;
        let mut cx = self.context(&urn, request.timeout, &[&inputs, &old.inputs, &bag])?;
        let lanes = resources.lanes(&urn, &inputs);
        let _places = self.0.lanes.enter(lanes, &cx.cancel).await.ok_or_else(interrupted)?;
        if let Some(found) = self.seen(&*resources, &cx, &old, &bag).await.map_err(|e| failure::plain(&e))? {
            cx.takeover = ownership::refuse_others(&cx, &bag, &found.ownership)?;
        }
        let own = cx.mark.lineage.clone();
        let done = if properties::are_whole(resources.schema(urn.token()), &old.outputs) {
            resources.update(cx, &old, &inputs).await
        } else {
            // Given up while it was being made: a creation takes what is there by its name, or makes it.
            resources.create(cx, &inputs).await
        };
        // Not every update writes the mark anew: what may be on it stays known until a refresh has seen it.
        let handed_over = bag::lineages(&bag);
        let own = (!handed_over.is_empty()).then_some(own);
        let inputs = bag::marked(inputs, handed_over.into_iter().chain(own));
        let done = done.map_err(|e| failure::of_write(&e, &inputs))?;
        let properties = bag::made_at(bag::merged(&inputs, &done.outputs), bag::made(&bag));
        Ok(rpc::UpdateResponse { properties: properties::leaving(&properties)?, refresh_before_update: false })
    }
}
