//! Taking over what exists, resource by resource.
//!
//! Guarantees: everything is read and judged before state learns of anything, state learns all of it or nothing, and no
//! service is written to, whatever kills the process (`tests/drift/imports.rs`, `tests/crash.rs`).

use std::collections::HashMap;

use mops_core::provider::Found;
use mops_core::{Diagnostic, Identity, Urn, Value};

use super::Engine;
use crate::error::EngineError;
use crate::failpoint::{Failpoint, pass};
use crate::plan::{Graph, Need, Observed, Verdict, back, judge, known_standin, resolve, standin, walk};
use crate::program::{Declared, Program};
use crate::state::{Record, ResourceState, Store};

/// Something that is to be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportTarget {
    /// The id given by the service.
    pub id: String,
    /// Whether it is an error when it is not there.
    pub must_exist: bool,
}

/// Says what a declared resource is to be taken over from, given the id that its inputs name, if they do.
pub type Pick<'a> = &'a (dyn Fn(&Declared, Option<&str>) -> Option<ImportTarget> + Sync);

/// What an import did; all of it is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// What is in state now, with its id.
    pub imported: Vec<(Urn, String)>,
    /// What was looked for and is not there.
    pub absent: Vec<(Urn, String)>,
}

/// An import as far as it has got; nothing of it is in state yet.
#[derive(Default)]
struct Draft {
    taken: HashMap<Urn, ResourceState>,
    report: ImportReport,
    takeovers: Vec<String>,
    refused: Vec<Diagnostic>,
    foreign: Vec<Diagnostic>,
}

/// One declared resource with what it is to be taken over from.
struct Wanted<'a> {
    declared: &'a Declared,
    inputs: Value,
    target: ImportTarget,
    dependencies: &'a [Urn],
}

impl Engine {
    /// Takes over what `pick` says. Creates, changes and deletes nothing.
    ///
    /// # Errors
    /// Every target that is in state already, is not there, belongs to somebody else's stack, or would have to be
    /// replaced; then state is as before.
    pub async fn import(
        &self,
        program: &Program,
        store: &mut Store,
        pick: Pick<'_>,
    ) -> Result<ImportReport, EngineError> {
        let begin = self.started(&store.snapshot().stack, "import");
        let graph = Graph::of(program).map_err(EngineError::Refused)?;
        let mut draft = Draft::default();
        for i in graph.order.iter().copied() {
            let declared = &program.resources[i];
            if let Some(wanted) = self.wanted(store, &mut draft, declared, &graph.dependencies[i], pick) {
                self.look(store, &mut draft, wanted).await?;
            }
        }
        if !draft.foreign.is_empty() {
            return Err(EngineError::ForeignState(draft.foreign));
        }
        if !draft.refused.is_empty() {
            return Err(EngineError::Refused(draft.refused));
        }
        pass(Failpoint::ImportJudged)?;
        let Draft { mut taken, report, takeovers, .. } = draft;
        let resources: Vec<ResourceState> = report.imported.iter().filter_map(|(urn, _)| taken.remove(urn)).collect();
        let mut ended = super::Report::default();
        ended.totals.adopted = resources.len();
        if !resources.is_empty() {
            store.push(Record::Import { takeovers, resources })?;
        }
        pass(Failpoint::ImportQueued)?;
        store.finish().await?;
        pass(Failpoint::ImportDurable)?;
        self.ended(ended, begin);
        Ok(report)
    }

