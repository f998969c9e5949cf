//! Node pools: empty, or closed.

use crate::catalogue::{CAUSE, Cause};
use crate::observed::{check, code};
use crate::rule::{Remedy, Severity, certain, skipped};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "POOL_EMPTY",
        title: "The pool has no node",
        meaning: "There is nothing in this pool to look at. A pool that scales by itself may stand at zero all day and be \
                  in good order; it was just not checked.",
        signal: "the pool is known and has 0 nodes",
        near_miss: "nodes that are there and take no pods are POOL_UNSCHEDULABLE",
        severity: Severity::Note,
        remedy: Remedy {
            text: "run again when it has a node",
            stack: "",
            plain: "kubectl get nodes -l agentpool={pool}",
        },
        rules: &[certain(
            &[skipped(&[check::POOL]).code(&[code::ZERO_NODES])],
            "pool {pool} was not checked: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "POOL_UNSCHEDULABLE",
        title: "No node of the pool takes pods",
        meaning: "The pool has nodes, and each is cordoned, not ready or full. New workers wait there until one of them \
                  opens again.",
        signal: "every node of the pool is cordoned or NotReady, or the scheduler refuses them all",
        near_miss: "one open node is enough: a cordoned one beside it is no finding",
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
