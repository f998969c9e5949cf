//! A pull that began and did not end.

use crate::catalogue::{CAUSE, Cause};
use crate::kubelet::reason;
use crate::observed::Vantage::K;
use crate::observed::check;
use crate::rule::{Remedy, certain, failed, high};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "NODE_DISK_FULL",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        unconfirmed: true,
        remedy: Remedy {
            text: "give the pool a bigger OS disk, or use a smaller image",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} describe pods",
        },
        rules: &[high(
            &[failed(&[check::KUBELET]).from(K).code(&[reason::DISK_FULL])],
            "{place}: the node's disk has no room for `{target}`",
        )
        .over(&["REGISTRY_REFUSED"])],
        ..CAUSE
    },
    Cause {
        id: "IMAGE_NEVER_PULL",
        title: "",
        meaning: "",
        signal: "",
        near_miss: "",
        remedy: Remedy {
            text: "change the policy in the pod template",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} describe pods",
        },
        rules: &[certain(
            &[failed(&[check::KUBELET]).from(K).code(&[reason::NEVER_PULL])],
            "{place}: the pull policy is Never, and the node has no `{target}`",
        )
        .over(&["REGISTRY_REFUSED"])],
        ..CAUSE
    },
];
