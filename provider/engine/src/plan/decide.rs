//! The decision about one declared resource after another, in topological order.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

use mops_core::provider::{Difference, Found, Known, Provider};
use mops_core::schema::ResourceSchema;
use mops_core::{Class, Diagnostic, Identity, Path, Urn, Value};
use time::OffsetDateTime;

use super::declared::as_declared;
use super::drift::{Drift, incomparable, open_mixed};
use super::ownership::{Verdict, judge};
use super::refresh::{ask, known as drift_of};
use super::resolve::{Outputs, resolve};
use super::{
    Graph, Need, OUT_OF_REACH, Observations, Observed, Op, Plan, PlanOptions, Step, assume, back, begun_at, merged,
    standin,
};
use crate::error::EngineError;
use crate::program::{Component, Declared, Program};
use crate::state::{Action, ResourceState, SealError, Snapshot};

/// What was decided for one resource.
pub(crate) struct Decided<'a> {
    pub(crate) outputs: Outputs<'a>,
    pub(crate) op: Op,
    /// Replaced with the old one going first.
    pub(crate) delete_first: bool,
    /// Not part of this run and not there.
    pub(crate) missing: bool,
}

/// Everything that a plan is made from, and the plan so far.
pub(crate) struct Planner<'a> {
    pub(crate) program: &'a Program,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) observations: &'a Observations,
    pub(crate) provider: &'a dyn Provider,
    pub(crate) options: &'a PlanOptions,
    pub(crate) graph: &'a Graph<'a>,
    pub(crate) living: HashMap<&'a Urn, &'a ResourceState>,
    pub(crate) decided: Vec<Option<Decided<'a>>>,
    pub(crate) needed: HashSet<usize>,
    pub(crate) plan: Plan,
    pub(crate) refused: Vec<Diagnostic>,
    pub(crate) foreign: Vec<Diagnostic>,
    /// What this run takes away because nobody declares it any more, and what cannot stay without it.
    pub(crate) going: HashSet<&'a Urn>,
    /// What waits, by state, for something that is now to wait for it.
    pub(crate) turned: HashSet<&'a Urn>,
    /// Resources outside the selected components that the run would change.
    pub(crate) fed: Vec<String>,
}

