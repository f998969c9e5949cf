//! What the kubelet says when it cannot start a container; read by structure, never by a whole sentence (see
//! [`crate::kubelet`]). The manifest is asked for with HEAD, so the registry's own reason is never in it.

use mops_probe::observation::{check as probe, variant};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::{K, N, W};
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, failed, high, medium, passed};

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
            // A node that asked before it had the secret was refused as nobody first.
            high(
                &[
                    failed(&[check::KUBELET]).from(K).code(&[reason::CREDENTIAL_REFUSED]),
                    failed(&[check::KUBELET]).from(K).code(&[reason::ANONYMOUS_REFUSED]).near(Near::PoolAndTarget),
                ],
                "{place}: the registry refused the credential with which the node asked for `{target}`",
            )
            .over(&["REGISTRY_REFUSED", "KUBELET_NO_CREDENTIALS"]),
            high(&[failed(&[check::KUBELET]).from(K).code(&[reason::REFUSED]), passed(&[check::PULL_SECRET]).from(W)], "{place}: the registry refused the node's request for `{target}`, although the pull secret has a login for it").over(&["REGISTRY_REFUSED", "KUBELET_NO_CREDENTIALS"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "ACR_KUBELET_CACHE",
        title: "The node still uses what it knew before",
        meaning: "Probes with the node's own identity pull the image, and the kubelet is still refused. After a change of roles \
                  or secrets a node keeps its old answer for a while.",
        signal: "the node's identity pulls the image in a probe, and the kubelet's refusal is newer than the last change",
        near_miss: "events that are older than the change say nothing about it, and pass",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["Azure/AKS#442"],
        remedy: Remedy {
            text: "wait some minutes, or let the pod be made again",
            stack: "",
            plain: "kubectl -n {namespace} get events --field-selector type=Warning",
        },
        rules: &[medium(
            &[
                failed(&[check::KUBELET]).from(K).code(&[
                    reason::ANONYMOUS_REFUSED,
                    reason::CREDENTIAL_REFUSED,
                    reason::REFUSED,
                    reason::DENIED,
                ]),
                passed(&[probe::REGISTRY_PULL]).from(N).with(&[variant::KUBELET]).near(Near::PoolAndTarget),
                passed(&[check::EVENT_AGE]).code(&[code::AFTER_CHANGE]).near(Near::PoolAndTarget),
            ],
            "{place}: the node's identity may pull `{target}`, and the kubelet is still refused after the change: {last}",
        )
        .over(&["REGISTRY_REFUSED"])],
        ..CAUSE
    },
    Cause {
        id: "KUBELET_MATCHIMAGES_GEO",
        title: "The node has no login for a regional host",
        meaning: "The image is named by the host of one region of the registry. The node's credential plugin knows the plain \
                  login server only, so the node asks as nobody.",
        signal: "the image's host is the one of a region, and the kubelet asked without a login",
        near_miss: "the same host with a pull that succeeds is right",
        repair: Repair::Stack,
        unconfirmed: true,
        sources: &["Azure/AgentBaker#8862"],
        remedy: Remedy {
            text: "name the image by the registry's plain login server",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} describe pods",
        },
        rules: &[high(
            &[
                failed(&[check::KUBELET]).from(K).code(&[reason::ANONYMOUS_REFUSED]),
                passed(&[check::PULL_HOST]).from(K).code(&[code::GEO_HOST]).near(Near::PoolAndTarget),
            ],
            "{place}: `{target}` names the host of a region, for which the node has no login",
        )
        .over(&["KUBELET_NO_CREDENTIALS", "REGISTRY_REFUSED", "NODE_MIRROR"])],
        ..CAUSE
    },
];
