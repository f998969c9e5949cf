//! Secret objects that a worker refers to.

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::K;
use crate::observed::{check, code};
use crate::rule::{Remedy, Severity, certain, failed, high, skipped};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "SECRET_MISSING",
        title: "A secret that the worker needs is absent",
        meaning: "The pod refers to a secret by name, and its namespace has none of that name. A container that needs it never starts.",
        signal: "the name is not found in the pod's namespace, or the kubelet says so",
        near_miss: "a secret that is there and lacks the key gives SECRET_KEY_MISSING; one that is in another namespace gives SECRET_WRONG_NAMESPACE",
        repair: Repair::Apply,
        remedy: Remedy { text: "create the secret in namespace `{namespace}`", stack: "mops infra up {file} -c workspace", plain: "kubectl -n {namespace} get secrets" },
        rules: &[
            certain(&[failed(&[check::ENV_SECRET]).code(&[code::NOT_FOUND])], "the worker's environment comes from secret `{target}`, which does not exist (other namespaces not searched)").over(&["ENV_MISSING", "ENV_EMPTY"]),
            high(&[failed(&[check::KUBELET]).from(K).code(&[reason::ENV_SECRET_ABSENT])], "{place}: the worker's environment comes from secret `{target}`, which does not exist").over(&["REGISTRY_REFUSED"]).remedy(Remedy { text: "create the secret in namespace `{namespace}`", stack: "mops infra up {file} -c workspace", plain: "kubectl -n {namespace} describe pods" }),
        ],
        ..CAUSE
    },
    Cause {
        id: "SECRET_WRONG_NAMESPACE",
        title: "The secret is in another namespace",
        meaning: "A secret of this name and type exists, and not in the namespace of the pod. Pods see the secrets of their own \
                  namespace only.",
        signal: "the name is not found in the pod's namespace, and is found with the same type in another one",
        near_miss: "a secret that is here and lacks the key gives SECRET_KEY_MISSING",
        repair: Repair::Apply,
        remedy: Remedy {
            text: "create the secret in namespace `{namespace}`",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl get secrets -A --field-selector metadata.name={name}",
        },
        rules: &[
            certain(
                &[failed(&[check::ENV_SECRET]).code(&[code::OTHER_NAMESPACE])],
                "secret `{target}` is not in the worker's namespace, but in another one: {detail}",
            )
            .over(&["SECRET_MISSING", "ENV_MISSING", "ENV_EMPTY", "REGISTRY_REFUSED"]),
            certain(
                &[failed(&[check::PULL_SECRET]).code(&[code::OTHER_NAMESPACE])],
                "pull secret `{target}` is not in the worker's namespace, but in another one: {detail}",
            )
            .over(&["SECRET_MISSING", "KUBELET_NO_CREDENTIALS", "KUBELET_BAD_CREDENTIALS", "REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "SECRET_KEY_MISSING",
        title: "A secret lacks a key",
        meaning: "The secret is there, and not the key that the worker refers to. One wrong letter in a key does this.",
        signal: "the secret is read, or the kubelet read it, and the key is not among its keys",
        near_miss: "a key that the worker calls optional is no cause",
        repair: Repair::Apply,
        remedy: Remedy { text: "add the key", stack: "mops infra up {file} -c workspace", plain: "kubectl -n {namespace} describe secret {name}" },
        rules: &[
            certain(&[failed(&[check::ENV_SECRET]).code(&[code::KEY_MISSING])], "secret `{target}` lacks a key that the worker refers to: {detail}").over(&["ENV_MISSING", "ENV_EMPTY"]),
            certain(&[failed(&[check::KUBELET]).from(K).code(&[reason::ENV_KEY_ABSENT])], "{place}: secret `{target}` lacks a key that the worker refers to: {detail}").over(&["REGISTRY_REFUSED"]).remedy(Remedy { text: "add the key", stack: "mops infra up {file} -c workspace", plain: "kubectl -n {namespace} describe pods" }),
        ],
        ..CAUSE
    },
    Cause {
        id: "SECRET_UNREADABLE",
        title: "A secret may not be read from here",
        meaning: "Your login lists pods and may not read this secret, so what is in it was not compared. The pods were asked instead.",
        signal: "the API server answers 403 to the read of one secret",
        near_miss: "a secret that is not there gives SECRET_MISSING",
        severity: Severity::Note,
        remedy: Remedy { text: "grant `get` on this secret for a sharper answer", stack: "", plain: "kubectl -n {namespace} auth can-i get secret/{name}" },
        rules: &[
            certain(&[skipped(&[check::ENV_SECRET, check::PULL_SECRET]).code(&[code::FORBIDDEN])], "secret `{target}` may not be read from here; the pods were asked instead"),
        ],
        ..CAUSE
    },
];
