//! The way to the cluster: kubeconfig, API server, rights, namespace.

use mops_probe::observation::code as seen;

use crate::catalogue::{CAUSE, Cause};
use crate::observed::{check, code};
use crate::rule::{Remedy, Severity, certain, failed, medium, skipped};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "K8S_CONTEXT_MISSING",
        title: "No kubeconfig for this cluster",
        meaning: "The file that says where the cluster is, or the context in it, is not there or cannot be read. Nothing \
                  was sent anywhere, so nothing is known about the cluster.",
        signal: "reading the kubeconfig fails before the first packet",
        near_miss: "a good context whose server does not answer is K8S_UNREACHABLE",
        remedy: Remedy {
            text: "fetch the kubeconfig again, with the context of this cluster",
            stack: "mops infra kubeconfig {file}",
            plain: "kubectl config get-contexts",
        },
        rules: &[certain(
            &[failed(&[check::KUBECONFIG]).code(&[code::NO_CONTEXT])],
            "the kubeconfig has no usable context `{target}`: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "K8S_EXEC_PLUGIN_MISSING",
        title: "The kubeconfig's sign-in program is not installed",
        meaning: "The kubeconfig leaves signing in to another program, such as kubelogin, and this machine does not have \
                  it. The cluster was not asked.",
        signal: "the user of the context names a program that is not found, and the cluster is none that a token of \
                 Azure opens without it",
        near_miss: "on AKS our own token takes the place of the program: that passes, with a note",
        sources: &["Azure/kubelogin#161"],
        remedy: Remedy {
            text: "install the program that the kubeconfig names, or fetch a kubeconfig that needs none",
            stack: "mops infra kubeconfig {file}",
            plain: "kubectl config view --minify",
        },
        rules: &[certain(
            &[failed(&[check::KUBECONFIG]).code(&[code::NO_EXEC_PLUGIN])],
            "the kubeconfig's context `{target}` signs in by a program that is not installed: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "K8S_UNREACHABLE",
        title: "The API server does not answer",
        meaning: "No connection to the cluster's API server came about: its name is unknown, nobody listens, TLS fails or \
                  time ran out. A private cluster answers only inside its own network, and a stopped one not at all.",
        signal: "the first request to the API server ends without any HTTP answer; which step failed is in the message",
        near_miss: "a server that answers 401 is reached: K8S_UNAUTHORIZED",
        remedy: Remedy {
            text: "connect to its network (VPN or jump host), or start the cluster",
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
        title: "The API server does not know who asks",
        meaning: "The server was reached and refused the identity itself: a token that ran out, a client certificate of an \
                  earlier cluster, or a kubeconfig that another machine made.",
        signal: "the API server answers 401 to the first request",
        near_miss: "a 403 on one verb knows the caller and lacks a right: RBAC_DENIED",
        remedy: Remedy { text: "renew the kubeconfig", stack: "mops infra kubeconfig {file}", plain: "" },
        rules: &[certain(
            &[failed(&[check::API]).code(&[seen::UNAUTHORIZED])],
            "the API server `{target}` does not accept the credential: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "RBAC_DENIED",
        title: "A right in the cluster is missing",
        meaning: "The account that runs this may not do one of the things that were tried, so that part was not looked at. \
                  It says nothing about the workers.",
        signal: "403 with reason Forbidden, which names verb and resource",
        near_miss: "a 403 in the words of an admission rule is PROBE_POD_DENIED",
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
        title: "The namespace does not exist",
        meaning: "The cluster answers and has no namespace of this name. Either the workspace was not created yet, or the \
                  name belongs to another environment or cluster; names that resemble it are listed.",
        signal: "404 for the namespace itself",
        near_miss: "a namespace without workers exists all the same: NO_WORKER_PODS",
        remedy: Remedy {
            text: "create the workspace, or correct its namespace in the stack file",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl get namespaces",
        },
        rules: &[certain(
            &[failed(&[check::NAMESPACE]).code(&[code::NOT_FOUND])],
            "the namespace `{target}` does not exist: {detail}",
        )],
        ..CAUSE
    },
];
