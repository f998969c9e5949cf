//! A version of Kubernetes that AKS does not have in the region.

use mops_clients::arm::Release;
use mops_core::Error;
use mops_core::preflight::Preflight;

use super::Look;
use crate::azure::managed_cluster::{Inputs, ManagedCluster};

pub(super) const WHAT: &str = "versions of Kubernetes";

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let mut found = Preflight::default();
    for (planned, inputs) in look.layout.changing::<ManagedCluster>() {
        let Inputs { subscription_id, location, kubernetes_version: Some(version), .. } = &inputs else { continue };
        // What runs already is not asked for again, although the region may offer it no longer.
        let known = planned.known.as_ref().and_then(|k| k.inputs.get("kubernetesVersion"));
        if known.and_then(mops_core::Value::as_str) == Some(version) {
            continue;
        }
        let releases = look.arm()?.kubernetes_releases(subscription_id, location).await?;
        if has(&releases, version) {
            continue;
        }
        let offered: Vec<&str> = releases.iter().filter(|r| !r.preview).map(|r| r.minor.as_str()).collect();
        let reason = format!("AKS has no Kubernetes {version} in `{location}`");
        let hint = format!("choose one of {}, or leave `kubernetes_version` out", offered.join(", "));
        found.refuse(&planned.urn, "kubernetesVersion", reason, hint);
    }
    Ok(found)
}

fn has(releases: &[Release], version: &str) -> bool {
    releases.iter().any(|r| r.minor == version || r.patches.iter().any(|patch| patch == version))
}
