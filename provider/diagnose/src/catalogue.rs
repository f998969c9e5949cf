//! The catalogue of causes. A new cause is one entry in the file of its part, with a trigger and a near miss below
//! `tests/fixtures/causes`; `tests` fails while one of them lacks.

pub(crate) mod access;
pub(crate) mod artifact;
mod cause;
pub(crate) mod config;
pub(crate) mod engine;
pub(crate) mod hf;
pub(crate) mod identity;
pub(crate) mod network;
pub(crate) mod ngc;
pub(crate) mod novita;
pub(crate) mod slurm;
pub(crate) mod storage;
pub(crate) mod wandb;

pub(crate) use cause::CAUSE;
pub use cause::{Cause, Family, Repair};

/// All families in the order of reports.
pub const FAMILIES: &[Family] = &[
    access::FAMILY,
    config::FAMILY,
    network::FAMILY,
    identity::FAMILY,
    artifact::FAMILY,
    ngc::FAMILY,
    storage::FAMILY,
    hf::FAMILY,
    wandb::FAMILY,
    slurm::FAMILY,
    novita::FAMILY,
    engine::FAMILY,
];

/// The id of what no rule knows.
pub const UNCLASSIFIED: &str = "UNCLASSIFIED";

/// All causes with their families.
pub fn causes() -> impl Iterator<Item = (&'static Family, &'static Cause)> {
    FAMILIES.iter().flat_map(|family| family.causes().map(move |cause| (family, cause)))
}

/// The entry of an id.
#[must_use]
pub fn find(id: &str) -> Option<(&'static Family, &'static Cause)> {
    causes().find(|(_, cause)| cause.id == id)
}

/// Every `mops` command that a finding may suggest, `{file}` standing for the stack file, so that a
/// test can show each to the real parser.
#[must_use]
pub fn suggested_commands() -> Vec<&'static str> {
    let mut all: Vec<&str> = causes().flat_map(|(_, c)| c.remedies()).flat_map(|r| [r.stack, r.plain]).collect();
    all.retain(|command| command.starts_with("mops "));
    all.sort_unstable();
    all.dedup();
    all
}

/// Everything that the catalogue tells people, so that a test can look for flags in it.
pub fn sentences() -> impl Iterator<Item = &'static str> {
    causes().flat_map(|(_, c)| {
        let told = c.rules.iter().map(|r| r.message).chain(c.remedies().map(|r| r.text));
        told.chain([c.meaning, c.signal, c.near_miss])
    })
}

#[cfg(test)]
mod tests;
