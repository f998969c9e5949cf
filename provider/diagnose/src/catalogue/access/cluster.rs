//! The way to the cluster: kubeconfig, API server, rights, namespace.

use mops_probe::observation::code as seen;

use crate::catalogue::{CAUSE, Cause};
use crate::observed::{check, code};
use crate::rule::{Remedy, Severity, certain, failed, medium, skipped};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "K8S_UNREACHABLE",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "connect to its network, or start the cluster",
            stack: "mops infra status {file}",
            plain: "kubectl version",
        },
        rules: &[
            certain(
                &[failed(&[check::API]).code(&[code::UNREACHABLE])],
                "the API server `{target}` cannot be reached: {detail}",
            ),
            medium(
                &[failed(&[check::API]).code(&[code::NO_ACCESS])],
                "there is no way to the API server of `{target}`: {detail}",
            )
            .remedy(Remedy {
                text: "see that the cluster exists and that its credential may be read",
                stack: "mops infra status {file}",
                plain: "",
            }),
        ],
        ..CAUSE
    },
    Cause {
        id: "K8S_UNAUTHORIZED",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy { text: "renew the kubeconfig", stack: "mops infra kubeconfig {file}", plain: "" },
        rules: &[certain(
            &[failed(&[check::API]).code(&[seen::UNAUTHORIZED])],
            "the API server `{target}` does not accept the credential: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "RBAC_DENIED",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        severity: Severity::Note,
        remedy: Remedy {
            text: "ask for the right in namespace `{namespace}`",
            stack: "",
            plain: "kubectl -n {namespace} auth can-i --list",
        },
        rules: &[certain(
            &[skipped(&[check::RIGHT, check::PROBE]).code(&[code::FORBIDDEN])],
            "the right to `{target}` is missing: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "NAMESPACE_NOT_FOUND",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "create the workspace",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl get namespaces",
        },
        rules: &[certain(
            &[failed(&[check::NAMESPACE]).code(&[code::NOT_FOUND])],
            "the namespace `{target}` does not exist",
        )],
        ..CAUSE
    },
];
