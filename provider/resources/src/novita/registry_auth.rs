//! A registry login that Novita keeps. The API changes none: another registry, user or password is another login, which
//! is made before the old one goes, so that what refers to it moves in between (`tests/novita_stack.rs`, V-16).

use mops_clients::novita::{NovitaError, RegistryAuth as Kept};
use mops_core::{Error, Identity, Lane, Ownership, Secret, SecretInput};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::novita_api::{check_key, lanes, service};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};

/// A registry login that Novita keeps for images.
pub struct RegistryAuth;

/// A registry login that Novita keeps for images.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// The registry, as images name it.
    pub registry: String,
    /// User.
    pub username: String,
    /// Password; one that may pull is enough.
    pub password: Secret<String>,
    /// Key of the API; that of NOVITA_API_KEY without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<SecretInput>,
}

/// What is known of it; the password is not.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// Its id, for `imageAuthId` of instances.
    pub id: String,
}

fn outputs(kept: &Kept) -> Outputs {
    Outputs { id: kept.id.clone() }
}

impl Resource for RegistryAuth {
    const TOKEN: &'static str = "modelops:novita:RegistryAuth";
    const REPLACE: &'static [&'static str] = &["registry", "username", "password"];
    const DELETE_BEFORE_REPLACE: bool = false;
    /// That somebody deleted it only the list tells.
    const READ_TELLS: bool = true;
    type Inputs = Inputs;
    type Outputs = Outputs;

    /// The service chooses the id, and has no room for a mark of ours: only state knows which one is whose.
    fn identity(_: &Inputs) -> Identity {
        Identity::Reissue
    }

    fn lanes(_: &Inputs) -> Vec<Lane> {
        lanes()
    }

    fn check(inputs: &mut Inputs, cx: &Offline<'_>, findings: &mut Findings) {
        for (path, text) in [("registry", &inputs.registry), ("username", &inputs.username)] {
            if !(1..=500).contains(&text.chars().count()) {
                findings.refuse(path, format!("`{path}` has to have 1 to 500 characters"), "Novita takes no other");
            }
        }
        if inputs.registry.contains('@') {
            findings.refuse("registry", "the registry has a login in it", "give its host alone");
        }
        if !(1..=500).contains(&inputs.password.expose().chars().count()) {
            findings.refuse("password", "the password has to have 1 to 500 characters", "Novita takes no other");
        }
        check_key(inputs.api_key.as_ref(), cx, findings);
    }

    fn named_by(_: &str) -> Result<Inputs, NotImported> {
        Err(NotImported::Never {
            why: "Novita does not show its password",
            instead: "declare it with its password, then delete the old one with `mops novita auth delete`",
        })
    }

    async fn read(cx: &Cx<'_>, id: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        let Some(id) = id else { return Ok(None) };
        let all = service(cx, known.api_key.as_ref()).await?.auths().await?;
        let Some(found) = all.into_iter().find(|kept| kept.id == id) else { return Ok(None) };
        // A scheme that the service writes before the host means nothing.
        let bare = |text: &str| text.trim_start_matches("https://").trim_end_matches('/').to_ascii_lowercase();
        let same = bare(&found.name) == bare(&known.registry);
        let inputs = Inputs {
            registry: if same { known.registry.clone() } else { found.name.clone() },
            username: found.username.clone(),
            ..known.clone()
        };
        let state = State { id: found.id.clone(), inputs, outputs: outputs(&found) };
        Ok(Some(Live { state, ownership: Ownership::Derived, changed_by: None }))
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let service = service(cx, inputs.api_key.as_ref()).await?;
        let made = service.create_auth(&inputs.registry, &inputs.username, &inputs.password).await?;
        Ok(Made { id: made.id.clone(), outputs: outputs(&made) })
    }

    async fn update(_: &Cx<'_>, old: &State<Self>, _: &Inputs) -> Result<Made<Self>, Error> {
        // Only the key of the API may differ, which is none of the login's.
        Ok(Made { id: old.id.clone(), outputs: old.outputs.clone() })
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        let service = service(cx, old.inputs.api_key.as_ref()).await?;
        match service.delete_auth(&old.id).await {
            Err(error) if NovitaError::is_not_found(&error) => Ok(()),
            other => Ok(other?),
        }
    }

    fn samples() -> Vec<Inputs> {
        let one = |user: &str, password: &str| Inputs {
            registry: "sample.azurecr.io".into(),
            username: user.into(),
            password: Secret::from(password),
            api_key: None,
        };
        vec![one("sample-pull", "sample-secret-value-1"), one("other-pull", "sample-secret-value-2")]
    }
}
