//! What a region offers: sizes of machines, quota and what is used of it, versions of Kubernetes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::arm::Arm;
use crate::arm::figures::Size;
use crate::arm::store::State;
use crate::evidence::Evidence;
use crate::http::{Call, Reply};
use crate::route::{Params, Route};

/// The routes.
#[must_use]
pub fn routes() -> Vec<Route<Arm>> {
    vec![
        Route::new(
            "GET",
            "/subscriptions/{sub}/providers/Microsoft.Compute/skus",
            Evidence::Spec("Compute 2021-07-01, ResourceSkus_List"),
            sizes,
        ),
        Route::new(
            "GET",
            "/subscriptions/{sub}/providers/Microsoft.Compute/locations/{location}/usages",
            Evidence::Spec("Storage 2023-05-01, Usages_ListByLocation: the same list in another namespace"),
            usages,
        ),
        Route::new(
            "GET",
            "/subscriptions/{sub}/providers/Microsoft.ContainerService/locations/{location}/kubernetesVersions",
            Evidence::Spec("ContainerService 2024-08-01, ManagedClusters_ListKubernetesVersions"),
            versions,
        ),
    ]
}

fn sizes(arm: &Arm, call: &Call, _: &Params) -> Reply {
    let location = call.query("$filter").and_then(|f| f.split('\'').nth(1)).unwrap_or("eastus2").to_owned();
    let state = arm.state();
    let disk = json!({"resourceType": "disks", "name": "Premium_LRS", "locations": [location]});
    let rows = state.figures.sizes.iter().map(|size| row(size, &location));
    Reply::json(200, &json!({"value": rows.chain([disk]).collect::<Vec<Value>>()}))
}

fn row(size: &Size, location: &str) -> Value {
    let restriction = |kind: &str, code: &str, zones: &[String]| {
        json!({"type": kind, "values": [location], "reasonCode": code,
               "restrictionInfo": {"locations": [location], "zones": zones}})
    };
    let region = size.refused.iter().map(|code| restriction("Location", code, &[]));
    let zones = (!size.refused_zones.is_empty())
        .then(|| restriction("Zone", "NotAvailableForSubscription", &size.refused_zones));
    json!({
        "resourceType": "virtualMachines", "name": size.name, "tier": "Standard", "family": size.family,
        "size": size.name.trim_start_matches("Standard_"), "locations": [location],
        "locationInfo": [{"location": location, "zones": size.zones, "zoneDetails": []}],
        "capabilities": [{"name": "vCPUs", "value": size.cores.to_string()}],
        "restrictions": region.chain(zones).collect::<Vec<Value>>(),
    })
}

/// Cores in use by name of the quota.
fn used(state: &State) -> BTreeMap<String, u64> {
    let mut used: BTreeMap<String, u64> = BTreeMap::new();
    for pool in state.of_kind_below("managedClusters", "agentPools") {
        let properties = &pool.body["properties"];
        let Some(size) = state.figures.size(properties["vmSize"].as_str().unwrap_or_default()) else { continue };
        let cores = properties["count"].as_u64().unwrap_or_default() * size.cores;
        let spot = properties["scaleSetPriority"] == "Spot";
        let names: &[&str] = if spot { &["lowPriorityCores"] } else { &["cores", &size.family] };
        names.iter().for_each(|name| *used.entry((*name).to_owned()).or_default() += cores);
    }
    used
}

fn usages(arm: &Arm, _: &Call, _: &Params) -> Reply {
    let state = arm.state();
    let used = used(&state);
    let row = |(name, limit): (&String, &u64)| {
        json!({"unit": "Count", "currentValue": used.get(name).copied().unwrap_or_default(), "limit": limit,
               "name": {"value": name, "localizedValue": name}})
    };
    Reply::json(200, &json!({"value": state.figures.limits.iter().map(row).collect::<Vec<Value>>()}))
}

fn versions(arm: &Arm, _: &Call, _: &Params) -> Reply {
    let state = arm.state();
    let row = |minor: &u32| {
        let patches: serde_json::Map<String, Value> =
            (0..=4).map(|patch| (format!("1.{minor}.{patch}"), json!({"upgrades": []}))).collect();
        json!({"version": format!("1.{minor}"), "capabilities": {"supportPlan": ["KubernetesOfficial"]},
               "isPreview": false, "patchVersions": patches})
    };
    Reply::json(200, &json!({"values": state.figures.versions.iter().map(row).collect::<Vec<Value>>()}))
}
