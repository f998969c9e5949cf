//! The pods are made again, in the way of `kubectl rollout restart`.

use serde_json::{Value as Json, json};

use super::{Layer, Mend};
use crate::cluster::is_maker;
use crate::finding::Finding;
use crate::fix::edit::Edit;
use crate::fix::field::at;
use crate::fix::ground::Ground;
use crate::workload;

pub(super) const MEND: Mend = Mend { cause: "ENV_STALE", layer: Layer::Restart, edits };
/// The mark of a restart in a pod template.
pub(in crate::fix) const MARK: &str = "kubectl.kubernetes.io/restartedAt";

fn edits(finding: &Finding, ground: &Ground<'_>) -> Result<Vec<Edit>, String> {
    let named = |kind: &str, name: &str| finding.objects.iter().any(|o| o.kind == kind && o.name == name);
    let is_named = finding.objects.iter().any(|o| is_maker(&o.kind) || o.kind == "Pod");
    let stale = |pod: &k8s_openapi::api::core::v1::Pod| {
        let (kind, name) = workload::owner(pod);
        !is_named || named(kind, &name) || pod.metadata.name.as_deref().is_some_and(|name| named("Pod", name))
    };
    Ok(ground.makers_of(stale)?.into_iter().filter_map(|(d, _)| restart(d, ground.moment)).collect())
}

/// Marks the template, so that its pods are made again.
pub(in crate::fix) fn restart(deployment: &Json, moment: &str) -> Option<Edit> {
    Edit::set(deployment, at(&["spec", "template", "metadata", "annotations"], json!({ MARK: moment })))
}
