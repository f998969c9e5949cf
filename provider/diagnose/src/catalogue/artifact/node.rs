//! What the node itself has to do with a pull: its disk, its mirror, its sandbox, its policy.

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::K;
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, certain, failed, high, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "NODE_DISK_FULL",
        title: "The node's disk is full",
        meaning: "The image does not fit on the node: large GPU images need several times their packed size while they are \
                  unpacked.",
        signal: "the runtime has no space left on the device, or the pod was evicted for ephemeral storage",
        near_miss: "words about authorisation in the same list of errors give the row for those words",
        repair: Repair::Stack,
        unconfirmed: true,
        sources: &["NVIDIA/nvidia-docker#792"],
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
        id: "SANDBOX_IMAGE",
        title: "The node cannot pull its pause image",
        meaning: "Before any container starts, the node needs a small image of its own. It cannot get that one, so no pod \
                  starts there, whatever image the pod asks for.",
        signal: "the sandbox fails, and the sentence names the sandbox (pause) image",
        near_miss: "a sandbox that fails in the network plugin is no pull and stays UNCLASSIFIED",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["Azure/AKS#1476"],
        remedy: Remedy {
            text: "open the node's way to the host of that image, mcr.microsoft.com on AKS",
            stack: "",
            plain: "kubectl -n {namespace} get events --field-selector reason=FailedCreatePodSandBox",
        },
        rules: &[high(
            &[failed(&[check::KUBELET]).from(K).code(&[reason::SANDBOX_IMAGE])],
            "{place}: the node cannot pull the pause image that every pod needs: {detail}",
        )],
        ..CAUSE
    },
    Cause {
        id: "NODE_MIRROR",
        title: "The node asks a mirror, not the registry",
        meaning: "The runtime on the node is set up to send requests for this registry to another host, and it is that host \
                  which fails. The credential was meant for the registry and may not fit the mirror.",
        signal: "the host in the node's error is neither the image's registry nor a host of its layers",
        near_miss: "the data host of an Azure registry is part of that registry and gives its rows",
        repair: Repair::Human,
        unconfirmed: true,
        sources: &["containerd/containerd#9997"],
        remedy: Remedy {
            text: "correct the mirror in the runtime's configuration of the node, or give the mirror the image",
            stack: "",
            plain: "kubectl -n {namespace} describe pods",
        },
        rules: &[high(
            &[
                failed(&[check::KUBELET]).from(K),
                passed(&[check::PULL_HOST]).from(K).code(&[code::OTHER_HOST]).near(Near::PoolAndTarget),
            ],
            "{place}: for `{target}` the node asked another host than the image's registry: {last}",
        )
        .over(&[
            "REGISTRY_REFUSED",
            "KUBELET_NO_CREDENTIALS",
            "KUBELET_BAD_CREDENTIALS",
            "TAG_NOT_FOUND",
            "SERVICE_UNREACHABLE",
            "DNS_NXDOMAIN",
            "DNS_FAILURE",
            "TLS_UNTRUSTED",
        ])],
        ..CAUSE
    },
    Cause {
        id: "IMAGE_NEVER_PULL",
        title: "The pull policy forbids the pull",
        meaning: "The pod says that its image must never be pulled, and the node has not got it. No registry was asked.",
        signal: "the kubelet says that the image is absent under the policy Never",
        near_miss: "with any other policy the node does pull, and a failure gives the rows about pulls",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "change the policy in the pod template, or load the image onto the node",
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
    Cause {
        id: "PULL_VERIFY",
        title: "The node checks a present image again",
        meaning: "The image lies on the node, pulled by somebody else. Newer kubelets give it to a pod only if the pod's own \
                  secret could have pulled it, and this pod's could not.",
        signal: "the node lists the image as present, the policy asks for no pull, and the kubelet is refused all the same",
        near_miss: "an image that the node has not got gives the rows about pulls",
        repair: Repair::Restart,
        unconfirmed: true,
        sources: &["kubernetes/kubernetes#137024"],
        remedy: Remedy {
            text: "name a pull secret in the pod that may pull this image",
            stack: "mops infra up {file} -c workspace",
            plain: "kubectl -n {namespace} describe pods",
        },
        rules: &[high(
            &[
                failed(&[check::KUBELET]).from(K).code(&[
                    reason::ANONYMOUS_REFUSED,
                    reason::CREDENTIAL_REFUSED,
                    reason::REFUSED,
                    reason::DENIED,
                ]),
                passed(&[check::NODE_IMAGE]).code(&[code::IF_NOT_PRESENT]).near(Near::PoolAndTarget),
            ],
            "{place}: `{target}` lies on the node, but the credential of this pod is refused for it",
        )
        .over(&["REGISTRY_REFUSED", "KUBELET_NO_CREDENTIALS", "KUBELET_BAD_CREDENTIALS"])],
        ..CAUSE
    },
];
