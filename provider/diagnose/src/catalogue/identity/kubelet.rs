//! What the kubelet says when it cannot start a container; read by structure, never by a whole sentence (see
//! [`crate::kubelet`]). The manifest is asked for with HEAD, so the registry's own reason is never in it.

use crate::catalogue::{CAUSE, Cause};
use crate::kubelet::reason;
use crate::observed::Vantage::{K, W};
use crate::observed::check;
use crate::rule::{Remedy, failed, high, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "KUBELET_NO_CREDENTIALS",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy { text: "name a pull secret for the host in the pod template", stack: "mops infra up {file} -c workspace", plain: "kubectl -n {namespace} describe pods" },
        rules: &[
            high(&[failed(&[check::KUBELET]).from(K).code(&[reason::ANONYMOUS_REFUSED])], "{place}: the node asked for `{target}` without a credential and was refused").over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "KUBELET_BAD_CREDENTIALS",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy { text: "rewrite the pull secret", stack: "mops infra up {file} -c workspace", plain: "kubectl -n {namespace} describe pods" },
        rules: &[
            high(&[failed(&[check::KUBELET]).from(K).code(&[reason::CREDENTIAL_REFUSED])], "{place}: the registry refused the credential with which the node asked for `{target}`").over(&["REGISTRY_REFUSED"]),
            high(&[failed(&[check::KUBELET]).from(K).code(&[reason::REFUSED]), passed(&[check::PULL_SECRET]).from(W)], "{place}: the registry refused the node's request for `{target}`, although the pull secret has a login for it").over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
];
