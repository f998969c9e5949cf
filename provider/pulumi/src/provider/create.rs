//! Create: what is there already with our mark is taken over, so that a run after a lost answer makes nothing twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mops_core::provider::{CallContext, Progress};
use mops_core::{Class, Error, Identity, Value, bag};
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use tonic::Status;

use super::log::Severity;
use super::{Modelops, call, failure, properties};

/// An interruption before the service was asked for anything.
pub(super) fn interrupted() -> Status {
    failure::plain(&Error::new(Class::Canceled, "interrupted before it was begun"))
}

/// The context, and whether the service has taken the work on while it lasted.
fn noticing(mut cx: CallContext) -> (CallContext, Arc<AtomicBool>) {
    let accepted = Arc::new(AtomicBool::new(false));
    let (noticed, told) = (Arc::clone(&accepted), cx.progress);
    cx.progress = Arc::new(move |progress| {
        noticed.fetch_or(matches!(progress, Progress::Operation(_)), Ordering::SeqCst);
        told(progress);
    });
    (cx, accepted)
}

/// An interruption while the service goes on leaves something behind: without its id the engine would forget it.
fn with_what_goes_on(error: Error, accepted: Option<Identity>) -> Error {
    match accepted {
        Some(Identity::Name(id)) if error.class() == Class::Canceled && error.partial().is_none() => {
            error.with_partial(id, Value::map())
        }
        _ => error,
    }
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
        let (cx, accepted) = noticing(self.context(&urn, request.timeout, &[&inputs])?);
        let lanes = resources.lanes(&urn, &inputs);
        let _places = self.0.lanes.enter(lanes, &cx.cancel).await.ok_or_else(interrupted)?;
        let done = resources.create(cx.clone(), &inputs).await.map_err(|error| {
            let named = resources.identity(&urn, &inputs).filter(|_| accepted.load(Ordering::SeqCst));
            failure::of_write(&with_what_goes_on(error, named), &inputs)
        })?;
        if done.foreign {
            self.0.log.say(
                Severity::Warning,
                &urn,
                format!("`{}` was there already; it is used, and kept when the stack goes", done.id),
            );
        }
        let properties = self.fresh(&*resources, &cx, bag::merged(&inputs, &done.outputs));
        let properties = properties::leaving(&properties)?;
        Ok(rpc::CreateResponse { id: done.id, properties, refresh_before_update: false })
    }
}
