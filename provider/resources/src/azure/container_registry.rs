//! The image registry. Promise: the role mode is always said, never left to a default that is announced to
//! change (`tests::bodies`).

use std::time::Duration;

use mops_clients::arm::{NotAnId, Precondition, ResourceId};
use mops_core::{Error, Identity, Lane};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::arm::{ArmResource, Target, identity, lanes, named_in_group, read, region, spelled, tags, text};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};
use crate::services::{Login, Services};

const TYPE: &str = "Microsoft.ContainerRegistry/registries";

/// An Azure container registry.
pub struct ContainerRegistry;

/// How rights on repositories are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RoleMode {
    /// AcrPull, AcrPush and AcrDelete count for the whole registry.
    #[default]
    LegacyRegistryPermissions,
    /// Rights by repository; AcrPull and its kin are not honoured.
    AbacRepositoryPermissions,
}

/// An Azure container registry.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// Subscription id.
    pub subscription_id: String,
    /// Resource group.
    pub resource_group: String,
    /// Name, 5–50 letters and digits, unique in all of Azure.
    pub name: String,
    /// Region.
    pub location: String,
    /// `Basic`, `Standard` or `Premium`.
    pub sku: String,
    /// Whether the registry has a user of its own, which the workloads' pull secret needs.
    pub admin_user_enabled: bool,
    /// How rights are given.
    #[serde(default)]
    pub role_assignment_mode: RoleMode,
}

/// What is known of a registry.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// ARM id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Host name of the registry, as the service gave it.
    pub login_server: String,
}

fn properties(inputs: &Inputs) -> Json {
    json!({"adminUserEnabled": inputs.admin_user_enabled, "roleAssignmentMode": inputs.role_assignment_mode})
}

fn create_body(inputs: &Inputs, tags: &Json) -> Json {
    json!({"location": inputs.location, "sku": {"name": inputs.sku}, "tags": tags, "properties": properties(inputs)})
}

fn patch_body(inputs: &Inputs, tags: &Json) -> Json {
    json!({"sku": {"name": inputs.sku}, "tags": tags, "properties": properties(inputs)})
}

impl ArmResource for ContainerRegistry {
    const NOUN: &'static str = "registry";

    fn id(inputs: &Inputs) -> Result<ResourceId, NotAnId> {
        ResourceId::resource(&inputs.subscription_id, &inputs.resource_group, TYPE, &inputs.name)
    }

    fn outputs(id: &ResourceId, body: &Json) -> Outputs {
        Outputs { id: id.to_string(), name: id.name().to_owned(), login_server: text(body, "/properties/loginServer") }
    }

    fn seen(known: &Inputs, id: &ResourceId, body: &Json) -> Inputs {
        let mode = body.pointer("/properties/roleAssignmentMode");
        let mode = mode.and_then(|mode| RoleMode::deserialize(mode).ok()).unwrap_or(known.role_assignment_mode);
        Inputs {
            subscription_id: spelled(&known.subscription_id, id.subscription()),
            resource_group: spelled(&known.resource_group, id.resource_group().unwrap_or_default()),
            name: spelled(&known.name, id.name()),
            location: region(&text(body, "/location")),
            sku: spelled(&known.sku, &text(body, "/sku/name")),
            admin_user_enabled: body
                .pointer("/properties/adminUserEnabled")
                .and_then(Json::as_bool)
                .unwrap_or_default(),
            role_assignment_mode: mode,
        }
    }
}

