//! The registry's current login goes into the secret that holds an old one. What a container has in its environment it
//! keeps until it is made again.

use mops_probe::dockerconfig::{self, Login};
use mops_probe::observation::variant;
use mops_probe::settings::names;
use serde_json::Value as Json;

use super::{Layer, Mend, env_stale, pull_secret_login};
use crate::finding::Finding;
use crate::fix::edit::Edit;
use crate::fix::ground::Ground;
use crate::fix::secret;
use crate::workload;

pub(super) const MEND: Mend = Mend { cause: "ACR_PASSWORD_ROTATED", layer: Layer::Content, edits };

fn edits(finding: &Finding, ground: &Ground<'_>) -> Result<Vec<Edit>, String> {
    let host = secret::host_of(finding, ground)?;
    let login = secret::listed(ground, host).ok_or("the registry's current login is not known here")?;
    match finding.credential.as_str() {
        variant::PULL_SECRET => Ok(in_pull_secrets(ground, host, &login)),
        _ => in_environment(ground, &login),
    }
}

/// Each secret that the workers pull with and that has an entry for the host.
fn in_pull_secrets(ground: &Ground<'_>, host: &str, login: &Login) -> Vec<Edit> {
    let mut linked: Vec<String> = ground.workers.iter().flat_map(workload::pull_secrets).collect();
    linked.sort();
    linked.dedup();
    let found =
        linked.iter().filter_map(|name| ground.secrets.get(name)).filter(|s| secret::pull_login(s, host).is_some());
    found.filter_map(|s| pull_secret_login::rewritten(s, host, login)).collect()
}

/// Each secret that holds the user and the password of the environment, and then the pods.
pub(super) fn in_environment(ground: &Ground<'_>, login: &Login) -> Result<Vec<Edit>, String> {
    let holds = |s: &&Json| secret::text(s, names::PASSWORD).is_some() && secret::text(s, dockerconfig::KEY).is_none();
    let both = secret::values(&[(names::USERNAME, &login.username), (names::PASSWORD, login.password.expose())]);
    let mut edits: Vec<Edit> =
        ground.secrets.values().filter(holds).filter_map(|s| Edit::set(s, both.clone())).collect();
    if edits.is_empty() {
        return Err("the password comes from no secret that may be read here".to_owned());
    }
    let deployments = ground.makers_of(|_| true)?;
    edits.extend(deployments.into_iter().filter_map(|(d, _)| env_stale::restart(d, ground.moment)));
    Ok(edits)
}
