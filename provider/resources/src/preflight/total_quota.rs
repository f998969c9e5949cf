//! Too little quota in a region for all machines together: those that stay, and the spare ones that Azure may take
//! back.

use std::collections::BTreeSet;

use mops_core::Error;
use mops_core::preflight::Preflight;

use super::Look;
use super::demand::demand;

pub(super) const WHAT: &str = "the quota of cores";

pub(super) async fn look(look: &Look<'_>) -> Result<Preflight, Error> {
    let (mut found, pools) = (Preflight::default(), look.layout.pools());
    let regions: BTreeSet<_> = pools.iter().map(|p| &p.region).collect();
    for region in regions {
        let (sizes, usages) = futures::try_join!(look.sizes(region), look.usages(region))?;
        for (spot, name, kind) in [(false, "cores", "cores"), (true, "lowPriorityCores", "spot cores")] {
            let Some(demand) = demand(&pools, region, &sizes, |spec, _| spec.spot == spot) else { continue };
            if let Some(usage) = usages.iter().find(|usage| usage.name.eq_ignore_ascii_case(name)) {
                demand.compare(usage, kind, region, &mut found);
            }
        }
    }
    Ok(found)
}
