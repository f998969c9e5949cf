//! Read: a refresh knows what state knows, an import only the id. The engine forgets a resource when the id comes back
//! empty, so that is said only of what is surely gone.

use mops_core::provider::{CallContext, Found, Known, Provider};
use mops_core::{Identity, Lineage, Ownership, Value, bag};
use pulumi_gestalt_proto::pulumi::pulumirpc as rpc;
use time::OffsetDateTime;
use tonic::Status;

use super::ownership::{Whose, judge, refuse_others};
use super::{Modelops, call, failure, properties};

impl Modelops {
    pub(super) async fn look(&self, request: rpc::ReadRequest) -> Result<rpc::ReadResponse, Status> {
        let urn = call::urn(&request.urn)?;
        let resources = self.resources()?;
        let inputs = properties::arrived(request.inputs.as_ref())?;
        let bag = properties::arrived(request.properties.as_ref())?;
        let cx = self.context(&urn, 0.0, &[&inputs, &bag])?;
        if inputs.as_map().is_some_and(std::collections::BTreeMap::is_empty) {
            return self.import(&*resources, cx, &request.id).await;
        }
        if is_only_in_state(&*resources, &cx, &inputs) {
            let rpc::ReadRequest { id, properties, inputs, .. } = request;
            return Ok(rpc::ReadResponse { id, properties, inputs, refresh_before_update: false });
        }
        let known = properties::known(resources.schema(urn.token()), &request.id, inputs, &bag);
        let found = self.seen(&*resources, &cx, &known, &bag).await;
        let Some(found) = found.map_err(|e| failure::of_read(&e, &known.inputs))? else {
            return Ok(rpc::ReadResponse::default());
        };
        refuse_others(&cx, &bag, &found.ownership)?;
        let lineages = marks(&cx, &bag, &found.ownership);
        answer(found, lineages, bag::made(&bag))
    }

    async fn import(&self, resources: &dyn Provider, cx: CallContext, id: &str) -> Result<rpc::ReadResponse, Status> {
        let urn = cx.urn.clone();
        let named = resources.named_by(&urn, id).map_err(|e| failure::plain(&e))?;
        let known = Known { id: id.to_owned(), inputs: named, outputs: Value::Null };
        let found = resources.read(cx.clone(), Some(id), &known).await.map_err(|e| failure::plain(&e))?;
        let Some(mut found) = found else { return Ok(rpc::ReadResponse::default()) };
        refuse_others(&cx, &Value::map(), &found.ownership)?;
        found.known.inputs = self.checked(&urn, found.known.inputs, true)?;
        answer(found, Vec::new(), None)
    }
}

/// Whether no service holds it, so that state is all there is.
pub(super) fn is_only_in_state(resources: &dyn Provider, cx: &CallContext, inputs: &Value) -> bool {
    let read_tells = resources.schema(cx.urn.token()).is_some_and(|schema| schema.read_tells);
    !read_tells && matches!(resources.identity(&cx.urn, inputs), Some(Identity::Reissue))
}

/// What is still to be known of the marks of an earlier state.
fn marks(cx: &CallContext, properties: &Value, found: &Ownership) -> Vec<Lineage> {
    match (judge(cx, properties, found), found) {
        (Whose::Inherited(lineage), _) => vec![lineage],
        (_, Ownership::Derived) => bag::lineages(properties).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn answer(
    Found { known, .. }: Found,
    lineages: Vec<Lineage>,
    made: Option<OffsetDateTime>,
) -> Result<rpc::ReadResponse, Status> {
    let properties = bag::made_at(bag::marked(bag::merged(&known.inputs, &known.outputs), lineages), made);
    Ok(rpc::ReadResponse {
        properties: properties::leaving(&properties)?,
        inputs: properties::leaving(&known.inputs)?,
        id: known.id,
        refresh_before_update: false,
    })
}
