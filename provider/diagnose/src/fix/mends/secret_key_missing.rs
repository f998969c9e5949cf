//! A key that a worker refers to and its secret lacks: the value of the one key beside it that is a letter or two off, or
//! what another secret has for the same purpose.

use mops_core::nearest::letters_off;
use mops_probe::keys::NGC_HOST;
use mops_probe::settings::names;
use serde_json::Value as Json;

use super::{Layer, Mend};
use crate::finding::Finding;
use crate::fix::edit::{Edit, place};
use crate::fix::ground::Ground;
use crate::fix::secret;
use crate::workload;

pub(super) const MEND: Mend = Mend { cause: "SECRET_KEY_MISSING", layer: Layer::Content, edits };
/// Letters by which a key may be off.
const OFF: usize = 2;
fn edits(finding: &Finding, ground: &Ground<'_>) -> Result<Vec<Edit>, String> {
    let found = secret::of(finding, ground)?;
    let name = place(found).name;
    let wanted = wanted(ground, &name);
    let missing: Vec<&String> = wanted.iter().filter(|key| found["data"].get(key.as_str()).is_none()).collect();
    let mut values = Vec::new();
    for key in missing {
        let value = beside(found, key, &wanted).or_else(|| value(ground, key, &name));
        let value = value.ok_or_else(|| format!("what belongs under `{key}` is not known here"))?;
        values.push((key.as_str(), value));
    }
    let values: Vec<(&str, &str)> = values.iter().map(|(key, value)| (*key, value.as_str())).collect();
    Ok(if values.is_empty() { Vec::new() } else { Edit::set(found, secret::values(&values)).into_iter().collect() })
}

/// The keys of a secret to which the workers refer by name.
fn wanted(ground: &Ground<'_>, name: &str) -> Vec<String> {
    let container = ground.request.container.as_deref();
    let all =
        ground.workers.iter().filter_map(|w| workload::container(w, container)).flat_map(|c| c.env.iter().flatten());
    let keys = all.filter_map(|v| v.value_from.as_ref()?.secret_key_ref.as_ref()).filter(|k| k.name == name);
    let mut keys: Vec<String> = keys.filter(|k| k.optional != Some(true)).map(|k| k.key.clone()).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// The value of the only key that nobody refers to and that is nearly this one.
fn beside(found: &Json, key: &str, wanted: &[String]) -> Option<String> {
    let free = found["data"].as_object()?.keys().filter(|other| !wanted.contains(other));
    let mut near = free.filter(|other| letters_off(other, key) <= OFF && key.len() > 3 * OFF);
    match (near.next(), near.next()) {
        (Some(one), None) => secret::text(found, one),
        _ => None,
    }
}

/// What a variable of this name has to hold, by the other secrets of the workload.
pub(super) fn value(ground: &Ground<'_>, key: &str, except: &str) -> Option<String> {
    let registry = ground.request.registry.as_deref();
    let login = |host: &str| secret::login(ground, host, except).ok();
    match key {
        names::BUNDLE_REGISTRY => registry.map(ToOwned::to_owned),
        names::USERNAME => Some(login(registry?)?.username),
        names::PASSWORD => Some(login(registry?)?.password.into_exposed()),
        key if names::NGC_KEYS.contains(&key) => Some(login(NGC_HOST)?.password.into_exposed()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_one_key_that_nobody_needs_is_taken_for_another() {
        let secret = |keys: &[&str]| {
            let pairs: Vec<(&str, &str)> = keys.iter().map(|key| (*key, *key)).collect();
            secret::values(&pairs)
        };
        let of = |keys: &[&str], wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|key| (*key).to_owned()).collect();
            beside(&secret(keys), "REGISTRY_PASSWORD", &wanted)
        };
        assert_eq!(of(&["REGISTRY_PASWORD", "X"], &[]).as_deref(), Some("REGISTRY_PASWORD"));
        assert_eq!(of(&["REGISTRY_PASWORD", "REGISTRY_PASSWRD"], &[]), None, "which of them?");
        assert_eq!(of(&["REGISTRY_PASWORD"], &["REGISTRY_PASWORD"]), None, "somebody needs it");
        assert_eq!(of(&["PASSWORD"], &[]), None);
        assert_eq!(json!(null)["data"].as_object(), None);
    }
}
