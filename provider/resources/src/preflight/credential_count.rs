//! How many federated credentials an identity would have: with those that are there, also of strangers.

use std::collections::BTreeMap;

use mops_clients::arm::{ResourceId, version};
use mops_core::preflight::{Planned, Preflight};
use mops_core::{Error, Urn};
use serde_json::Value as Json;

use super::Look;
use crate::azure::federated_credential::FederatedCredential;
use crate::azure::user_assigned_identity::UserAssignedIdentity;

pub(super) const WHAT: &str = "the number of federated credentials";

/// Credentials of one identity.
const MOST: usize = 20;

/// The new credentials of an identity: the identity, and its credentials by name.
struct New<'a> {
    identity: ResourceId,
    credentials: BTreeMap<String, &'a Urn>,
}

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let mut found = Preflight::default();
    for New { identity, credentials } in new_ones(look).into_values() {
        let there = present(look, &identity).await?;
        let all = there.len() + credentials.keys().filter(|name| !there.contains(*name)).count();
        if let Some(urn) = credentials.values().next_back().filter(|_| all > MOST) {
            let reason =
                format!("identity `{}` would have {all} federated credentials, {MOST} at most", identity.name());
            found.refuse(urn, "", reason, "remove those that nobody needs, or use a second identity");
        }
    }
    Ok(found)
}

/// By the lower-case id of the identity.
fn new_ones<'a>(look: &Look<'a>) -> BTreeMap<String, New<'a>> {
    let mut all: BTreeMap<String, New<'_>> = BTreeMap::new();
    let changing = look.layout.changing::<FederatedCredential>();
    for (planned, inputs) in changing.filter(|(planned, _): &(&Planned, _)| planned.intent.makes()) {
        let Some((identity, _)) = look.parent::<UserAssignedIdentity>(planned, &inputs.identity_id) else { continue };
        let key = identity.as_str().to_lowercase();
        let new = all.entry(key).or_insert_with(|| New { identity, credentials: BTreeMap::new() });
        new.credentials.insert(inputs.name.to_lowercase(), &planned.urn);
    }
    all
}

/// The names of those that are there; none where the identity is not.
async fn present(look: &Look<'_>, identity: &ResourceId) -> Result<Vec<String>, Error> {
    let path = format!("{identity}/federatedIdentityCredentials");
    let listed = look.arm()?.list(&path, version::IDENTITY).await?;
    Ok(listed.iter().filter_map(|one| one.get("name").and_then(Json::as_str)).map(str::to_lowercase).collect())
}
