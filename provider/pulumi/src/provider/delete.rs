//! Delete: what does not carry our mark is left where it is. Pulumi keeps no word about who made something, so the
//! resource itself is asked.

use mops_core::provider::{Found, Known};
use mops_core::schema::ResourceSchema;
use mops_core::{Ownership, Urn};
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use tonic::Status;

use super::create::interrupted;
use super::log::Severity;
use super::ownership::{self, Whose};
use super::{Modelops, call, failure, properties};

/// What is to go, with the outputs of what is there now where it was given up while it was being made. What is not there
/// yet may still come, so it is not taken for gone.
fn completed(schema: Option<&ResourceSchema>, urn: &Urn, old: Known, found: Option<Found>) -> Result<Known, Status> {
    match found {
        _ if properties::are_whole(schema, &old.outputs) => Ok(old),
        Some(found) => Ok(Known { outputs: found.known.outputs, ..old }),
        None => Err(Status::unavailable(format!(
            "`{}` was begun and is not there yet; run the same again, or `pulumi refresh` if it will never come",
            urn.name()
        ))),
    }
}

impl Modelops {
    pub(super) async fn remove(&self, request: rpc::DeleteRequest) -> Result<(), Status> {
        let urn = call::urn(&request.urn)?;
        let resources = self.resources()?;
        let old_inputs = properties::arrived(request.old_inputs.as_ref())?;
        let bag = properties::arrived(request.properties.as_ref())?;
        let old = properties::known(resources.schema(urn.token()), &request.id, old_inputs, &bag);
        let cx = self.context(&urn, request.timeout, &[&old.inputs, &bag])?;
        let lanes = resources.lanes(&urn, &old.inputs);
        let _places = self.0.lanes.enter(lanes, &cx.cancel).await.ok_or_else(interrupted)?;
        let found = self.seen(&*resources, &cx, &old, &bag).await.map_err(|e| failure::plain(&e))?;
        let whose = found.as_ref().map(|found| (ownership::judge(&cx, &bag, &found.ownership), &found.ownership));
        let kept = match whose {
            Some((_, Ownership::Unmarked)) => "it was there before this stack",
            Some((Whose::OtherStack(_), _)) => "it belongs to another stack",
            Some((Whose::OtherState(_), _)) => "another state of this stack manages it",
            Some((Whose::Ours | Whose::Inherited(_), _)) | None => {
                let old = completed(resources.schema(urn.token()), &urn, old, found)?;
                return resources.delete(cx, &old).await.map_err(|e| failure::plain(&e));
            }
        };
        self.0.log.say(Severity::Warning, &urn, format!("`{}` is kept: {kept}", request.id));
        Ok(())
    }
}
