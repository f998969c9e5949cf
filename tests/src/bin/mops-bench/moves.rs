//! What changes state as a whole, for kill tests: it is there afterwards, or it is not.

use std::path::Path;

use mops_engine::error::EngineError;
use mops_engine::program::Program;
use mops_engine::run::{Engine, ImportTarget, Report};
use mops_engine::state::{self, NewPhrase, Store};
use mops_tests::null::stack;

/// Takes over everything that is declared, as `mops infra import ADDRESS=ID` does.
pub(crate) async fn import(engine: &Engine, program: &Program, store: &mut Store) -> Result<Report, EngineError> {
    let pick = |_: &_, named: Option<&str>| named.map(|id| ImportTarget { id: id.to_owned(), must_exist: true });
    engine.import(program, store, &pick).await?;
    Ok(Report::default())
}

/// Takes over the state that lies in the folder `elsewhere` of the home folder, as `mops infra import --state` does.
pub(crate) async fn move_in(home: &Path, store: &mut Store) -> Result<Report, EngineError> {
    let found = state::read(&home.join("elsewhere"), &stack())?;
    let snapshot = found.ok_or_else(|| EngineError::Bug("nothing lies elsewhere".into()))?;
    store.import(snapshot).await?;
    Ok(Report::default())
}

/// Seals every secret with a phrase that is made, as `mops infra passphrase rotate --generate` does.
pub(crate) async fn passphrase(store: &mut Store) -> Result<Report, EngineError> {
    store.rotate_passphrase(NewPhrase::Generated).await?;
    Ok(Report::default())
}
