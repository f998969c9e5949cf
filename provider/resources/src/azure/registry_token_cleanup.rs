//! The end of a rotation: the password that nobody uses any more is cleared. Promise: it is declared behind everything
//! that holds the password, so that the old one opens the token until the new one is everywhere
//! (`tests/registry_token.rs`).

use mops_clients::arm::{NotAnId, ResourceId};
use mops_core::{Class, Error, Identity, Lane, Ownership};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arm::{Target, lanes};
use crate::resource::{Cx, Live, Made, NotImported, Offline, Resource, State};
use crate::token_slot::{Slot, only};

const NOUN: &str = "registry token";

/// Clears the password of a registry token that is not in use; declare it behind everything that holds the other one.
pub struct RegistryTokenCleanup;

/// Clears the password of a registry token that is not in use; declare it behind everything that holds the other one.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// ARM id of the token.
    pub token_id: String,
    /// The password that stays.
    pub keep: Slot,
}

/// What is left of the token's passwords.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// Our name for it; nothing at Azure carries it.
    pub id: String,
    /// Whether the other password opens the token.
    pub other_is_filled: bool,
}

fn token(inputs: &Inputs) -> Result<ResourceId, NotAnId> {
    ResourceId::parse(&inputs.token_id)
}

fn name_of(inputs: &Inputs) -> String {
    format!("{}#cleanup", inputs.token_id)
}

fn outputs(inputs: &Inputs, other_is_filled: bool) -> Outputs {
    Outputs { id: name_of(inputs), other_is_filled }
}

async fn clear(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<RegistryTokenCleanup>, Error> {
    let target = Target::new(cx, token(inputs), NOUN)?;
    let Some(present) = target.get().await?.filter(|found| inputs.keep.entry(found).is_some()) else {
        let summary =
            format!("registry token `{}` has no `{}` that could be kept", target.id.name(), inputs.keep.name());
        return Err(
            Error::new(Class::Conflict, summary).hint("run `mops infra up` with `--refresh`: it makes a new one")
        );
    };
    if let Some(body) = only(inputs.keep, &present) {
        target.patch(&body).await?;
    }
    Ok(Made { id: name_of(inputs), outputs: outputs(inputs, false) })
}

impl Resource for RegistryTokenCleanup {
    const TOKEN: &'static str = "modelops:azure:RegistryTokenCleanup";
    const REPLACE: &'static [&'static str] = &["tokenId"];
    const CHANGED_BY_UPDATE: &'static [&'static str] = &["otherIsFilled"];
    const DELETE_BEFORE_REPLACE: bool = false;
    const READ_TELLS: bool = true;
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(_: &Inputs) -> Identity {
        Identity::Reissue
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        lanes(&token(inputs), Some(&inputs.token_id))
    }

    fn reason(_: &Offline<'_>, old: &State<Self>, _: &Inputs) -> Option<String> {
        old.outputs.other_is_filled.then(|| "a password that is not in use opens the token".to_owned())
    }

    fn named_by(_: &str) -> Result<Inputs, NotImported> {
        Err(NotImported::Never {
            why: "it is an act, and no service holds it",
            instead: "declare it beside its token: it does nothing where nothing is to be cleared",
        })
    }

    /// Nothing at Azure is it; the token tells whether it has to be done again.
    async fn read(cx: &Cx<'_>, id: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        let (Some(id), Some(_)) = (id, cx.known) else { return Ok(None) };
        let Some(found) = Target::new(cx, token(known), NOUN)?.get().await? else { return Ok(None) };
        let filled = known.keep.other().entry(&found).is_some();
        let state = State { id: id.to_owned(), inputs: known.clone(), outputs: outputs(known, filled) };
        Ok(Some(Live { state, ownership: Ownership::Derived, changed_by: None }))
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        clear(cx, inputs).await
    }

    async fn update(cx: &Cx<'_>, _: &State<Self>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        clear(cx, inputs).await
    }

    /// What was cleared stays cleared.
    async fn delete(_: &Cx<'_>, _: &State<Self>) -> Result<(), Error> {
        Ok(())
    }

    fn samples() -> Vec<Inputs> {
        let token_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/sample-rg/providers/\
                        Microsoft.ContainerRegistry/registries/sampleacr/tokens/sample-pull";
        vec![Inputs { token_id: token_id.into(), keep: Slot::Password1 }]
    }
}
