//! Whether there is a worker to look at.

use mops_probe::observation::code as answer;

use crate::catalogue::{CAUSE, Cause};
use crate::observed::{check, code};
use crate::rule::{Remedy, certain, failed, high};

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
    Cause {
        id: "SCHEDULER_SILENT",
        title: "The workers' scheduler does not answer",
        meaning: "Workers connect to their scheduler and end when they cannot. Its Service is there, and none of its pods is \
                  ready, or what runs in them does not listen or is not well. No credential is to blame for that.",
        signal: "a node cannot connect to port 8786 or 8787 of a ready pod of the Service, or no pod is ready, or `/health` \
                 has another status than 200",
        near_miss: "a namespace without that Service is skipped; a worker that waits for its image is WORKER_NOT_RUNNING",
        sources: &["dask/distributed docs: HTTP endpoints"],
        remedy: Remedy {
            text: "read what the scheduler says",
            stack: "",
            plain: "kubectl -n {namespace} logs service/{name} --tail=50",
        },
        rules: &[
            certain(
                &[failed(&[check::SCHEDULER]).code(&[code::NOT_RUNNING, answer::CONNECTION_REFUSED])],
                "the scheduler `{target}` does not answer: {detail}",
            ),
            high(
                &[failed(&[check::SCHEDULER]).code(&[answer::CONNECTION_BROKEN, answer::TIMEOUT, answer::UNEXPECTED])],
                "the scheduler `{target}` is not well: {status} {detail}",
            )
            .unconfirmed(),
        ],
        ..CAUSE
    },
];
