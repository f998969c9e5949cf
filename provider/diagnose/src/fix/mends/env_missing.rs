//! A variable that is absent or blank is filled in the secret from which the container has its environment, when another
//! secret holds what belongs there; then the pods are made again.

use serde_json::Value as Json;

use super::{Layer, Mend, env_stale, secret_key_missing};
use crate::finding::Finding;
use crate::fix::edit::{Edit, place};
use crate::fix::ground::Ground;
use crate::fix::secret;
use crate::workload;

pub(super) const MISSING: Mend = Mend { cause: "ENV_MISSING", layer: Layer::Content, edits };
pub(super) const EMPTY: Mend = Mend { cause: "ENV_EMPTY", layer: Layer::Content, edits };

fn edits(finding: &Finding, ground: &Ground<'_>) -> Result<Vec<Edit>, String> {
    let variable = finding.target.as_str();
    let (owner, key) = owner(ground, variable).ok_or("the container has no secret from which it could come")?;
    let value = secret_key_missing::value(ground, variable, &place(owner).name);
    let value = value.ok_or_else(|| format!("what belongs into `{variable}` is not known here"))?;
    let mut edits: Vec<Edit> = Edit::set(owner, secret::values(&[(&key, &value)])).into_iter().collect();
    let deployments = ground.makers_of(|_| true)?;
    edits.extend(deployments.into_iter().filter_map(|(d, _)| env_stale::restart(d, ground.moment)));
    Ok(edits)
}

/// The secret that a variable comes from, or has to come from, and the key in it.
fn owner<'a>(ground: &'a Ground<'_>, variable: &str) -> Option<(&'a Json, String)> {
    let wanted = ground.request.container.as_deref();
    let containers: Vec<_> = ground.workers.iter().filter_map(|w| workload::container(w, wanted)).collect();
    let mut by_key = containers.iter().flat_map(|c| c.env.iter().flatten()).filter(|v| v.name == variable);
    if let Some(named) = by_key.next() {
        let reference = named.value_from.as_ref()?.secret_key_ref.as_ref()?;
        return Some((ground.secrets.get(&reference.name)?, reference.key.clone()));
    }
    let sources = containers.iter().flat_map(|c| c.env_from.iter().flatten());
    // One with a prefix gives no variable of this name.
    let plain = sources.filter(|s| s.prefix.as_deref().unwrap_or_default().is_empty());
    let names: Vec<&String> = plain.filter_map(|s| s.secret_ref.as_ref()).map(|s| &s.name).collect();
    let own = ground.request.env_secret.as_ref().filter(|name| names.contains(name));
    let found = own.into_iter().chain(names).find_map(|name| ground.secrets.get(name))?;
    Some((found, variable.to_owned()))
}
