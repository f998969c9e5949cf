//! The table of resource types as the engines' [`Provider`].

use std::collections::HashMap;

use mops_core::preflight::{Planning, Preflight};
use mops_core::provider::{BoxFuture, CallContext, CheckFailure, Checked, Difference, Done, Found, Known, Provider};
use mops_core::schema::ResourceSchema;
use mops_core::value::Path;
use mops_core::{Class, Error, Identity, Lane, Urn, Value};

use crate::entry::Entry;
use crate::resource::Cx;
use crate::services::Services;

/// Every listed resource, over one set of clients.
pub struct Resources {
    entries: HashMap<&'static str, Box<dyn Entry>>,
    services: Services,
}

impl Resources {
    /// The provider over these clients.
    #[must_use]
    pub fn new(services: Services) -> Self {
        let entries = crate::entries().into_iter().map(|e| (e.schema().token, e)).collect();
        Self { entries, services }
    }

    /// The clients that the resources use.
    pub const fn services(&self) -> &Services {
        &self.services
    }

    fn entry(&self, urn: &Urn) -> Result<&dyn Entry, Error> {
        self.entries.get(urn.token()).map(AsRef::as_ref).ok_or_else(|| {
            Error::new(Class::User, format!("`{}` is not a resource type of this version", urn.token()))
                .hint("use a newer `mops`, or remove the resource from the state with the version that made it")
        })
    }

    fn call<'a, T: 'a>(
        &'a self,
        cx: &'a CallContext,
        run: impl FnOnce(&'a dyn Entry, Cx<'a>) -> BoxFuture<'a, Result<T, Error>>,
    ) -> BoxFuture<'a, Result<T, Error>> {
        match self.entry(&cx.urn) {
            Ok(entry) => run(entry, Cx { call: cx, services: &self.services, known: None }),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }
}

impl Provider for Resources {
    fn schema(&self, token: &str) -> Option<&ResourceSchema> {
        self.entries.get(token).map(|e| e.schema())
    }

    fn check(&self, urn: &Urn, inputs: &Value, preview: bool) -> Checked {
        match self.entry(urn) {
            Ok(entry) => entry.check(&self.services.offline(preview), inputs),
            Err(error) => {
                let reason = error.summary().to_owned();
                let hint = error.hint_text().map(str::to_owned);
                let failures = vec![CheckFailure { path: Path::default(), reason, hint }];
                Checked { inputs: inputs.clone(), failures, notes: Vec::new() }
            }
        }
    }

    fn diff(&self, urn: &Urn, old: &Known, inputs: &Value) -> Difference {
        self.entry(urn).map(|e| e.diff(&self.services.offline(true), old, inputs)).unwrap_or_default()
    }

    fn identity(&self, urn: &Urn, inputs: &Value) -> Option<Identity> {
        self.entry(urn).ok()?.identity(inputs)
    }

    fn lanes(&self, urn: &Urn, inputs: &Value) -> Vec<Lane> {
        self.entry(urn).map(|e| e.lanes(inputs)).unwrap_or_default()
    }

    fn read<'a>(
        &'a self,
        cx: CallContext,
        id: Option<&'a str>,
        known: &'a Known,
    ) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async move { self.call(&cx, |entry, cx| entry.read(cx, id, known)).await })
    }

    fn create<'a>(&'a self, cx: CallContext, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        Box::pin(async move { self.call(&cx, |entry, cx| entry.create(cx, inputs)).await })
    }

    fn update<'a>(&'a self, cx: CallContext, old: &'a Known, inputs: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        Box::pin(async move { self.call(&cx, |entry, cx| entry.update(cx, old, inputs)).await })
    }

    fn delete<'a>(&'a self, cx: CallContext, old: &'a Known) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.call(&cx, |entry, cx| entry.delete(cx, old)).await })
    }

    fn named_by(&self, urn: &Urn, id: &str) -> Result<Value, Error> {
        self.entry(urn)?.named_by(id)
    }

    fn invoke<'a>(&'a self, token: &'a str, args: &'a Value) -> BoxFuture<'a, Result<Value, Error>> {
        Box::pin(crate::functions::invoke(&self.services, token, args))
    }

    fn preflight<'a>(&'a self, planning: &'a Planning) -> BoxFuture<'a, Preflight> {
        Box::pin(crate::preflight::run(&self.services, &self.entries, planning))
    }
}
