//! Ways to an Azure registry: its firewall, the host of its layers, its private endpoint.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::K;
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, certain, failed, high, passed};

/// Requests that the registry's firewall answers.
const ASKED: &[&str] = &[
    probe::REGISTRY_CHALLENGE,
    probe::REGISTRY_TOKEN,
    probe::REGISTRY_V2,
    probe::REGISTRY_MANIFEST,
    probe::IDENTITY_EXCHANGE,
    probe::IDENTITY_ACCESS,
];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "ACR_FIREWALL",
        title: "The registry's firewall refuses this address",
        meaning: "The registry lets only some addresses in, and the request came from another one. The credential was not even \
                  looked at.",
        signal: "403 with the sentence that the client's address is not allowed; certain when the registry's rules by ARM \
                 leave that address out",
        near_miss: "a 403 without the sentence has another reason and stays UNCLASSIFIED",
        repair: Repair::Stack,
        sources: &["Azure/acr#633"],
        remedy: Remedy {
            text: "allow the address that is named, or use the registry's private endpoint",
            stack: "",
            plain: "az acr network-rule list -n {registry_name}",
        },
        rules: &[
            certain(
                &[
                    failed(ASKED).code(&[seen::FIREWALL_SENTENCE]),
                    failed(&[check::ARM_NETWORK_RULES]).code(&[code::EXCLUDED]).near(Near::Host),
                ],
                "{place}: the firewall of `{target}` refuses this address, which its rules leave out: {last}",
            )
            .over(&["REGISTRY_REFUSED", "ACR_LOGIN_DENIED"]),
            high(
                &[failed(ASKED).code(&[seen::FIREWALL_SENTENCE])],
                "{place}: the firewall of `{target}` refuses this address: {detail}",
            )
            .over(&["REGISTRY_REFUSED", "ACR_LOGIN_DENIED"])
            .unconfirmed(),
        ],
        ..CAUSE
    },
    Cause {
        id: "ACR_DATA_ENDPOINT_BLOCKED",
        title: "The registry's host of layers is blocked",
        meaning: "The registry answers, and it sends clients to another host for the layers of an image. That one is not let \
                  through, or its own firewall refuses, so every pull stops after the manifest.",
        signal: "the manifest is read, and the data host of the Azure registry is not reached or answers 403 with XML; \
                 or the kubelet names that host in its error",
        near_miss: "a layer that answers 404 gives BLOB_MISSING; the host of another registry's layers gives BLOB_HOST_BLOCKED",
        repair: Repair::Stack,
        sources: &["Azure/AKS#1383"],
        remedy: Remedy {
            text: "open the way to the host that is named; a dedicated data endpoint gives it a fixed name",
            stack: "",
            plain: "az acr show-endpoints -n {registry_name}",
        },
        rules: &[
            certain(
                &[
                    failed(&[probe::REGISTRY_BLOB]).code(&[seen::DATA_HOST]),
                    passed(&[probe::REGISTRY_MANIFEST]).near(Near::PoolAndTarget),
                ],
                "{place}: the manifest of `{target}` is read, the registry's host of layers is not reached: {detail}",
            ),
            high(
                &[
                    failed(&[probe::REGISTRY_BLOB]).http(&[403]).code(&[
                        "AuthorizationFailure",
                        "AuthenticationFailed",
                        "PublicAccessNotPermitted",
                    ]),
                    passed(&[probe::REGISTRY_MANIFEST]).near(Near::PoolAndTarget),
                ],
                "{place}: the manifest of `{target}` is read, the host of its layers refuses: {detail}",
            ),
            high(
                &[
                    failed(&[check::KUBELET]).from(K).code(&[
                        reason::NO_CONNECTION,
                        reason::NO_SUCH_HOST,
                        reason::NO_RESOLVER,
                        reason::DENIED,
                    ]),
                    passed(&[check::PULL_HOST]).from(K).code(&[code::DATA_HOST]).near(Near::PoolAndTarget),
                ],
                "{place}: the node does not get the layers of `{target}` from the registry's host for them: {last}",
            )
            .over(&["SERVICE_UNREACHABLE", "DNS_FAILURE", "REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "ACR_PRIVATE_DNS_MISMATCH",
        title: "The private name leads to another address",
        meaning: "The registry has a private endpoint. Inside the network one of its names leads to an address that is not the \
                  endpoint's, as a record of an older endpoint does.",
        signal: "the address of the login server or of the data host is not the one of the endpoint's interface, by ARM",
        near_miss: "a public record that the workstation sees besides is right",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "write the endpoint's addresses into the private DNS zone, for the login server and for the data host",
            stack: "",
            plain: "az network private-endpoint-connection list --type Microsoft.ContainerRegistry/registries -n {registry_name}",
        },
        rules: &[certain(
            &[failed(&[check::PRIVATE_ADDRESS]).code(&[code::DIFFERS])],
            "{place}: `{target}` leads to another address than its private endpoint: {detail}",
        )
        .over(&["NETWORK_POLICY", "NSG_UDR_FIREWALL", "SERVICE_UNREACHABLE", "TLS_NAME", "REGISTRY_REFUSED"])],
        ..CAUSE
    },
    Cause {
        id: "ACR_PE_NOT_APPROVED",
        title: "The private endpoint is not approved",
        meaning: "The private endpoint exists, and the registry's owner has not accepted its connection, or has rejected it. \
                  Nothing goes through it until then.",
        signal: "the connection's state by ARM is pending or rejected",
        near_miss: "an approved connection whose name leads elsewhere gives ACR_PRIVATE_DNS_MISMATCH",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "approve the connection",
            stack: "",
            plain: "az acr private-endpoint-connection list -r {registry_name}",
        },
        rules: &[certain(
            &[failed(&[check::ARM_PRIVATE_ENDPOINT]).code(&[code::NOT_APPROVED])],
            "the private endpoint of `{target}` is not approved: {detail}",
        )
        .over(&["NETWORK_POLICY", "NSG_UDR_FIREWALL", "SERVICE_UNREACHABLE", "REGISTRY_REFUSED"])],
        ..CAUSE
    },
];
