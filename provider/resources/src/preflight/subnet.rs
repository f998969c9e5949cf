//! A subnet that is not there, or has too few addresses: each node takes one, pods have a network of their own.

use std::collections::BTreeMap;

use mops_clients::arm::ResourceId;
use mops_core::preflight::Preflight;
use mops_core::{Class, Error};

use super::Look;
use super::layout::Pool;

pub(super) const WHAT: &str = "addresses of the subnet";

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let (mut found, pools) = (Preflight::default(), look.layout.pools());
    let mut subnets: BTreeMap<&str, Vec<&Pool<'_>>> = BTreeMap::new();
    for pool in &pools {
        if let Some(id) = &pool.spec.subnet_id {
            subnets.entry(id).or_default().push(pool);
        }
    }
    for (text, pools) in subnets {
        let id = ResourceId::parse(text).map_err(|e| Error::new(Class::User, e.to_string()))?;
        let (first, path) = (pools[0], pools[0].path("subnetId"));
        let Some(addresses) = look.arm()?.addresses(&id).await? else {
            found.refuse(first.urn, &path, format!("there is no subnet `{text}`"), "make it first, or correct the id");
            continue;
        };
        let (need, free) = (pools.iter().map(|pool| pool.more_nodes()).sum::<u64>(), addresses.free());
        if need > free {
            let (name, missing) = (id.name(), need - free);
            let reason = format!(
                "the pools need {need} more addresses of the subnet `{name}`: {} of {} in use, {free} free, {missing} \
                 missing",
                addresses.used, addresses.usable
            );
            found.refuse(first.urn, &path, reason, "choose a larger subnet, or take fewer nodes");
        }
    }
    Ok(found)
}
