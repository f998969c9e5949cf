//! Why a pool could not be looked at.

use crate::catalogue::{CAUSE, Cause};
use crate::observed::{check, code};
use crate::rule::{Remedy, Severity, certain, failed, skipped};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "PROBE_POD_DENIED",
        title: "The cluster refused the probe pod",
        meaning: "A rule of the cluster, such as a policy, Pod Security or a quota, did not let the probe pod be made. The \
                  pool was not examined from inside; the workers are not touched by it.",
        signal: "creating the pod is refused in the words of a webhook, a policy, Pod Security or a quota",
        near_miss: "a 403 that names `create jobs` is a missing right: RBAC_DENIED",
        severity: Severity::Note,
        sources: &["Azure/AKS#4459"],
        remedy: Remedy {
            text: "exempt pods with the label modelops.io/run, or allow one more pod in the quota",
            stack: "",
            plain: "kubectl -n {namespace} get resourcequotas",
        },
        rules: &[certain(
            &[skipped(&[check::PROBE]).code(&[code::ADMISSION])],
            "pool {pool}: the cluster refused the probe pod: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "PROBE_POD_UNSCHEDULED",
        title: "The probe pod found no place",
        meaning: "The pool has nodes, and none had room for the small probe pod in time, so the pool was not examined from \
                  inside. A worker that restarts now may have to wait as well.",
        signal: "the probe pod is Pending past its deadline; the scheduler's own words are shown",
        near_miss: "a pod that a quota forbids was never made: PROBE_POD_DENIED",
        severity: Severity::Note,
        remedy: Remedy {
            text: "free capacity on the pool",
            stack: "",
            plain: "kubectl describe nodes -l agentpool={pool}",
        },
        rules: &[
            certain(
                &[skipped(&[check::PROBE]).code(&[code::UNSCHEDULED])],
                "pool {pool}: the probe pod found no place: {detail}",
            ),
            certain(
                &[failed(&[check::GPU]).code(&[code::UNSCHEDULED])],
                "pool {pool}: a pod that asks for one GPU found no place: {detail}",
            )
            .severity(Severity::Error),
        ],
        ..CAUSE
    },
    Cause {
        id: "PROBE_IMAGE_UNAVAILABLE",
        title: "The probe's own image cannot be pulled",
        meaning: "The node could not fetch the small image with which pools are examined, which says nothing yet about the \
                  workers' image: it may come from another registry. The pull secret of `--probe-pull-secret` and the \
                  worker's own image, when it holds `mops-probe`, were tried as well. What this machine, the objects of \
                  the cluster and the kubelet say is in the report; what pods there see is not.",
        signal: "the probe pod waits for its own image",
        near_miss: "a worker's image that cannot be pulled gives the causes of registries and artefacts",
        severity: Severity::Note,
        remedy: Remedy {
            text: "name an image that the pool can pull with `--probe-image`, or its pull secret with `--probe-pull-secret`",
            stack: "",
            plain: "",
        },
        rules: &[certain(
            &[skipped(&[check::PROBE]).code(&[code::IMAGE])],
            "pool {pool}: the probe's own image could not be pulled, so nothing was asked from there: {detail}",
        )],
        ..CAUSE
    },
];
