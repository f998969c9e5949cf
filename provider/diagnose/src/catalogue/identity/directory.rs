//! Identities and service principals, as the directory sees them.

use mops_probe::observation::{check as probe, variant};

use crate::catalogue::{CAUSE, Cause, Repair};
use crate::observed::Vantage::P;
use crate::observed::check;
use crate::rule::{Near, Remedy, failed, high, passed};

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "SP_SECRET_EXPIRED",
        title: "The service principal's secret is refused",
        meaning: "The directory does not accept the secret with which the pods sign in; it has ended or was replaced.",
        signal: "the directory's code says that the secret is wrong or has ended",
        near_miss: "a principal of another directory gives another code",
        repair: Repair::Stack,
        unconfirmed: true,
        sources: &["Microsoft identity platform: error codes AADSTS7000215 and AADSTS7000222"],
        remedy: Remedy { text: "give the application a new secret (`az ad app credential reset`), put it where `client_secret` says, then write it into the pods' secrets", stack: "mops infra up {file} -c workspace", plain: "" },
        rules: &[
            high(&[failed(&[check::DIRECTORY]).with(&[variant::ENV, variant::PULL_SECRET]).code(&["AADSTS7000222", "AADSTS7000215"])], "the directory refuses the service principal's secret in the {source}: {code} {detail}").over(&["REGISTRY_CREDENTIAL_REFUSED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED", "KUBELET_BAD_CREDENTIALS"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "ACR_EXCHANGE_DENIED",
        title: "The registry does not take the identity's token",
        meaning: "The directory gave a token, and the registry refuses to trade it for one of its own.",
        signal: "the trade at the registry is refused",
        near_miss: "a trade that succeeds before the refusal has another cause",
        repair: Repair::Stack,
        remedy: Remedy { text: "give the identity the right to pull; one that was given in the last minutes may need some more", stack: "mops infra up {file} -c cluster", plain: "" },
        rules: &[
            high(&[failed(&[probe::REGISTRY_V2]).from(P).with(&[variant::WI]).http(&[401, 403]), passed(&[probe::IDENTITY]).from(P)], "pool {pool}: `{target}` does not take the worker's identity, which the directory knows").over(&["REGISTRY_REFUSED"]),
        ],
        ..CAUSE
    },
    Cause {
        id: "ACR_ROLE_MISSING",
        title: "The identity has no role on the registry",
        meaning: "The identity may sign in, and no role lets it pull.",
        signal: "the trade is refused, and no role that can pull is found",
        near_miss: "a role inherited from the group counts, and is right",
        repair: Repair::Apply,
        remedy: Remedy { text: "give it the right to pull; one that was given in the last minutes may need some more", stack: "mops infra up {file} -c registry --refresh", plain: "" },
        rules: &[
            high(&[failed(&[probe::REGISTRY_V2]).from(P).with(&[variant::ENV, variant::PULL_SECRET]).http(&[401]), passed(&[check::DIRECTORY]).near(Near::Credential)], "{place}: the directory takes the service principal in the {source}, `{target}` does not: it has no right to pull").over(&["REGISTRY_CREDENTIAL_REFUSED", "REGISTRY_REFUSED", "ACR_LOGIN_DENIED", "KUBELET_BAD_CREDENTIALS"]),
        ],
        ..CAUSE
    },
];
