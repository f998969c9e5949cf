//! From a step to a call: inputs resolved with what exists by now, checked again, secrets opened for the provider.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use mops_core::provider::{CallContext, Known};
use mops_core::{Class, Error, Lane, Secret, Urn, Value};
use time::OffsetDateTime;

use super::machine::Machine;
use super::nodes::Work;
use crate::observe::mark;
use crate::plan::{Op, Step, as_declared, back, known_standin, resolve, standin, walk};
use crate::program::Declared;
use crate::state::{Action, ResourceState, SealError};

/// The longest a write may take when the resource does not say.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// A call, ready to be begun.
pub(crate) struct Prepared {
    pub(crate) action: Action,
    /// What the Begin says.
    pub(crate) resource: ResourceState,
    pub(crate) call: Call,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) cx: CallContext,
}

/// Arguments of the provider's call; secrets opened, but for deletions.
pub(crate) enum Call {
    Create(Value),
    Update(Box<Known>, Value),
    Delete(Box<Known>),
}

/// What became of a step when its time came.
pub(crate) enum Ready {
    Call(Box<Prepared>),
    /// What was not known when it was planned turned out to be as before; state may have to learn what only the
    /// program says.
    Unchanged(Option<Box<ResourceState>>),
}

fn sealing(urn: &Urn, error: &SealError) -> Error {
    let found = Error::new(error.class(), format!("secrets of `{}` cannot be used: {error}", urn.name()));
    match error.hint() {
        Some(hint) => found.hint(hint),
        None => found,
    }
}

