//! The look before the first write: what the services are known to refuse of a plan, with the place in the stack file.
//!
//! Guarantees: a plan that changes nothing asks nothing; what is refused was not begun (`tests/preflight.rs`).

use std::collections::{HashMap, HashSet};

use mops_core::preflight::{Intent, Planned, Planning, Refusal};
use mops_core::{Diagnostic, Urn, Value};

use super::Engine;
use crate::error::EngineError;
use crate::plan::{Graph, Observed, Op, Plan, PlanOptions, Step, known_standin, resolve, walk};
use crate::program::{Declared, Program};
use crate::state::{ResourceState, Sealer, Snapshot};

impl Engine {
    /// Gives the plan back with what is worth saying of it, or everything that stands against it.
    pub(super) async fn preflight(
        &self,
        program: &Program,
        state: &Snapshot,
        mut plan: Plan,
        how: &PlanOptions,
    ) -> Result<Plan, EngineError> {
        if plan.is_empty() {
            return Ok(plan);
        }
        let graph = Graph::of(program).map_err(EngineError::Refused)?;
        let resources = View::new(self, program, state, &plan, how.sealer.as_deref()).resources(&graph);
        let planning = Planning { resources, preview: how.preview, cancel: self.cancel.clone() };
        let found = tokio::select! {
            biased;
            () = self.cancel.canceled() => return Err(EngineError::Canceled),
            found = self.provider.preflight(&planning) => found,
        };
        if !found.refusals.is_empty() {
            return Err(EngineError::Refused(found.refusals.into_iter().map(|r| placed(program, r)).collect()));
        }
        plan.notes.extend(found.notes);
        Ok(plan)
    }
}

fn placed(program: &Program, refusal: Refusal) -> Diagnostic {
    let Refusal { urn, failure } = refusal;
    let place = program.get(&urn).and_then(|declared| declared.place_of(&failure.path.to_string()));
    Diagnostic { hint: failure.hint, ..Diagnostic::error(place.cloned(), failure.reason) }
}

/// A plan as a provider sees it.
struct View<'a> {
    engine: &'a Engine,
    program: &'a Program,
    plan: &'a Plan,
    sealer: Option<&'a Sealer>,
    steps: HashMap<&'a Urn, &'a Step>,
    living: HashMap<&'a Urn, &'a ResourceState>,
}

impl<'a> View<'a> {
    fn new(
        engine: &'a Engine,
        program: &'a Program,
        state: &'a Snapshot,
        plan: &'a Plan,
        sealer: Option<&'a Sealer>,
    ) -> Self {
        let steps = plan.steps.iter().filter(|s| s.declared.is_some()).map(|s| (&s.urn, s)).collect();
        let living = state.resources.iter().filter(|r| !r.pending_delete).map(|r| (&r.urn, r)).collect();
        Self { engine, program, plan, sealer, steps, living }
    }

    /// What is done with a resource.
    fn intent(&self, urn: &Urn) -> Intent {
        match self.steps.get(urn).map(|step| step.op) {
            Some(Op::Create) => Intent::Create,
            Some(Op::Adopt) => Intent::Adopt,
            Some(Op::Update) => Intent::Update,
            Some(Op::Replace) => Intent::Replace,
            _ => Intent::Keep,
        }
    }

    /// Everything that changes, and what it is made from; nothing when nothing changes.
    fn resources(&self, graph: &Graph<'_>) -> Vec<Planned> {
        let mut wanted: HashSet<usize> = HashSet::new();
        for i in graph.order.iter().rev().copied() {
            if self.intent(&self.program.resources[i].urn) != Intent::Keep || wanted.contains(&i) {
                wanted.insert(i);
                wanted.extend(graph.before[i].iter().copied());
            }
        }
        let chosen = graph.order.iter().filter(|i| wanted.contains(i));
        chosen.map(|i| self.planned(&self.program.resources[*i], &graph.dependencies[*i])).collect()
    }

    fn planned(&self, declared: &Declared, dependencies: &[Urn]) -> Planned {
        let urn = &declared.urn;
        let lookup = |target: &Urn, path: &[String]| self.output(target, path);
        let inputs = self.opened(resolve(&declared.inputs, &lookup, self.sealer));
        let known = match self.plan.observed.get(urn) {
            Some(Observed::Found(found)) => Some(known_standin(&found.known)),
            _ => self.living.get(urn).map(|r| known_standin(&r.known())),
        };
        Planned {
            urn: urn.clone(),
            intent: self.intent(urn),
            known,
            inputs: self.engine.provider.check(urn, &inputs, true).inputs,
            dependencies: dependencies.to_vec(),
        }
    }

    /// Secrets in clear, as they will be sent; what cannot be opened here is not known.
    fn opened(&self, mut value: Value) -> Value {
        let sealed = value.any(&mut |v| matches!(v, Value::Sealed(_)));
        if sealed && self.sealer.is_none_or(|sealer| sealer.open_in(&mut value).is_err()) {
            forget_sealed(&mut value);
        }
        value
    }

    /// An output that stays as it is; what is made anew, or may change, is not known yet.
    fn output(&self, urn: &Urn, path: &[String]) -> Value {
        let changing = self.engine.provider.schema(urn.token()).map_or(&[][..], |s| s.changed_by_update);
        let open = match self.intent(urn) {
            Intent::Create | Intent::Replace => true,
            Intent::Keep => false,
            Intent::Adopt | Intent::Update => path.first().is_none_or(|p| changing.contains(&p.as_str())),
        };
        let outputs = match self.plan.observed.get(urn) {
            _ if open => None,
            Some(Observed::Found(found)) => Some(&found.known.outputs),
            _ => self.living.get(urn).map(|r| &r.outputs),
        };
        outputs.map_or(Value::Unknown, |outputs| walk(outputs, path, self.sealer))
    }
}

fn forget_sealed(value: &mut Value) {
    match value {
        Value::Sealed(_) => *value = Value::Unknown,
        Value::List(items) => items.iter_mut().for_each(forget_sealed),
        Value::Map(map) => map.values_mut().for_each(forget_sealed),
        _ => {}
    }
}
