//! The name of a registry, unique in all of Azure, that somebody else has.

use mops_core::Error;
use mops_core::preflight::Preflight;

use super::Look;
use crate::azure::container_registry::ContainerRegistry;

pub(super) const WHAT: &str = "the name of the registry";

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let mut found = Preflight::default();
    for (planned, inputs) in look.layout.changing::<ContainerRegistry>().filter(|(planned, _)| planned.intent.makes()) {
        let Some(why) = look.arm()?.registry_name_taken(&inputs.subscription_id, &inputs.name).await? else { continue };
        if look.is_there(planned).await? {
            continue;
        }
        let reason = format!("the name `{}` cannot be had for a registry: {why}", inputs.name);
        found.refuse(&planned.urn, "name", reason, "choose another name: it is unique in all of Azure");
    }
    Ok(found)
}
