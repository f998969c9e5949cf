//! API versions: missing and unknown ones are refused, as ARM does.

use crate::arm::refusal;
use crate::http::{Call, Reply};

const RESOURCES: &[&str] =
    &["2021-04-01", "2022-09-01", "2022-12-01", "2023-07-01", "2024-03-01", "2024-07-01", "2024-11-01", "2025-04-01"];
const REGISTRY: &[&str] =
    &["2020-11-01-preview", "2023-07-01", "2023-11-01-preview", "2025-04-01", "2025-11-01", "2026-09-01-preview"];
const STORAGE: &[&str] =
    &["2021-04-01", "2023-05-01", "2024-01-01", "2025-01-01", "2025-08-01", "2026-04-01", "2026-09-01"];
const CLUSTERS: &[&str] = &[
    "2016-03-30",
    "2017-08-31",
    "2024-05-01",
    "2024-08-01",
    "2025-03-01",
    "2025-10-01",
    "2026-05-01",
    "2026-06-01",
    "2026-08-01",
];
const IDENTITIES: &[&str] =
    &["2018-11-30", "2022-01-31-preview", "2023-01-31", "2024-11-30", "2025-01-31-preview", "2025-05-31-preview"];
const ROLES: &[&str] = &["2018-09-01-preview", "2020-04-01-preview", "2020-10-01", "2022-04-01", "2022-05-01-preview"];
const COMPUTE: &[&str] = &["2021-07-01", "2026-04-01"];
const POLICY: &[&str] = &["2022-03-01"];
const NETWORK: &[&str] = &["2024-05-01"];
const ACTIVITY: &[&str] = &["2015-04-01"];

fn supported(path: &str) -> (&'static str, &'static [&'static str]) {
    let path = path.to_lowercase();
    let (_, rest) = path.split_once("/providers/").unwrap_or_default();
    if rest.split('/').count() == 1 || rest.ends_with("/register") {
        return ("", RESOURCES);
    }
    if path.contains("/providers/microsoft.authorization") {
        ("roleAssignments", ROLES)
    } else if path.contains("/providers/microsoft.managedidentity") {
        ("userAssignedIdentities", IDENTITIES)
    } else if path.contains("/providers/microsoft.containerregistry") {
        ("registries", REGISTRY)
    } else if path.contains("/providers/microsoft.storage") {
        ("storageAccounts", STORAGE)
    } else if path.contains("/providers/microsoft.containerservice") {
        ("managedClusters", CLUSTERS)
    } else if path.contains("/providers/microsoft.network") {
        ("virtualNetworks", NETWORK)
    } else if path.contains("/providers/microsoft.insights") {
        ("eventtypes", ACTIVITY)
    } else if path.contains("/providers/microsoft.compute") {
        ("skus", COMPUTE)
    } else if path.contains("/providers/microsoft.policyinsights") {
        ("checkPolicyRestrictions", POLICY)
    } else {
        ("", RESOURCES)
    }
}

/// Checks the `api-version` of a request.
///
/// # Errors
/// The answer of ARM when it is missing or not one of the type's.
pub fn check(call: &Call) -> Result<(), Reply> {
    let Some(version) = call.query("api-version") else {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(refusal::gateway(400, "MissingApiVersionParameter", message));
    };
    let (kind, versions) = supported(&call.path);
    if versions.contains(&version) {
        return Ok(());
    }
    let list = versions.join(", ");
    Err(if kind.is_empty() {
        let message = format!("The api-version '{version}' is invalid. The supported versions are '{list}'.");
        refusal::gateway(400, "InvalidApiVersionParameter", &message)
    } else {
        let message = format!(
            "No registered resource provider found for API version '{version}' for type '{kind}'. The supported \
             api-versions are '{list}'."
        );
        refusal::gateway(400, "NoRegisteredProviderFound", &message)
    })
}
