//! The catalogue as far as this version goes: one table a family, ids as in `mops explain`.

pub(crate) mod access;
pub(crate) mod artifact;
pub(crate) mod config;
pub(crate) mod identity;
pub(crate) mod kubelet;
pub(crate) mod network;
pub(crate) mod storage;

use crate::rule::Rule;

/// All rules, family by family.
pub(crate) fn all() -> impl Iterator<Item = &'static Rule> {
    [access::RULES, config::RULES, network::RULES, identity::RULES, artifact::RULES, kubelet::RULES, storage::RULES]
        .into_iter()
        .flatten()
}

/// Causes whose signal is known from public reports only; never certain (`finding::tests`).
pub(crate) const UNCONFIRMED: &[&str] = &["NODE_DISK_FULL"];
