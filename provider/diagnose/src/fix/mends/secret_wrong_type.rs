//! A type cannot be changed: the secret is made again with the right one. A copy stays until that is proven.

use mops_probe::dockerconfig;

use super::{Layer, Mend};
use crate::finding::Finding;
use crate::fix::edit::{Edit, place};
use crate::fix::ground::Ground;
use crate::fix::secret;

pub(super) const MEND: Mend = Mend { cause: "SECRET_WRONG_TYPE", layer: Layer::Type, edits };

fn edits(finding: &Finding, ground: &Ground<'_>) -> Result<Vec<Edit>, String> {
    let found = secret::of(finding, ground)?;
    if secret::pulls(found) {
        return Ok(Vec::new());
    }
    let object = place(found);
    let host = secret::host_of(finding, ground)?;
    let own = secret::text(found, dockerconfig::KEY).filter(|text| dockerconfig::logins(text, host).is_ok());
    let config = match own {
        Some(config) => config,
        None => secret::with_login("", host, &secret::login(ground, host, &object.name)?),
    };
    let new = secret::pull_secret(&object.namespace, &object.name, &config);
    Ok(vec![Edit::Recreate { live: found.clone(), new }])
}
