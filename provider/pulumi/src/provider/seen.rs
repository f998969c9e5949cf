//! What is there of something that the engine knows. The moment of its creation is kept in its properties: another process
//! reads it a second later, and the service may not know it everywhere yet.

use mops_core::provider::{CallContext, Found, Known, Provider};
use mops_core::{Class, Error, Value, bag};
use mops_engine::patience;

use super::Modelops;
use super::read::is_only_in_state;

impl Modelops {
    /// What is found; `None` when it is surely gone, or when only state has it. `properties` are those that the engine
    /// keeps.
    pub(super) async fn seen(
        &self,
        resources: &dyn Provider,
        cx: &CallContext,
        known: &Known,
        properties: &Value,
    ) -> Result<Option<Found>, Error> {
        if is_only_in_state(resources, cx, &known.inputs) {
            return Ok(None);
        }
        let settles = resources.schema(cx.urn.token()).map(|schema| schema.settles).unwrap_or_default();
        let once = || resources.read(cx.clone(), Some(&known.id), known);
        let found = patience::look(&self.0.clock, settles, bag::made(properties), once);
        tokio::select! {
            biased;
            () = cx.cancel.canceled() => Err(Error::new(Class::Canceled, "interrupted while it was looked for")),
            found = found => found,
        }
    }

    /// The properties of something that was made now, if its service may not know it everywhere yet.
    pub(super) fn fresh(&self, resources: &dyn Provider, cx: &CallContext, properties: Value) -> Value {
        let settles = resources.schema(cx.urn.token()).is_some_and(|schema| !schema.settles.is_zero());
        bag::made_at(properties, settles.then(|| self.0.clock.now()))
    }
}
