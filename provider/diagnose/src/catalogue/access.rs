//! The way to the cluster and to its pools.

mod cluster;
mod gpu;
mod pools;
mod probing;
mod unknown;
mod workers;

use crate::catalogue::Family;

pub(crate) const FAMILY: Family = Family {
    name: "access",
    about: "the way to the cluster and to its pools",
    parts: &[cluster::CAUSES, workers::CAUSES, probing::CAUSES, pools::CAUSES, gpu::CAUSES, unknown::CAUSES],
};
