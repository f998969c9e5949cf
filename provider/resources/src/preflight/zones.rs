//! Zones that do not have a machine size, or do not give it to this subscription.

use mops_core::Error;
use mops_core::preflight::Preflight;

use super::Look;
use super::demand::size_of;

pub(super) const WHAT: &str = "zones";

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let mut found = Preflight::default();
    for pool in look.layout.pools().iter().filter(|p| !p.spec.zones.is_empty()) {
        let sizes = look.sizes(&pool.region).await?;
        let Some(size) = size_of(&sizes, &pool.spec) else { continue };
        let usable = |zone: &&String| size.zones.contains(zone) && !size.refused_zones.contains(zone);
        let missing: Vec<&str> = pool.spec.zones.iter().filter(|z| !usable(z)).map(String::as_str).collect();
        if missing.is_empty() {
            continue;
        }
        let left: Vec<&str> = size.zones.iter().filter(usable).map(String::as_str).collect();
        let (name, location) = (&pool.spec.vm_size, &pool.region.location);
        let (noun, zones) = (if missing.len() == 1 { "zone" } else { "zones" }, missing.join(", "));
        let reason = format!("pool `{}`: `{name}` is not to be had in {noun} {zones} of `{location}`", pool.spec.name);
        let hint = match left.as_slice() {
            [] => "leave `zones` out: this size has none here".to_owned(),
            some => format!("choose among the zones {}, or leave `zones` out", some.join(", ")),
        };
        found.refuse(pool.urn, &pool.path("zones"), reason, hint);
    }
    Ok(found)
}
