//! Network and TLS. The node itself is not probed by this version, so nothing that only a node
//! could rule out is certain here.

use mops_probe::observation::{check as probe, code as seen};

use crate::observed::Vantage::{P, W};
use crate::rule::Confidence::{Certain, High, Medium};
use crate::rule::{Confidence, Near, Need, Remedy, Rule, Severity};

const LIVE: &[&str] = &[probe::REGISTRY_V2, probe::REGISTRY_PULL, probe::STORAGE_READ];
const NO_ANSWER: &[&str] = &[seen::CONNECTION_REFUSED, seen::CONNECTION_BROKEN, seen::TIMEOUT];

const fn rule(
    id: &'static str,
    confidence: Confidence,
    when: &'static [Need],
    over: &'static [&'static str],
    text: [&'static str; 3],
) -> Rule {
    let remedy = Remedy { text: text[1], stack: "", plain: text[2] };
    Rule { id, family: "network", severity: Severity::Error, confidence, when, over, message: text[0], remedy }
}

const fn pod(codes: &'static [&'static str]) -> Need {
    Need::failed(LIVE).from(P).code(codes)
}

const fn here(codes: &'static [&'static str]) -> Need {
    Need::failed(LIVE).from(W).code(codes).near(Near::Target)
}

const fn answered_here() -> Need {
    Need::passed(LIVE).from(W).near(Near::Target)
}

const READ_DNS: &str = "kubectl -n kube-system get pods -l k8s-app=kube-dns";
const READ_POLICIES: &str = "kubectl -n {namespace} get networkpolicies";

pub(crate) const RULES: &[Rule] = &[
    rule(
        "DNS_NXDOMAIN",
        High,
        &[pod(&[seen::NAME_NOT_RESOLVED]), here(&[seen::NAME_NOT_RESOLVED])],
        &["DNS_FAILURE", "DNS_POD"],
        ["`{target}` is not known from the workstation nor from pool {pool}", "correct the host name", ""],
    ),
    rule(
        "DNS_POD",
        Medium,
        &[pod(&[seen::NAME_NOT_RESOLVED]), answered_here()],
        &["DNS_FAILURE"],
        [
            "pool {pool}: pods cannot resolve `{target}`, the workstation can (the node was not probed)",
            "check CoreDNS, policies towards it, and private DNS zones",
            READ_DNS,
        ],
    ),
    rule(
        "DNS_FAILURE",
        Medium,
        &[Need::failed(LIVE).code(&[seen::NAME_NOT_RESOLVED])],
        &[],
        ["{place}: the resolver does not know `{target}`", "check the host name and the resolver", READ_DNS],
    ),
    rule(
        "NETWORK_POLICY",
        Medium,
        &[pod(NO_ANSWER), answered_here()],
        &["SERVICE_UNREACHABLE"],
        [
            "pool {pool}: pods get no answer from `{target}`, the workstation does (the node was not probed)",
            "allow egress to {target}:443 in network policies and on the node's firewall",
            READ_POLICIES,
        ],
    ),
    rule(
        "SERVICE_UNREACHABLE",
        Medium,
        &[Need::failed(LIVE).code(NO_ANSWER)],
        &[],
        [
            "{place}: no answer from `{target}`: {detail}",
            "check the host name, its status page and firewalls",
            READ_POLICIES,
        ],
    ),
    rule(
        "TLS_PROXY",
        High,
        &[pod(&[seen::UNTRUSTED_CERTIFICATE]), answered_here()],
        &["TLS_UNTRUSTED"],
        [
            "pool {pool}: `{target}` shows a certificate that pods do not trust, and the workstation does",
            "if a proxy opens TLS there, give its CA to the nodes and the workload",
            "",
        ],
    ),
    rule(
        "TLS_UNTRUSTED",
        Certain,
        &[pod(&[seen::UNTRUSTED_CERTIFICATE]), here(&[seen::UNTRUSTED_CERTIFICATE])],
        &["TLS_PROXY"],
        ["`{target}` is signed by a CA that nobody here trusts", "give the CA to the nodes and the workload", ""],
    ),
    rule(
        "TLS_UNTRUSTED",
        High,
        &[Need::failed(LIVE).code(&[seen::UNTRUSTED_CERTIFICATE])],
        &[],
        ["{place}: `{target}` is signed by a CA that is not trusted", "give the CA to the nodes and the workload", ""],
    ),
    rule(
        "TLS_EXPIRED",
        High,
        &[Need::failed(LIVE).code(&[seen::CERTIFICATE_EXPIRED])],
        &[],
        ["{place}: the certificate of `{target}` is not valid at this time", "renew it; check the clock first", ""],
    ),
    rule(
        "TLS_NAME",
        Certain,
        &[Need::failed(LIVE).code(&[seen::CERTIFICATE_NAME])],
        &[],
        ["{place}: the certificate shown for `{target}` is for another host", "correct the host name", ""],
    ),
    rule(
        "PROXY_AUTH",
        Certain,
        &[Need::failed(LIVE).http(&[407])],
        &[],
        ["{place}: the proxy in front of `{target}` wants a login", "give the proxy's credentials", ""],
    ),
    rule(
        "RATE_LIMITED",
        Certain,
        &[Need::failed(LIVE).http(&[429])],
        &[],
        ["{place}: `{target}` asks for a pause: {detail}", "wait, then run again", ""],
    ),
    rule(
        "REGISTRY_UNAVAILABLE",
        Certain,
        &[Need::failed(&[probe::REGISTRY_V2, probe::REGISTRY_PULL]).http(&[500, 502, 503, 504])],
        &[],
        ["{place}: `{target}` answers {status}: {detail}", "wait, read the service's status page, then run again", ""],
    ),
    rule(
        "HTML_INSTEAD_OF_JSON",
        Certain,
        &[Need::failed(LIVE).code(&[seen::HTML])],
        &[],
        [
            "{place}: `{target}` answers with a web page: {detail}",
            "check the host name; something else stands in front",
            "",
        ],
    ),
    rule(
        "NO_CHALLENGE",
        Certain,
        &[Need::failed(LIVE).code(&[seen::NO_CHALLENGE])],
        &[],
        ["{place}: `{target}` refuses without saying how to sign in", "check the host name: this is no registry", ""],
    ),
    rule(
        "CHALLENGE_UNUSABLE",
        Certain,
        &[Need::failed(LIVE).code(&[seen::CHALLENGE_UNUSABLE])],
        &[],
        ["{place}: `{target}` offers no sign-in that we know: {detail}", "check the host name and proxies", ""],
    ),
    rule(
        "REALM_UNTRUSTED",
        Certain,
        &[Need::failed(LIVE).code(&[seen::REALM_UNTRUSTED])],
        &[],
        [
            "{place}: `{target}` asks for the credential to be sent to another host; nothing was sent: {detail}",
            "if that host is right, declare the pair in the stack file",
            "",
        ],
    ),
];
