//! Read: a refresh knows what state knows, an import only the id. The engine forgets a resource when the id comes back
//! empty, so that is said only of what is surely gone.

use mops_core::provider::{CallContext, Found, Known, Provider};
use mops_core::{Identity, Ownership, Value};
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use tonic::Status;

use super::{Modelops, call, failure, properties};

impl Modelops {
    pub(super) async fn look(&self, request: rpc::ReadRequest) -> Result<rpc::ReadResponse, Status> {
        let urn = call::urn(&request.urn)?;
        let resources = self.resources()?;
        let cx = self.context(&urn, 0.0)?;
        let inputs = properties::arrived(request.inputs.as_ref())?;
        if inputs.as_map().is_some_and(std::collections::BTreeMap::is_empty) {
            return self.import(&*resources, cx, &request.id).await;
        }
        if is_only_in_state(&*resources, &cx, &inputs) {
            let rpc::ReadRequest { id, properties, inputs, .. } = request;
            return Ok(rpc::ReadResponse { id, properties, inputs, refresh_before_update: false });
        }
        let bag = properties::arrived(request.properties.as_ref())?;
        let known = properties::known(resources.schema(urn.token()), &request.id, inputs, &bag);
        let found = resources.read(cx, Some(&request.id), &known).await;
        answer(found.map_err(|e| failure::of_read(&e, &known.inputs))?)
    }

    async fn import(&self, resources: &dyn Provider, cx: CallContext, id: &str) -> Result<rpc::ReadResponse, Status> {
        let urn = cx.urn.clone();
        let Some(named) = resources.named_by(&urn, id) else {
            return Err(Status::invalid_argument(format!(
                "`{id}` is not the id of a `{}` that can be imported",
                urn.token()
            )));
        };
        let known = Known { id: id.to_owned(), inputs: named, outputs: Value::Null };
        let found = resources.read(cx, Some(id), &known).await.map_err(|e| failure::plain(&e))?;
        let Some(mut found) = found else { return answer(None) };
        if let Ownership::Other { stack, .. } = &found.ownership {
            return Err(Status::failed_precondition(format!("`{id}` belongs to stack `{stack}` and is not imported")));
        }
        found.known.inputs = self.checked(&urn, found.known.inputs, true)?;
        answer(Some(found))
    }
}

/// Whether no service holds it, so that state is all there is.
fn is_only_in_state(resources: &dyn Provider, cx: &CallContext, inputs: &Value) -> bool {
    let read_tells = resources.schema(cx.urn.token()).is_some_and(|schema| schema.read_tells);
    !read_tells && matches!(resources.identity(&cx.urn, inputs), Some(Identity::Reissue))
}

fn answer(found: Option<Found>) -> Result<rpc::ReadResponse, Status> {
    let Some(Found { known, .. }) = found else { return Ok(rpc::ReadResponse::default()) };
    Ok(rpc::ReadResponse {
        properties: properties::leaving(&properties::merged(&known.inputs, &known.outputs))?,
        inputs: properties::leaving(&known.inputs)?,
        id: known.id,
        refresh_before_update: false,
    })
}
