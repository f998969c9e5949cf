//! Tokens on a SLURM host, and the way there.

mod file;
mod job;
mod ssh;

use crate::catalogue::Family;

pub(crate) const FAMILY: Family = Family {
    name: "slurm",
    about: "tokens on a SLURM host, and the way there",
    parts: &[ssh::CAUSES, file::CAUSES, job::CAUSES],
};
