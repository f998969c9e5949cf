//! Variables of a worker: absent, blank, from the wrong source, out of date.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause};
use crate::observed::Vantage::P;
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, Severity, certain, failed, high, medium, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "ENV_MISSING",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "add it to the secret that the worker refers to",
            stack: "mops infra up {file} -c workspace",
            plain: "",
        },
        rules: &[
            certain(
                &[failed(&[probe::ENV]).from(P).code(&[seen::ENV_MISSING]), passed(&[check::ENV_SOURCES])],
                "pool {pool}: a worker has no variable `{target}`",
            ),
            high(
                &[failed(&[probe::ENV]).from(P).code(&[seen::ENV_MISSING])],
                "pool {pool}: a worker has no variable `{target}` (where it should come from was not seen)",
            )
            .remedy(Remedy {
                text: "add it to the secret that the worker refers to",
                stack: "mops infra up {file} -c workspace",
                plain: "kubectl -n {namespace} get secrets",
            }),
        ],
        ..CAUSE
    },
    Cause {
        id: "ENV_EMPTY",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "fill it in the secret that the worker refers to",
            stack: "mops infra up {file} -c workspace",
            plain: "",
        },
        rules: &[certain(
            &[failed(&[probe::ENV]).from(P).code(&[seen::ENV_EMPTY])],
            "pool {pool}: the worker's variable `{target}` is blank",
        )],
        ..CAUSE
    },
    Cause {
        id: "ENVFROM_MISSING",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "refer to the secret by `envFrom` in the worker's pod template",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} get deployments -o yaml",
        },
        rules: &[certain(
            &[failed(&[check::ENV_FROM]).code(&[code::NOT_LINKED]), passed(&[check::ENV_SECRET]).near(Near::Target)],
            "secret `{target}` exists, but no container of the worker refers to it",
        )
        .over(&["ENV_MISSING", "ENV_EMPTY"])],
        ..CAUSE
    },
    Cause {
        id: "ENV_STALE",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        severity: Severity::Warning,
        remedy: Remedy {
            text: "restart the workers, if the data changed and not only a label",
            stack: "",
            plain: "kubectl -n {namespace} rollout restart deployment/{deployment}",
        },
        rules: &[medium(
            &[passed(&[check::ENV_AGE]).code(&[code::SECRET_NEWER])],
            "secret `{target}` changed after a worker started, which may still have the old values: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "REGISTRY_URL_WRONG",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "write the host only, without scheme and path",
            stack: "mops infra up {file} -c workspace",
            plain: "",
        },
        rules: &[certain(
            &[failed(&[probe::ENV]).from(P).code(&[seen::NOT_A_HOST])],
            "pool {pool}: `{target}` is not a bare host name: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "REGISTRY_HOST_MISMATCH",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        severity: Severity::Warning,
        remedy: Remedy {
            text: "write the stack's login server",
            stack: "mops infra up {file} -c workspace",
            plain: "",
        },
        rules: &[certain(
            &[passed(&[probe::ENV]).from(P).code(&[seen::OTHER_HOST])],
            "pool {pool}: `{target}` is not the stack's registry: {detail}",
        )],
        ..CAUSE
    },
];
