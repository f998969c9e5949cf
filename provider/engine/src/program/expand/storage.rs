//! The storage account, its containers, the rule that cleans one of them, and the SAS tokens.

use mops_core::{Urn, Value};

use super::super::{Component, Expr};
use super::builder::{Builder, members, optional};
use super::object::object;
use crate::stackfile::{Sas, SigningKey, Storage, StorageSku};

/// Days after which `workspace` is cleaned.
const CLEANED_AFTER_DAYS: i64 = 7;

pub(super) fn declare(b: &mut Builder<'_>) {
    let file = b.file;
    let (Some(storage), Some(account)) = (&file.storage, b.names.account.clone()) else { return };
    let urn = account_resource(b, storage, &account);
    b.made.storage = Some(urn.clone());
    let mut containers = Vec::new();
    for name in storage.container_names() {
        let inputs = members([("accountId", Expr::output(&urn, "id")), ("name", name.into())]);
        let mut container =
            b.resource(Component::Storage, "modelops:azure:BlobContainer", &format!("container-{name}"), inputs);
        container.place = Some(storage.place.clone());
        containers.push((name.to_owned(), b.push(container)));
    }
    if containers.iter().any(|(name, _)| name == "workspace") {
        lifecycle(b, storage, &urn);
    }
    let standard = [Sas::standard()];
    let entries: Vec<(&Sas, _)> = if storage.sas.0.is_empty() {
        vec![(&standard[0], storage.place.clone())]
    } else {
        storage.sas.0.iter().map(|s| (&s.value, s.place.clone())).collect()
    };
    for (sas, place) in entries {
        let mut resource = b.resource(
            Component::Storage,
            "modelops:azure:BlobSasToken",
            &sas.logical_name(),
            members([
                ("accountId", Expr::output(&urn, "id")),
                ("accountName", account.clone().into()),
                ("blobEndpoint", Expr::output(&urn, "blobEndpoint")),
                ("container", optional(sas.container())),
                ("kind", sas.kind().as_str().into()),
                ("permissions", sas.permissions().into()),
                ("lifetimeSeconds", seconds(sas.lifetime())),
                ("renewBeforeSeconds", seconds(sas.renew_before())),
                ("signingKey", sas.signing_key.as_ref().map_or(SigningKey::Key1, |k| k.value).as_str().into()),
                ("policy", optional(sas.policy.as_ref().map(|p| p.as_str()))),
                ("accountWideWrites", optional(sas.account_wide_writes().then_some(true))),
            ]),
        );
        resource.depends_on = containers
            .iter()
            .filter(|(name, _)| Some(name.as_str()) == sas.container())
            .map(|(_, u)| u.clone())
            .collect();
        resource.place = Some(place);
        resource.places.extend(sas.kind.as_ref().map(|kind| ("kind".to_owned(), kind.place.clone())));
        resource.places.extend(sas.lifetime.as_ref().map(|life| ("lifetimeSeconds".to_owned(), life.place.clone())));
        let urn = b.push(resource);
        b.made.sas.push((sas.env().to_owned(), urn));
    }
}

fn seconds(duration: std::time::Duration) -> Expr {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX).into()
}

fn account_resource(b: &mut Builder<'_>, storage: &crate::stackfile::Spanned<Storage>, name: &str) -> Urn {
    let group_name = b.names.storage_group.clone().unwrap_or_default();
    // The main group keeps the location of the cluster even when the account is elsewhere.
    let main = b.names.resource_group.as_deref() == Some(group_name.as_str());
    let location = b.names.storage_location.clone();
    let group_location = if main { b.names.location.clone() } else { location.clone() };
    let group = b.resource_group(&group_name, &group_location, Some(&storage.place));
    let sku = storage.sku.as_ref().map_or(StorageSku::StandardLrs, |s| s.value);
    // Premium accounts hold block blobs only in a kind of their own.
    let kind = if sku == StorageSku::PremiumLrs { "BlockBlobStorage" } else { "StorageV2" };
    let inputs = members([
        ("subscriptionId", optional(b.names.subscription.clone())),
        ("resourceGroup", group_name.into()),
        ("name", name.into()),
        ("location", location.into()),
        ("sku", sku.as_str().into()),
        ("kind", kind.into()),
    ]);
    let mut account = b.resource(Component::Storage, "modelops:azure:StorageAccount", "storage", inputs);
    account.depends_on = vec![group];
    account.place = Some(storage.place.clone());
    account.places.extend(storage.account_name.as_ref().map(|n| ("name".to_owned(), n.place.clone())));
    b.push(account)
}

fn lifecycle(b: &mut Builder<'_>, storage: &crate::stackfile::Spanned<Storage>, account: &Urn) {
    let rule =
        serde_json::json!({"name": "cleanworkspace", "prefix": "workspace/", "deleteAfterDays": CLEANED_AFTER_DAYS});
    let inputs = members([("accountId", Expr::output(account, "id")), ("rules", Expr::List(vec![object(rule)]))]);
    let mut rules = b.resource(Component::Storage, "modelops:azure:StorageLifecycle", "storage-lifecycle", inputs);
    rules.place = Some(storage.place.clone());
    b.push(rules);
}

/// The containers of the account as an output.
pub(super) fn container_list(storage: &Storage) -> Expr {
    Expr::Value(Value::List(storage.container_names().into_iter().map(Value::from).collect()))
}
