//! Who signs in, and whether the registry accepts it.

mod acr;
mod directory;
mod exchange;
mod kubelet;
mod login;
mod registry;
mod resource;
mod roles;
mod ways;
mod workload_identity;

use crate::catalogue::Family;

pub(crate) const FAMILY: Family = Family {
    name: "identity",
    about: "who signs in, and whether the registry accepts it",
    parts: &[
        login::CAUSES,
        registry::CAUSES,
        acr::CAUSES,
        roles::CAUSES,
        kubelet::CAUSES,
        directory::CAUSES,
        exchange::CAUSES,
        ways::CAUSES,
        resource::CAUSES,
        workload_identity::CAUSES,
    ],
};
