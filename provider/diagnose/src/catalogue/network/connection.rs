//! Connections, compared between places.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::{K, N, P, W};
use crate::observed::check;
use crate::rule::{Near, Remedy, failed, high, medium, passed};

/// Checks that only an answer of the service lets pass.
const ASKED: &[&str] = &[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ];
/// How a connection fails that nobody answers.
const SILENT: &[&str] = &[seen::CONNECTION_REFUSED, seen::CONNECTION_BROKEN, seen::TIMEOUT];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "NETWORK_POLICY",
        title: "Pods get no connection, other places do",
        meaning: "The service works. Something between the pod and the network's edge drops what the pod sends.",
        signal: "the host gives a connection to the node, or to the workstation where no node was probed, and not to the pod",
        near_miss: "a host that the node does not reach either gives NSG_UDR_FIREWALL, one that nobody reaches \
                    SERVICE_UNREACHABLE; a host that the configured proxy reaches is right",
        repair: Repair::Human,
        remedy: Remedy {
            text: "allow egress to {target}:443 in network policies and on the node's firewall",
            stack: "",
            plain: "kubectl -n {namespace} get networkpolicies",
        },
        rules: &[
            high(
                &[
                    failed(&[probe::NET_TCP]).from(P).code(SILENT),
                    passed(&[probe::NET_TCP]).from(N).near(Near::PoolAndTarget),
                ],
                "pool {pool}: pods get no connection to `{target}`, their node does",
            )
            .over(&["SERVICE_UNREACHABLE"]),
            medium(
                &[failed(ASKED).from(P).code(SILENT), passed(ASKED).from(W).near(Near::Target)],
                "pool {pool}: pods get no answer from `{target}`, the workstation does (the node was not probed)",
            )
            .over(&["SERVICE_UNREACHABLE"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "NSG_UDR_FIREWALL",
        title: "A pool's nodes get no connection",
        meaning: "The service works, and your machine reaches it. The nodes of this pool do not: a security group, a route or \
                  a firewall of their network is in the way.",
        signal: "the node gets no connection and the workstation does; other pools are compared",
        near_miss: "a host that the workstation does not reach either gives SERVICE_UNREACHABLE; one that the configured \
                    proxy reaches is right",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "allow {target}:443 in the security group, the routes and the firewall of the pool's network",
            stack: "",
            plain: "kubectl get nodes -o wide",
        },
        rules: &[high(
            &[
                failed(&[probe::NET_TCP]).from(N).code(SILENT),
                passed(&[probe::NET_TCP, probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ])
                    .from(W)
                    .near(Near::Target),
            ],
            "pool {pool}: the nodes get no connection to `{target}`, the workstation does",
        )
        .over(&["NETWORK_POLICY", "SERVICE_UNREACHABLE"])],
        ..CAUSE
    },
    Cause {
        id: "SERVICE_UNREACHABLE",
        title: "No answer from a service",
        meaning: "Nothing answered at the host, and no place was seen where it does.",
        signal: "a connection fails, and no other place has one",
        near_miss: "a connection at another place gives NETWORK_POLICY or NSG_UDR_FIREWALL",
        remedy: Remedy {
            text: "check the host name, its status page and firewalls",
            stack: "",
            plain: "kubectl -n {namespace} get networkpolicies",
        },
        rules: &[
            medium(
                &[failed(&[probe::NET_TCP, probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ])
                    .code(SILENT)],
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
