//! A new passphrase for a state that holds secrets.
//!
//! Guarantees: killed at any moment, the state opens with the old or with the new phrase; afterwards no file of the
//! folder opens with the old one; a wrong old phrase touches nothing (`tests/passphrase.rs`, `tests/crash.rs`).

use std::path::PathBuf;

use mops_core::{Secret, Value};
use serde_json::Value as Json;

use super::frame::Fields;
use super::journal::Before;
use super::keyfile::generate;
use super::model::Snapshot;
use super::seal::{SealError, Sealer};
use super::sealed_json::{self, Form};
use super::store::Store;
use crate::error::StateError;
use crate::failpoint::{Failpoint, pass};

/// The phrase to come.
#[derive(Debug)]
pub enum NewPhrase {
    /// One that the user keeps.
    Given(Secret<String>),
    /// One that is made, and kept in a file of mode 0600 beside the state.
    Generated,
}

/// What a rotation did.
#[derive(Debug)]
pub struct Rotated {
    /// How many sealed values were sealed anew; equal values count once.
    pub sealed: usize,
    /// The file of a generated phrase.
    pub file: Option<PathBuf>,
    /// A variable that goes before that file and still names the old phrase.
    pub variable: Option<&'static str>,
}

impl Store {
    /// Seals every secret of the state with another passphrase. A state without a secret stays as it is.
    ///
    /// # Errors
    /// When the old passphrase is missing or wrong, or the state could not be written.
    pub async fn rotate_passphrase(&mut self, new: NewPhrase) -> Result<Rotated, StateError> {
        let variable = self.phrases().variable();
        if self.sealer().salt().is_none() {
            return Ok(Rotated { sealed: 0, file: None, variable });
        }
        self.sealer().unlock()?;
        let (phrase, generated) = match new {
            NewPhrase::Given(phrase) => (phrase, false),
            NewPhrase::Generated => (generate(), true),
        };
        let fresh = Sealer::with_phrase(phrase.clone());
        fresh.unlock()?;
        let salt = fresh.salt().ok_or_else(|| StateError::Bug("a derived key without its salt".into()))?;
        let mut snapshot = self.snapshot().clone();
        let sealed = reseal(&mut snapshot, self.sealer(), &fresh)?;
        snapshot.salt = Some(salt.clone());
        // The file first: from the moment on that the snapshot names the new salt, its phrase must be there.
        let file = if generated { Some(self.phrases().keep(&salt, &phrase)?) } else { None };
        pass(Failpoint::PhraseKept)?;
        self.replace(snapshot, Before::Gone).await?;
        pass(Failpoint::PhraseReplaced)?;
        self.renew_sealer(Some(salt.clone()));
        let kept = generated.then_some(salt.as_str());
        let folder = self.phrases().clone();
        folder.sweep(kept).map_err(|source| StateError::Write { file: "passphrase".into(), source })?;
        pass(Failpoint::PhraseSwept)?;
        Ok(Rotated { sealed, file, variable })
    }
}

/// Opens with the one and seals with the other; how many ciphertexts there were.
fn reseal(snapshot: &mut Snapshot, old: &Sealer, new: &Sealer) -> Result<usize, SealError> {
    let mut seen = std::collections::BTreeSet::new();
    let mut again = |ciphertext: &str| {
        seen.insert(ciphertext.to_owned());
        new.seal(&old.open(ciphertext)?)
    };
    let operations = snapshot.open.iter_mut();
    for (resource, url) in operations.map(|o| (&mut o.resource, o.operation.as_mut())) {
        [Some(&mut resource.inputs), Some(&mut resource.outputs), url]
            .into_iter()
            .flatten()
            .try_for_each(|v| in_value(v, &mut again))?;
        in_fields(&mut resource.extra, &mut again)?;
    }
    for resource in &mut snapshot.resources {
        in_value(&mut resource.inputs, &mut again)?;
        in_value(&mut resource.outputs, &mut again)?;
        in_fields(&mut resource.extra, &mut again)?;
    }
    snapshot.outputs.values_mut().flat_map(|m| m.values_mut()).try_for_each(|v| in_value(v, &mut again))?;
    let frame = &mut snapshot.frame;
    let around = [&mut frame.file, &mut frame.deployment, &mut frame.manifest, &mut frame.root];
    around.into_iter().chain(frame.provider.as_mut()).try_for_each(|f| in_fields(f, &mut again))?;
    Ok(seen.len())
}

type Again<'a> = dyn FnMut(&str) -> Result<String, SealError> + 'a;

fn in_value(value: &mut Value, again: &mut Again<'_>) -> Result<(), SealError> {
    match value {
        Value::Sealed(ciphertext) => *ciphertext = again(ciphertext)?,
        Value::List(list) => list.iter_mut().try_for_each(|v| in_value(v, again))?,
        Value::Map(map) => map.values_mut().try_for_each(|v| in_value(v, again))?,
        _ => {}
    }
    Ok(())
}

fn in_fields(fields: &mut Fields, again: &mut Again<'_>) -> Result<(), SealError> {
    let mut sealed = |form: Form| match form {
        Form::Ciphertext(text) => again(&text).map(Form::Ciphertext),
        clear @ Form::Plaintext(_) => Ok(clear),
    };
    fields.values_mut().try_for_each(|json: &mut Json| sealed_json::each(json, &mut sealed))
}
