//! What the kubelet says when it cannot start a container; read by structure, never by a whole sentence (see
//! [`crate::kubelet`]). The manifest is asked for with HEAD, so the registry's own reason is never in it.

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::{K, W};
use crate::observed::check;
use crate::rule::{Remedy, failed, high, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "KUBELET_NO_CREDENTIALS",
        title: "The node asked without a login",
        meaning: "The kubelet had no login for this host, so it asked as nobody and was refused.",
        signal: "the kubelet speaks of an anonymous token or of no credentials",
        near_miss: "\"oauth token\" in its words gives KUBELET_BAD_CREDENTIALS",
        repair: Repair::Restart,
        remedy: Remedy { text: "name a pull secret for the host in the pod template", stack: "mops infra up {file} -c workspace", plain: "kubectl -n {namespace} describe pods" },
        rules: &[
            high(&[failed(&[check::KUBELET]).from(K).code(&[reason::ANONYMOUS_REFUSED])], "{place}: the node asked for `{target}` without a credential and was refused").over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "KUBELET_BAD_CREDENTIALS",
        title: "The node's login is refused",
        meaning: "The kubelet had a login for the host, and the registry did not accept it.",
        signal: "the kubelet speaks of an oauth token that was refused, or of 401 where a pull secret for the host is there",
        near_miss: "\"not found\" in its words is about the image",
        repair: Repair::Restart,
        remedy: Remedy { text: "rewrite the pull secret", stack: "mops infra up {file} -c workspace", plain: "kubectl -n {namespace} describe pods" },
        rules: &[
            high(&[failed(&[check::KUBELET]).from(K).code(&[reason::CREDENTIAL_REFUSED])], "{place}: the registry refused the credential with which the node asked for `{target}`").over(&["REGISTRY_REFUSED"]),
            high(&[failed(&[check::KUBELET]).from(K).code(&[reason::REFUSED]), passed(&[check::PULL_SECRET]).from(W)], "{place}: the registry refused the node's request for `{target}`, although the pull secret has a login for it").over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
];
