//! Pull secrets: form, content, and whether the pod names them.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::K;
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, Severity, certain, failed, passed};

/// What a pull secret that gives no login brings with it.
const EXPLAINED: &[&str] =
    &["KUBELET_NO_CREDENTIALS", "KUBELET_BAD_CREDENTIALS", "REGISTRY_REFUSED", "NOT_LOGGED_IN", "ACR_LOGIN_DENIED"];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "SECRET_WRONG_TYPE",
        title: "A pull secret of a type that no kubelet uses",
        meaning: "The kubelet takes logins from secrets of the docker-config types only. It passes over all others without a word.",
        signal: "the secret that the pod names for pulling is of another type",
        near_miss: "the older docker-config type works, and is noted only",
        repair: Repair::Restart,
        remedy: Remedy {
            text: "recreate it with type kubernetes.io/dockerconfigjson (a secret's type cannot be changed)",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} describe secret {name}",
        },
        rules: &[certain(
            &[failed(&[check::PULL_SECRET]).code(&[code::WRONG_TYPE])],
            "pull secret `{target}` has a type that the kubelet does not use: {detail}",
        )
        .over(EXPLAINED)],
        ..CAUSE
    },
    Cause {
        id: "DOCKERCONFIG_MALFORMED",
        title: "A pull secret that cannot be parsed",
        meaning: "The login inside the secret is not in the form that clients expect, so they act as if there were none.",
        signal: "the text is no JSON, has no `auths`, or its `auth` is no base64 of user and password",
        near_miss: "an entry that holds only an identity token is well formed, and gives DOCKER_IDENTITYTOKEN_UNSUPPORTED",
        repair: Repair::Apply,
        remedy: Remedy {
            text: "rewrite it",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} describe secret {name}",
        },
        rules: &[
            certain(
                &[failed(&[check::PULL_SECRET, probe::PULL_SECRET, check::DOCKER_CONFIG]).code(&[seen::MALFORMED])],
                "`{target}` is no docker config: {detail}",
            )
            .over(EXPLAINED),
            certain(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::SECRET_MALFORMED])],
                "{place}: the kubelet cannot read a pull secret of the pod that wants `{target}`",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "PULL_SECRET_NO_CREDENTIAL",
        title: "A pull secret without a login",
        meaning: "The secret names the registry, and leaves the password to a program or a store that exists on your machine and not on the node.",
        signal: "the entry of the host is empty, or names only a store, a helper or an identity token",
        near_miss: "another secret of the pod with a whole login for the host makes this a note",
        repair: Repair::Apply,
        remedy: Remedy {
            text: "rewrite it with both",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} describe secret {name}",
        },
        rules: &[certain(
            &[failed(&[check::PULL_SECRET, probe::PULL_SECRET]).code(&[seen::NO_CREDENTIAL])],
            "pull secret `{target}` holds no user and password for the registry",
        )
        .over(EXPLAINED)],
        ..CAUSE
    },
    Cause {
        id: "PULL_SECRET_MISSING",
        title: "A pull secret that does not exist",
        meaning: "The pod names a pull secret that its namespace does not have. The kubelet goes on without a login.",
        signal: "the name in `imagePullSecrets` is not found",
        near_miss: "a pod that names no pull secret gives KUBELET_NO_CREDENTIALS; an image that was pulled all the same makes this \
                    a warning",
        repair: Repair::Apply,
        remedy: Remedy {
            text: "create the pull secret in namespace `{namespace}`",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} get secrets --field-selector type=kubernetes.io/dockerconfigjson",
        },
        rules: &[
            certain(
                &[failed(&[check::PULL_SECRET]).code(&[code::NOT_FOUND]), passed(&[check::KUBELET]).from(K)],
                "the worker names pull secret `{target}`, which does not exist; its image was pulled all the same",
            )
            .severity(Severity::Warning),
            certain(
                &[failed(&[check::PULL_SECRET]).code(&[code::NOT_FOUND])],
                "the worker names pull secret `{target}`, which does not exist",
            )
            .over(EXPLAINED),
        ],
        ..CAUSE
    },
    Cause {
        id: "PULL_SECRET_NOT_LINKED",
        title: "A good pull secret that the pod does not name",
        meaning: "A login for the registry is in the namespace. The pod that is running was made without its name.",
        signal: "the secret has a login for the host, and the live pod's list lacks it",
        near_miss: "a pod that names it has another cause",
        repair: Repair::Restart,
        remedy: Remedy {
            text: "name it in the pod template, then let the pods be made again",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} get pods -o yaml",
        },
        rules: &[certain(
            &[failed(&[check::LINK]).code(&[code::NOT_LINKED]), passed(&[check::PULL_SECRET]).near(Near::Target)],
            "pull secret `{target}` is good, but the worker's pod does not name it in `imagePullSecrets`",
        )
        .over(EXPLAINED)],
        ..CAUSE
    },
    Cause {
        id: "PULL_SECRET_USERNAME",
        title: "The user for nvcr.io is not `$oauthtoken`",
        meaning: "NVIDIA's registry takes keys under one user name only, the text `$oauthtoken` with its dollar sign. A shell that \
                  takes that for a variable leaves it empty.",
        signal: "the entry for nvcr.io has another user",
        near_miss: "the right user with a key that is refused gives NGC_KEY_INVALID_OR_EXPIRED",
        repair: Repair::Apply,
        remedy: Remedy {
            text: "write the user as `$oauthtoken`, in single quotes where a shell reads it",
            stack: "mops ngc fix -n {namespace} --apply",
            plain: "kubectl -n {namespace} describe secret {name}",
        },
        rules: &[certain(
            &[failed(&[check::PULL_SECRET, probe::PULL_SECRET]).code(&[code::OTHER_USER])],
            "pull secret `{target}` names another user for nvcr.io than `$oauthtoken`: {detail}",
        )
        .over(EXPLAINED)],
        ..CAUSE
    },
    Cause {
        id: "PULL_SECRET_HOST_MISMATCH",
        title: "A pull secret for another host",
        meaning: "The kubelet looks for the host that stands in the image's name. The secret has logins for other hosts only.",
        signal: "no key of `auths` is the image's host",
        near_miss: "a key written as `https://HOST/v1/` is taken by the kubelet, and right",
        repair: Repair::Apply,
        remedy: Remedy {
            text: "rewrite it for the host that stands in the image's name",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} describe secret {name}",
        },
        rules: &[certain(
            &[failed(&[check::PULL_SECRET, probe::PULL_SECRET]).code(&[seen::NO_ENTRY])],
            "pull secret `{target}` has no entry for the host of the image: {detail}",
        )
        .over(EXPLAINED)],
        ..CAUSE
    },
];
