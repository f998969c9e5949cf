//! All resources of a program, each as soon as what it is made from is done.

use std::collections::{BTreeMap, HashMap};

use futures::future::{BoxFuture, FutureExt as _, Shared, join_all};
use mops_core::{Urn, Value};
use mops_engine::program::{Declared, Program};

use super::client::{Monitor, Refused};
use super::register::{Answers, Registered, Root, request, resolved};

/// What becomes of one resource; whoever is made from it waits for the same.
type Outcome = Shared<BoxFuture<'static, Result<Registered, Refused>>>;

/// Registers everything that a program declares; what became of it.
///
/// # Errors
/// When a resource failed; the others are registered as far as they are not made from it.
pub(crate) async fn play(monitor: &Monitor, program: &Program, root: &Root, preview: bool) -> Result<Answers, Refused> {
    let mut outcomes: HashMap<Urn, Outcome> = HashMap::new();
    for declared in program.ordered() {
        let named = declared.dependencies().into_iter().chain(declared.deleted_with.clone());
        let before = named.filter_map(|urn| Some((urn.clone(), outcomes.get(&urn)?.clone())));
        let one = One { monitor: monitor.clone(), root: root.clone(), declared: declared.clone(), preview };
        outcomes.insert(declared.urn.clone(), one.registered(before.collect()).boxed().shared());
    }
    all(outcomes.into_iter().collect()).await
}

/// Waits for all; a failure that nobody has told comes before one that was.
async fn all(outcomes: Vec<(Urn, Outcome)>) -> Result<Answers, Refused> {
    let (urns, futures): (Vec<_>, Vec<_>) = outcomes.into_iter().unzip();
    let mut failed = Vec::new();
    let mut answers = Answers::new();
    for (urn, result) in urns.into_iter().zip(join_all(futures).await) {
        match result {
            Ok(registered) => drop(answers.insert(urn, registered)),
            Err(refused) => failed.push(refused),
        }
    }
    failed.sort_by_key(|refused| *refused == Refused::Told);
    failed.into_iter().next().map_or(Ok(answers), Err)
}

/// One resource on its way.
struct One {
    monitor: Monitor,
    root: Root,
    declared: Declared,
    preview: bool,
}

impl One {
    /// Registers it after everything that it is made from; not at all when one of these failed.
    async fn registered(self, before: Vec<(Urn, Outcome)>) -> Result<Registered, Refused> {
        let answers = all(before).await?;
        let name = self.declared.urn.name();
        let untold = |what: &str, why: String| Refused::Untold(format!("the {what} of `{name}`: {why}"));
        let request = request(&self.declared, &self.root, &answers).map_err(|why| untold("inputs", why))?;
        let answer = self.monitor.register(request).await?;
        Registered::of(answer, self.preview).map_err(|why| untold("outputs", why))
    }
}

/// The outputs of a program: those of each component under its name.
pub(crate) fn outputs(program: &Program, answers: &Answers) -> Value {
    let mut components: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for output in &program.outputs {
        let component = components.entry(output.component.as_str().to_owned()).or_default();
        component.insert(output.name.clone(), resolved(&output.value, answers));
    }
    Value::Map(components.into_iter().map(|(name, members)| (name, Value::Map(members))).collect())
}
