//! Whether there is a worker to look at.

use crate::catalogue::{CAUSE, Cause};
use crate::observed::{check, code};
use crate::rule::{Remedy, certain, failed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "NO_WORKER_PODS",
        title: "There is no worker pod",
        meaning: "Nothing in the namespace carries the workers' label. The Deployment may be absent, scaled to zero, or \
                  kept from making pods by a quota; the message says which.",
        signal: "the selector matches no pod",
        near_miss: "pods that exist and wait are WORKER_NOT_RUNNING",
        remedy: Remedy {
            text: "start the workers",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} get deployments,pods",
        },
        rules: &[certain(
            &[failed(&[check::PODS]).code(&[code::NONE])],
            "no pod in `{namespace}` matches `{target}`: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "WORKER_NOT_RUNNING",
        title: "No worker runs",
        meaning: "Worker pods exist and every one of them waits. This is the effect, not the cause: what they wait for is \
                  in the other findings.",
        signal: "none of the matching pods is in phase Running; the waiting reason is shown",
        near_miss: "with one of two pods running only the finding of the other pod is given",
        remedy: Remedy {
            text: "follow the other findings; without one, read the pods' events",
            stack: "",
            plain: "kubectl -n {namespace} get events --sort-by=.lastTimestamp",
        },
        rules: &[certain(&[failed(&[check::RUNNING])], "no worker in `{namespace}` runs: {detail}")],
        ..CAUSE
    },
];
