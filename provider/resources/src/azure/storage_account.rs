//! The storage account. Promises: TLS 1.2 and https only, never public blobs (`tests::bodies`); a change that
//! would need a new account is refused, because it would take the data along.

use std::time::Duration;

use mops_clients::arm::{NotAnId, Precondition, ResourceId};
use mops_core::{Class, Error, Identity, Lane};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::arm::{ArmResource, Target, identity, lanes, named_in_group, read, region, spelled, tags, text};
use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};

const TYPE: &str = "Microsoft.Storage/storageAccounts";
const SKUS: [&str; 10] = [
    "Standard_LRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_ZRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_LRS",
    "Premium_ZRS",
    "StandardV2_LRS",
    "StandardV2_ZRS",
];

/// A storage account for blobs.
pub struct StorageAccount;

/// A storage account for blobs.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// Subscription id.
    pub subscription_id: String,
    /// Resource group.
    pub resource_group: String,
    /// Name, 3–24 lower-case letters and digits, unique in all of Azure.
    pub name: String,
    /// Region.
    pub location: String,
    /// For example `Standard_LRS`.
    pub sku: String,
    /// `StorageV2`; for a premium sku `BlockBlobStorage`.
    #[serde(default = "general_purpose")]
    pub kind: String,
}

fn general_purpose() -> String {
    "StorageV2".to_owned()
}

/// What is known of a storage account; never a key.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// ARM id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Where its blobs are, as the service gave it.
    pub blob_endpoint: String,
}

fn properties() -> Json {
    json!({"minimumTlsVersion": "TLS1_2", "allowBlobPublicAccess": false, "supportsHttpsTrafficOnly": true})
}

fn create_body(inputs: &Inputs, tags: &Json) -> Json {
    json!({
        "location": inputs.location, "sku": {"name": inputs.sku}, "kind": inputs.kind, "tags": tags,
        "properties": properties(),
    })
}

fn patch_body(inputs: &Inputs, tags: &Json) -> Json {
    json!({"sku": {"name": inputs.sku}, "tags": tags, "properties": properties()})
}

/// The kind in which an account of a sku holds block blobs.
fn kind_of(sku: &str) -> &'static str {
    if sku.starts_with("Premium_") { "BlockBlobStorage" } else { "StorageV2" }
}

/// Tier, and whether copies lie in several zones: neither changes in place.
fn family(sku: &str) -> (&str, bool) {
    let (tier, copies) = sku.split_once('_').unwrap_or((sku, ""));
    (tier, copies.ends_with("ZRS"))
}

impl ArmResource for StorageAccount {
    const NOUN: &'static str = "storage account";

    fn id(inputs: &Inputs) -> Result<ResourceId, NotAnId> {
        ResourceId::resource(&inputs.subscription_id, &inputs.resource_group, TYPE, &inputs.name)
    }

    fn outputs(id: &ResourceId, body: &Json) -> Outputs {
        Outputs {
            id: id.to_string(),
            name: id.name().to_owned(),
            blob_endpoint: text(body, "/properties/primaryEndpoints/blob"),
        }
    }

    fn seen(known: &Inputs, id: &ResourceId, body: &Json) -> Inputs {
        Inputs {
            subscription_id: spelled(&known.subscription_id, id.subscription()),
            resource_group: spelled(&known.resource_group, id.resource_group().unwrap_or_default()),
            name: spelled(&known.name, id.name()),
            location: region(&text(body, "/location")),
            sku: spelled(&known.sku, &text(body, "/sku/name")),
            kind: spelled(&known.kind, &text(body, "/kind")),
        }
    }
}

