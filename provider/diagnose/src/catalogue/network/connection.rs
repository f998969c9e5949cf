//! Connections, compared between places.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::{K, P, W};
use crate::observed::check;
use crate::rule::{Near, Remedy, failed, medium, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "NETWORK_POLICY",
        title: "Pods get no connection, other places do",
        meaning: "The service works. Something between the pod and the network's edge drops what the pod sends.",
        signal: "the host answers from the workstation and not from the pod",
        near_miss: "a host that nobody reaches gives SERVICE_UNREACHABLE",
        repair: Repair::Human,
        remedy: Remedy {
            text: "allow egress to {target}:443 in network policies and on the node's firewall",
            stack: "",
            plain: "kubectl -n {namespace} get networkpolicies",
        },
        rules: &[medium(
            &[
                failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).from(P).code(&[
                    seen::CONNECTION_REFUSED,
                    seen::CONNECTION_BROKEN,
                    seen::TIMEOUT,
                ]),
                passed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).from(W).near(Near::Target),
            ],
            "pool {pool}: pods get no answer from `{target}`, the workstation does (the node was not probed)",
        )
        .over(&["SERVICE_UNREACHABLE"])],
        ..CAUSE
    },
    Cause {
        id: "SERVICE_UNREACHABLE",
        title: "No answer from a service",
        meaning: "Nothing answered at the host, and no place was seen where it does.",
        signal: "a connection fails, and no other place has one",
        near_miss: "an answer at another place gives NETWORK_POLICY",
        remedy: Remedy {
            text: "check the host name, its status page and firewalls",
            stack: "",
            plain: "kubectl -n {namespace} get networkpolicies",
        },
        rules: &[
            medium(
                &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).code(&[
                    seen::CONNECTION_REFUSED,
                    seen::CONNECTION_BROKEN,
                    seen::TIMEOUT,
                ])],
                "{place}: no answer from `{target}`: {detail}",
            ),
            medium(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::NO_CONNECTION])],
                "{place}: the node gets no connection to the host of `{target}`",
            )
            .over(&["REGISTRY_REFUSED"])
            .remedy(Remedy {
                text: "check firewalls and routes of the node's network",
                stack: "mops infra up {file} -c workspace",
                plain: "kubectl -n {namespace} describe pods",
            }),
        ],
        ..CAUSE
    },
];
