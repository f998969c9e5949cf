//! The API version that each type is spoken to with: the ones that every cloud has.

/// Resource groups and the resources in them.
pub const RESOURCES: &str = "2023-07-01";
/// Resource providers and their registration.
pub const PROVIDERS: &str = "2021-04-01";
/// Container registries.
pub const REGISTRY: &str = "2025-11-01";
/// Storage accounts, containers, lifecycle policies.
pub const STORAGE: &str = "2025-08-01";
/// Managed clusters and their node pools.
pub const CLUSTER: &str = "2025-10-01";
/// Identities of workloads and whom they trust.
pub const IDENTITY: &str = "2024-11-30";
/// Node pools whose GPUs AKS manages; the first version that has them.
pub const MANAGED_GPU: &str = "2026-08-01";
/// Role assignments.
pub const AUTHORIZATION: &str = "2022-04-01";
/// Machine sizes and their restrictions.
pub const COMPUTE_SKUS: &str = "2021-07-01";
/// Quota of machines and what is used of it.
pub const COMPUTE_USAGES: &str = "2026-04-01";
/// Roles that an identity may activate.
pub const ELIGIBILITY: &str = "2020-10-01";
/// What policies would say to a resource.
pub const POLICY: &str = "2022-03-01";
/// The activity log of a subscription.
pub const ACTIVITY: &str = "2015-04-01";
/// Virtual networks and their subnets.
pub const NETWORK: &str = "2024-05-01";

/// The version for a type such as `Microsoft.Storage/storageAccounts`; `None` for types that we do not know.
#[must_use]
pub fn for_kind(kind: &str) -> Option<&'static str> {
    let (namespace, rest) = kind.split_once('/')?;
    match namespace.to_ascii_lowercase().as_str() {
        "microsoft.resources" => Some(RESOURCES),
        "microsoft.containerregistry" => Some(REGISTRY),
        "microsoft.storage" => Some(STORAGE),
        "microsoft.containerservice" => Some(CLUSTER),
        "microsoft.managedidentity" => Some(IDENTITY),
        "microsoft.authorization" => Some(AUTHORIZATION),
        "microsoft.compute" if rest.eq_ignore_ascii_case("skus") => Some(COMPUTE_SKUS),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_types_have_a_version() {
        assert_eq!(for_kind("microsoft.containerservice/ManagedClusters/agentPools"), Some(CLUSTER));
        assert_eq!(for_kind("Microsoft.Sql/servers"), None);
        assert_eq!(for_kind("nothing"), None);
    }
}
