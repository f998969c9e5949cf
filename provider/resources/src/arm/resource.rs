//! What is the same for every resource that has an id of its own at ARM and is shown by one GET.

use std::future::Future;

use mops_clients::arm::{NotAnId, ResourceId};
use mops_core::convert::to_value;
use mops_core::{Error, Mark, Ownership};
use serde_json::Value as Json;

use super::{Target, changed_by, owner};
use crate::resource::{Cx, Live, Made, NotImported, Resource, State};

/// What such a resource says of itself.
pub(crate) trait ArmResource: Resource {
    /// What messages call it: `registry`, `node pool`.
    const NOUN: &'static str;

    /// Where it is.
    fn id(inputs: &Self::Inputs) -> Result<ResourceId, NotAnId>;

    /// What an answer tells.
    fn outputs(id: &ResourceId, body: &Json) -> Self::Outputs;

    /// The declared inputs as an answer shows them.
    fn seen(known: &Self::Inputs, id: &ResourceId, body: &Json) -> Self::Inputs;

    /// Whose it is: by default its tags say so.
    fn owner(_target: &Target<'_>, mark: &Mark, body: &Json) -> impl Future<Output = Result<Ownership, Error>> + Send {
        let owner = owner(mark, body.get("tags"));
        async { Ok(owner) }
    }
}

impl<'a> Target<'a> {
    /// A resource of this type.
    pub(crate) fn of<R: ArmResource>(cx: &'a Cx<'a>, id: Result<ResourceId, NotAnId>) -> Result<Self, Error> {
        let target = Target::new(cx, id, R::NOUN)?;
        Ok(target.telling(|id, body| to_value(&R::outputs(id, body)).unwrap_or_default()))
    }

    /// One that state knows.
    pub(crate) fn known<R: ArmResource>(cx: &'a Cx<'a>, state: &State<R>) -> Result<Self, Error> {
        Self::of::<R>(cx, ResourceId::parse(&state.id))
    }

    /// What a write gives whose last answer this is.
    pub(crate) fn made<R: ArmResource>(&self, body: &Json) -> Made<R> {
        Made { id: self.id.to_string(), outputs: R::outputs(&self.id, body) }
    }
}

/// The id of a resource of this type, and what it lies in: the cluster of a pool, the group of a cluster.
pub(crate) fn named(id: &str, kind: &str) -> Result<(ResourceId, ResourceId), NotImported> {
    let found = ResourceId::parse(id).ok().filter(|id| id.kind().eq_ignore_ascii_case(kind));
    found.and_then(|id| id.parent().map(|parent| (id, parent))).ok_or_else(|| no_id(kind))
}

/// The same for a resource that lies in a group: its id, and the name of the group.
pub(crate) fn named_in_group(id: &str, kind: &str) -> Result<(ResourceId, String), NotImported> {
    let (id, _) = named(id, kind)?;
    let group = id.resource_group().map(str::to_owned).ok_or_else(|| no_id(kind))?;
    Ok((id, group))
}

fn no_id(kind: &str) -> NotImported {
    NotImported::NoId(format!("its ARM id, of type `{kind}`"))
}

/// Looks it up by its id, else by the inputs that name it.
pub(crate) async fn find<'a, R: ArmResource>(
    cx: &'a Cx<'a>,
    id: Option<&str>,
    known: &R::Inputs,
) -> Result<Option<(Target<'a>, Json)>, Error> {
    let target = Target::of::<R>(cx, id.map_or_else(|| R::id(known), ResourceId::parse))?;
    let found = target.get().await?;
    Ok(found.map(|body| (target, body)))
}

/// The read of most resources.
pub(crate) async fn read<R: ArmResource>(
    cx: &Cx<'_>,
    id: Option<&str>,
    known: &R::Inputs,
) -> Result<Option<Live<R>>, Error> {
    let Some((target, body)) = find::<R>(cx, id, known).await? else { return Ok(None) };
    live(cx, &target, known, &body).await.map(Some)
}

/// What was found, as the resource sees it.
pub(crate) async fn live<R: ArmResource>(
    cx: &Cx<'_>,
    target: &Target<'_>,
    known: &R::Inputs,
    body: &Json,
) -> Result<Live<R>, Error> {
    let ownership = R::owner(target, &cx.call.mark, body).await?;
    let inputs = R::seen(known, &target.id, body);
    let state = State { id: target.id.to_string(), inputs, outputs: R::outputs(&target.id, body) };
    Ok(Live { state, ownership, changed_by: changed_by(body) })
}
