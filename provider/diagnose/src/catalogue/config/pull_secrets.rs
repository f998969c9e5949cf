//! Pull secrets: form, content, and whether the pod names them.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause};
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, certain, failed, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "SECRET_WRONG_TYPE",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "recreate it with type kubernetes.io/dockerconfigjson (a secret's type cannot be changed)",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} describe secret {name}",
        },
        rules: &[certain(
            &[failed(&[check::PULL_SECRET]).code(&[code::WRONG_TYPE])],
            "pull secret `{target}` has a type that the kubelet does not use: {detail}",
        )
        .over(&[
            "KUBELET_NO_CREDENTIALS",
            "KUBELET_BAD_CREDENTIALS",
            "REGISTRY_REFUSED",
            "NOT_LOGGED_IN",
            "ACR_LOGIN_DENIED",
        ])],
        ..CAUSE
    },
    Cause {
        id: "DOCKERCONFIG_MALFORMED",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "rewrite it",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} describe secret {name}",
        },
        rules: &[certain(
            &[failed(&[check::PULL_SECRET, probe::PULL_SECRET]).code(&[seen::MALFORMED])],
            "pull secret `{target}` is no docker config: {detail}",
        )
        .over(&[
            "KUBELET_NO_CREDENTIALS",
            "KUBELET_BAD_CREDENTIALS",
            "REGISTRY_REFUSED",
            "NOT_LOGGED_IN",
            "ACR_LOGIN_DENIED",
        ])],
        ..CAUSE
    },
    Cause {
        id: "PULL_SECRET_NO_CREDENTIAL",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "rewrite it with both",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} describe secret {name}",
        },
        rules: &[certain(
            &[failed(&[check::PULL_SECRET, probe::PULL_SECRET]).code(&[seen::NO_CREDENTIAL])],
            "pull secret `{target}` holds no user and password for the registry",
        )
        .over(&[
            "KUBELET_NO_CREDENTIALS",
            "KUBELET_BAD_CREDENTIALS",
            "REGISTRY_REFUSED",
            "NOT_LOGGED_IN",
            "ACR_LOGIN_DENIED",
        ])],
        ..CAUSE
    },
    Cause {
        id: "PULL_SECRET_MISSING",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "create the pull secret in namespace `{namespace}`",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} get secrets --field-selector type=kubernetes.io/dockerconfigjson",
        },
        rules: &[certain(
            &[failed(&[check::PULL_SECRET]).code(&[code::NOT_FOUND])],
            "the worker names pull secret `{target}`, which does not exist",
        )
        .over(&[
            "KUBELET_NO_CREDENTIALS",
            "KUBELET_BAD_CREDENTIALS",
            "REGISTRY_REFUSED",
            "NOT_LOGGED_IN",
            "ACR_LOGIN_DENIED",
        ])],
        ..CAUSE
    },
    Cause {
        id: "PULL_SECRET_NOT_LINKED",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "name it in the pod template, then let the pods be made again",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} get pods -o yaml",
        },
        rules: &[certain(
            &[failed(&[check::LINK]).code(&[code::NOT_LINKED]), passed(&[check::PULL_SECRET]).near(Near::Target)],
            "pull secret `{target}` is good, but the worker's pod does not name it in `imagePullSecrets`",
        )
        .over(&[
            "KUBELET_NO_CREDENTIALS",
            "KUBELET_BAD_CREDENTIALS",
            "REGISTRY_REFUSED",
            "NOT_LOGGED_IN",
            "ACR_LOGIN_DENIED",
        ])],
        ..CAUSE
    },
    Cause {
        id: "PULL_SECRET_HOST_MISMATCH",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "rewrite it for the host that stands in the image's name",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} describe secret {name}",
        },
        rules: &[certain(
            &[failed(&[check::PULL_SECRET, probe::PULL_SECRET]).code(&[seen::NO_ENTRY])],
            "pull secret `{target}` has no entry for the host of the image: {detail}",
        )
        .over(&[
            "KUBELET_NO_CREDENTIALS",
            "KUBELET_BAD_CREDENTIALS",
            "REGISTRY_REFUSED",
            "NOT_LOGGED_IN",
            "ACR_LOGIN_DENIED",
        ])],
        ..CAUSE
    },
];
