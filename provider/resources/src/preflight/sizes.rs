//! A machine size that the region does not have, or does not give to this subscription.

use mops_core::Error;
use mops_core::preflight::Preflight;

use super::Look;
use super::demand::size_of;

pub(super) const WHAT: &str = "machine sizes";

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let mut found = Preflight::default();
    for pool in look.layout.pools() {
        let sizes = look.sizes(&pool.region).await?;
        let (name, location) = (&pool.spec.vm_size, &pool.region.location);
        let reason = match size_of(&sizes, &pool.spec) {
            None => format!("pool `{}`: there is no size `{name}` in `{location}`", pool.spec.name),
            Some(size) => match &size.refused {
                Some(code) => {
                    format!(
                        "pool `{}`: `{location}` does not give `{name}` to this subscription ({code})",
                        pool.spec.name
                    )
                }
                None => continue,
            },
        };
        let hint = format!(
            "`az vm list-skus -l {location} -o table` lists the sizes of the region; choose one, or another region"
        );
        found.refuse(pool.urn, &pool.path("vmSize"), reason, hint);
    }
    Ok(found)
}
