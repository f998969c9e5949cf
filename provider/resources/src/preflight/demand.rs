//! How many cores a plan asks for beyond those that its pools have now.

use mops_clients::arm::{Size, Usage};
use mops_core::preflight::Preflight;

use super::layout::{Pool, Region};
use crate::azure::node_pool::PoolSpec;

/// Cores of one kind in one region.
pub(super) struct Demand<'p, 'a> {
    /// The pool that asks for most of them.
    pub(super) pool: &'p Pool<'a>,
    /// Its size, and how many nodes it may have.
    what: String,
    /// All together.
    cores: u64,
}

/// How many nodes more AKS takes while it renews a pool that says nothing of it.
const SURGE: &str = "10%";

/// `33%` of a pool's nodes, rounded up as AKS does, or a number of them.
fn nodes_of(surge: &str, nodes: u64) -> u64 {
    match surge.strip_suffix('%') {
        Some(share) => share.parse().map_or(0, |share: u64| (nodes * share).div_ceil(100)),
        None => surge.parse().unwrap_or(0),
    }
}

/// The most nodes that a pool may have.
fn most(spec: &PoolSpec) -> u64 {
    spec.max_count.or(spec.count).unwrap_or(1).into()
}

/// The size of a pool's machines, when the region has it.
pub(super) fn size_of<'s>(sizes: &'s [Size], spec: &PoolSpec) -> Option<&'s Size> {
    sizes.iter().find(|size| size.name.eq_ignore_ascii_case(&spec.vm_size))
}

/// What the pools of one region together ask for of the cores that `counts` picks; `None` when it is nothing. What a pool
/// has now is taken off at its most, so that nobody is refused who might fit in.
pub(super) fn demand<'p, 'a>(
    pools: &'p [Pool<'a>],
    region: &Region,
    sizes: &[Size],
    counts: impl Fn(&PoolSpec, &Size) -> bool,
) -> Option<Demand<'p, 'a>> {
    let cores = |spec: &PoolSpec, nodes: u64| {
        let size = size_of(sizes, spec).filter(|size| counts(spec, size));
        size.map_or(0, |size| nodes * u64::from(size.cores))
    };
    let (mut asked, mut had, mut largest) = (0, 0, None);
    for pool in pools.iter().filter(|pool| pool.region == *region) {
        let nodes = most(&pool.spec) + pool.surge();
        let own = cores(&pool.spec, nodes);
        let before = pool.before.as_ref().map_or(0, |spec| cores(spec, most(spec)));
        (asked, had) = (asked + own, had + before);
        let grows = own.saturating_sub(before);
        if grows > largest.map_or(0, |(most, _, _)| most) {
            largest = Some((grows, pool, nodes));
        }
    }
    let (_, pool, nodes) = largest.filter(|_| asked > had)?;
    let noun = if nodes == 1 { "node" } else { "nodes" };
    let what = format!("up to {nodes} {noun} of `{}` in pool `{}`", pool.spec.vm_size, pool.spec.name);
    Some(Demand { pool, what, cores: asked - had })
}

impl Pool<'_> {
    /// Nodes that it may have beyond those that it has now.
    pub(super) fn more_nodes(&self) -> u64 {
        let before = self.before.as_ref().filter(|before| before.subnet_id == self.spec.subnet_id);
        (most(&self.spec) + self.surge()).saturating_sub(before.map_or(0, most))
    }

    /// Nodes beyond its own while they are renewed; spare machines get none.
    fn surge(&self) -> u64 {
        let declared = self.spec.upgrade.as_ref().and_then(|upgrade| upgrade.max_surge.as_deref());
        if self.upgraded && !self.spec.spot { nodes_of(declared.unwrap_or(SURGE), most(&self.spec)) } else { 0 }
    }
}

impl Demand<'_, '_> {
    /// Refuses it when that many are not free.
    pub(super) fn compare(&self, usage: &Usage, kind: &str, region: &Region, found: &mut Preflight) {
        let free = usage.limit.saturating_sub(usage.used);
        if self.cores <= free {
            return;
        }
        let Usage { used, limit, .. } = usage;
        let (cores, location) = (self.cores, &region.location);
        let reason = format!(
            "the plan needs {cores} more {kind} in `{location}`, {} among them: {used} of {limit} in use, {free} free, {} \
             missing",
            self.what,
            cores - free
        );
        let hint = format!(
            "ask for a limit of at least {} under `Quotas` in the portal, or take fewer nodes, another size or region",
            used + cores
        );
        found.refuse(self.pool.urn, &self.pool.count_path(), reason, hint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::node_pool::{Mode, Upgrade, sample_pool};
    use mops_core::{StackId, Urn};

    fn urn() -> Urn {
        let stack = StackId { project: "modelops".into(), stack: "dev".into() };
        Urn::new(&stack, "modelops:azure:NodePool", "pool-cpu")
    }

    fn region(location: &str) -> Region {
        Region { subscription: "s".into(), location: location.into() }
    }

    fn pool<'a>(urn: &'a Urn, location: &str, count: u32, surge: Option<&str>) -> Pool<'a> {
        let upgrade = surge.map(|surge| Upgrade { max_surge: Some(surge.into()), ..Upgrade::default() });
        let spec = PoolSpec { count: Some(count), upgrade, ..sample_pool("cpu", Mode::User) };
        Pool { urn, prefix: "", region: region(location), spec, before: None, upgraded: surge.is_some() }
    }

    #[test]
    fn pools_of_another_region_ask_for_nothing_here() {
        let urn = urn();
        let pools = [pool(&urn, "eastus2", 3, None), pool(&urn, "westus3", 5, None)];
        let sizes = [Size { name: "Standard_D4s_v5".into(), cores: 4, ..Size::default() }];
        let cores = |location| demand(&pools, &region(location), &sizes, |_, _| true).map(|d| d.cores);
        assert_eq!((cores("eastus2"), cores("westus3"), cores("uksouth")), (Some(12), Some(20), None));
    }

    #[test]
    fn an_upgrade_needs_the_nodes_that_the_pool_declares_for_it() {
        let urn = urn();
        let more = |surge| pool(&urn, "eastus2", 10, Some(surge)).surge();
        assert_eq!((more("33%"), more("2"), more("0"), more("100%")), (4, 2, 0, 10));
        assert_eq!(pool(&urn, "eastus2", 10, None).surge(), 0);
        let silent = Pool { upgraded: true, ..pool(&urn, "eastus2", 11, None) };
        assert_eq!(silent.surge(), 2);
    }
}
