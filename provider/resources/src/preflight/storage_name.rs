//! The name of a storage account, unique in all of Azure, that somebody else has, or that a deleted account of ours
//! can still be brought back under.

use mops_clients::arm::ArmClient;
use mops_core::Error;
use mops_core::preflight::Preflight;

use super::Look;
use crate::azure::storage_account::{Inputs, StorageAccount};

pub(super) const WHAT: &str = "the name of the storage account";

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let mut found = Preflight::default();
    for (planned, inputs) in look.layout.changing::<StorageAccount>().filter(|(planned, _)| planned.intent.makes()) {
        let (arm, Inputs { subscription_id, name, .. }) = (look.arm()?, &inputs);
        let (taken, gone) =
            futures::future::join(arm.account_name_taken(subscription_id, name), deleted(&arm, subscription_id, name))
                .await;
        let taken = taken?;
        if taken.is_some() && look.is_there(planned).await? {
            continue;
        }
        match (taken, gone) {
            (Some(_), Some(at)) => {
                let reason =
                    format!("the storage account `{name}` was deleted at {at} and still has its name: it can be brought back");
                let hint = "bring it back in the portal under `Restore deleted account`, or choose another name";
                found.refuse(&planned.urn, "name", reason, hint);
            }
            (Some(why), None) => {
                let reason = format!("the name `{name}` cannot be had for a storage account: {why}");
                found.refuse(&planned.urn, "name", reason, "choose another name: it is unique in all of Azure");
            }
            (None, Some(at)) => found.notes.push(format!(
                "the storage account `{name}` that was deleted at {at} cannot be brought back any more once a new one has its name"
            )),
            (None, None) => {}
        }
    }
    Ok(found)
}

/// When an account of this name was deleted. Who may not list such accounts loses nothing but that.
async fn deleted(arm: &ArmClient, subscription: &str, name: &str) -> Option<String> {
    let all = arm.deleted_accounts(subscription).await.ok()?;
    all.into_iter().find(|account| account.name.eq_ignore_ascii_case(name)).map(|account| account.at)
}
