//! The secret is copied from the namespace where it is. Pods that wait for it go on by themselves.

use serde_json::{Value as Json, json};

use super::{Layer, Mend};
use crate::finding::Finding;
use crate::fix::edit::{Edit, place};
use crate::fix::ground::Ground;

pub(super) const MEND: Mend = Mend { cause: "SECRET_WRONG_NAMESPACE", layer: Layer::Object, edits };
/// Types whose content is of no use anywhere else.
const BOUND: [&str; 2] = ["kubernetes.io/service-account-token", "helm.sh/release.v1"];

fn edits(finding: &Finding, ground: &Ground<'_>) -> Result<Vec<Edit>, String> {
    if ground.secrets.contains_key(&finding.target) {
        return Ok(Vec::new());
    }
    let there =
        ground.elsewhere.get(&finding.target).ok_or("it is not in the namespace any more where it was found")?;
    if there["type"].as_str().is_some_and(|kind| BOUND.contains(&kind)) {
        return Err(format!("a secret of its type belongs to namespace `{}` alone", place(there).namespace));
    }
    Ok(vec![Edit::Create(copy(there, &ground.request.namespace))])
}

fn copy(there: &Json, namespace: &str) -> Json {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": there["type"], "data": there["data"],
        "metadata": {"name": there["metadata"]["name"], "namespace": namespace}
    })
}
