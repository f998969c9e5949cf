//! Why a pool could not be looked at.

use crate::catalogue::{CAUSE, Cause};
use crate::observed::{check, code};
use crate::rule::{Remedy, Severity, certain, skipped};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "PROBE_POD_DENIED",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        severity: Severity::Note,
        remedy: Remedy {
            text: "exempt pods with the label modelops.io/run, or allow one more pod in the quota",
            stack: "",
            plain: "",
        },
        rules: &[certain(
            &[skipped(&[check::PROBE]).code(&[code::ADMISSION])],
            "pool {pool}: the cluster refused the probe pod: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "PROBE_POD_UNSCHEDULED",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        severity: Severity::Note,
        remedy: Remedy {
            text: "free capacity on the pool",
            stack: "",
            plain: "kubectl describe nodes -l agentpool={pool}",
        },
        rules: &[certain(
            &[skipped(&[check::PROBE]).code(&[code::UNSCHEDULED])],
            "pool {pool}: the probe pod found no place: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "PROBE_IMAGE_UNAVAILABLE",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        severity: Severity::Note,
        remedy: Remedy { text: "name an image that the pool can pull with --probe-image", stack: "", plain: "" },
        rules: &[certain(
            &[skipped(&[check::PROBE]).code(&[code::IMAGE])],
            "pool {pool}: the probe's own image could not be pulled: {detail}",
        )],
        ..CAUSE
    },
];
