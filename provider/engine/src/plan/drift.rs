//! What changed behind our back: state against what was read.
//!
//! Guarantees: what means the same is no drift (the resource's own comparison decides about declared inputs), and a
//! secret is compared but never shown (`tests/drift.rs`).

use mops_core::diff::{Change, PropertyDiff, diff};
use mops_core::provider::{ChangedBy, Found, Known, Provider};
use mops_core::{Diagnostic, Urn, Value};

use super::decide::seen;
use super::known_standin;
use super::standin;
use crate::event::DriftView;
use crate::state::{ResourceState, SealError, Sealer};

/// One resource that is not as state knows it.
#[derive(Clone, Debug)]
pub struct Drift {
    /// The form in which it is shown.
    pub view: DriftView,
    /// What state is to say; `None` when it is gone.
    pub(crate) save: Option<Box<ResourceState>>,
}

impl Drift {
    /// It is not there any more.
    pub(crate) fn gone(old: &ResourceState) -> Self {
        Self { view: view(old, Vec::new(), None), save: None }
    }

    /// What differs between state and what was found; `None` when nothing does.
    ///
    /// # Errors
    /// When a secret in clear has to be compared with a sealed one that cannot be opened.
    pub(crate) fn of(
        old: &ResourceState,
        found: &Found,
        provider: &dyn Provider,
        sealer: Option<&Sealer>,
    ) -> Result<Option<Self>, SealError> {
        let (mut known, mut now) = (old.known(), seen(old, found));
        open_mixed(sealer, &mut known.inputs, &mut now.inputs)?;
        open_mixed(sealer, &mut known.outputs, &mut now.outputs)?;
        let mut changes = declared(old, &known, &now, provider);
        let mends = !changes.is_empty();
        changes.extend(undeclared(&known, &now));
        if changes.is_empty() {
            return Ok(None);
        }
        let inputs = if mends { now.inputs } else { old.inputs.clone() };
        let save = Some(Box::new(ResourceState { inputs, outputs: now.outputs, ..old.clone() }));
        Ok(Some(Self { view: view(old, changes, found.changed_by.clone()), save }))
    }
}

fn view(old: &ResourceState, changes: Vec<PropertyDiff>, changed_by: Option<ChangedBy>) -> DriftView {
    DriftView {
        urn: old.urn.to_string(),
        name: old.urn.name().to_owned(),
        token: old.urn.token().to_owned(),
        component: old.component.to_string(),
        gone: changes.is_empty(),
        changes,
        changed_by,
    }
}

/// Inputs that the service shows with another meaning: the way back to what was declared, told the other way round.
fn declared(old: &ResourceState, known: &Known, now: &Known, provider: &dyn Provider) -> Vec<PropertyDiff> {
    let back = provider.diff(&old.urn, &known_standin(now), &standin(&known.inputs)).changes;
    back.into_iter().map(turned).collect()
}

fn turned(back: PropertyDiff) -> PropertyDiff {
    let change = match back.change {
        Change::Add => Change::Delete,
        Change::Delete => Change::Add,
        Change::Update => Change::Update,
    };
    PropertyDiff { path: back.path, change, before: back.after, after: back.before }
}

/// Outputs that changed, but for those that only repeat an input.
fn undeclared(known: &Known, now: &Known) -> impl Iterator<Item = PropertyDiff> {
    let repeats = |at: &PropertyDiff| now.inputs.get(at.path.property()).is_some();
    diff(&known.outputs, &now.outputs).into_iter().filter(move |at| !repeats(at)).collect::<Vec<_>>().into_iter()
}

/// A secret in clear on one side needs the other one opened.
pub(crate) fn open_mixed(sealer: Option<&Sealer>, a: &mut Value, b: &mut Value) -> Result<(), SealError> {
    let clear = |v: &Value| v.any(&mut |v| matches!(v, Value::Secret(_)));
    match sealer.filter(|_| clear(a) || clear(b)) {
        Some(sealer) => sealer.open_in(a).and_then(|()| sealer.open_in(b)),
        None => Ok(()),
    }
}

/// Said of a resource whose secrets cannot be opened for a comparison.
pub(crate) fn incomparable(urn: &Urn, error: &SealError) -> Diagnostic {
    let mut why = Diagnostic::error(None, format!("`{}` cannot be compared: {error}", urn.name()));
    why.hint = error.hint();
    why
}
