//! Name resolution, from each place.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::{K, P, W};
use crate::observed::check;
use crate::rule::{Near, Remedy, failed, high, medium, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "DNS_NXDOMAIN",
        title: "A host that nobody knows",
        meaning: "The name does not exist, seen from here and from the pods. Mostly a letter is wrong.",
        signal: "the name is unknown at both places",
        near_miss: "a resolver that does not answer gives DNS_FAILURE; a name that only pods do not know gives DNS_POD",
        repair: Repair::Stack,
        remedy: Remedy { text: "correct the host name", stack: "", plain: "" },
        rules: &[high(
            &[
                failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ])
                    .from(P)
                    .code(&[seen::NAME_NOT_RESOLVED]),
                failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ])
                    .from(W)
                    .code(&[seen::NAME_NOT_RESOLVED])
                    .near(Near::Target),
            ],
            "`{target}` is not known from the workstation nor from pool {pool}",
        )
        .over(&["DNS_FAILURE", "DNS_POD"])],
        ..CAUSE
    },
    Cause {
        id: "DNS_POD",
        title: "Pods cannot resolve a name that exists",
        meaning: "Your machine finds the host, and pods do not. Their resolver, a policy in front of it or a private zone is in the way.",
        signal: "the pod's look-up fails, and the host answers from here",
        near_miss: "a name that is unknown here too gives DNS_NXDOMAIN",
        repair: Repair::Human,
        remedy: Remedy {
            text: "check CoreDNS, policies towards it, and private DNS zones",
            stack: "",
            plain: "kubectl -n kube-system get pods -l k8s-app=kube-dns",
        },
        rules: &[medium(
            &[
                failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ])
                    .from(P)
                    .code(&[seen::NAME_NOT_RESOLVED]),
                passed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).from(W).near(Near::Target),
            ],
            "pool {pool}: pods cannot resolve `{target}`, the workstation can (the node was not probed)",
        )
        .over(&["DNS_FAILURE"])],
        ..CAUSE
    },
    Cause {
        id: "DNS_FAILURE",
        title: "A name is not resolved",
        meaning: "The resolver at this place does not know the host, and there was no other place to compare with.",
        signal: "a look-up failed at one place",
        near_miss: "the same failure at two places gives DNS_NXDOMAIN",
        repair: Repair::Human,
        remedy: Remedy {
            text: "check the host name and the resolver",
            stack: "",
            plain: "kubectl -n kube-system get pods -l k8s-app=kube-dns",
        },
        rules: &[
            medium(
                &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ])
                    .code(&[seen::NAME_NOT_RESOLVED])],
                "{place}: the resolver does not know `{target}`",
            ),
            medium(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::NO_SUCH_HOST])],
                "{place}: the node's resolver does not know the host of `{target}`",
            )
            .over(&["REGISTRY_REFUSED"])
            .remedy(Remedy {
                text: "check the host name and the node's resolver",
                stack: "mops infra up {file} -c workspace",
                plain: "kubectl -n {namespace} describe pods",
            }),
        ],
        ..CAUSE
    },
];
