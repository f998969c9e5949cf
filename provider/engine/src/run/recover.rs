//! What an earlier run began and never ended, as far as the plan cannot answer it: something that nobody declares any
//! more, or the new one of a replacement.
//!
//! Guarantees: what was made is found again by its identity and our mark and goes into state; the rest is closed
//! (`tests/crash.rs`). A preview looks in the same way and writes nothing (`tests/engine_props.rs`).

use std::borrow::Cow;
use std::collections::HashSet;

use futures::future::join_all;
use mops_core::{Error, Identity, Ownership, Urn};

use super::Engine;
use crate::error::EngineError;
use crate::failpoint::{Failpoint, pass};
use crate::plan::{Need, Observed, standin};
use crate::state::{Action, Ended, OpenOperation, Record, Snapshot, Store};

/// Looks at each open creation that `declared` does not answer for, and says how each of them ended.
pub(crate) async fn look_all(
    engine: &Engine,
    snapshot: &Snapshot,
    declared: &HashSet<&Urn>,
) -> Result<Vec<Record>, EngineError> {
    let open: Vec<&OpenOperation> = snapshot.open.iter().filter(|o| asks(snapshot, declared, o)).collect();
    let mut ends = Vec::new();
    // Many may be open, and the service may be far away: as many lookups at once as calls.
    for together in open.chunks(engine.parallelism.max(1)) {
        let looked = join_all(together.iter().map(|operation| look(engine, snapshot, operation))).await;
        for (operation, found) in together.iter().zip(looked) {
            let found = found.map_err(|e| EngineError::Observe(vec![(operation.resource.urn.clone(), e)]))?;
            pass(Failpoint::RecoveryLooked)?;
            let ended = found.unwrap_or(Ended::Failed);
            ends.push(Record::End { begin: operation.begin, at: engine.clock.now(), ended });
        }
    }
    Ok(ends)
}

/// The same, kept in state.
pub(crate) async fn recover(engine: &Engine, store: &mut Store, declared: &HashSet<&Urn>) -> Result<(), EngineError> {
    if store.snapshot().open.is_empty() {
        return Ok(());
    }
    for end in look_all(engine, store.snapshot(), declared).await? {
        store.push(end)?;
    }
    store.settle().await?;
    Ok(pass(Failpoint::RecoveryEnded)?)
}

/// The state as it will be once it is recovered.
pub(crate) async fn foresee<'a>(
    engine: &Engine,
    snapshot: &'a Snapshot,
    declared: &HashSet<&Urn>,
) -> Result<Cow<'a, Snapshot>, EngineError> {
    if snapshot.open.is_empty() {
        return Ok(Cow::Borrowed(snapshot));
    }
    let ends = look_all(engine, snapshot, declared).await?;
    Ok(Cow::Owned(snapshot.clone().with(ends).map_err(EngineError::Bug)?))
}

fn asks(snapshot: &Snapshot, declared: &HashSet<&Urn>, operation: &OpenOperation) -> bool {
    let urn = &operation.resource.urn;
    match operation.action {
        Action::Create => !declared.contains(urn) || snapshot.get(urn).is_some(),
        Action::CreateReplacement => true,
        // The plan deletes or updates again.
        Action::Update | Action::Delete | Action::DeleteOld => false,
    }
}

async fn look(engine: &Engine, snapshot: &Snapshot, operation: &OpenOperation) -> Result<Option<Ended>, Error> {
    let urn = &operation.resource.urn;
    let identity = engine.provider.identity(urn, &standin(&operation.resource.inputs));
    if matches!(identity, Some(Identity::Reissue) | None) {
        return Ok(None);
    }
    let need = Need::of_begun(operation, &*engine.provider);
    let observed = engine.observer(snapshot, false, false).read_one(&need).await?;
    let Observed::Found(found) = observed else { return Ok(None) };
    let ours = match &found.ownership {
        Ownership::Ours { lineage } => *lineage == snapshot.lineage || snapshot.predecessors.contains(&lineage.0),
        Ownership::Derived => true,
        Ownership::Unmarked | Ownership::Other { .. } => false,
    };
    // The old one of a replacement by another id is not what was begun.
    let same_as_old = snapshot.get(urn).is_some_and(|r| r.id == found.known.id);
    if !ours || same_as_old {
        return Ok(None);
    }
    Ok(Some(Ended::Done { id: found.known.id, outputs: found.known.outputs, foreign: false }))
}
