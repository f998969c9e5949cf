//! `mops auth rotate KIND`: another credential in the place of one that is in use, without an instant in which neither
//! works: the old one is taken back only when everything has shown that the new one works (`tests/rotate.rs`).

mod acr;
mod acr_admin;
mod course;
mod journal;
mod ngc;
mod ngc_spaces;
mod novita;
mod pods;
mod sp;
mod storage;
mod token;
mod token_file;
mod token_places;

pub(crate) use ngc::KeyRotatedLine;
pub(crate) use novita::NovitaRotatedLine;

use std::collections::BTreeSet;

use mops_core::Urn;
use mops_engine::program::Program;
use mops_engine::state::Snapshot;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::RotateKind;
use crate::exit::{Failure, Outcome};

/// A credential has been rotated: the new one is in use everywhere, the old one opens nothing any more.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RotationLine {
    /// `PROJECT.STACK`.
    stack: String,
    /// Of what kind.
    kind: &'static str,
    /// Whose credential.
    of: String,
    /// The beginning of a hash of the old one, under a number drawn for this rotation; absent when nobody knew it.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// The same of the new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

pub(crate) fn run(app: &App, kind: &RotateKind) -> Outcome {
    match kind {
        RotateKind::Acr(args) => acr::run(app, args),
        RotateKind::Storage(args) => storage::run(app, args),
        RotateKind::Sp(args) => sp::run(app, args),
        RotateKind::Ngc(args) => ngc::run(app, args),
        RotateKind::Hf(args) => token::run(app, &token::HUB, args),
        RotateKind::Wandb(args) => token::run(app, &token::WANDB, args),
        RotateKind::Novita(args) => novita::run(app, args),
        RotateKind::NovitaKey(args) => token::run(app, &token::NOVITA, args),
    }
}

/// What a run of the stack file leaves as it is while a rotation has not proven its new credential.
pub(crate) fn held(app: &App, program: &Program, snapshot: &Snapshot) -> Result<BTreeSet<Urn>, Failure> {
    let held = acr::held(app, program, snapshot)?;
    if held.is_some() {
        app.printer.note(
            "a rotation is under way: the old password of the registry token stays until `mops auth rotate acr` has \
             proven the new one",
        );
    }
    Ok(held.into_iter().collect())
}
