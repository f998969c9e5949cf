//! Workload identity: label, service account, trust.

use mops_probe::observation::{check as probe, code as seen, variant};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::Vantage::P;
use crate::observed::{check, code};
use crate::rule::{Near, Remedy, Severity, certain, failed, high, passed};

/// What a pod without its identity shows besides.
const CAUSED: &[&str] = &["WI_WEBHOOK_INACTIVE", "WI_SUBJECT", "WI_ISSUER", "IDENTITY_NOT_FOUND", "REGISTRY_REFUSED"];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "WI_POD_LABEL",
        title: "The pods do not ask for an identity",
        meaning: "Workload identity is given to pods that carry its label. These do not.",
        signal: "the label is not on the workers",
        near_miss: "a right label with a wrong service account gives WI_SA_ANNOTATION; both right give WI_WEBHOOK_INACTIVE or WI_SUBJECT",
        repair: Repair::Restart,
        remedy: Remedy { text: "put `azure.workload.identity/use: \"true\"` on the pods, which makes them anew", stack: "mops infra up {file} -c workspace", plain: "kubectl -n {namespace} get pods --show-labels" },
        rules: &[
            certain(&[failed(&[check::IDENTITY_LABEL]), failed(&[probe::IDENTITY]).from(P).with(&[variant::WI]).code(&[seen::ENV_MISSING])], "the workers lack the label by which a pod asks for a token of its service account").over(CAUSED),
            certain(&[failed(&[check::IDENTITY_LABEL])], "the workers lack the label by which a pod asks for a token of its service account").over(CAUSED),
        ],
        ..CAUSE
    },
    Cause {
        id: "WI_SA_ANNOTATION",
        title: "The service account names no identity",
        meaning: "The workers' service account does not carry the client id of the stack's identity.",
        signal: "the annotation is absent or names another identity",
        near_miss: "a right annotation and no label gives WI_POD_LABEL; both right give WI_SUBJECT and its neighbours",
        repair: Repair::Restart,
        remedy: Remedy { text: "put the identity's client id into the annotation `azure.workload.identity/client-id`, then let the pods be made again", stack: "mops infra up {file} -c workspace", plain: "kubectl -n {namespace} get serviceaccounts -o yaml" },
        rules: &[
            certain(&[failed(&[check::ACCOUNT]), failed(&[probe::IDENTITY]).from(P).with(&[variant::WI])], "service account `{target}` of the workers does not name the stack's identity: {detail}").over(CAUSED),
            certain(&[failed(&[check::ACCOUNT])], "service account `{target}` of the workers does not name the stack's identity: {detail}").over(CAUSED),
        ],
        ..CAUSE
    },
    Cause {
        id: "WI_WEBHOOK_INACTIVE",
        title: "Nobody gave the pod its token",
        meaning: "The pod carries the label, and the cluster did not put the token into it. The add-on is off, or came after the pod.",
        signal: "the label is right, and the pod has no token of its service account",
        near_miss: "a pod that is older than its label gives ENV_STALE, one without the label WI_POD_LABEL",
        repair: Repair::Restart,
        remedy: Remedy { text: "switch workload identity on for the cluster, then let the pods be made again", stack: "mops infra up {file} -c cluster", plain: "kubectl -n {namespace} get pods -o yaml" },
        rules: &[
            certain(&[failed(&[probe::IDENTITY]).from(P).with(&[variant::WI]).code(&[seen::ENV_MISSING]), passed(&[check::IDENTITY_LABEL]), passed(&[check::ACCOUNT])], "pool {pool}: the worker asks for a token of its service account and was given none: {detail}").over(&["REGISTRY_REFUSED"]),
            high(&[failed(&[probe::IDENTITY]).from(P).with(&[variant::WI]).code(&[seen::ENV_MISSING])], "pool {pool}: the worker asks for a token of its service account and was given none: {detail}").over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "WI_SUBJECT",
        title: "The identity trusts another service account",
        meaning: "The directory compares namespace and name of the service account letter by letter, and they differ.",
        signal: "the directory refuses the subject",
        near_miss: "another audience gives WI_AUDIENCE, another issuer WI_ISSUER",
        repair: Repair::Apply,
        remedy: Remedy { text: "let the identity trust `system:serviceaccount:{namespace}:ACCOUNT`; what was changed in the last minutes may need some more", stack: "mops infra up {file} -c cluster", plain: "" },
        rules: &[
            certain(&[failed(&[probe::IDENTITY]).from(P).with(&[variant::WI]).code(&["AADSTS700213"]), failed(&[check::TRUST]).near(Near::Credential)], "pool {pool}: identity `{target}` trusts another service account than the worker's: {detail}").over(&["REGISTRY_REFUSED"]),
            high(&[failed(&[probe::IDENTITY]).from(P).with(&[variant::WI]).code(&["AADSTS700213"])], "pool {pool}: identity `{target}` trusts another service account than the worker's: {detail}").over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "WI_ISSUER",
        title: "The identity trusts another cluster",
        meaning: "The trust names the issuer of another cluster, often of one that was made anew.",
        signal: "the directory knows no trust for this issuer",
        near_miss: "another service account gives WI_SUBJECT",
        repair: Repair::Apply,
        remedy: Remedy { text: "let the identity trust the cluster's issuer, byte for byte; what was changed in the last minutes may need some more", stack: "mops infra up {file} -c cluster", plain: "" },
        rules: &[
            certain(&[failed(&[probe::IDENTITY]).from(P).with(&[variant::WI]).code(&["AADSTS700211", "AADSTS70021"]), failed(&[check::TRUST]).near(Near::Credential)], "pool {pool}: identity `{target}` trusts another cluster than this one: {detail}").over(&["REGISTRY_REFUSED"]),
            high(&[failed(&[probe::IDENTITY]).from(P).with(&[variant::WI]).code(&["AADSTS700211", "AADSTS70021"])], "pool {pool}: identity `{target}` trusts another cluster than this one: {detail}").over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "WI_AUDIENCE",
        title: "The identity trusts another audience",
        meaning: "The token is meant for another audience than the trust names.",
        signal: "the directory refuses the audience",
        near_miss: "several audiences of which one is right are right",
        repair: Repair::Apply,
        remedy: Remedy { text: "let the identity trust the audience `api://AzureADTokenExchange`", stack: "mops infra up {file} -c cluster", plain: "" },
        rules: &[
            certain(&[failed(&[probe::IDENTITY]).from(P).with(&[variant::WI]).code(&["AADSTS700212"]), failed(&[check::TRUST]).near(Near::Credential)], "pool {pool}: identity `{target}` trusts tokens for another purpose: {detail}").over(&["REGISTRY_REFUSED"]),
            high(&[failed(&[probe::IDENTITY]).from(P).with(&[variant::WI]).code(&["AADSTS700212"])], "pool {pool}: identity `{target}` trusts tokens for another purpose: {detail}").over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "WI_PROPAGATING",
        title: "The trust is only minutes old",
        meaning: "Everything fits. The directory needs some minutes until it knows of a new trust everywhere.",
        signal: "all parts match, and the trust is younger than ten minutes",
        near_miss: "an older trust with another refusal is UNCLASSIFIED",
        severity: Severity::Warning,
        remedy: Remedy { text: "wait some minutes, then run again", stack: "", plain: "" },
        rules: &[
            high(&[failed(&[probe::IDENTITY]).from(P).with(&[variant::WI]).code(&["AADSTS700211", "AADSTS70021", "AADSTS700213"]), passed(&[check::TRUST]).code(&[code::YOUNG]).near(Near::Credential)], "pool {pool}: identity `{target}` trusts the worker since a few minutes; the directory does not know it everywhere yet").over(&["WI_ISSUER", "WI_SUBJECT", "REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
];
