//! Pods that sign in as an identity: whether they have a token, whether the directory trades it, whether the registry
//! takes what comes of it.

use mops_probe::observation::{check as probe, code as seen, variant};

use crate::observed::Vantage::P;
use crate::observed::{check, code};
use crate::rule::Confidence::{Certain, High};
use crate::rule::{Confidence, Near, Need, Remedy, Rule, Severity};

const CLUSTER: &str = "mops infra up {file} -c cluster";

/// No federated credential of the identity fits, as far as the directory knows.
const UNKNOWN_TRUST: &[&str] = &["AADSTS700211", "AADSTS70021"];
const WORKSPACE: &str = "mops infra up {file} -c workspace";

const fn rule(id: &'static str, confidence: Confidence, when: &'static [Need], text: [&'static str; 3]) -> Rule {
    let remedy = Remedy { text: text[1], stack: CLUSTER, plain: text[2] };
    let over: &[&str] = &["REGISTRY_REFUSED"];
    Rule { id, family: "identity", severity: Severity::Error, confidence, when, over, message: text[0], remedy }
}

/// What is wrong with the objects in the cluster, from which everything after it follows.
const fn object(id: &'static str, when: &'static [Need], text: [&'static str; 3]) -> Rule {
    let remedy = Remedy { text: text[1], stack: WORKSPACE, plain: text[2] };
    let over: &[&str] = &["WI_WEBHOOK_INACTIVE", "WI_SUBJECT", "WI_ISSUER", "REGISTRY_REFUSED"];
    Rule { remedy, over, ..rule(id, Certain, when, text) }
}

const fn refused(code: &'static [&'static str]) -> Need {
    Need::failed(&[probe::IDENTITY]).from(P).with(&[variant::WI]).code(code)
}

/// ARM shows that the identity trusts somebody else.
const fn trusts_another() -> Need {
    Need::failed(&[check::TRUST]).near(Near::Credential)
}

const LABEL: [&str; 3] = [
    "the workers lack the label by which a pod asks for a token of its service account",
    "put `azure.workload.identity/use: \"true\"` on the pods, which makes them anew",
    "kubectl -n {namespace} get pods --show-labels",
];
const ACCOUNT: [&str; 3] = [
    "service account `{target}` of the workers does not name the stack's identity: {detail}",
    "put the identity's client id into the annotation `azure.workload.identity/client-id`, then let the pods be made again",
    "kubectl -n {namespace} get serviceaccounts -o yaml",
];
const WEBHOOK: [&str; 3] = [
    "pool {pool}: the worker asks for a token of its service account and was given none: {detail}",
    "switch workload identity on for the cluster, then let the pods be made again",
    "kubectl -n {namespace} get pods -o yaml",
];
const SUBJECT: [&str; 3] = [
    "pool {pool}: identity `{target}` trusts another service account than the worker's: {detail}",
    "let the identity trust `system:serviceaccount:{namespace}:ACCOUNT`; what was changed in the last minutes may need some more",
    "",
];
const ISSUER: [&str; 3] = [
    "pool {pool}: identity `{target}` trusts another cluster than this one: {detail}",
    "let the identity trust the cluster's issuer, byte for byte; what was changed in the last minutes may need some more",
    "",
];
const AUDIENCE: [&str; 3] = [
    "pool {pool}: identity `{target}` trusts tokens for another purpose: {detail}",
    "let the identity trust the audience `api://AzureADTokenExchange`",
    "",
];

pub(crate) const RULES: &[Rule] = &[
    object("WI_POD_LABEL", &[Need::failed(&[check::IDENTITY_LABEL]), refused(&[seen::ENV_MISSING])], LABEL),
    object("WI_POD_LABEL", &[Need::failed(&[check::IDENTITY_LABEL])], LABEL),
    object("WI_SA_ANNOTATION", &[Need::failed(&[check::ACCOUNT]), refused(&[])], ACCOUNT),
    object("WI_SA_ANNOTATION", &[Need::failed(&[check::ACCOUNT])], ACCOUNT),
    rule(
        "WI_WEBHOOK_INACTIVE",
        Certain,
        &[refused(&[seen::ENV_MISSING]), Need::passed(&[check::IDENTITY_LABEL]), Need::passed(&[check::ACCOUNT])],
        WEBHOOK,
    ),
    rule("WI_WEBHOOK_INACTIVE", High, &[refused(&[seen::ENV_MISSING])], WEBHOOK),
    rule("WI_SUBJECT", Certain, &[refused(&["AADSTS700213"]), trusts_another()], SUBJECT),
    rule("WI_SUBJECT", High, &[refused(&["AADSTS700213"])], SUBJECT),
    rule("WI_ISSUER", Certain, &[refused(UNKNOWN_TRUST), trusts_another()], ISSUER),
    rule("WI_ISSUER", High, &[refused(UNKNOWN_TRUST)], ISSUER),
    rule("WI_AUDIENCE", Certain, &[refused(&["AADSTS700212"])], AUDIENCE),
    Rule {
        severity: Severity::Warning,
        over: &["WI_ISSUER", "WI_SUBJECT", "REGISTRY_REFUSED"],
        remedy: Remedy { text: "wait some minutes, then run again", stack: "", plain: "" },
        ..rule(
            "WI_PROPAGATING",
            High,
            &[
                refused(&["AADSTS700211", "AADSTS70021", "AADSTS700213"]),
                Need::passed(&[check::TRUST]).code(&[code::YOUNG]).near(Near::Credential),
            ],
            [
                "pool {pool}: identity `{target}` trusts the worker since a few minutes; the directory does not know it everywhere yet",
                "",
                "",
            ],
        )
    },
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
