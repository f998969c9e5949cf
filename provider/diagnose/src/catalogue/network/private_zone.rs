//! Names that should lead to a private endpoint.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::Vantage::{N, P};
use crate::observed::check;
use crate::rule::{Near, Remedy, certain, failed, high, passed};

/// What a firewall leaves of the way over the internet.
const SHUT: &[&str] =
    &[seen::CONNECTION_REFUSED, seen::CONNECTION_BROKEN, seen::TIMEOUT, seen::DENIED, seen::FIREWALL_SENTENCE];
/// Addresses that are not the endpoint's.
const PUBLIC: &[&str] = &[seen::PUBLIC_ADDRESS, seen::PRIVATE_LINK_PUBLIC];
/// Checks that need a way to the host.
const ASKED: &[&str] = &[probe::NET_TCP, probe::REGISTRY_V2, probe::REGISTRY_CHALLENGE];
/// What the wrong address brings with it.
const EXPLAINED: &[&str] = &[
    "ACR_FIREWALL",
    "DNS_FAILURE",
    "DNS_NXDOMAIN",
    "DNS_POD",
    "NETWORK_POLICY",
    "NSG_UDR_FIREWALL",
    "SERVICE_UNREACHABLE",
    "REGISTRY_REFUSED",
];

pub(super) const CAUSES: &[Cause] = &[Cause {
    id: "DNS_PRIVATE_ZONE",
    title: "The private endpoint's name is not known",
    meaning: "The service has a private endpoint, and the cluster's network still looks its name up on the internet. So it \
              takes the public way, which is shut, or finds no address at all.",
    signal: "a private endpoint exists by ARM, or the name leads through one, and a node or a pod gets a public address or \
             none, and no way to the host",
    near_miss: "a workstation outside of the network gets the public address, and that is right",
    repair: Repair::Stack,
    remedy: Remedy {
        text: "link the private DNS zone of the endpoint to the cluster's network",
        stack: "",
        plain: "kubectl -n kube-system get configmap coredns-custom -o yaml",
    },
    rules: &[
        certain(
            &[
                passed(&[probe::NET_DNS]).from(P).code(PUBLIC),
                passed(&[check::ARM_PRIVATE_ENDPOINT]).near(Near::Target),
                failed(ASKED).from(P).code(SHUT).near(Near::PoolAndTarget),
            ],
            "pool {pool}: pods get a public address for `{target}`, which has a private endpoint, and no way to it",
        )
        .over(EXPLAINED),
        certain(
            &[
                passed(&[probe::NET_DNS]).from(N).code(PUBLIC),
                passed(&[check::ARM_PRIVATE_ENDPOINT]).near(Near::Target),
                failed(ASKED).from(N).code(SHUT).near(Near::PoolAndTarget),
            ],
            "pool {pool}: the nodes get a public address for `{target}`, which has a private endpoint, and no way to it",
        )
        .over(EXPLAINED),
        certain(
            &[
                failed(&[probe::NET_DNS]).from(N).code(&[seen::NAME_NOT_RESOLVED]),
                passed(&[check::ARM_PRIVATE_ENDPOINT]).near(Near::Target),
            ],
            "pool {pool}: the nodes find no address for `{target}`, which has a private endpoint",
        )
        .over(EXPLAINED),
        high(
            &[
                passed(&[probe::NET_DNS]).from(P).code(&[seen::PRIVATE_LINK_PUBLIC]),
                failed(ASKED).from(P).code(SHUT).near(Near::PoolAndTarget),
            ],
            "pool {pool}: the name of `{target}` leads to a private endpoint, and pods get a public address and no way to it",
        )
        .over(EXPLAINED),
    ],
    ..CAUSE
}];
