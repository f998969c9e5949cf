//! The container of each Deployment refers to the secret, before its other sources: of two that give the same variable
//! the later one wins, so that nothing changes that a container has already.

use serde_json::{Value as Json, json};

use super::{Layer, Mend};
use crate::finding::Finding;
use crate::fix::edit::Edit;
use crate::fix::field::at;
use crate::fix::ground::Ground;
use crate::workload;

pub(super) const MEND: Mend = Mend { cause: "ENVFROM_MISSING", layer: Layer::Link, edits };

fn edits(finding: &Finding, ground: &Ground<'_>) -> Result<Vec<Edit>, String> {
    let mut edits = Vec::new();
    for (deployment, pod) in ground.makers_of(|_| true)? {
        let wanted = ground.request.container.as_deref();
        let name = workload::container(pod, wanted).map(|c| c.name.clone()).ok_or("its pods have no such container")?;
        let reference = json!({"secretRef": {"name": finding.target}});
        let present = sources(deployment, &name);
        if present.iter().any(|source| source["secretRef"]["name"] == finding.target.as_str()) {
            continue;
        }
        let all: Vec<Json> = std::iter::once(reference).chain(present).collect();
        let containers = json!([{"name": name, "envFrom": all}]);
        edits.extend(Edit::set(deployment, at(&["spec", "template", "spec", "containers"], containers)));
    }
    Ok(edits)
}

fn sources(deployment: &Json, container: &str) -> Vec<Json> {
    let all = deployment.pointer("/spec/template/spec/containers").and_then(Json::as_array).into_iter().flatten();
    let found = all.filter(|c| c["name"] == container).find_map(|c| c["envFrom"].as_array());
    found.cloned().unwrap_or_default()
}
