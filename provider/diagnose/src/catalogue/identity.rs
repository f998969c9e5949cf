//! Who signs in, and whether the registry accepts it.

mod acr;
mod directory;
mod kubelet;
mod registry;
mod workload_identity;

use crate::catalogue::Family;

pub(crate) const FAMILY: Family = Family {
    name: "identity",
    about: "who signs in, and whether the registry accepts it",
    parts: &[registry::CAUSES, acr::CAUSES, kubelet::CAUSES, directory::CAUSES, workload_identity::CAUSES],
};
