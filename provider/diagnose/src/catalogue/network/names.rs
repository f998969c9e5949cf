//! Name resolution, from each place.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::{K, N, P, W};
use crate::observed::check;
use crate::rule::{Near, Remedy, certain, failed, high, medium, passed};

/// Checks that begin with a look-up.
const ASKED: &[&str] = &[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ];
/// A resolver that does not do its work.
const NO_RESOLVER: &[&str] = &[seen::SERVFAIL, seen::TIMEOUT];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "DNS_NXDOMAIN",
        title: "A host that nobody knows",
        meaning: "The name does not exist, seen from here and from the pods. Mostly a letter is wrong.",
        signal: "the name is unknown at every place from which it was looked up; certain when a node is among them",
        near_miss: "a resolver that does not answer gives DNS_FAILURE; a name that only pods do not know gives DNS_POD",
        repair: Repair::Stack,
        remedy: Remedy { text: "correct the host name", stack: "", plain: "" },
        rules: &[
            certain(
                &[
                    failed(&[probe::NET_DNS]).from(P).code(&[seen::NAME_NOT_RESOLVED]),
                    failed(&[probe::NET_DNS]).from(N).code(&[seen::NAME_NOT_RESOLVED]).near(Near::Target),
                    failed(&[probe::NET_DNS]).from(W).code(&[seen::NAME_NOT_RESOLVED]).near(Near::Target),
                ],
                "`{target}` is not known from the workstation, a node nor pool {pool}",
            )
            .over(&["DNS_FAILURE", "DNS_POD"]),
            high(
                &[
                    failed(ASKED).from(P).code(&[seen::NAME_NOT_RESOLVED]),
                    failed(ASKED).from(W).code(&[seen::NAME_NOT_RESOLVED]).near(Near::Target),
                ],
                "`{target}` is not known from the workstation nor from pool {pool}",
            )
            .over(&["DNS_FAILURE", "DNS_POD"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "DNS_POD",
        title: "Pods cannot resolve a name that exists",
        meaning: "Your machine finds the host, and pods do not. Their resolver, a policy in front of it or a private zone is in the way.",
        signal: "the pod's look-up fails, and the node and the workstation find the host",
        near_miss: "a look-up that fails on the node too gives DNS_FAILURE, or DNS_PRIVATE_ZONE where a private endpoint is; a \
                    name that is unknown here too gives DNS_NXDOMAIN",
        repair: Repair::Human,
        remedy: Remedy {
            text: "check CoreDNS, policies towards it, and private DNS zones",
            stack: "",
            plain: "kubectl -n kube-system get pods -l k8s-app=kube-dns",
        },
        rules: &[
            certain(
                &[
                    failed(&[probe::NET_DNS]).from(P),
                    passed(&[probe::NET_DNS]).from(N).near(Near::PoolAndTarget),
                    passed(&[probe::NET_DNS]).from(W).near(Near::Target),
                ],
                "pool {pool}: pods cannot resolve `{target}`; their node and the workstation can",
            )
            .over(&["DNS_FAILURE", "DNS_PRIVATE_ZONE"]),
            medium(
                &[failed(ASKED).from(P).code(&[seen::NAME_NOT_RESOLVED]), passed(ASKED).from(W).near(Near::Target)],
                "pool {pool}: pods cannot resolve `{target}`, the workstation can (the node was not probed)",
            )
            .over(&["DNS_FAILURE"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "DNS_FAILURE",
        title: "A name is not resolved",
        meaning: "The resolver at this place gave no address for the host: it is out of order, or the name was looked up at \
                  this place only.",
        signal: "the resolver of a node or of the workstation times out or reports a fault of its own; a name that is unknown \
                 at one place, with no other to compare, is weaker",
        near_miss: "a name that every place calls unknown gives DNS_NXDOMAIN",
        repair: Repair::Human,
        remedy: Remedy {
            text: "check the host name and the resolver",
            stack: "",
            plain: "kubectl -n kube-system get pods -l k8s-app=kube-dns",
        },
        rules: &[
            certain(
                &[failed(&[probe::NET_DNS]).from(N).code(NO_RESOLVER)],
                "pool {pool}: the resolver of the node fails for `{target}`: {detail}",
            ),
            certain(
                &[failed(&[probe::NET_DNS]).from(W).code(NO_RESOLVER)],
                "{place}: the resolver fails for `{target}`: {detail}",
            ),
            high(
                &[failed(&[probe::NET_DNS]).from(P).code(NO_RESOLVER)],
                "pool {pool}: the resolver of the pods fails for `{target}`: {detail}",
            ),
            high(
                &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).code(&[seen::SERVFAIL])],
                "{place}: the resolver fails for `{target}`: {detail}",
            ),
            medium(
                &[failed(&[probe::NET_DNS, probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ])
                    .code(&[seen::NAME_NOT_RESOLVED])],
                "{place}: the resolver does not know `{target}`",
            ),
            high(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::NO_RESOLVER])],
                "{place}: the node's resolver fails where it is asked for the host of `{target}`",
            )
            .over(&["REGISTRY_REFUSED"]),
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
