//! The container engine of this machine, and what runs in it.

mod daemon;
mod run;

use crate::catalogue::Family;

pub(crate) const FAMILY: Family = Family {
    name: "engine",
    about: "the container engine of this machine, and what runs in it",
    parts: &[daemon::CAUSES, run::CAUSES],
};
