//! Proxies between a worker and a service.

use mops_probe::observation::{check as probe, code as seen};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::rule::{Remedy, certain, failed, high};

/// What going the wrong way brings with it.
const EXPLAINED: &[&str] = &[
    "NETWORK_POLICY",
    "NSG_UDR_FIREWALL",
    "SERVICE_UNREACHABLE",
    "DNS_FAILURE",
    "DNS_POD",
    "DNS_NXDOMAIN",
    "TLS_PROXY",
    "TLS_UNTRUSTED",
    "BLOB_HOST_BLOCKED",
    "ACR_DATA_ENDPOINT_BLOCKED",
];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "PROXY_AUTH",
        title: "The proxy wants a login",
        meaning: "A proxy stands between the place and the service, and it let nothing through without a login of its own.",
        signal: "status 407",
        near_miss: "a 401 comes from the service itself",
        repair: Repair::Human,
        remedy: Remedy { text: "give the proxy's credentials", stack: "", plain: "" },
        rules: &[certain(
            &[failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ]).http(&[407])],
            "{place}: the proxy in front of `{target}` wants a login",
        )],
        ..CAUSE
    },
    Cause {
        id: "PROXY_ENV_MISSING",
        title: "The worker does not know of the proxy",
        meaning: "The cluster is set up with a proxy, and the service is reached only through it. The worker has none of the \
                  variables that say so, and tries the direct way.",
        signal: "without a proxy, as the worker does it, the host is not reached; by the configured proxy it is",
        near_miss: "a host that is reached without the proxy is right",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "set `HTTPS_PROXY` and `NO_PROXY` in the worker's pod template, as the cluster has them",
            stack: "",
            plain: "kubectl -n {namespace} get deployments -o yaml",
        },
        rules: &[certain(
            &[failed(&[probe::NET_PROXY]).code(&[seen::REACHED_BY_PROXY])],
            "{place}: `{target}` is reached only by the cluster's proxy, of which the worker does not know: {detail}",
        )
        .over(EXPLAINED)],
        ..CAUSE
    },
    Cause {
        id: "NO_PROXY_INCOMPLETE",
        title: "The proxy is asked where it should not be",
        meaning: "The worker sends its requests for this host through the proxy, which does not reach it. The direct way is \
                  open; the host is just not on the list of exceptions.",
        signal: "by the worker's proxy the host is not reached, without it it is, and no exception of the worker names it",
        near_miss: "a host that neither way reaches gives the rows about connections",
        repair: Repair::Stack,
        remedy: Remedy {
            text: "add {target} and the registry's host of layers to `NO_PROXY` of the worker and to the cluster's exceptions",
            stack: "",
            plain: "kubectl -n {namespace} get deployments -o yaml",
        },
        rules: &[high(
            &[failed(&[probe::NET_PROXY]).code(&[seen::REACHED_DIRECT])],
            "{place}: the proxy does not reach `{target}`, the direct way does, and no exception names it: {detail}",
        )
        .over(EXPLAINED)],
        ..CAUSE
    },
];
