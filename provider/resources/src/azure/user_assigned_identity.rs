//! An identity that workloads use without a password. Promise: its principal is told by the object id, the only one
//! that roles know, next to the client id, the only one that workloads know (`tests::both_ids`).

use std::time::Duration;

use mops_clients::arm::{NotAnId, Precondition, ResourceId};
use mops_core::{Error, Identity, Lane};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::arm::{ArmResource, Target, identity, lanes, named_in_group, read, region, spelled, tags, text};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};

const TYPE: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

/// An identity that workloads use without a password.
pub struct UserAssignedIdentity;

/// An identity that workloads use without a password.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// Subscription id.
    pub subscription_id: String,
    /// Resource group.
    pub resource_group: String,
    /// Name, 3–128 letters, digits, `-`, `_`, a letter or digit first.
    pub name: String,
    /// Region.
    pub location: String,
}

/// What is known of an identity; there is nothing secret about it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// ARM id.
    pub id: String,
    /// Name.
    pub name: String,
    /// The id that workloads sign in with.
    pub client_id: String,
    /// The id that roles are given to.
    pub principal_id: String,
    /// The directory that it is in.
    pub tenant_id: String,
}

/// Longest name of an identity.
const NAME_LIMIT: usize = 128;

/// Whether it names an identity, or with another limit a credential of one.
pub(super) fn is_name(name: &str, limit: usize) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (3..=limit).contains(&name.len()) && name.chars().all(good) && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

impl ArmResource for UserAssignedIdentity {
    const NOUN: &'static str = "identity";

    fn id(inputs: &Inputs) -> Result<ResourceId, NotAnId> {
        ResourceId::resource(&inputs.subscription_id, &inputs.resource_group, TYPE, &inputs.name)
    }

    fn outputs(id: &ResourceId, body: &Json) -> Outputs {
        Outputs {
            id: id.to_string(),
            name: id.name().to_owned(),
            client_id: text(body, "/properties/clientId"),
            principal_id: text(body, "/properties/principalId"),
            tenant_id: text(body, "/properties/tenantId"),
        }
    }

    fn seen(known: &Inputs, id: &ResourceId, body: &Json) -> Inputs {
        Inputs {
            subscription_id: spelled(&known.subscription_id, id.subscription()),
            resource_group: spelled(&known.resource_group, id.resource_group().unwrap_or_default()),
            name: spelled(&known.name, id.name()),
            location: region(&text(body, "/location")),
        }
    }
}

impl Resource for UserAssignedIdentity {
    const TOKEN: &'static str = "modelops:azure:UserAssignedIdentity";
    const REPLACE: &'static [&'static str] = &["subscriptionId", "resourceGroup", "name", "location"];
    const SETTLES: Duration = crate::arm::SETTLES;
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        identity(&Self::id(inputs))
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        let id = Self::id(inputs);
        let own = id.as_ref().map(ToString::to_string).ok();
        lanes(&id, own.as_deref())
    }

    fn check(inputs: &mut Inputs, _: &Offline<'_>, findings: &mut Findings) {
        inputs.location = region(&inputs.location);
        if !is_name(&inputs.name, NAME_LIMIT) {
            let reason = format!("`{}` is not the name of an identity", inputs.name);
            findings.refuse("name", reason, "3–128 letters, digits, `-`, `_`, a letter or digit first");
        }
    }

    fn rights(_: &Inputs) -> &'static [&'static str] {
        &["Microsoft.ManagedIdentity/userAssignedIdentities/write"]
    }

    fn named_by(id: &str) -> Result<Inputs, NotImported> {
        let (id, resource_group) = named_in_group(id, TYPE)?;
        Ok(Inputs {
            subscription_id: id.subscription().to_owned(),
            resource_group,
            name: id.name().to_owned(),
            location: String::new(),
        })
    }

    async fn read(cx: &Cx<'_>, known_id: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        read(cx, known_id, known).await
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let target = Target::of::<Self>(cx, Self::id(inputs))?;
        let body = json!({"location": inputs.location, "tags": tags(&cx.call.mark, None)});
        let body = target.put(&body, Precondition::None).await?;
        Ok(target.made(&body))
    }

    async fn update(cx: &Cx<'_>, old: &State<Self>, _: &Inputs) -> Result<Made<Self>, Error> {
        let target = Target::known(cx, old)?;
        let present = target.get().await?.unwrap_or_default();
        let body = json!({"tags": tags(&cx.call.mark, present.get("tags"))});
        let body = target.patch(&body).await?;
        Ok(target.made(&body))
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        Target::known(cx, old)?.delete().await
    }

    fn samples() -> Vec<Inputs> {
        vec![Inputs {
            subscription_id: "00000000-0000-0000-0000-000000000000".into(),
            resource_group: "sample-rg".into(),
            name: "sample-identity".into(),
            location: "eastus2".into(),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ids() {
        let id = UserAssignedIdentity::id(&UserAssignedIdentity::samples()[0]).unwrap();
        let outputs = UserAssignedIdentity::outputs(
            &id,
            &json!({"properties": {"clientId": "c", "principalId": "p", "tenantId": "t"}}),
        );
        assert_eq!((outputs.client_id.as_str(), outputs.principal_id.as_str()), ("c", "p"));
    }

    #[test]
    fn names_follow_the_rule_of_the_service() {
        for good in ["abc", "0-_", &"a".repeat(128)] {
            assert!(is_name(good, NAME_LIMIT), "{good}");
        }
        for bad in ["ab", "-ab", "a.b", &"a".repeat(129)] {
            assert!(!is_name(bad, NAME_LIMIT), "{bad}");
        }
    }
}