impl Machine<'_> {
    /// Prepares the call of a node.
    pub(crate) fn prepare(&mut self, node: usize) -> Result<Ready, Error> {
        let (index, work) = (self.nodes[node].step, self.nodes[node].work);
        let plan = self.plan;
        let step = &plan.steps[index];
        if work == Work::Remove {
            return self.removal(step, node).map(|p| Ready::Call(Box::new(p)));
        }
        let program = self.program.ok_or_else(|| Error::new(Class::Bug, "a step without a program"))?;
        let declared = step.declared.and_then(|i| program.resources.get(i));
        let declared = declared.ok_or_else(|| Error::new(Class::Bug, "a step without a declaration"))?;
        let inputs = self.inputs(declared)?;
        let old = self.store.get(&step.urn);
        match (step.op, old) {
            (Op::Update, Some(old)) => {
                let known = step.seen.as_deref().cloned().unwrap_or_else(|| old.known());
                if !step.force && self.difference_is_empty(&step.urn, &known, &inputs)? {
                    return Ok(Ready::Unchanged(match as_declared(old, declared, &self.dependencies(step)) {
                        Cow::Borrowed(_) => None,
                        Cow::Owned(state) => Some(Box::new(state)),
                    }));
                }
                self.update(step, declared, known, inputs)
            }
            _ => self.creation(step, declared, inputs),
        }
        .map(|p| Ready::Call(Box::new(p)))
    }

    fn inputs(&self, declared: &Declared) -> Result<Value, Error> {
        let urn = &declared.urn;
        let sealer = self.store.sealer();
        let lookup = |target: &Urn, path: &[String]| {
            self.store.get(target).map_or(Value::Unknown, |r| walk(&r.outputs, path, Some(sealer)))
        };
        let resolved = resolve(&declared.inputs, &lookup, Some(sealer));
        let checked = self.engine.provider.check(urn, &standin(&resolved), false);
        if let Some(failure) = checked.failures.first() {
            let text = format!("`{}` cannot be made like this: {} {}", urn.name(), failure.path, failure.reason);
            let error = Error::new(Class::User, text);
            return Err(match &failure.hint {
                Some(hint) => error.hint(hint.clone()),
                None => error,
            });
        }
        let mut inputs = checked.inputs;
        back(&mut inputs);
        if inputs.has_unknown() {
            let text = format!("this is a fault in mops: an input of `{}` is still not known", urn.name());
            return Err(Error::new(Class::Bug, text));
        }
        Ok(inputs)
    }

    fn difference_is_empty(&self, urn: &Urn, known: &Known, inputs: &Value) -> Result<bool, Error> {
        let (mut known, mut inputs) = (known.clone(), inputs.clone());
        if inputs.any(&mut |v| matches!(v, Value::Secret(_))) {
            let sealer = self.store.sealer();
            sealer.open_in(&mut known.inputs).map_err(|e| sealing(urn, &e))?;
            sealer.open_in(&mut inputs).map_err(|e| sealing(urn, &e))?;
        }
        Ok(self.engine.provider.diff(urn, &known_standin(&known), &standin(&inputs)).is_empty())
    }

    fn dependencies(&self, step: &Step) -> Vec<Urn> {
        match (self.graph, step.declared) {
            (Some(graph), Some(i)) => graph.dependencies[i].clone(),
            _ => Vec::new(),
        }
    }

    fn declared_state(&self, step: &Step, declared: &Declared, inputs: Value) -> ResourceState {
        let old = self.store.get(&step.urn);
        let adopted_from = old.and_then(|o| o.adopted_from.clone());
        ResourceState {
            inputs,
            dependencies: self.dependencies(step),
            protect: declared.protect,
            retain_on_delete: declared.retain_on_delete || adopted_from.is_some(),
            deleted_with: declared.deleted_with.clone(),
            adopted_from,
            ..ResourceState::new(step.urn.clone(), step.component, old.map(|o| o.id.clone()).unwrap_or_default())
        }
    }

    fn creation(&self, step: &Step, declared: &Declared, inputs: Value) -> Result<Prepared, Error> {
        let action = match step.op {
            Op::Replace if !step.delete_before_replace => Action::CreateReplacement,
            _ => Action::Create,
        };
        let mut resource = self.declared_state(step, declared, inputs.clone());
        resource.id = String::new();
        if step.op != Op::Adopt {
            resource.adopted_from = None;
            resource.retain_on_delete = declared.retain_on_delete;
        }
        let cx = self.context(step, Some(declared), action)?;
        let lanes = self.engine.provider.lanes(&step.urn, &standin(&inputs));
        let mut opened = inputs;
        self.store.sealer().open_in(&mut opened).map_err(|e| sealing(&step.urn, &e))?;
        Ok(Prepared { action, resource, call: Call::Create(opened), lanes, cx })
    }

    fn update(&self, step: &Step, declared: &Declared, mut known: Known, inputs: Value) -> Result<Prepared, Error> {
        let resource = self.declared_state(step, declared, inputs.clone());
        let cx = self.context(step, Some(declared), Action::Update)?;
        let lanes = self.engine.provider.lanes(&step.urn, &standin(&inputs));
        let sealer = self.store.sealer();
        let mut opened = inputs;
        [&mut opened, &mut known.inputs, &mut known.outputs]
            .into_iter()
            .try_for_each(|v| sealer.open_in(v))
            .map_err(|e| sealing(&step.urn, &e))?;
        Ok(Prepared { action: Action::Update, resource, call: Call::Update(Box::new(known), opened), lanes, cx })
    }

    fn removal(&self, step: &Step, node: usize) -> Result<Prepared, Error> {
        let doomed = step.doomed || (step.op == Op::Replace && !step.delete_before_replace);
        let action = if doomed { Action::DeleteOld } else { Action::Delete };
        let wanted = step.old_id.as_deref().unwrap_or_default();
        let living = self.store.get(&step.urn);
        let doomed_one =
            || self.store.snapshot().resources.iter().find(|r| r.pending_delete && r.urn == step.urn && r.id == wanted);
        let found = if doomed { doomed_one() } else { living };
        let found = found.ok_or_else(|| {
            Error::new(Class::Bug, format!("this is a fault in mops: nothing to delete for `{}`", step.urn.name()))
        })?;
        let known = known_standin(&found.known());
        let lanes = self.engine.provider.lanes(&step.urn, &known.inputs);
        let resource = ResourceState::new(step.urn.clone(), step.component, found.id.clone());
        let _ = node;
        let declared = step.declared.zip(self.program).and_then(|(i, p)| p.resources.get(i));
        let cx = self.context(step, declared, action)?;
        Ok(Prepared { action, resource, call: Call::Delete(Box::new(known)), lanes, cx })
    }

    fn context(&self, step: &Step, declared: Option<&Declared>, action: Action) -> Result<CallContext, Error> {
        let snapshot = self.store.snapshot();
        let begun = snapshot.open.iter().find(|o| o.resource.urn == step.urn && o.action == action);
        let resume = match begun.and_then(|o| o.operation.clone()) {
            Some(mut url) => {
                self.store.sealer().open_in(&mut url).map_err(|e| sealing(&step.urn, &e))?;
                match url {
                    Value::Secret(inner) => inner.expose().as_str().map(|s| Secret::new(s.to_owned())),
                    _ => None,
                }
            }
            None => None,
        };
        Ok(CallContext {
            urn: step.urn.clone(),
            mark: mark(snapshot, &step.urn),
            cancel: self.engine.cancel.clone(),
            progress: Arc::new(|_| {}),
            timeout: declared.and_then(|d| d.timeout).unwrap_or(TIMEOUT),
            resume,
            takeover: step.takeover || snapshot.is_new,
            import: declared.is_some_and(|d| d.import.is_some()),
            renew: step.renew,
        })
    }

    /// Now, to the second: the journal holds it often.
    pub(crate) fn now(&self) -> OffsetDateTime {
        let now = self.engine.clock.now();
        now.replace_nanosecond(0).unwrap_or(now)
    }
}
