//! What a region offers: machine sizes with their restrictions, quota, versions of Kubernetes. The list of sizes has
//! thousands of rows, disks among them: it is taken apart while it is parsed, and only machines are kept
//! (`tests::disks_are_left_out`).

use serde::Deserialize;
use serde_json::Value as Json;

use super::client::ArmClient;
use super::version;
use crate::error::ClientError;

/// One size of machine in one region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// For example `Standard_NC24ads_A100_v4`.
    pub name: String,
    /// The family that quota is counted by.
    pub family: String,
    /// Cores of one machine.
    pub cores: u32,
    /// Zones that have it.
    pub zones: Vec<String>,
    /// Why the whole region does not give it to this subscription, in the service's word.
    pub refused: Option<String>,
    /// Zones that do not give it to this subscription.
    pub refused_zones: Vec<String>,
}

/// Quota and what is used of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// A family of sizes, `cores` or `lowPriorityCores`.
    pub name: String,
    /// Cores in use.
    pub used: u64,
    /// Cores that may be in use.
    pub limit: u64,
}

/// One minor release of Kubernetes in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// `MAJOR.MINOR`.
    pub minor: String,
    /// Its patch releases in full.
    pub patches: Vec<String>,
    /// Whether it is given only to those who asked for previews.
    pub preview: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Row {
    resource_type: String,
    name: String,
    family: String,
    location_info: Vec<Info>,
    capabilities: Vec<Capability>,
    restrictions: Vec<Restriction>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Info {
    zones: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Capability {
    name: String,
    value: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Restriction {
    #[serde(rename = "type")]
    kind: String,
    reason_code: String,
    restriction_info: Info,
}

/// A row as it is kept: nothing of what is no machine.
struct Kept(Option<Size>);

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Row::deserialize(deserializer).map(|row| Self(size(row)))
    }
}

fn size(row: Row) -> Option<Size> {
    if !row.resource_type.eq_ignore_ascii_case("virtualMachines") {
        return None;
    }
    let cores = row.capabilities.iter().find(|c| c.name == "vCPUs").and_then(|c| c.value.parse().ok());
    let of = |kind: &'static str| row.restrictions.iter().filter(move |r| r.kind.eq_ignore_ascii_case(kind));
    let refused = of("Location").next().map(|r| r.reason_code.clone());
    let refused_zones = of("Zone").flat_map(|r| r.restriction_info.zones.clone()).collect();
    let zones = row.location_info.into_iter().flat_map(|i| i.zones).collect();
    Some(Size { name: row.name, family: row.family, cores: cores.unwrap_or_default(), zones, refused, refused_zones })
}

impl ArmClient {
    /// The sizes of machines that a region has, for this subscription.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn sizes(&self, subscription: &str, region: &str) -> Result<Vec<Size>, ClientError> {
        let path = format!(
            "/subscriptions/{subscription}/providers/Microsoft.Compute/skus?$filter=location%20eq%20'{region}'"
        );
        let rows: Vec<Kept> = self.pages(&path, version::COMPUTE_SKUS).await?;
        Ok(rows.into_iter().filter_map(|row| row.0).collect())
    }

    /// The quota of a subscription in a region.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn usages(&self, subscription: &str, region: &str) -> Result<Vec<Usage>, ClientError> {
        let path = format!("/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{region}/usages");
        let rows = self.list(&path, version::COMPUTE_USAGES).await?;
        Ok(rows.iter().filter_map(usage).collect())
    }

    /// The versions of Kubernetes that AKS has in a region.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn kubernetes_releases(&self, subscription: &str, region: &str) -> Result<Vec<Release>, ClientError> {
        let path = format!(
            "/subscriptions/{subscription}/providers/Microsoft.ContainerService/locations/{region}/kubernetesVersions"
        );
        let body = self.get(&path, version::CLUSTER).await?.unwrap_or_default();
        let rows = body.get("values").and_then(Json::as_array);
        let rows = rows.ok_or(ClientError::Unreadable { what: "kubernetesVersions", field: "values" })?;
        Ok(rows.iter().filter_map(release).collect())
    }
}

fn usage(row: &Json) -> Option<Usage> {
    Some(Usage {
        name: row.pointer("/name/value")?.as_str()?.to_owned(),
        used: row.get("currentValue")?.as_u64()?,
        limit: row.get("limit")?.as_u64()?,
    })
}

fn release(row: &Json) -> Option<Release> {
    let patches = row.get("patchVersions").and_then(Json::as_object).into_iter().flatten();
    Some(Release {
        minor: row.get("version")?.as_str()?.to_owned(),
        patches: patches.map(|(version, _)| version.clone()).collect(),
        preview: row.get("isPreview").and_then(Json::as_bool).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn disks_are_left_out() {
        let rows = json!([
            {"resourceType": "disks", "name": "Premium_LRS"},
            {"resourceType": "virtualMachines", "name": "Standard_D4s_v5", "family": "standardDSv5Family",
             "locationInfo": [{"location": "eastus2", "zones": ["1", "2"]}],
             "capabilities": [{"name": "vCPUs", "value": "4"}, {"name": "GPUs", "value": "0"}],
             "restrictions": [{"type": "Zone", "values": ["eastus2"], "reasonCode": "NotAvailableForSubscription",
                               "restrictionInfo": {"locations": ["eastus2"], "zones": ["2"]}}]},
        ]);
        let kept: Vec<Kept> = serde_json::from_value(rows).unwrap();
        let sizes: Vec<Size> = kept.into_iter().filter_map(|k| k.0).collect();
        assert_eq!(
            sizes,
            [Size {
                name: "Standard_D4s_v5".into(),
                family: "standardDSv5Family".into(),
                cores: 4,
                zones: vec!["1".into(), "2".into()],
                refused: None,
                refused_zones: vec!["2".into()],
            }]
        );
    }

    #[test]
    fn rows_without_figures_are_no_quota() {
        assert_eq!(usage(&json!({"name": {"value": "cores"}, "limit": 10})), None);
        let row = json!({"name": {"value": "cores"}, "currentValue": 4, "limit": 10, "unit": "Count"});
        assert_eq!(usage(&row), Some(Usage { name: "cores".into(), used: 4, limit: 10 }));
    }
}
