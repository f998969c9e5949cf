//! Settings of a storage account that is there already under which it would refuse a signature, or not make it.

use mops_clients::arm::version;
use mops_core::Error;
use mops_core::preflight::Preflight;

use super::Look;
use crate::azure::blob_sas_token::BlobSasToken;
use crate::azure::storage_account::StorageAccount;
use crate::sas::forbidden;

pub(super) const WHAT: &str = "the settings of the storage account";

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let mut found = Preflight::default();
    for (planned, inputs) in look.layout.changing::<BlobSasToken>() {
        // One that this run is going to make forbids nothing.
        let account = look.parent::<StorageAccount>(planned, &inputs.account_id);
        let Some((id, _)) = account.filter(|(_, intent)| !intent.makes()) else { continue };
        let Some(account) = look.arm()?.get(id.as_str(), version::STORAGE).await? else { continue };
        if let Some(against) = forbidden(&account, &inputs) {
            let reason = format!("{}: {}", against.summary, against.setting);
            found.refuse(&planned.urn, against.input, reason, against.hint);
        }
    }
    Ok(found)
}
