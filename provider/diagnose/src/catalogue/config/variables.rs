//! Variables of a worker: absent, blank, from the wrong source, out of date.

use mops_probe::observation::{check as probe, code as seen, variant};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::{C, K, P};
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, Severity, certain, failed, high, medium, passed};

/// Where a service says yes or no to a value of the environment.
const ASKED: &[&str] =
    &[probe::REGISTRY_V2, probe::REGISTRY_TOKEN, probe::REGISTRY_PULL, probe::NGC_TOKEN, probe::STORAGE_READ];
/// What a worker has from its environment.
const LIVE: &[&str] = &[variant::ENV, variant::SAS];
/// Variables without which most of a worker's jobs still run.
const OPTIONAL: &[&str] = &["AZURE_STORAGE_CONNECTION_STRING"];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "ENV_MISSING",
        title: "A worker lacks a variable",
        meaning: "A program in the pod reads this variable and finds nothing. The pod runs, and its first pull or read fails.",
        signal: "the exact name is absent from the worker's environment",
        near_miss: "a similar name such as `REGISTRY_USERNAME_OLD` does not count; a blank value gives ENV_EMPTY",
        repair: Repair::Restart,
        remedy: Remedy {
            text: "add it to the secret that the worker refers to",
            stack: "mops infra up {file} -c workspace",
            plain: "",
        },
        rules: &[
            certain(
                &[failed(&[probe::ENV]).from(P).on(OPTIONAL).code(&[seen::ENV_MISSING]), passed(&[check::ENV_SOURCES])],
                "pool {pool}: a worker has no variable `{target}`, which only bundles in storage need",
            )
            .severity(Severity::Warning),
            certain(
                &[failed(&[probe::ENV]).from(P).code(&[seen::ENV_MISSING]), passed(&[check::ENV_SOURCES])],
                "pool {pool}: a worker has no variable `{target}`",
            ),
            high(
                &[failed(&[probe::ENV]).from(C).on(OPTIONAL).code(&[seen::ENV_MISSING])],
                "pool {pool}: a running worker has no variable `{target}`, which only bundles in storage need",
            )
            .severity(Severity::Warning),
            high(
                &[failed(&[probe::ENV]).from(C).code(&[seen::ENV_MISSING])],
                "pool {pool}: a running worker has no variable `{target}`",
            ),
            high(
                &[failed(&[probe::ENV]).from(P).on(OPTIONAL).code(&[seen::ENV_MISSING])],
                "pool {pool}: a worker has no variable `{target}`, which only bundles in storage need",
            )
            .severity(Severity::Warning),
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
        title: "A variable of a worker is blank",
        meaning: "The variable is there, and nothing is in it. Programs take that for a wrong password rather than for a missing one.",
        signal: "the variable is set and holds blanks only",
        near_miss: "the value `0` is a value; no variable at all gives ENV_MISSING",
        repair: Repair::Restart,
        remedy: Remedy {
            text: "fill it in the secret that the worker refers to",
            stack: "mops infra up {file} -c workspace",
            plain: "",
        },
        rules: &[
            certain(
                &[failed(&[probe::ENV]).from(P).code(&[seen::ENV_EMPTY])],
                "pool {pool}: the worker's variable `{target}` is blank",
            ),
            high(
                &[failed(&[probe::ENV]).from(C).code(&[seen::ENV_EMPTY])],
                "pool {pool}: the running worker's variable `{target}` is blank",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "ENVFROM_MISSING",
        title: "A secret is there, and no container uses it",
        meaning: "The secret holds what the worker needs. Its pod was made from a template that does not refer to it.",
        signal: "the secret can be read, and no container names it in `envFrom` or by key",
        near_miss: "a reference to a secret that is absent gives SECRET_MISSING",
        repair: Repair::Restart,
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
        id: "ENV_DUPLICATE_SOURCE",
        title: "One variable comes from two places",
        meaning: "Two sources give the container the same variable with different values. One of them wins silently, and \
                  changing the other one does nothing.",
        signal: "two references of the container set one name, and their values have different hashes; the winner is named",
        near_miss: "two sources with the same value pass",
        repair: Repair::Stack,
        severity: Severity::Warning,
        remedy: Remedy {
            text: "let one source own the variable, and take it out of the other",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} get deployments -o yaml",
        },
        rules: &[certain(
            &[passed(&[check::ENV_OWNERS]).code(&[code::DIFFERS])],
            "variable `{target}` of the worker comes from two sources with different values: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "ENV_STALE",
        title: "A worker still has old values",
        meaning: "A pod keeps the variables with which it began. What they come from has changed since.",
        signal: "a value in the running worker has another hash than the one that its sources give now; weaker, the secret \
                 changed after the worker was started",
        near_miss: "a secret whose labels changed and whose data did not is no cause",
        repair: Repair::Restart,
        remedy: Remedy {
            text: "restart the workers",
            stack: "",
            plain: "kubectl -n {namespace} rollout restart deployment/{deployment}",
        },
        rules: &[
            certain(
                &[
                    failed(&[check::ENV_LIVE]).code(&[code::DIFFERS]),
                    failed(ASKED).from(C).with(LIVE).http(&[401, 403]),
                    passed(ASKED).from(P).with(LIVE),
                ],
                "variable `{target}` of the running worker is not the present one, which a new worker would get and which \
                 is accepted: {detail}",
            )
            .over(&["REGISTRY_CREDENTIAL_REFUSED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED", "SAS_SIGNATURE"]),
            certain(
                &[failed(&[check::ENV_LIVE]).code(&[code::DIFFERS])],
                "variable `{target}` of the running worker is not the present one: {detail}",
            )
            .over(&["WI_WEBHOOK_INACTIVE", "ENV_MISSING", "ENV_EMPTY"]),
            medium(
                &[passed(&[check::ENV_AGE]).code(&[code::SECRET_NEWER])],
                "secret `{target}` changed after a worker started, which may still have the old values: {detail}",
            )
            .severity(Severity::Warning)
            .remedy(Remedy {
                text: "restart the workers, if the data changed and not only a label",
                stack: "",
                plain: "kubectl -n {namespace} rollout restart deployment/{deployment}",
            }),
        ],
        ..CAUSE
    },
    Cause {
        id: "REGISTRY_URL_WRONG",
        title: "The registry is written as an address",
        meaning: "Clients want the bare name of the registry's host. With a scheme or a path in it they ask at the wrong place.",
        signal: "the variable holds a scheme or a path; or the host answers `/v2/` with 404 or a web page",
        near_miss: "`localhost:5000` is a host with a port, and right",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "write the host only, without scheme and path",
            stack: "mops infra up {file} -c workspace",
            plain: "",
        },
        rules: &[
            certain(
                &[failed(&[probe::ENV]).from(P).code(&[seen::NOT_A_HOST])],
                "pool {pool}: `{target}` is not a bare host name: {detail}",
            ),
            high(
                &[failed(&[probe::ENV]).from(C).code(&[seen::NOT_A_HOST])],
                "pool {pool}: `{target}` of the running worker is not a bare host name: {detail}",
            ),
            high(
                &[failed(&[probe::REGISTRY_V2]).http(&[200]).code(&[seen::HTML])],
                "{place}: `{target}` is not a registry: it answers `/v2/` with a web page",
            ),
            high(
                &[failed(&[probe::REGISTRY_V2]).with(&[variant::ANON]).http(&[401]).code(&[seen::HTML])],
                "{place}: `{target}` is not a registry: it refuses `/v2/` with a web page",
            ),
            high(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::PAGE])],
                "{place}: the host of `{target}` is not a registry: it gives the node a web page",
            ),
            high(
                &[failed(&[probe::REGISTRY_V2]).http(&[404])],
                "{place}: `{target}` is not a registry: it has no `/v2/`",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "REGISTRY_HOST_MISMATCH",
        title: "The worker asks another registry",
        meaning: "The worker's variable names a registry that is not the stack's. Both may exist, and only one has the images.",
        signal: "the variable's host differs from the stack's login server",
        near_miss: "another name of the same registry works, and gives KUBELET_MATCHIMAGES_GEO only where pulls fail",
        repair: Repair::Restart,
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
