//! What an earlier run began and never ended, as far as the plan cannot answer it: something that nobody declares any
//! more, or the new one of a replacement.
//!
//! Guarantees: what was made is found again by its identity and our mark and goes into state; the rest is closed
//! (`tests/crash.rs`).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use mops_core::provider::{CallContext, Known};
use mops_core::{Error, Identity, Ownership, Urn};

use super::Engine;
use crate::error::EngineError;
use crate::failpoint::{Failpoint, pass};
use crate::observe::mark;
use crate::plan::{back, known_standin, standin};
use crate::state::{Action, Ended, OpenOperation, Record, Store};

/// How long a service may answer "not there" for something that it has just made.
const SETTLING: Duration = Duration::from_secs(30);

/// Looks at each open creation that `declared` does not answer for.
pub(crate) async fn recover(engine: &Engine, store: &mut Store, declared: &HashSet<&Urn>) -> Result<(), EngineError> {
    let open: Vec<OpenOperation> = store.snapshot().open.iter().filter(|o| asks(store, declared, o)).cloned().collect();
    for operation in open {
        let found = look(engine, store, &operation)
            .await
            .map_err(|e| EngineError::Observe(vec![(operation.resource.urn.clone(), e)]))?;
        pass(Failpoint::RecoveryLooked)?;
        let ended = found.unwrap_or(Ended::Failed);
        store.push(Record::End { begin: operation.begin, at: engine.clock.now(), ended })?;
    }
    store.settle().await?;
    Ok(pass(Failpoint::RecoveryEnded)?)
}

fn asks(store: &Store, declared: &HashSet<&Urn>, operation: &OpenOperation) -> bool {
    let urn = &operation.resource.urn;
    match operation.action {
        Action::Create => !declared.contains(urn) || store.get(urn).is_some(),
        Action::CreateReplacement => true,
        // The plan deletes or updates again.
        Action::Update | Action::Delete | Action::DeleteOld => false,
    }
}

async fn look(engine: &Engine, store: &Store, operation: &OpenOperation) -> Result<Option<Ended>, Error> {
    let resource = &operation.resource;
    let identity = engine.provider.identity(&resource.urn, &standin(&resource.inputs));
    let patient = match identity {
        Some(Identity::Name(_)) => false,
        Some(Identity::Tag(_)) => true,
        Some(Identity::Reissue) | None => return Ok(None),
    };
    let first = read(engine, store, operation).await?;
    let age = (engine.clock.now() - operation.at).try_into().unwrap_or(Duration::ZERO);
    if first.is_some() || !patient || age >= SETTLING {
        return Ok(first);
    }
    engine.clock.sleep(SETTLING.saturating_sub(age)).await;
    read(engine, store, operation).await
}

async fn read(engine: &Engine, store: &Store, operation: &OpenOperation) -> Result<Option<Ended>, Error> {
    let (urn, snapshot) = (&operation.resource.urn, store.snapshot());
    let cx = CallContext {
        urn: urn.clone(),
        mark: mark(snapshot, urn),
        cancel: engine.cancel.clone(),
        progress: Arc::new(|_| {}),
        timeout: Duration::from_secs(600),
        resume: None,
        takeover: false,
        import: false,
    };
    let known = known_standin(&Known { inputs: operation.resource.inputs.clone(), ..Known::default() });
    let Some(mut found) = engine.provider.read(cx, None, &known).await? else { return Ok(None) };
    let ours = match &found.ownership {
        Ownership::Ours { lineage } => *lineage == snapshot.lineage || snapshot.predecessors.contains(&lineage.0),
        Ownership::Derived => true,
        Ownership::Unmarked | Ownership::Other { .. } => false,
    };
    // The old one of a replacement by another id is not what was begun.
    let same_as_old = store.get(urn).is_some_and(|r| r.id == found.known.id);
    if !ours || same_as_old {
        return Ok(None);
    }
    back(&mut found.known.outputs);
    Ok(Some(Ended::Done { id: found.known.id, outputs: found.known.outputs, foreign: false }))
}