/// A resource with its inputs resolved and checked.
struct Wanted<'a> {
    i: usize,
    declared: &'a Declared,
    schema: &'a ResourceSchema,
    inputs: Value,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(
        program: &'a Program,
        snapshot: &'a Snapshot,
        observations: &'a Observations,
        provider: &'a dyn Provider,
        options: &'a PlanOptions,
        graph: &'a Graph<'a>,
    ) -> Self {
        let living = snapshot.resources.iter().filter(|r| !r.pending_delete).map(|r| (&r.urn, r)).collect();
        let mut planner = Self {
            program,
            snapshot,
            observations,
            provider,
            options,
            graph,
            living,
            decided: (0..program.resources.len()).map(|_| None).collect(),
            needed: HashSet::new(),
            plan: Plan { notes: snapshot.notes.clone(), drift: options.refresh.then(Vec::new), ..Plan::default() },
            refused: Vec::new(),
            foreign: Vec::new(),
            going: HashSet::new(),
            turned: HashSet::new(),
            fed: Vec::new(),
        };
        planner.going = super::remove::going(&planner, &HashSet::new());
        if options.only.is_some() {
            planner.turned = planner.turned();
        }
        planner
    }

    fn turned(&self) -> HashSet<&'a Urn> {
        let declared = |urn: &Urn| self.graph.index.get(urn).map(|i| self.program.resources[*i].component);
        let chosen = |urn: &Urn| declared(urn).is_some_and(|component| self.selected(component));
        super::turned::turned(self.program, self.graph, &self.living, chosen)
    }

    /// Whether a component is part of this run.
    pub(crate) fn selected(&self, component: Component) -> bool {
        let only = self.options.only.as_ref();
        only.is_none_or(|only| component == Component::ResourceGroup || only.contains(&component))
    }

    /// Decides about one resource; everything it depends on has been decided.
    pub(crate) fn decide(&mut self, i: usize) {
        let decided = self.decision(i).unwrap_or(Decided {
            outputs: Outputs::Unknown,
            op: Op::Same,
            delete_first: false,
            missing: false,
        });
        self.decided[i] = Some(decided);
    }

    fn before(&self, i: usize) -> impl Iterator<Item = (usize, &Decided<'a>)> {
        self.graph.before[i].iter().filter_map(|j| Some((*j, self.decided[*j].as_ref()?)))
    }

    fn decision(&mut self, i: usize) -> Option<Decided<'a>> {
        let declared = &self.program.resources[i];
        let old = self.living.get(&declared.urn).copied();
        if self.options.leave.contains(&declared.urn) {
            let Some(old) = old else { return Some(nothing(Outputs::Unknown, true)) };
            self.plan.unchanged += 1;
            return Some(nothing(Outputs::Known(Cow::Borrowed(&old.outputs)), false));
        }
        let mut chosen = self.selected(declared.component);
        if !chosen {
            let Some(old) = old else { return Some(nothing(Outputs::Unknown, true)) };
            if !self.fed_by_change(i, declared, old) || !self.options.with_dependants {
                self.plan.unchanged += 1;
                return Some(nothing(Outputs::Known(Cow::Borrowed(&old.outputs)), false));
            }
            chosen = true;
        }
        debug_assert!(chosen);
        let absent: Vec<usize> = self.before(i).filter(|(_, d)| d.missing).map(|(j, _)| j).collect();
        for j in absent {
            let target = &self.program.resources[j];
            let text = format!("`{}` needs `{}`, which does not exist yet", declared.urn.name(), target.urn.name());
            let hint = format!("run `mops infra up` without `-c`, or with `-c {}` first", target.component);
            self.refused.push(Diagnostic::error(declared.place.clone(), text).hint(hint));
        }
        let inputs = self.inputs(i);
        let wanted = self.checked(i, declared, inputs)?;
        // What is inside something that is made (anew) by this run cannot be there yet, and cannot be looked at.
        let inside_new = declared.deleted_with.as_ref().is_some_and(|target| {
            let target = self.graph.index.get(target).and_then(|j| self.decided[*j].as_ref());
            target.is_some_and(|d| matches!(d.op, Op::Create | Op::Replace))
        });
        if inside_new {
            let reason = old.map(|_| "what it was in is made anew".to_owned());
            return Some(self.make(&wanted, reason));
        }
        match old {
            Some(old) => self.existing(&wanted, old),
            None => self.creation(&wanted),
        }
    }

    /// Whether something outside the selection would change because of this run; then it is listed.
    fn fed_by_change(&mut self, i: usize, declared: &Declared, old: &ResourceState) -> bool {
        // What it was made from, or is in, goes, or is to be made from it: it cannot be left as it is.
        let left = self.turned.contains(&declared.urn)
            || old.dependencies.iter().any(|target| self.going.contains(target))
            || old.deleted_with.as_ref().is_some_and(|target| self.going.contains(target) || self.goes_first(target));
        if !left && !self.before(i).any(|(_, d)| d.op != Op::Same) {
            return false;
        }
        let inputs = self.inputs(i);
        let known = super::known_standin(&old.known());
        if !left && self.provider.diff(&declared.urn, &known, &standin(&inputs)).is_empty() {
            return false;
        }
        self.fed.push(format!("`{}` ({})", declared.urn.name(), declared.component));
        true
    }

    /// Whether it is made anew and its old one goes first.
    fn goes_first(&self, target: &Urn) -> bool {
        let decided = self.graph.index.get(target).and_then(|j| self.decided[*j].as_ref());
        decided.is_some_and(|d| d.delete_first)
    }

    fn inputs(&self, i: usize) -> Value {
        let sealer = self.options.sealer.as_deref();
        let lookup = |urn: &Urn, path: &[String]| {
            let decided = self.graph.index.get(urn).and_then(|j| self.decided[*j].as_ref());
            decided.map_or(Value::Unknown, |d| d.outputs.at(path, sealer))
        };
        resolve(&self.program.resources[i].inputs, &lookup, sealer)
    }

    fn checked(&mut self, i: usize, declared: &'a Declared, inputs: Value) -> Option<Wanted<'a>> {
        let token = declared.urn.token();
        let Some(schema) = self.provider.schema(token) else {
            let text = format!("`{token}` is not a resource type of this version");
            self.refused.push(Diagnostic::error(declared.place.clone(), text));
            return None;
        };
        let checked = self.provider.check(&declared.urn, &standin(&inputs), self.options.preview);
        self.plan.notes.extend(checked.notes.iter().map(|n| format!("`{}`: {n}", declared.urn.name())));
        for failure in &checked.failures {
            let path = failure.path.to_string();
            let at = if path.is_empty() { String::new() } else { format!("`{path}`: ") };
            let place = declared.place_of(&path).cloned();
            let mut found = Diagnostic::error(place, format!("{}: {at}{}", declared.urn.name(), failure.reason));
            found.hint.clone_from(&failure.hint);
            self.refused.push(found);
        }
        let mut inputs = checked.inputs;
        back(&mut inputs);
        checked.failures.is_empty().then_some(Wanted { i, declared, schema, inputs })
    }

    /// A need for a read, unless it was read or cannot be.
    fn need(&mut self, i: usize, id: Option<&ResourceState>, inputs: &Value) {
        let declared = &self.program.resources[i];
        if self.observations.contains_key(&declared.urn) || !self.readable(&declared.urn, inputs) {
            return;
        }
        if !self.needed.insert(i) {
            return;
        }
        let made = id.map_or_else(|| self.begun(&declared.urn), |r| r.created);
        let known = id.map_or_else(|| Known { inputs: inputs.clone(), ..Known::default() }, ResourceState::known);
        self.plan.needs.push(Need {
            urn: declared.urn.clone(),
            id: id.map(|r| r.id.clone()),
            known,
            import: declared.import.is_some(),
            in_state: id.is_some(),
            deleted_with: id.map_or_else(|| declared.deleted_with.clone(), |r| r.deleted_with.clone()),
            made,
        });
        // What does not answer because that which it is in is gone is gone as well: both are read. What it is in is what
        // state says: the program may want it elsewhere.
        if let Some(state) = id.and_then(|r| self.living.get(r.deleted_with.as_ref()?).copied()) {
            match self.graph.index.get(&state.urn).copied() {
                Some(j) => self.need(j, Some(state), &state.inputs),
                None => self.need_undeclared(state),
            }
        }
    }

    /// When an earlier run began to make what state does not have, where that matters.
    fn begun(&self, urn: &Urn) -> Option<OffsetDateTime> {
        let begun = self.snapshot.open.iter().find(|o| o.resource.urn == *urn && o.action == Action::Create)?;
        begun_at(begun, self.provider)
    }

    fn need_undeclared(&mut self, state: &ResourceState) {
        if !self.plan.needs.iter().any(|need| need.urn == state.urn) {
            ask(state, self.observations, self.provider, &mut self.plan);
        }
    }

    fn readable(&self, urn: &Urn, inputs: &Value) -> bool {
        let found = matches!(self.provider.identity(urn, &standin(inputs)), Some(Identity::Name(_) | Identity::Tag(_)));
        found || (self.only_a_read_tells(urn) && self.living.contains_key(urn))
    }

    /// Whether nothing but a look at the service shows that it has to be made again.
    fn only_a_read_tells(&self, urn: &Urn) -> bool {
        self.provider.schema(urn.token()).is_some_and(|s| s.read_tells)
    }

    /// What a changing resource depends on is read too: a plan must not build on what is gone.
    fn need_dependencies(&mut self, i: usize) {
        for j in self.graph.before[i].clone() {
            let target = &self.program.resources[j];
            let Some(state) = self.living.get(&target.urn).copied() else { continue };
            self.need(j, Some(state), &state.inputs);
            let stays = !self.selected(target.component) && self.decided[j].as_ref().is_some_and(|d| d.op == Op::Same);
            if stays && matches!(self.observations.get(&target.urn), Some(Observed::Absent)) {
                let (name, target, component) =
                    (self.program.resources[i].urn.name(), target.urn.name(), target.component);
                let text = format!("`{name}` needs `{target}`, which no longer exists");
                let hint = format!("run `mops infra up` without `-c`, or with `-c {component}` first");
                self.refused.push(Diagnostic::error(self.program.resources[i].place.clone(), text).hint(hint));
            }
        }
    }

    /// Plans to make it.
    fn make(&mut self, wanted: &Wanted<'a>, reason: Option<String>) -> Decided<'a> {
        let Wanted { i, declared, inputs, .. } = wanted;
        self.need_dependencies(*i);
        self.plan.steps.push(Step {
            declared: Some(*i),
            reason,
            changes: mops_core::diff::diff(&Value::map(), inputs),
            ..Step::new(declared.urn.clone(), Op::Create, declared.component)
        });
        Decided { outputs: Outputs::Unknown, op: Op::Create, delete_first: false, missing: false }
    }

    fn creation(&mut self, wanted: &Wanted<'a>) -> Option<Decided<'a>> {
        let Wanted { i, declared, inputs, .. } = wanted;
        self.need(*i, None, inputs);
        let urn = &declared.urn;
        self.refuse_other_import(declared, inputs)?;
        let begun = self.snapshot.open.iter().any(|o| o.resource.urn == *urn && o.action == Action::Create);
        let reason = begun.then(|| "an earlier run began to make it".to_owned());
        let found = match self.observations.get(urn) {
            Some(Observed::Found(found)) => found,
            Some(Observed::Unreachable) => {
                self.plan.notes.push(format!("`{}` is not made: {OUT_OF_REACH}", urn.name()));
                return Some(nothing(Outputs::Unknown, false));
            }
            Some(Observed::Absent) if declared.import.is_some() => {
                let text = format!("`{}` is to be imported, and does not exist", urn.name());
                let hint = "correct the id, or delete the `import` entry: then it is made";
                self.refused.push(Diagnostic::error(declared.place.clone(), text).hint(hint));
                return None;
            }
            _ => return Some(self.make(wanted, reason)),
        };
        self.need_dependencies(*i);
        let mut step = Step { declared: Some(*i), reason, ..Step::new(urn.clone(), Op::Create, declared.component) };
        match judge(self.snapshot, urn, declared.place.as_ref(), &found.ownership) {
            Verdict::Ours => {}
            Verdict::Takeover(lineage) => {
                step.takeover = true;
                self.plan.takeovers.insert(lineage);
            }
            Verdict::Unmarked if declared.import.is_some() || wanted.schema.adoptable => {
                step.reason = Some("exists; taken over, and kept on the way down".into());
            }
            Verdict::Unmarked => {
                let text = format!("`{}` already exists and was not made by this stack", urn.name());
                let hint = format!(
                    "choose another name, or take it over: `import: [{{to: {}, id: {}}}]`",
                    urn.name(),
                    found.known.id
                );
                self.refused.push(Diagnostic::error(declared.place.clone(), text).hint(hint));
                return None;
            }
            Verdict::OtherState(why) => {
                self.foreign.push(why);
                return None;
            }
            Verdict::OtherStack(why) => {
                self.refused.push(why);
                return None;
            }
        }
        self.adoption(wanted, found, step)
    }

    fn adoption(&mut self, wanted: &Wanted<'a>, found: &'a Found, mut step: Step) -> Option<Decided<'a>> {
        let urn = &wanted.declared.urn;
        let difference = self.difference(urn, Cow::Borrowed(&found.known), &wanted.inputs)?;
        if let Some(property) = difference.replace.first() {
            let text =
                format!("`{}` already exists with another `{property}`, which cannot be changed in place", urn.name());
            let hint = format!("give `{property}` its present value, or delete `{}` first", found.known.id);
            self.refused.push(Diagnostic::error(wanted.declared.place.clone(), text).hint(hint));
            return None;
        }
        step.op = Op::Adopt;
        step.reason = step.reason.or_else(|| Some("exists with our mark".into()));
        let outputs = if difference.is_empty() {
            Outputs::Known(Cow::Borrowed(&found.known.outputs))
        } else {
            Outputs::Except(Cow::Borrowed(&found.known.outputs), wanted.schema.changed_by_update)
        };
        step.changes = difference.changes;
        self.plan.steps.push(step);
        Some(Decided { outputs, op: Op::Adopt, delete_first: false, missing: false })
    }

    /// Compares; a secret in clear on one side needs the other one opened.
    fn difference(&mut self, urn: &Urn, known: Cow<'_, Known>, inputs: &Value) -> Option<Difference> {
        let (mut known, mut inputs) = (known.into_owned(), inputs.clone());
        let opened = open_mixed(self.options.sealer.as_deref(), &mut known.inputs, &mut inputs);
        let blind = self.options.sealer.is_none() || matches!(opened, Err(SealError::NoPassphrase));
        if self.options.preview && blind {
            if assume(&mut known.inputs, &inputs) {
                let text = format!("`{}`: without a passphrase its secrets count as unchanged", urn.name());
                self.plan.notes.push(text);
            }
        } else if let Err(error) = opened {
            self.refused.push(incomparable(urn, &error));
            return None;
        }
        Some(self.provider.diff(urn, &super::known_standin(&known), &standin(&inputs)))
    }

    fn existing(&mut self, wanted: &Wanted<'a>, old: &'a ResourceState) -> Option<Decided<'a>> {
        let Wanted { i, declared, .. } = wanted;
        let urn = &declared.urn;
        let begun: Vec<_> = self.snapshot.open.iter().filter(|o| o.resource.urn == *urn).collect();
        let inside = self.options.skip_unreachable && declared.deleted_with.is_some();
        let told = names_a_registry(&wanted.inputs) || self.only_a_read_tells(urn);
        if self.options.refresh || !begun.is_empty() || told || inside {
            self.need(*i, Some(old), &old.inputs);
        }
        let mut known = None;
        match self.observations.get(urn) {
            Some(Observed::Absent) => {
                self.plan.drifted(Drift::gone(old));
                return Some(self.make(wanted, Some("it no longer exists".into())));
            }
            Some(Observed::Unreachable) => {
                self.plan.steps.push(Step::out_of_reach(old));
                return Some(nothing(Outputs::Unknown, false));
            }
            Some(Observed::Unread(why)) => {
                self.plan.notes.push(format!("`{}` is planned from state: {why}", urn.name()))
            }
            Some(Observed::Found(found)) => {
                self.still_ours(declared, old, found)?;
                // What an earlier run did not finish is its own work, not drift.
                if self.plan.drift.is_some() && begun.is_empty() && old.init_errors.is_empty() {
                    match drift_of(old, found, self.provider, self.options.sealer.as_deref()) {
                        Ok(drift) => drift.into_iter().for_each(|drift| self.plan.drifted(drift)),
                        Err(why) => self.refused.push(why),
                    }
                }
                known = Some(seen(old, found));
            }
            None => {}
        }
        let current = known.as_ref().map_or_else(|| Cow::Owned(old.known()), Cow::Borrowed);
        let difference = self.difference(urn, current, &wanted.inputs)?;
        let unfinished = begun.iter().any(|o| o.action == Action::Update);
        let renew = self.options.renew.contains(urn);
        let force = unfinished || renew || !old.init_errors.is_empty();
        if difference.is_empty() && !force {
            self.plan.closes.extend(begun.iter().map(|o| o.begin));
            return Some(self.unchanged(wanted, old, known));
        }
        self.need(*i, Some(old), &old.inputs);
        self.need_dependencies(*i);
        let mut step =
            Step { declared: Some(*i), force, renew, ..Step::new(urn.clone(), Op::Update, declared.component) };
        let reason = difference.reason.clone();
        let asked = || renew.then(|| "a new one is asked for".to_owned());
        step.reason = reason.or_else(asked).or_else(|| force.then(|| unready(old, unfinished)));
        step.changes.clone_from(&difference.changes);
        step.seen = known.map(Box::new);
        if let Some(why) = difference.impossible.as_ref().filter(|_| difference.replace.is_empty()) {
            let mut refused = Diagnostic::error(declared.place.clone(), format!("{}: {}", urn.name(), why.reason));
            refused.hint.clone_from(&why.hint);
            self.refused.push(refused);
            return None;
        }
        if difference.replace.is_empty() {
            let unknown = |path: &Path| matches!(wanted.inputs.at(&path.0), Some(Value::Unknown));
            step.may_change = step.reason.is_none() && difference.changes.iter().all(|c| unknown(&c.path));
            Some(self.update(wanted, old, step))
        } else {
            self.replace(wanted, old, step, difference)
        }
    }

    /// Something in state that carries somebody else's mark is not ours any more.
    fn still_ours(&mut self, declared: &Declared, old: &ResourceState, found: &Found) -> Option<()> {
        match judge(self.snapshot, &declared.urn, declared.place.as_ref(), &found.ownership) {
            Verdict::OtherState(why) if old.adopted_from.is_none() => {
                self.foreign.push(why);
                None
            }
            Verdict::OtherStack(why) if old.adopted_from.is_none() => {
                self.refused.push(why);
                None
            }
            _ => Some(()),
        }
    }

    fn unchanged(&mut self, wanted: &Wanted<'a>, old: &'a ResourceState, seen: Option<Known>) -> Decided<'a> {
        self.plan.unchanged += 1;
        let declared = wanted.declared;
        let mut now = as_declared(old, declared, &self.graph.dependencies[wanted.i]);
        // Somebody made by hand what is wanted: state learns of it.
        let told = || self.provider.diff(&declared.urn, &super::known_standin(&old.known()), &standin(&wanted.inputs));
        if seen.is_some() && !told().is_empty() {
            now.to_mut().inputs.clone_from(&wanted.inputs);
        }
        if let Some(known) =
            seen.filter(|k| k.outputs != old.outputs && !k.outputs.any(&mut |v| matches!(v, Value::Secret(_))))
        {
            now.to_mut().outputs = known.outputs;
        }
        let outputs = match now {
            Cow::Borrowed(old) => Cow::Borrowed(&old.outputs),
            Cow::Owned(state) => {
                let outputs = state.outputs.clone();
                let save = Some(Box::new(state));
                self.plan.steps.push(Step {
                    declared: Some(wanted.i),
                    save,
                    ..Step::new(declared.urn.clone(), Op::Read, declared.component)
                });
                Cow::Owned(outputs)
            }
        };
        Decided { outputs: Outputs::Known(outputs), op: Op::Same, delete_first: false, missing: false }
    }

    fn update(&mut self, wanted: &Wanted<'a>, old: &'a ResourceState, step: Step) -> Decided<'a> {
        let outputs = step.seen.as_ref().map_or(Cow::Borrowed(&old.outputs), |k| Cow::Owned(k.outputs.clone()));
        self.plan.steps.push(step);
        let outputs = Outputs::Except(outputs, wanted.schema.changed_by_update);
        Decided { outputs, op: Op::Update, delete_first: false, missing: false }
    }

    fn replace(
        &mut self,
        wanted: &Wanted<'a>,
        old: &ResourceState,
        mut step: Step,
        difference: Difference,
    ) -> Option<Decided<'a>> {
        let urn = &wanted.declared.urn;
        let property = difference.replace.first().cloned().unwrap_or_default();
        if old.protect || wanted.declared.protect || old.adopted_from.is_some() {
            let why = if old.adopted_from.is_some() { "was taken over from somebody else" } else { "is protected" };
            let text = format!("changing `{property}` would replace `{}`, which {why}", urn.name());
            let hint = format!("give `{property}` its present value, or `mops infra state unprotect {}`", urn.name());
            self.refused.push(Diagnostic::error(wanted.declared.place.clone(), text).hint(hint));
            return None;
        }
        let pulled = self.before(wanted.i).any(|(_, d)| d.delete_first);
        step.op = Op::Replace;
        step.replace = difference.replace;
        step.delete_before_replace = wanted.schema.delete_before_replace || pulled;
        step.old_id = Some(old.id.clone());
        let delete_first = step.delete_before_replace;
        self.plan.steps.push(step);
        Some(Decided { outputs: Outputs::Unknown, op: Op::Replace, delete_first, missing: false })
    }

    /// Adds what has to go, and hands out the plan or everything against it.
    pub(crate) fn finish(mut self) -> Result<Plan, EngineError> {
        super::remove::undeclared(&mut self);
        if !self.fed.is_empty() && !self.options.with_dependants {
            let text = format!("this changes what others are made from: {}", self.fed.join(", "));
            self.refused.push(Diagnostic::error(None, text).hint("add `--with-dependants` to change them too"));
        }
        if !self.foreign.is_empty() {
            return Err(EngineError::ForeignState(self.foreign));
        }
        if self.refused.is_empty() { Ok(self.plan) } else { Err(EngineError::Refused(self.refused)) }
    }
}

