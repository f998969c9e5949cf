//! A pull secret whose entry for the host gives no login gets one that is taken.

use mops_probe::dockerconfig;
use serde_json::Value as Json;

use super::{Layer, Mend};
use crate::finding::Finding;
use crate::fix::edit::{Edit, place};
use crate::fix::ground::Ground;
use crate::fix::secret;

pub(super) const MALFORMED: Mend = Mend { cause: "DOCKERCONFIG_MALFORMED", layer: Layer::Content, edits };
pub(super) const NO_CREDENTIAL: Mend = Mend { cause: "PULL_SECRET_NO_CREDENTIAL", layer: Layer::Content, edits };
pub(super) const HOST_MISMATCH: Mend = Mend { cause: "PULL_SECRET_HOST_MISMATCH", layer: Layer::Content, edits };

fn edits(finding: &Finding, ground: &Ground<'_>) -> Result<Vec<Edit>, String> {
    let found = secret::of(finding, ground)?;
    let host = secret::host_of(finding, ground)?;
    let login = secret::login(ground, host, &place(found).name)?;
    Ok(rewritten(found, host, &login).into_iter().collect())
}

/// The secret with a login for the host.
pub(super) fn rewritten(found: &Json, host: &str, login: &dockerconfig::Login) -> Option<Edit> {
    let before = secret::text(found, dockerconfig::KEY).unwrap_or_default();
    let after = secret::with_login(&before, host, login);
    Edit::set(found, secret::values(&[(dockerconfig::KEY, &after)]))
}
