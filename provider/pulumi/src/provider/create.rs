//! Create: what is there already with our mark is taken over, so that a run after a lost answer makes nothing twice.

use mops_core::{Class, Error, bag};
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use tonic::Status;

use super::log::Severity;
use super::{Modelops, call, failure, properties};

/// An interruption before the service was asked for anything.
pub(super) fn interrupted() -> Status {
    failure::plain(&Error::new(Class::Canceled, "interrupted before it was begun"))
}

impl Modelops {
    pub(super) async fn make(&self, request: rpc::CreateRequest) -> Result<rpc::CreateResponse, Status> {
        let urn = call::urn(&request.urn)?;
        let resources = self.resources()?;
        let inputs = properties::arrived(request.properties.as_ref())?;
        if request.preview {
            let schema = resources.schema(urn.token()).ok_or_else(|| Status::not_found("no such resource type"))?;
            let properties = properties::leaving(&properties::of_creation(schema, &inputs))?;
            return Ok(rpc::CreateResponse { properties, ..rpc::CreateResponse::default() });
        }
        let inputs = self.checked(&urn, inputs, false)?;
        let cx = self.context(&urn, request.timeout)?;
        let lanes = resources.lanes(&urn, &inputs);
        let _places = self.0.lanes.enter(lanes, &cx.cancel).await.ok_or_else(interrupted)?;
        let done = resources.create(cx, &inputs).await.map_err(|e| failure::of_write(&e, &inputs))?;
        if done.foreign {
            self.0.log.say(
                Severity::Warning,
                &urn,
                format!("`{}` was there already; it is used, and kept when the stack goes", done.id),
            );
        }
        let properties = properties::leaving(&bag::merged(&inputs, &done.outputs))?;
        Ok(rpc::CreateResponse { id: done.id, properties, refresh_before_update: false })
    }
}
