//! Certificates.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::kubelet::reason;
use crate::observed::Vantage::{K, P, W};
use crate::observed::check;
use crate::rule::{Near, Remedy, certain, failed, high, passed};

/// Checks that begin with a handshake.
const ASKED: &[&str] = &[probe::NET_TLS, probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "TLS_PROXY",
        title: "Pods are shown another certificate",
        meaning: "Your machine trusts the certificate of the host, and pods are shown one that they do not trust. A proxy that opens TLS does this.",
        signal: "the certificate is trusted here and not in the pod",
        near_miss: "one authority that no place trusts gives TLS_UNTRUSTED",
        repair: Repair::Human,
        remedy: Remedy {
            text: "if a proxy opens TLS there, give its CA to the nodes and the workload",
            stack: "",
            plain: "",
        },
        rules: &[high(
            &[
                failed(ASKED).from(P).code(&[seen::UNTRUSTED_CERTIFICATE]),
                passed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).from(W).near(Near::Target),
            ],
            "pool {pool}: `{target}` shows a certificate that pods do not trust, and the workstation does",
        )
        .over(&["TLS_UNTRUSTED"])],
        ..CAUSE
    },
    Cause {
        id: "TLS_UNTRUSTED",
        title: "A certificate that is not trusted",
        meaning: "The host's certificate was signed by an authority that the client does not know, so it sends nothing.",
        signal: "no known authority signed it, by the probes or by the kubelet's words",
        near_miss: "a certificate that is trusted here gives TLS_PROXY; a CA that the stack file names clears the workstation only",
        repair: Repair::Human,
        remedy: Remedy { text: "give the CA to the nodes and the workload", stack: "", plain: "" },
        rules: &[
            certain(
                &[
                    failed(ASKED).from(P).code(&[seen::UNTRUSTED_CERTIFICATE]),
                    failed(ASKED).from(W).code(&[seen::UNTRUSTED_CERTIFICATE]).near(Near::Target),
                ],
                "`{target}` is signed by a CA that nobody here trusts",
            )
            .over(&["TLS_PROXY"]),
            high(
                &[failed(ASKED).code(&[seen::UNTRUSTED_CERTIFICATE])],
                "{place}: `{target}` is signed by a CA that is not trusted",
            ),
            high(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::UNTRUSTED])],
                "{place}: the node does not trust the registry's certificate",
            )
            .over(&["REGISTRY_REFUSED"])
            .remedy(Remedy {
                text: "give the CA to the nodes",
                stack: "mops infra up {file} -c workspace",
                plain: "kubectl -n {namespace} describe pods",
            }),
        ],
        ..CAUSE
    },
    Cause {
        id: "REGISTRY_PLAIN_HTTP",
        title: "The registry speaks plain HTTP",
        meaning: "The client wants TLS, and what answers at this port speaks HTTP without it. Nodes refuse that unless they are \
                  told otherwise, and a login would be readable on the way.",
        signal: "the handshake is answered with bytes of plain HTTP, or the kubelet says so",
        near_miss: "a registry at a loopback address that the stack file marks as insecure is right",
        repair: Repair::Human,
        remedy: Remedy {
            text: "give the registry a certificate, or allow this host in the node's registry configuration",
            stack: "",
            plain: "kubectl -n {namespace} describe pods",
        },
        rules: &[
            certain(
                &[failed(&[probe::NET_TLS, probe::REGISTRY_V2, probe::REGISTRY_PULL]).code(&[seen::PLAIN_HTTP])],
                "{place}: `{target}` speaks plain HTTP where TLS was due",
            ),
            certain(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::PLAIN_HTTP])],
                "{place}: the host of `{target}` speaks plain HTTP, which the node does not take",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "TLS_EXPIRED",
        title: "A certificate outside of its time",
        meaning: "The certificate has ended or has not begun, by the clock of the client.",
        signal: "the handshake fails for the certificate's dates; certain when the clock was seen to be right",
        near_miss: "a clock that is wrong shows every certificate so, and gives CLOCK_SKEW",
        repair: Repair::Human,
        remedy: Remedy { text: "renew it; check the clock first", stack: "", plain: "" },
        rules: &[
            certain(
                &[failed(ASKED).from(P).code(&[seen::CERTIFICATE_EXPIRED]), passed(&[probe::CLOCK]).from(P)],
                "{place}: the certificate of `{target}` is not valid at this time, and the clock is right",
            ),
            certain(
                &[failed(ASKED).from(W).code(&[seen::CERTIFICATE_EXPIRED]), passed(&[probe::CLOCK]).from(W)],
                "{place}: the certificate of `{target}` is not valid at this time, and the clock is right",
            ),
            high(
                &[failed(ASKED).code(&[seen::CERTIFICATE_EXPIRED])],
                "{place}: the certificate of `{target}` is not valid at this time",
            ),
            high(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::EXPIRED])],
                "{place}: the registry's certificate is not valid at this time, by the node's clock",
            ),
        ],
        ..CAUSE
    },
    Cause {
        id: "TLS_NAME",
        title: "A certificate for another host",
        meaning: "Something answers at this address with the certificate of another name.",
        signal: "the host is not among the names of the certificate",
        near_miss: "a wildcard covers one label, and is right",
        repair: Repair::Stack,
        remedy: Remedy { text: "correct the host name", stack: "", plain: "" },
        rules: &[
            certain(
                &[failed(ASKED).code(&[seen::CERTIFICATE_NAME])],
                "{place}: the certificate shown for `{target}` is for another host",
            ),
            certain(
                &[failed(&[check::KUBELET]).from(K).code(&[reason::CERTIFICATE_NAME])],
                "{place}: the certificate that the node was shown for `{target}` is for another host",
            ),
        ],
        ..CAUSE
    },
];