impl Resource for ContainerRegistry {
    const TOKEN: &'static str = "modelops:azure:ContainerRegistry";
    const REPLACE: &'static [&'static str] = &["subscriptionId", "resourceGroup", "name", "location"];
    const SETTLES: Duration = crate::arm::SETTLES;
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        identity(&Self::id(inputs))
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        lanes(&Self::id(inputs), None)
    }

    fn check(inputs: &mut Inputs, _: &Offline<'_>, findings: &mut Findings) {
        inputs.location = region(&inputs.location);
        if !(5..=50).contains(&inputs.name.len()) || !inputs.name.chars().all(|c| c.is_ascii_alphanumeric()) {
            let reason = format!("`{}` is not the name of a registry", inputs.name);
            findings.refuse("name", reason, "5–50 letters and digits, unique in all of Azure");
        }
        match ["Basic", "Standard", "Premium"].iter().find(|sku| sku.eq_ignore_ascii_case(&inputs.sku)) {
            Some(sku) => inputs.sku = (*sku).to_owned(),
            None => {
                let reason = format!("`{}` is not the sku of a registry", inputs.sku);
                findings.refuse("sku", reason, "`Basic`, `Standard` or `Premium`");
            }
        }
    }

    fn body(inputs: &Inputs) -> Option<Json> {
        Some(create_body(inputs, &json!({})))
    }

    fn rights(_: &Inputs) -> &'static [&'static str] {
        &["Microsoft.ContainerRegistry/registries/write"]
    }

    fn named_by(id: &str) -> Result<Inputs, NotImported> {
        let (id, resource_group) = named_in_group(id, TYPE)?;
        Ok(Inputs {
            subscription_id: id.subscription().to_owned(),
            resource_group,
            name: id.name().to_owned(),
            location: String::new(),
            sku: String::new(),
            admin_user_enabled: false,
            role_assignment_mode: RoleMode::default(),
        })
    }

    async fn read(cx: &Cx<'_>, known_id: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        read(cx, known_id, known).await
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let target = Target::of::<Self>(cx, Self::id(inputs))?;
        let body = create_body(inputs, &tags(&cx.call.mark, None));
        let body = target.put(&body, Precondition::None).await?;
        Ok(target.made(&body))
    }

    async fn update(cx: &Cx<'_>, old: &State<Self>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let target = Target::known(cx, old)?;
        let present = target.settled().await?.unwrap_or_default();
        let body = patch_body(inputs, &tags(&cx.call.mark, present.get("tags")));
        let body = target.patch(&body).await?;
        Ok(target.made(&body))
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        Target::known(cx, old)?.delete().await
    }

    fn samples() -> Vec<Inputs> {
        let basic = Inputs {
            subscription_id: "00000000-0000-0000-0000-000000000000".into(),
            resource_group: "sample-rg".into(),
            name: "sampleacr".into(),
            location: "eastus2".into(),
            sku: "Basic".into(),
            admin_user_enabled: true,
            role_assignment_mode: RoleMode::LegacyRegistryPermissions,
        };
        vec![basic.clone(), Inputs { sku: "Premium".into(), admin_user_enabled: false, ..basic }]
    }
}

/// The credential of the registry's admin user; the values leave this function as secrets only.
///
/// # Errors
/// When the admin user is off, or the identity may not list it.
pub async fn list_credentials(services: &Services, registry_id: &str) -> Result<Login, Error> {
    let id = ResourceId::parse(registry_id).map_err(|e| Error::new(mops_core::Class::User, e.to_string()))?;
    let found = services.arm()?.registry_credentials(&id).await;
    let credential = found.map_err(|error| {
        let plain = error.into_core(format!("the credential of registry `{}` could not be listed", id.name()));
        if plain.hint_text().is_some() { plain } else { plain.hint("set `admin_user_enabled: true` for the registry") }
    })?;
    Ok(Login { username: credential.username, password: credential.password, password2: credential.password2 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::convert::to_value;

    #[test]
    fn bodies() {
        let inputs = &ContainerRegistry::samples()[0];
        let body = create_body(inputs, &json!({"a": "b"}));
        assert_eq!(body["properties"]["roleAssignmentMode"], "LegacyRegistryPermissions");
        assert_eq!(
            (body["sku"]["name"].as_str(), body["properties"]["adminUserEnabled"].as_bool()),
            (Some("Basic"), Some(true))
        );
        assert!(patch_body(inputs, &json!({})).get("location").is_none(), "a PATCH names no location");
    }

    #[test]
    fn the_declared_spelling_stays() {
        let inputs = &ContainerRegistry::samples()[0];
        let id = ResourceId::parse(&ContainerRegistry::id(inputs).unwrap().as_str().to_lowercase()).unwrap();
        let body = json!({"location": "East US 2", "sku": {"name": "basic"}, "properties": {"adminUserEnabled": true}});
        let seen = ContainerRegistry::seen(inputs, &id, &body);
        assert_eq!(to_value(&seen).unwrap(), to_value(inputs).unwrap());
    }
}
