//! `mops-models FILE`: takes the bodies that `mops` sends and reads (`tests/golden/bodies.json`) through the models that
//! others generated from Azure's documents, and back. What a model does not know it drops, so whatever comes back smaller
//! was misspelled, in the wrong place or of the wrong type. Exit code 1 names it.

use std::process::ExitCode;

use azure_mgmt_authorization::package_2022_04_01::models as roles;
use azure_mgmt_containerregistry::package_2023_07::models as registry;
use azure_mgmt_msi::package_2023_01_31::models as identity;
use azure_mgmt_storage::package_2023_05::models as storage;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Through a model and back.
type Trip = fn(&Value) -> Result<Value, serde_json::Error>;

/// Type in lower case, the model of what is sent, the model of what is answered.
const MODELS: [(&str, Trip, Trip); 9] = [
    ("microsoft.containerregistry/registries", trip::<registry::Registry>, trip::<registry::Registry>),
    ("microsoft.containerregistry/registries/scopemaps", trip::<registry::ScopeMap>, trip::<registry::ScopeMap>),
    ("microsoft.containerregistry/registries/tokens", trip::<registry::Token>, trip::<registry::Token>),
    (
        "microsoft.storage/storageaccounts",
        trip::<storage::StorageAccountCreateParameters>,
        trip::<storage::StorageAccount>,
    ),
    (
        "microsoft.storage/storageaccounts/blobservices/containers",
        trip::<storage::BlobContainer>,
        trip::<storage::BlobContainer>,
    ),
    (
        "microsoft.storage/storageaccounts/managementpolicies",
        trip::<storage::ManagementPolicy>,
        trip::<storage::ManagementPolicy>,
    ),
    (
        "microsoft.authorization/roleassignments",
        trip::<roles::RoleAssignmentCreateParameters>,
        trip::<roles::RoleAssignment>,
    ),
    ("microsoft.managedidentity/userassignedidentities", trip::<identity::Identity>, trip::<identity::Identity>),
    (
        "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials",
        trip::<identity::FederatedIdentityCredential>,
        trip::<identity::FederatedIdentityCredential>,
    ),
];

/// Properties that are newer than the models, and why they are said all the same.
const NEWER: [(&str, &str); 3] = [
    ("/properties/roleAssignmentMode", "version 2025-11-01, which the product speaks"),
    ("/properties/anonymousPullEnabled", "a preview's at that time; the service answers it"),
    ("/properties/metadataSearch", "a preview's; the service answers it"),
];

fn trip<T: DeserializeOwned + Serialize>(body: &Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_value::<T>(body.clone())?)
}

/// Places of a body that did not come back as they were; null and absent are the same.
fn lost(body: &Value, back: &Value, place: &str, found: &mut Vec<String>) {
    match (body, back) {
        (Value::Null, _) => {}
        (Value::Object(members), Value::Object(_)) => {
            members.iter().for_each(|(name, member)| lost(member, &back[name], &format!("{place}/{name}"), found));
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            items.iter().zip(others).for_each(|(item, other)| lost(item, other, place, found));
        }
        // Some models have a fraction where the documents show whole numbers.
        (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => {}
        // Nothing in it is the same as no list.
        (Value::Array(items), Value::Null) if items.is_empty() => {}
        _ if body == back => {}
        _ => found.push(place.to_owned()),
    }
}

fn check(kind: &str, which: &str, trip: Trip, bodies: &Value, found: &mut Vec<String>) -> usize {
    let bodies = bodies.as_array().map_or(&[][..], Vec::as_slice);
    for body in bodies {
        let mut places = Vec::new();
        match trip(body) {
            Ok(back) => lost(body, &back, "", &mut places),
            Err(error) => places.push(format!("is refused: {error}")),
        }
        places.retain(|place| !NEWER.iter().any(|(newer, _)| place.starts_with(newer)));
        found.extend(places.into_iter().map(|place| format!("{kind}, {which}: {place}")));
    }
    bodies.len()
}

fn main() -> ExitCode {
    let file = std::env::args().nth(1).expect("the file with the bodies");
    let text = std::fs::read_to_string(&file).expect("the file with the bodies");
    let all: Value = serde_json::from_str(&text).expect("JSON");
    let (mut found, mut sent, mut answered) = (Vec::new(), 0, 0);
    let unknown = all.as_object().into_iter().flatten().map(|(kind, _)| kind);
    found.extend(
        unknown.filter(|kind| !MODELS.iter().any(|(known, ..)| known == kind)).map(|kind| format!("no model: {kind}")),
    );
    for (kind, request, answer) in MODELS {
        sent += check(kind, "sent", request, &all[kind]["sent"], &mut found);
        answered += check(kind, "answered", answer, &all[kind]["answered"], &mut found);
        if all[kind].is_null() {
            found.push(format!("no body of {kind}"));
        }
    }
    found.sort();
    found.dedup();
    println!("models types={} sent={sent} answered={answered} lost={}", MODELS.len(), found.len());
    found.iter().for_each(|line| eprintln!("{line}"));
    if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
