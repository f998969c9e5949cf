//! Settings of a storage account that is there already under which it would refuse a signature, or not make it.

use mops_clients::arm::{ResourceId, version};
use mops_core::preflight::{Planned, Preflight};
use mops_core::{Error, Identity};

use super::Look;
use crate::azure::blob_sas_token::{BlobSasToken, Inputs};
use crate::azure::storage_account::StorageAccount;
use crate::resource::Resource;
use crate::sas::forbidden;

pub(super) const WHAT: &str = "the settings of the storage account";

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let mut found = Preflight::default();
    for (planned, inputs) in look.layout.changing::<BlobSasToken>() {
        let Some(id) = account(look, planned, &inputs) else { continue };
        let Some(account) = look.arm()?.get(id.as_str(), version::STORAGE).await? else { continue };
        if let Some(against) = forbidden(&account, &inputs) {
            let reason = format!("{}: {}", against.summary, against.setting);
            found.refuse(&planned.urn, against.input, reason, against.hint);
        }
    }
    Ok(found)
}

/// The account, unless this run is going to make it: a new one forbids nothing.
fn account(look: &Look<'_>, planned: &Planned, inputs: &Inputs) -> Option<ResourceId> {
    if let Ok(known) = ResourceId::parse(&inputs.account_id) {
        return Some(known);
    }
    let mut all = look.planning.resources.iter().filter(|other| planned.dependencies.contains(&other.urn));
    let other = all.find(|other| other.urn.token() == StorageAccount::TOKEN && !other.intent.makes())?;
    match look.entries.get(StorageAccount::TOKEN)?.identity(&other.inputs)? {
        Identity::Name(id) => ResourceId::parse(&id).ok(),
        _ => None,
    }
}
