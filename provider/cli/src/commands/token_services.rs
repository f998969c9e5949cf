//! What is wanted of tokens, and both of their services as this machine reaches them.

use std::collections::BTreeSet;
use std::path::Path;

use mops_clients::huggingface::{self, Hub};
use mops_clients::wandb::{self, Wandb};
use mops_core::Secret;
use mops_tokens::envfile::Variables;
use mops_tokens::live::{self, Answer};
use mops_tokens::names::{ENTITY, HF, PROJECT, WANDB};
use mops_wire::Http;

use crate::app::App;
use crate::args::TokensCheckArgs;
use crate::exit::Failure;
use crate::token_file;

/// What a check of tokens looks for.
pub(super) struct Wanted {
    /// The values of this machine.
    pub(super) local: Variables,
    /// The names, in the order in which they are told.
    pub(super) names: Vec<String>,
    /// Those that must have a value.
    pub(super) required: BTreeSet<String>,
}

impl Wanted {
    /// What flags and the file here say; without a file both tokens must be there.
    pub(super) fn of(app: &App, args: &TokensCheckArgs) -> Result<Self, Failure> {
        let local = match args.env_file.is_none() && !Path::new(token_file::FILE).exists() {
            true => Variables::new(),
            false => token_file::read(app, args.env_file.as_deref(), None)?,
        };
        let here = |name: &str| local.iter().any(|(known, value)| known == name && !value.expose().trim().is_empty());
        let mut required: BTreeSet<String> = args.live.require.iter().cloned().collect();
        required.extend([HF, WANDB].into_iter().filter(|name| local.is_empty() || here(name)).map(str::to_owned));
        let mut names: Vec<String> = [HF, WANDB, PROJECT, ENTITY].map(str::to_owned).to_vec();
        for name in local.iter().map(|(name, _)| name).chain(&args.live.require) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Ok(Self { local, names, required })
    }
}

/// The value of a name; the last one counts.
pub(super) fn value<'a>(values: &'a Variables, name: &str) -> Option<&'a Secret<String>> {
    values.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// The services of tokens.
pub(super) struct TokenServices<'a> {
    app: &'a App,
    http: &'a Http,
}

impl<'a> TokenServices<'a> {
    pub(super) const fn new(app: &'a App, http: &'a Http) -> Self {
        Self { app, http }
    }

    /// What its service says of a token; where runs are written to stands among the same values.
    pub(super) async fn asked(
        &self,
        name: &str,
        values: &Variables,
        models: &[String],
    ) -> Result<Option<Answer>, Failure> {
        let Some(token) = value(values, name) else { return Ok(None) };
        if name == HF {
            return Ok(Some(live::hub(&self.hub()?, Some(token), models).await));
        }
        let text =
            |name: &str| value(values, name).map(|value| value.expose().as_str()).filter(|text| !text.is_empty());
        Ok(Some(live::wandb(&self.wandb()?, token, text(ENTITY), text(PROJECT)).await))
    }

    /// The same without a token: models may be for everybody.
    pub(super) async fn without(&self, name: &str, models: &[String]) -> Result<Option<Answer>, Failure> {
        if name != HF || models.is_empty() {
            return Ok(None);
        }
        Ok(Some(live::hub(&self.hub()?, None, models).await))
    }

    pub(super) fn hub(&self) -> Result<Hub, Failure> {
        let base = self.app.env.get("HF_ENDPOINT").unwrap_or(huggingface::BASE);
        Hub::new(self.http.clone(), base).ok_or_else(|| no_address("HF_ENDPOINT"))
    }

    pub(super) fn wandb(&self) -> Result<Wandb, Failure> {
        let base = self.app.env.get("WANDB_BASE_URL").unwrap_or(wandb::BASE);
        Wandb::new(self.http.clone(), base).ok_or_else(|| no_address("WANDB_BASE_URL"))
    }
}

fn no_address(name: &str) -> Failure {
    Failure::usage(format!("{name} is no address to which a token may go"), "write an https address without a login")
}
