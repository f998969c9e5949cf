//! What a plan will ask a provider is told to it before, so that one at the other end of a connection answers together.

use std::sync::Mutex;

use mops_core::provider::{BoxFuture, CallContext, Checked, Difference, Done, Foreseen, Found, Known, Provider};
use mops_core::schema::ResourceSchema;
use mops_core::{Error, Identity, Lane, Urn, Value};
use mops_engine::plan::{Observations, PlanOptions, plan};
use mops_tests::null::{Null, urn};
use mops_tests::rig::{Rig, after, program};

/// Writes down what it was told, and what it was then asked. Only for plans: it is never called.
struct Asked<'a> {
    null: &'a Null,
    foreseen: Mutex<Vec<(Urn, Value, Known)>>,
    checks: Mutex<Vec<(Urn, Value)>>,
    differences: Mutex<Vec<(Urn, Known)>>,
}

impl Provider for Asked<'_> {
    fn schema(&self, token: &str) -> Option<&ResourceSchema> {
        self.null.schema(token)
    }

    fn foresee(&self, resources: &mut dyn Iterator<Item = Foreseen>) {
        self.foreseen.lock().unwrap().extend(resources.map(|r| (r.urn, r.inputs, r.known)));
    }

    fn check(&self, urn: &Urn, inputs: &Value, preview: bool) -> Checked {
        self.checks.lock().unwrap().push((urn.clone(), inputs.clone()));
        self.null.check(urn, inputs, preview)
    }

    fn diff(&self, urn: &Urn, old: &Known, inputs: &Value) -> Difference {
        self.differences.lock().unwrap().push((urn.clone(), old.clone()));
        self.null.diff(urn, old, inputs)
    }

    fn identity(&self, urn: &Urn, inputs: &Value) -> Option<Identity> {
        self.null.identity(urn, inputs)
    }

    fn lanes(&self, urn: &Urn, inputs: &Value) -> Vec<Lane> {
        self.null.lanes(urn, inputs)
    }

    fn read<'a>(
        &'a self,
        _: CallContext,
        _: Option<&'a str>,
        _: &'a Known,
    ) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        unreachable!("a plan is pure")
    }

    fn create<'a>(&'a self, _: CallContext, _: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        unreachable!("a plan is pure")
    }

    fn update<'a>(&'a self, _: CallContext, _: &'a Known, _: &'a Value) -> BoxFuture<'a, Result<Done, Error>> {
        unreachable!("a plan is pure")
    }

    fn delete<'a>(&'a self, _: CallContext, _: &'a Known) -> BoxFuture<'a, Result<(), Error>> {
        unreachable!("a plan is pure")
    }
}

#[tokio::test]
async fn all_that_is_asked_of_what_stays_was_foreseen_in_the_order_of_the_plan() {
    let home = tempfile::tempdir().unwrap();
    let rig = Rig::new(home.path());
    let there = program(vec![after("a", &[]), after("b", &["a"]), after("c", &["a"]), after("d", &["b", "c"])]);
    rig.up(&there).await.unwrap();
    let wanted = program([there.resources, vec![after("new", &["d"])]].concat());
    let asked =
        Asked { null: &rig.null, foreseen: Mutex::default(), checks: Mutex::default(), differences: Mutex::default() };
    let made = plan(&wanted, &rig.read().unwrap(), &Observations::new(), &asked, &PlanOptions::default()).unwrap();
    assert_eq!((made.unchanged, made.steps.len()), (4, 1));
    let (foreseen, mut checks) = (asked.foreseen.into_inner().unwrap(), asked.checks.into_inner().unwrap());
    let new = checks.pop().map(|(urn, _)| urn);
    assert_eq!(new, Some(urn("new")), "what is not there yet cannot be foreseen");
    assert_eq!(foreseen.iter().map(|(u, i, _)| (u.clone(), i.clone())).collect::<Vec<_>>(), checks);
    let differences = asked.differences.into_inner().unwrap();
    assert_eq!(foreseen.into_iter().map(|(u, _, k)| (u, k)).collect::<Vec<_>>(), differences);
}