    /// What is to be looked for, or nothing; reasons against it are noted.
    fn wanted<'a>(
        &self,
        store: &Store,
        draft: &mut Draft,
        declared: &'a Declared,
        dependencies: &'a [Urn],
        pick: Pick<'_>,
    ) -> Option<Wanted<'a>> {
        let urn = &declared.urn;
        let inputs = self.inputs(store, draft, declared);
        let identity = self.provider.identity(urn, &standin(&inputs));
        let named = if let Some(Identity::Name(name)) = &identity { Some(name.as_str()) } else { None };
        let target = pick(declared, named)?;
        let name = urn.name();
        let against = match (&identity, named) {
            _ if store.get(urn).is_some() => {
                let hint = format!("`mops infra state show {name}` shows it");
                Some((format!("`{name}` is in state already"), hint))
            }
            (Some(Identity::Reissue), _) => {
                let text = format!("`{name}` cannot be imported: nothing outside holds it");
                Some((text, "leave it out: `mops infra up` makes it".to_owned()))
            }
            _ if inputs.has_unknown() => {
                let text = format!("`{name}` is made from something that is neither in state nor imported");
                Some((text, "import what it is in as well, in the same command".to_owned()))
            }
            (_, Some(ours)) if !ours.eq_ignore_ascii_case(&target.id) => {
                let text = format!("`{name}` is `{ours}` in the stack file, not `{}`", target.id);
                Some((text, "correct the id, or the names in the stack file".to_owned()))
            }
            _ => None,
        };
        match against {
            Some((text, hint)) => {
                draft.refused.push(Diagnostic::error(declared.place.clone(), text).hint(hint));
                None
            }
            None => Some(Wanted { declared, inputs, target, dependencies }),
        }
    }

    /// The declared inputs with what is in state and what was taken over so far.
    fn inputs(&self, store: &Store, draft: &Draft, declared: &Declared) -> Value {
        let sealer = store.sealer();
        let lookup = |urn: &Urn, path: &[String]| {
            let target = draft.taken.get(urn).or_else(|| store.get(urn));
            target.map_or(Value::Unknown, |r| walk(&r.outputs, path, Some(sealer)))
        };
        let resolved = resolve(&declared.inputs, &lookup, Some(sealer));
        let mut inputs = self.provider.check(&declared.urn, &standin(&resolved), true).inputs;
        back(&mut inputs);
        inputs
    }

    async fn look(&self, store: &Store, draft: &mut Draft, wanted: Wanted<'_>) -> Result<(), EngineError> {
        let urn = wanted.declared.urn.clone();
        let need = Need::of_import(&urn, &wanted.target.id, &wanted.inputs);
        let observer = self.observer(store.snapshot(), false, false);
        let observed = observer.read_one(&need).await.map_err(|e| EngineError::Observe(vec![(urn.clone(), e)]))?;
        match observed {
            Observed::Found(found) => take(self, store, draft, wanted, *found),
            _ if wanted.target.must_exist => {
                let text = format!("`{}` cannot be imported: `{}` does not exist", urn.name(), wanted.target.id);
                let why = Diagnostic::error(wanted.declared.place.clone(), text);
                draft.refused.push(why.hint("correct the id, or leave it out: `mops infra up` makes it"));
            }
            _ => draft.report.absent.push((urn, wanted.target.id)),
        }
        Ok(())
    }
}

fn known(store: &Store, draft: &Draft, urn: &Urn) -> bool {
    draft.taken.contains_key(urn) || store.get(urn).is_some()
}

fn take(engine: &Engine, store: &Store, draft: &mut Draft, wanted: Wanted<'_>, found: Found) {
    let Wanted { declared, inputs, dependencies, .. } = wanted;
    let urn = &declared.urn;
    let mut adopted_from = None;
    match judge(store.snapshot(), urn, declared.place.as_ref(), &found.ownership) {
        Verdict::Ours => {}
        Verdict::Takeover(lineage) => draft.takeovers.push(lineage),
        Verdict::Unmarked => adopted_from = Some(found.known.id.clone()),
        Verdict::OtherState(why) => return draft.foreign.push(why),
        Verdict::OtherStack(why) => return draft.refused.push(why),
    }
    let difference = engine.provider.diff(urn, &known_standin(&found.known), &standin(&inputs));
    if let Some(property) = difference.replace.first() {
        let text = format!(
            "`{}` cannot be imported: it has another `{property}`, which would have to be replaced",
            urn.name()
        );
        let hint = format!("give `{property}` its present value in the stack file");
        return draft.refused.push(Diagnostic::error(declared.place.clone(), text).hint(hint));
    }
    draft.report.imported.push((urn.clone(), found.known.id.clone()));
    let state = ResourceState {
        inputs: if found.known.inputs == Value::Null { inputs } else { found.known.inputs },
        outputs: found.known.outputs,
        dependencies: dependencies.iter().filter(|d| known(store, draft, d)).cloned().collect(),
        protect: declared.protect,
        retain_on_delete: declared.retain_on_delete || adopted_from.is_some(),
        deleted_with: declared.deleted_with.clone(),
        adopted_from,
        ..ResourceState::new(urn.clone(), declared.component, found.known.id)
    };
    draft.taken.insert(urn.clone(), state);
}
