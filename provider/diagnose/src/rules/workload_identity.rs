//! Pods that sign in as an identity: whether they have a token, whether the directory trades it, whether the registry
//! takes what comes of it.

use mops_probe::observation::{check as probe, code as seen, variant};

use crate::observed::Vantage::P;
use crate::rule::Confidence::{Certain, High};
use crate::rule::{Confidence, Need, Remedy, Rule, Severity};

const CLUSTER: &str = "mops infra up {file} -c cluster";

const fn rule(id: &'static str, confidence: Confidence, when: &'static [Need], text: [&'static str; 3]) -> Rule {
    let remedy = Remedy { text: text[1], stack: CLUSTER, plain: text[2] };
    let over: &[&str] = &["REGISTRY_REFUSED"];
    Rule { id, family: "identity", severity: Severity::Error, confidence, when, over, message: text[0], remedy }
}

const fn refused(code: &'static [&'static str]) -> Need {
    Need::failed(&[probe::IDENTITY]).from(P).with(&[variant::WI]).code(code)
}

pub(crate) const RULES: &[Rule] = &[
    rule(
        "WI_WEBHOOK_INACTIVE",
        Certain,
        &[refused(&[seen::ENV_MISSING])],
        [
            "pool {pool}: the worker asks for a token of its service account and was given none: {detail}",
            "switch workload identity on for the cluster, then let the pods be made again",
            "kubectl -n {namespace} get pods -o yaml",
        ],
    ),
    rule(
        "WI_SUBJECT",
        Certain,
        &[refused(&["AADSTS700213"])],
        [
            "pool {pool}: identity `{target}` trusts another service account than the worker's: {detail}",
            "let the identity trust `system:serviceaccount:{namespace}:ACCOUNT`; what was changed in the last minutes may need some more",
            "",
        ],
    ),
    rule(
        "WI_ISSUER",
        Certain,
        &[refused(&["AADSTS700211"])],
        [
            "pool {pool}: identity `{target}` trusts another cluster than this one: {detail}",
            "let the identity trust the cluster's issuer, byte for byte; what was changed in the last minutes may need some more",
            "",
        ],
    ),
    rule(
        "WI_AUDIENCE",
        Certain,
        &[refused(&["AADSTS700212"])],
        [
            "pool {pool}: identity `{target}` trusts tokens for another purpose: {detail}",
            "let the identity trust the audience `api://AzureADTokenExchange`",
            "",
        ],
    ),
    rule(
        "ACR_EXCHANGE_DENIED",
        High,
        &[
            Need::failed(&[probe::REGISTRY_V2]).from(P).with(&[variant::WI]).http(&[401, 403]),
            Need::passed(&[probe::IDENTITY]).from(P),
        ],
        [
            "pool {pool}: `{target}` does not take the worker's identity, which the directory knows",
            "give the identity the right to pull; one that was given in the last minutes may need some more",
            "",
        ],
    ),
];
