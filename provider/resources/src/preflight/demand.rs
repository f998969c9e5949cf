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

/// The most nodes that a pool may have.
fn most(spec: &PoolSpec) -> u64 {
    spec.max_count.or(spec.count).unwrap_or(1).into()
}

/// The size of a pool's machines, when the region has it.
pub(super) fn size_of<'s>(sizes: &'s [Size], spec: &PoolSpec) -> Option<&'s Size> {
    sizes.iter().find(|size| size.name.eq_ignore_ascii_case(&spec.vm_size))
}

/// What all pools together ask for of the cores that `counts` picks; `None` when it is nothing. What a pool has now is
/// taken off at its most, so that nobody is refused who might fit in.
pub(super) fn demand<'p, 'a>(
    pools: &'p [Pool<'a>],
    sizes: &[Size],
    counts: impl Fn(&PoolSpec, &Size) -> bool,
) -> Option<Demand<'p, 'a>> {
    let cores = |spec: &PoolSpec, nodes: u64| {
        let size = size_of(sizes, spec).filter(|size| counts(spec, size));
        size.map_or(0, |size| nodes * u64::from(size.cores))
    };
    let (mut asked, mut had, mut largest) = (0, 0, None);
    for pool in pools {
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
        if self.upgraded && !self.spec.spot { most(&self.spec).div_ceil(10) } else { 0 }
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
