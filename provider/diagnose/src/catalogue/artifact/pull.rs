//! A pull that began and did not end.

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::K;
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, Severity, certain, failed, high, medium, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "TOKEN_EXPIRED_DURING_PULL",
        title: "The token ran out during the pull",
        meaning: "The pull began well and was refused minutes later: the registry's token does not live as long as this image \
                  takes on this line.",
        signal: "the node is refused for want of scope, and the pull had been running for minutes by then",
        near_miss: "a refusal right at the start of the pull gives the rows about permission",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["NVIDIA/nim-deploy#42"],
        remedy: Remedy {
            text: "let the node try again, or pull the image ahead of time; layers that are complete are kept",
            stack: "",
            plain: "kubectl -n {namespace} describe pods",
        },
        rules: &[medium(
            &[
                failed(&[check::KUBELET]).from(K).code(&[reason::DENIED]),
                passed(&[check::PULL_TIME]).from(K).code(&[code::LATE]).near(Near::PoolAndTarget),
            ],
            "{place}: the pull of `{target}` began well and was then refused; it had run for {last}",
        )
        .over(&["REGISTRY_REFUSED"])],
        ..CAUSE
    },
    Cause {
        id: "PULL_STALLED",
        title: "The pull stood still and was given up",
        meaning: "Layers came too slowly or not at all, and the node gave up. It is a matter of the line to the host of the \
                  layers, not of a credential.",
        signal: "the runtime says that the pull made no progress or was cancelled, and names no other reason",
        near_miss: "words about authorisation in the same list of errors give the row for those words",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["containerd/containerd#12811", "kubernetes/kubernetes#131521"],
        remedy: Remedy {
            text: "check the line from the node to the host of the layers; the node tries again by itself",
            stack: "",
            plain: "kubectl -n {namespace} describe pods",
        },
        rules: &[high(
            &[failed(&[check::KUBELET]).from(K).code(&[reason::STALLED])],
            "{place}: the node gave up the pull of `{target}`, which made no progress",
        )],
        ..CAUSE
    },
    Cause {
        id: "PULL_QPS",
        title: "The node starts too many pulls at once",
        meaning: "The kubelet holds pulls back because many pods start at the same time. They are pulled a little later.",
        signal: "the kubelet's own limit on pulls is the only reason that it gives",
        near_miss: "429 from the registry is the registry's limit and gives RATE_LIMITED",
        severity: Severity::Note,
        remedy: Remedy {
            text: "wait; raise `registryPullQPS` in the kubelet's configuration if it happens at each start",
            stack: "",
            plain: "kubectl -n {namespace} get pods",
        },
        rules: &[certain(
            &[failed(&[check::KUBELET]).from(K).code(&[reason::QPS])],
            "{place}: the kubelet holds back the pull of `{target}`, as it does with many at once",
        )],
        ..CAUSE
    },
];