impl Resource for StorageAccount {
    const TOKEN: &'static str = "modelops:azure:StorageAccount";
    const REPLACE: &'static [&'static str] = &["subscriptionId", "resourceGroup", "name", "location", "kind"];
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
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if !(3..=24).contains(&inputs.name.len()) || !inputs.name.chars().all(good) {
            let reason = format!("`{}` is not the name of a storage account", inputs.name);
            findings.refuse("name", reason, "3–24 lower-case letters and digits, unique in all of Azure");
        }
        match SKUS.iter().find(|sku| sku.eq_ignore_ascii_case(&inputs.sku)) {
            Some(sku) => inputs.sku = (*sku).to_owned(),
            None => {
                let reason = format!("`{}` is not the sku of a storage account", inputs.sku);
                findings.refuse("sku", reason, SKUS.join(", "));
            }
        }
        let kind = kind_of(&inputs.sku);
        if inputs.kind != kind {
            let reason = format!("an account of kind `{}` cannot be `{}`", inputs.kind, inputs.sku);
            findings.refuse("kind", reason, format!("use `{kind}`: other kinds of this sku hold no block blobs"));
        }
    }

    fn replaced_between(old: &Inputs, new: &Inputs) -> Option<&'static str> {
        (family(&old.sku) != family(&new.sku)).then_some("sku")
    }

    fn body(inputs: &Inputs) -> Option<Json> {
        Some(create_body(inputs, &json!({})))
    }

    fn rights(_: &Inputs) -> &'static [&'static str] {
        &["Microsoft.Storage/storageAccounts/write"]
    }

    fn named_by(id: &str) -> Result<Inputs, NotImported> {
        let (id, resource_group) = named_in_group(id, TYPE)?;
        Ok(Inputs {
            subscription_id: id.subscription().to_owned(),
            resource_group,
            name: id.name().to_owned(),
            location: String::new(),
            sku: String::new(),
            kind: String::new(),
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
        refuse_other_family(&text(&present, "/sku/name"), inputs)?;
        let body = patch_body(inputs, &tags(&cx.call.mark, present.get("tags")));
        let body = target.patch(&body).await?;
        Ok(target.made(&body))
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        Target::known(cx, old)?.delete().await
    }

    fn samples() -> Vec<Inputs> {
        let plain = Inputs {
            subscription_id: "00000000-0000-0000-0000-000000000000".into(),
            resource_group: "sample-rg".into(),
            name: "samplest".into(),
            location: "eastus2".into(),
            sku: "Standard_LRS".into(),
            kind: general_purpose(),
        };
        let copied = Inputs { sku: "Standard_GRS".into(), ..plain.clone() };
        let fast = Inputs { sku: "Premium_LRS".into(), kind: "BlockBlobStorage".into(), ..plain.clone() };
        vec![plain, copied, fast]
    }
}

fn refuse_other_family(present: &str, inputs: &Inputs) -> Result<(), Error> {
    if present.is_empty() || family(present) == family(&inputs.sku) {
        return Ok(());
    }
    let summary =
        format!("storage account `{}` cannot change from `{present}` to `{}` in place", inputs.name, inputs.sku);
    Err(Error::new(Class::User, summary).hint("use a new account under another name and copy the data"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let inputs = &StorageAccount::samples()[0];
        for body in [create_body(inputs, &json!({})), patch_body(inputs, &json!({}))] {
            assert_eq!(body["properties"]["minimumTlsVersion"], "TLS1_2");
            assert_eq!(body["properties"]["allowBlobPublicAccess"], false);
            assert_eq!(body["properties"]["supportsHttpsTrafficOnly"], true);
        }
    }

    #[test]
    fn only_copies_of_one_family_change_in_place() {
        let to = |sku: &str| Inputs { sku: sku.into(), ..StorageAccount::samples()[0].clone() };
        let replaced = |from: &str, sku: &str| StorageAccount::replaced_between(&to(from), &to(sku));
        assert_eq!(replaced("Standard_LRS", "Premium_LRS"), Some("sku"));
        assert_eq!(replaced("Standard_LRS", "Standard_RAGRS"), None);
        assert!(refuse_other_family("Standard_LRS", &to("Standard_RAGRS")).is_ok());
        for (from, sku) in [("Standard_LRS", "Premium_LRS"), ("Standard_GRS", "Standard_GZRS")] {
            let error = refuse_other_family(from, &to(sku)).unwrap_err();
            assert_eq!(error.class(), Class::User, "{from} {sku}");
        }
    }
}
