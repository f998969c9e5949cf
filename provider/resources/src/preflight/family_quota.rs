//! Too little quota for a family of machine sizes; zero for a family with GPUs is the usual error of the first day.

use std::collections::BTreeSet;

use mops_core::Error;
use mops_core::preflight::Preflight;

use super::Look;
use super::demand::{demand, size_of};

pub(super) const WHAT: &str = "the quota of size families";

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let (mut found, pools) = (Preflight::default(), look.layout.pools());
    let regions: BTreeSet<_> = pools.iter().map(|p| &p.region).collect();
    for region in regions {
        let (sizes, usages) = futures::try_join!(look.sizes(region), look.usages(region))?;
        let own = pools.iter().filter(|p| p.region == *region && !p.spec.spot);
        let families: BTreeSet<&str> = own.filter_map(|p| Some(size_of(&sizes, &p.spec)?.family.as_str())).collect();
        for family in families {
            let Some(demand) = demand(&pools, region, &sizes, |spec, size| !spec.spot && size.family == family) else {
                continue;
            };
            match usages.iter().find(|usage| usage.name.eq_ignore_ascii_case(family)) {
                Some(usage) => demand.compare(usage, &format!("cores of the family `{family}`"), region, &mut found),
                None => found.notes.push(format!("`{}` lists no quota for the family `{family}`", region.location)),
            }
        }
    }
    Ok(found)
}
