//! The pull secret is made from a login for the registry that is in the namespace already, or from the copy that was kept
//! when one was made again and the program was killed in between.

use mops_probe::dockerconfig;

use super::{Layer, Mend};
use crate::finding::Finding;
use crate::fix::edit::Edit;
use crate::fix::ground::Ground;
use crate::fix::secret;

pub(super) const MEND: Mend = Mend { cause: "PULL_SECRET_MISSING", layer: Layer::Object, edits };

fn edits(finding: &Finding, ground: &Ground<'_>) -> Result<Vec<Edit>, String> {
    if ground.secrets.contains_key(&finding.target) {
        return Ok(Vec::new());
    }
    let namespace = &ground.request.namespace;
    let kept = ground.kept.get(&finding.target).and_then(|copy| secret::text(copy, dockerconfig::KEY));
    let config = match kept {
        Some(config) => config,
        None => {
            let host = ground.request.registry.as_deref().ok_or("the registry's host is not known")?;
            secret::with_login("", host, &secret::login(ground, host, &finding.target)?)
        }
    };
    Ok(vec![Edit::Create(secret::pull_secret(namespace, &finding.target, &config))])
}