const fn nothing(outputs: Outputs<'_>, missing: bool) -> Decided<'_> {
    Decided { outputs, op: Op::Same, delete_first: false, missing }
}

/// What is known of a resource now: as seen, with the inputs of state where nothing was seen of them.
pub(crate) fn seen(old: &ResourceState, found: &Found) -> Known {
    let inputs = if found.known.inputs == Value::Null { old.inputs.clone() } else { found.known.inputs.clone() };
    Known { id: old.id.clone(), inputs, outputs: merged(&found.known.outputs, &old.outputs) }
}

fn unready(old: &ResourceState, unfinished: bool) -> String {
    if unfinished {
        return "an earlier run began to change it".into();
    }
    old.init_errors.first().map_or_else(String::new, |e| format!("it was not ready: {e}"))
}

/// Whether a source is among the inputs whose value is at a service, so that no comparison of inputs shows a rotation.
fn names_a_registry(inputs: &Value) -> bool {
    inputs.any(&mut |v| v.get("from_registry").is_some())
}

/// Names of components, for messages.
pub(crate) fn words(components: &BTreeSet<Component>) -> String {
    components.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ")
}

/// A read that failed so that a plan from state is still worth showing.
pub(crate) const fn may_plan_from_state(class: Class) -> bool {
    matches!(class, Class::Auth | Class::Transient | Class::Throttled(_))
}
