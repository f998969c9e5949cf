//! A blob container, made through ARM so that no data role and no storage firewall stands in the way. Promise:
//! it carries our mark in its metadata, and an unmarked one in somebody else's account is a stranger
//! (`tests/arm/resources.rs`).

use mops_clients::arm::{NotAnId, Precondition, ResourceId};
use mops_core::{Error, Identity, Lane, Mark, Ownership};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::arm::{
    ArmResource, Target, identity, lanes, metadata, metadata_owner, named, owner_by_parent, read, spelled,
};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};

/// A container of blobs.
pub struct BlobContainer;

/// A container of blobs.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// ARM id of the storage account.
    pub account_id: String,
    /// Name, 3–63 lower-case letters, digits and single hyphens.
    pub name: String,
}

/// What is known of a container.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// ARM id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// The account, two levels up.
fn account(id: &ResourceId) -> ResourceId {
    id.parent().and_then(|service| service.parent()).unwrap_or_else(|| id.clone())
}

fn body(metadata: &Json) -> Json {
    json!({"properties": {"publicAccess": "None", "metadata": metadata}})
}

fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ends = name.starts_with('-') || name.ends_with('-') || name.contains("--");
    (3..=63).contains(&name.len()) && name.chars().all(good) && !ends
}

impl ArmResource for BlobContainer {
    const NOUN: &'static str = "blob container";

    fn id(inputs: &Inputs) -> Result<ResourceId, NotAnId> {
        ResourceId::parse(&inputs.account_id)?.child("blobServices", "default")?.child("containers", &inputs.name)
    }

    fn outputs(id: &ResourceId, _: &Json) -> Outputs {
        Outputs { id: id.to_string(), name: id.name().to_owned() }
    }

    fn seen(known: &Inputs, id: &ResourceId, _: &Json) -> Inputs {
        Inputs { account_id: spelled(&known.account_id, account(id).as_str()), name: spelled(&known.name, id.name()) }
    }

    async fn owner(target: &Target<'_>, mark: &Mark, body: &Json) -> Result<Ownership, Error> {
        match metadata_owner(mark, body.pointer("/properties/metadata")) {
            Ownership::Unmarked => owner_by_parent(target, mark, &account(&target.id)).await,
            marked => Ok(marked),
        }
    }
}

impl Resource for BlobContainer {
    const TOKEN: &'static str = "modelops:azure:BlobContainer";
    const REPLACE: &'static [&'static str] = &["accountId", "name"];
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        identity(&Self::id(inputs))
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        lanes(&Self::id(inputs), Some(&inputs.account_id))
    }

    fn check(inputs: &mut Inputs, _: &Offline<'_>, findings: &mut Findings) {
        if !is_name(&inputs.name) {
            let reason = format!("`{}` is not the name of a blob container", inputs.name);
            findings.refuse("name", reason, "3–63 lower-case letters, digits and single hyphens inside");
        }
    }

    fn rights(_: &Inputs) -> &'static [&'static str] {
        &["Microsoft.Storage/storageAccounts/blobServices/containers/write"]
    }

    fn named_by(id: &str) -> Result<Inputs, NotImported> {
        let (id, _) = named(id, "Microsoft.Storage/storageAccounts/blobServices/containers")?;
        Ok(Inputs { account_id: account(&id).to_string(), name: id.name().to_owned() })
    }

    async fn read(cx: &Cx<'_>, known_id: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        read(cx, known_id, known).await
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        let target = Target::of::<Self>(cx, Self::id(inputs))?;
        let body = target.put(&body(&metadata(&cx.call.mark, None)), Precondition::None).await?;
        Ok(target.made(&body))
    }

    async fn update(cx: &Cx<'_>, old: &State<Self>, _: &Inputs) -> Result<Made<Self>, Error> {
        let target = Target::known(cx, old)?;
        let present = target.get().await?.unwrap_or_default();
        let marks = metadata(&cx.call.mark, present.pointer("/properties/metadata"));
        let body = target.patch(&body(&marks)).await?;
        Ok(target.made(&body))
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        Target::known(cx, old)?.delete().await
    }

    fn samples() -> Vec<Inputs> {
        let account_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/sample-rg/providers/\
                          Microsoft.Storage/storageAccounts/samplest";
        vec![Inputs { account_id: account_id.into(), name: "bundles".into() }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule_of_the_service() {
        for good in ["abc", "a-b-c", "0123"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["ab", "Abc", "-ab", "ab-", "a--b", "a_b", &"a".repeat(64)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn never_public_and_always_marked() {
        let body = body(&json!({"modelops_stack": "p.s"}));
        assert_eq!(body["properties"]["publicAccess"], "None");
        assert_eq!(body["properties"]["metadata"]["modelops_stack"], "p.s");
    }
}
