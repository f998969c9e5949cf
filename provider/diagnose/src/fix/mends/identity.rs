//! What a pod needs in the cluster to sign in as the stack's identity: its name at the service account, and the label
//! by which a pod asks for it.

use serde_json::json;

use super::{Layer, Mend, env_stale};
use crate::finding::Finding;
use crate::fix::edit::Edit;
use crate::fix::field::at;
use crate::fix::ground::{Ground, account_of};
use crate::identity_reads::ANNOTATION;
use crate::workload;

pub(super) const ACCOUNT: Mend = Mend { cause: "WI_SA_ANNOTATION", layer: Layer::Link, edits: account };
pub(super) const LABEL: Mend = Mend { cause: "WI_POD_LABEL", layer: Layer::Link, edits: label };

fn account(finding: &Finding, ground: &Ground<'_>) -> Result<Vec<Edit>, String> {
    let identity =
        ground.request.identity.as_ref().ok_or("which identity it should name is known to the stack alone")?;
    let account = ground.accounts.get(&finding.target).ok_or("the service account is not there")?;
    let named = at(&["metadata", "annotations"], json!({ ANNOTATION: identity.client_id }));
    let mut edits: Vec<Edit> = Edit::set(account, named).into_iter().collect();
    let deployments = ground.makers_of(|pod| account_of(pod) == finding.target)?;
    edits.extend(deployments.into_iter().filter_map(|(d, _)| env_stale::restart(d, ground.moment)));
    Ok(edits)
}

fn label(_: &Finding, ground: &Ground<'_>) -> Result<Vec<Edit>, String> {
    let patch = || at(&["spec", "template", "metadata", "labels"], json!({ workload::IDENTITY_LABEL: "true" }));
    let lack = ground.makers_of(|pod| !workload::asks_for_identity(pod))?;
    Ok(lack.into_iter().filter_map(|(deployment, _)| Edit::set(deployment, patch())).collect())
}
