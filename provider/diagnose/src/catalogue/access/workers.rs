//! Whether there is a worker to look at.

use crate::catalogue::{CAUSE, Cause};
use crate::observed::{check, code};
use crate::rule::{Remedy, certain, failed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "NO_WORKER_PODS",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
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
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "follow the other findings; without one, read the pods' events",
            stack: "",
            plain: "kubectl -n {namespace} get events --sort-by=.lastTimestamp",
        },
        rules: &[certain(&[failed(&[check::RUNNING])], "no worker in `{namespace}` runs: {detail}")],
        ..CAUSE
    },
];
