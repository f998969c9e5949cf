//! Node pools: empty, closed, or without what a worker needs.

use crate::catalogue::{CAUSE, Cause};
use crate::observed::{check, code};
use crate::rule::{Remedy, Severity, certain, skipped};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "POOL_EMPTY",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        severity: Severity::Note,
        remedy: Remedy { text: "run again when it has a node", stack: "", plain: "" },
        rules: &[certain(
            &[skipped(&[check::POOL]).code(&[code::ZERO_NODES])],
            "pool {pool} was not checked: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "POOL_UNSCHEDULABLE",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        severity: Severity::Warning,
        remedy: Remedy {
            text: "see why the nodes are cordoned or not ready",
            stack: "",
            plain: "kubectl describe nodes -l agentpool={pool}",
        },
        rules: &[certain(
            &[skipped(&[check::POOL]).code(&[code::UNSCHEDULABLE])],
            "pool {pool} has nodes, and none takes pods: {detail}",
        )],
        ..CAUSE
    },
];
