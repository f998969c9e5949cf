//! The catalogue as far as this version goes: one table a family, ids as in `mops explain`.

pub(crate) mod access;
pub(crate) mod artifact;
pub(crate) mod config;
pub(crate) mod identity;
pub(crate) mod kubelet;
pub(crate) mod network;
pub(crate) mod principal;
pub(crate) mod storage;
pub(crate) mod workload_identity;

use crate::rule::Rule;

/// All rules, family by family.
pub(crate) fn all() -> impl Iterator<Item = &'static Rule> {
    let families = [
        access::RULES,
        config::RULES,
        network::RULES,
        identity::RULES,
        principal::RULES,
        workload_identity::RULES,
        artifact::RULES,
        kubelet::RULES,
        storage::RULES,
    ];
    families.into_iter().flatten()
}

/// Every `mops` command that a finding may suggest, `{file}` standing for the stack file, so that a
/// test can show each to the real parser.
#[must_use]
pub fn suggested_commands() -> Vec<&'static str> {
    let mut all: Vec<&str> = all().flat_map(|r| [r.remedy.stack, r.remedy.plain]).collect();
    all.retain(|command| command.starts_with("mops "));
    all.sort_unstable();
    all.dedup();
    all
}

/// Causes whose signal is known from public reports only; never certain (`finding::tests`).
pub(crate) const UNCONFIRMED: &[&str] = &["NODE_DISK_FULL", "SP_SECRET_EXPIRED"];
